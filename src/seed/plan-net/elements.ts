// Elements that several Plan-Net resources share: meta, concepts, extensions, contact points, addresses.
import type { JsonObject } from '../../fhir/resource.ts';
import { dayNumber, isoInstant } from '../dates.ts';
import { STREET_KINDS, STREETS } from '../names.ts';
import type { City } from '../places.ts';
import { at, type Draw } from '../random.ts';

export const PLAN_NET = 'http://hl7.org/fhir/us/davinci-pdex-plan-net';
export const V2_0203 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
export const USPS = 'https://www.usps.com/';

/** The day all generated directories are "as of"; every `lastUpdated` lies in the 120 days before. */
export const AS_OF = dayNumber('2026-10-31');

export function meta(draw: Draw, profile: string): JsonObject {
  return {
    lastUpdated: isoInstant(AS_OF - 1 - draw.int(120), draw.int(86_400), draw.int(1000)),
    profile: [`${PLAN_NET}/StructureDefinition/plannet-${profile}`],
  };
}

export function concept(system: string, code: string, display?: string): JsonObject {
  return { coding: [display === undefined ? { system, code } : { system, code, display }] };
}

export const planNet = (system: string, code: string, display?: string) =>
  concept(`${PLAN_NET}/CodeSystem/${system}`, code, display);

/** Url of a Plan-Net extension. */
export const extensionUrl = (name: string) => `${PLAN_NET}/StructureDefinition/${name}`;

export function identifier(type: string, system: string, value: string): JsonObject {
  return { type: concept(V2_0203, type), system, value };
}

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'];
const WEEK = [...WEEKDAYS, 'sat', 'sun'];

/** An invented number: any area code, exchange 555, line 0100–0199, which is never assigned. */
function phoneNumber(draw: Draw, areaCode: string): string {
  return `${areaCode}-555-01${draw.digits(2)}`;
}

export function phone(draw: Draw, areaCode: string, rank?: number): JsonObject {
  return {
    system: 'phone',
    value: phoneNumber(draw, areaCode),
    use: 'work',
    ...(rank === undefined ? {} : { rank }),
  };
}

/** A telephone that answers at certain hours, or through someone else. */
export function phoneWithHours(draw: Draw, areaCode: string, intermediary: JsonObject): JsonObject {
  const hours: JsonObject[] = draw.chance(0.2)
    ? [...WEEK.map((day) => ({ url: 'daysOfWeek', valueCode: day })), { url: 'allDay', valueBoolean: true }]
    : [
        ...WEEKDAYS.map((day) => ({ url: 'daysOfWeek', valueCode: day })),
        { url: 'availableStartTime', valueTime: '08:00:00' },
        { url: 'availableEndTime', valueTime: '17:00:00' },
      ];
  return {
    extension: [
      { url: extensionUrl('contactpoint-availabletime'), extension: hours },
      { url: extensionUrl('via-intermediary'), valueReference: intermediary },
    ],
    ...phone(draw, areaCode, 2),
  };
}

/** `Lakeview Medical Group` → `lakeview-medical-group` */
export const slug = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** A street line that begins with a number, so that no line begins with the name of a city. */
export function streetLine(draw: Draw): string {
  return `${draw.between(1, 9899)} ${draw.pick(STREETS)} ${draw.pick(STREET_KINDS)}`;
}

export type Address = { line: string[]; city: string; state: string; postalCode: string; country: string };

export function address(draw: Draw, city: City, suite = false): Address {
  const line = [streetLine(draw)];
  if (suite) line.push(`Suite ${draw.between(100, 950)}`);
  return { line, city: city.city, state: city.state, postalCode: draw.pick(city.zips), country: 'US' };
}

/** A point within about 8 km of the centre of the city, degrees with four decimals. */
export function position(draw: Draw, city: City): { longitude: number; latitude: number } {
  const near = (degrees: number) => Math.round((degrees + (draw.next() - 0.5) * 0.14) * 10_000) / 10_000;
  return { longitude: near(city.longitude), latitude: near(city.latitude) };
}

export function geolocation(point: { longitude: number; latitude: number }): JsonObject {
  return {
    url: 'http://hl7.org/fhir/StructureDefinition/geolocation',
    extension: [
      { url: 'latitude', valueDecimal: point.latitude },
      { url: 'longitude', valueDecimal: point.longitude },
    ],
  };
}

const ACCEPTING = ['newpt', 'newpt', 'newpt', 'existptonly', 'existptfam', 'nopt'] as const;

/**
 * Whether new patients are taken, for one network or for all. No `characteristics`: the invariant of Plan-Net 1.2.0,
 * `….where(code = 'no') implies ….empty()`, has an empty left side for every code that exists, and `{} implies false` is
 * empty in FHIRPath, so the official validator rejects any characteristic.
 */
export function newPatients(draw: Draw, network: JsonObject | undefined): JsonObject {
  const extension: JsonObject[] = [
    { url: 'acceptingPatients', valueCodeableConcept: planNet('AcceptingPatientsCS', draw.pick(ACCEPTING)) },
  ];
  if (network) extension.push({ url: 'fromNetwork', valueReference: network });
  return { url: extensionUrl('newpatients'), extension };
}

/** Opening hours in one of a few usual patterns; `start` and `end` are the element names of the type. */
export function hours(draw: Draw, start: string, end: string, allDay: boolean): JsonObject[] {
  if (allDay) return [{ daysOfWeek: WEEK, allDay: true }];
  const opens = at(['07:30:00', '08:00:00', '08:30:00', '09:00:00'], draw.int(4));
  const closes = at(['16:30:00', '17:00:00', '18:00:00'], draw.int(3));
  const week: JsonObject[] = [{ daysOfWeek: WEEKDAYS, [start]: opens, [end]: closes }];
  if (draw.chance(0.3)) week.push({ daysOfWeek: ['sat'], [start]: '09:00:00', [end]: '13:00:00' });
  return week;
}

/** The `qualification` extension of organizations, affiliations and roles. */
export function qualification(parts: {
  code: JsonObject;
  number: string;
  issuer?: JsonObject;
  start: string;
  state: string;
  place?: JsonObject;
}): JsonObject {
  const extension: JsonObject[] = [
    { url: 'identifier', valueIdentifier: identifier('LN', 'https://license.example/sid/certificate', parts.number) },
    { url: 'code', valueCodeableConcept: parts.code },
    { url: 'status', valueCode: 'active' },
    { url: 'period', valuePeriod: { start: parts.start } },
    { url: 'whereValid', valueCodeableConcept: concept(USPS, parts.state) },
  ];
  if (parts.issuer) extension.push({ url: 'issuer', valueReference: parts.issuer });
  if (parts.place) extension.push({ url: 'whereValid', valueReference: parts.place });
  return { url: extensionUrl('qualification'), extension };
}
