// Who cared for the members: a small pool both plans know. The same NPIs on both sides, but half of the ids differ.
import { NPI_SYSTEM } from '../../fhir/npi.ts';
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { FAMILY, FEMALE_GIVEN, MALE_GIVEN } from '../names.ts';
import { inventedNpi } from '../npi.ts';
import { CITIES } from '../places.ts';
import { address, concept, identifier } from '../plan-net/elements.ts';
import { at, Draw, kindKey } from '../random.ts';
import { PLAN_NAMES, type Side } from './side.ts';

export const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
export const C4BB = 'http://hl7.org/fhir/us/carin-bb';

const FACILITIES = [
  { role: 'hospital', name: 'Harbor General Hospital' },
  { role: 'clinic', name: 'Lantern Street Clinic' },
  { role: 'clinic', name: 'Quarry Hill Family Practice' },
  { role: 'clinic', name: 'Beacon Specialty Group' },
  { role: 'behavioral', name: 'Stillwater Behavioral Health' },
  { role: 'laboratory', name: 'Northgate Laboratory' },
  { role: 'pharmacy', name: 'Millstone Pharmacy' },
  { role: 'dental', name: 'Ferry Road Dental' },
] as const;

export const HOSPITAL = 0;
export const BEHAVIORAL = 4;
export const LABORATORY = 5;
export const PHARMACY = 6;

/** Practitioners 0–15 work at the clinics, 16–19 at behavioral health, 20–23 at the dentist's. */
export const PRACTITIONERS = 24;
const KIND = kindKey('care');
const UPDATED = '2026-01-15T08:00:00.000Z';

/** Even numbers are called the same by both plans, odd ones not. */
const shared = (side: Side, stem: string, n: number) =>
  n % 2 === 0 ? `${stem}-${n}` : `${side === 'prior' ? 'oh' : 'me'}-${stem}-${n}`;

export const insurer = (side: Side) => ({ reference: `Organization/${side}-plan`, display: PLAN_NAMES[side] });
export const facility = (side: Side, n: number) => ({
  reference: `Organization/${shared(side, 'facility', n)}`,
  display: at(FACILITIES, n).name,
});
export const site = (side: Side, n: number) => ({ reference: `Location/${shared(side, 'site', n)}` });
export const clinician = (side: Side, n: number) => ({
  reference: `Practitioner/${shared(side, 'clinician', n % PRACTITIONERS)}`,
});

export const planNpi = (seed: number, side: Side) => inventedNpi('care', seed, side === 'prior' ? 0 : 1);
const facilityNpi = (seed: number, n: number) => inventedNpi('care', seed, 2 + n);
const clinicianNpi = (seed: number, n: number) => inventedNpi('care', seed, 100 + (n % PRACTITIONERS));

function plan(seed: number, side: Side): Resource {
  const draw = new Draw(seed, KIND, side === 'prior' ? 1 : 2);
  return {
    resourceType: 'Organization',
    id: `${side}-plan`,
    meta: {
      lastUpdated: UPDATED,
      profile: [`${US_CORE}/us-core-organization`, `${C4BB}/StructureDefinition/C4BB-Organization|2.0.0`],
    },
    identifier: [
      identifier('NPI', NPI_SYSTEM, planNpi(seed, side)),
      {
        type: concept(`${C4BB}/CodeSystem/C4BBIdentifierType`, 'payerid'),
        system: 'https://payer.example/sid/payer',
        value: side === 'prior' ? '99001' : '99002',
      },
    ],
    active: true,
    type: [concept('http://terminology.hl7.org/CodeSystem/organization-type', 'pay')],
    name: PLAN_NAMES[side],
    telecom: [{ system: 'phone', value: `800-555-01${draw.digits(2)}` }],
    address: [address(draw, at(CITIES, side === 'prior' ? 8 : 0))],
  };
}

function facilities(seed: number, side: Side): Resource[] {
  return FACILITIES.flatMap(({ role, name }, n) => {
    const draw = new Draw(seed, KIND, 10 + n);
    const city = at(CITIES, n);
    const where: JsonObject = address(draw, city);
    const organization: Resource = {
      resourceType: 'Organization',
      id: shared(side, 'facility', n),
      meta: {
        lastUpdated: UPDATED,
        profile: [`${US_CORE}/us-core-organization`, `${C4BB}/StructureDefinition/C4BB-Organization|2.0.0`],
      },
      identifier: [identifier('NPI', NPI_SYSTEM, facilityNpi(seed, n))],
      active: true,
      type: [concept('http://terminology.hl7.org/CodeSystem/organization-type', 'prov')],
      name,
      telecom: [{ system: 'phone', value: `${city.areaCode}-555-01${draw.digits(2)}` }],
      address: [where],
    };
    const location: Resource = {
      resourceType: 'Location',
      id: shared(side, 'site', n),
      meta: { lastUpdated: UPDATED, profile: [`${US_CORE}/us-core-location`] },
      status: 'active',
      name: `${name}, main building`,
      type: [concept('http://terminology.hl7.org/CodeSystem/v3-RoleCode', role === 'hospital' ? 'HOSP' : 'OF')],
      address: where,
      managingOrganization: { reference: `Organization/${shared(side, 'facility', n)}` },
    };
    return [organization, location];
  });
}

function clinicians(seed: number, side: Side): Resource[] {
  return Array.from({ length: PRACTITIONERS }, (_, n): Resource => {
    const draw = new Draw(seed, KIND, 100 + n);
    const family = draw.pick(FAMILY);
    const given = draw.chance(0.5) ? draw.pick(FEMALE_GIVEN) : draw.pick(MALE_GIVEN);
    return {
      resourceType: 'Practitioner',
      id: shared(side, 'clinician', n),
      meta: {
        lastUpdated: UPDATED,
        profile: [`${US_CORE}/us-core-practitioner`, `${C4BB}/StructureDefinition/C4BB-Practitioner|2.0.0`],
      },
      identifier: [identifier('NPI', NPI_SYSTEM, clinicianNpi(seed, n))],
      active: true,
      name: [{ family, given: [given], text: `${given} ${family}` }],
    };
  });
}

/** Organizations, Locations and Practitioners that the members' records of a side refer to (41 resources). */
export function sharedRecords(seed: number, side: Side): Resource[] {
  return [plan(seed, side), ...facilities(seed, side), ...clinicians(seed, side)];
}
