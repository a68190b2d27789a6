// What a person reads in a directory record: address, contacts, hours, languages, qualifications. Plain data in and out.

import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import {
  codings,
  extensions,
  isObject,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../src/fhir/resource.ts';
import { canonicalSystem } from '../../src/fhir/search/token.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { PLAIN_SPECIALTIES } from '../../src/names/tables/specialty-words.ts';
import type { Language } from './language.ts';
import { DAYS } from './texts/terms.ts';

const extensionUrl = (name: string) => `${PLAN_NET}/StructureDefinition/${name}`;
const unique = (list: readonly string[]) => [...new Set(list.filter((t) => t !== ''))];

/** What people call a specialty of which the record gives the code alone. */
function plainWords(codes: readonly JsonObject[], l: Language): string | undefined {
  const given = codes.flatMap((c) => text(c['code']) ?? []);
  return PLAIN_SPECIALTIES.find((s) => s.codes.some((code) => given.includes(code)))?.[l.code];
}

/** The words of a concept: our word for the code, its text, a display, or the code itself, unless it is a number that tells no one anything. */
export function conceptText(concept: JsonObject, l: Language): string {
  const codes = codings(concept);
  for (const c of codes) {
    const own = l.term(text(c['code']));
    if (own !== undefined) return own;
  }
  return (
    text(concept['text']) ??
    codes.map((c) => text(c['display'])).find((d) => d !== undefined) ??
    plainWords(codes, l) ??
    codes.map((c) => text(c['code'])).find((code) => code !== undefined && !/^\d+$/.test(code)) ??
    ''
  );
}

export const conceptTexts = (value: JsonObject['x'], l: Language) =>
  unique(objects(value).map((c) => conceptText(c, l)));

/** What a record without a name is called by what it does; empty when nothing tells. */
export function calledBy(resource: Resource, l: Language): string {
  if (resource.resourceType === 'Practitioner' || resource.resourceType === 'PractitionerRole') return '';
  const concepts = [resource['specialty'], resource['type'], resource['category']].flatMap(objects);
  return concepts.map((concept) => conceptText(concept, l)).find((said) => said !== '') ?? '';
}

/** A postal code as it is read: nine digits in a row have a dash, whatever is stored. */
const postalCode = (code: string | undefined): string | undefined => code?.replace(/^(\d{5})(\d{4})$/, '$1-$2');

/** Without parts that are empty: `12 Main Street, , CT`. */
const tidy = (written: string): string =>
  written
    .split(/[,\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join(', ');

/** Lines of an address, for reading. */
export function addressLines(address: JsonObject | undefined): string[] {
  if (!address) return [];
  const region = [text(address['state']), postalCode(text(address['postalCode']))].filter(Boolean).join(' ');
  const place = [text(address['city']), region].filter(Boolean).join(', ');
  const street = strings(address['line']).filter((t) => t !== '');
  const written = street.length === 0 ? tidy(text(address['text']) ?? '') : '';
  // what the text says is not reported again
  const parts = [text(address['city']), region].filter((part) => part && !written.includes(part));
  const ends = /\b\d{5}(?:-?\d{4})?$/.test(written);
  return [...street, written, written === '' ? place : ends ? '' : parts.join(', ')].filter((t) => t !== '');
}

export type Contact = { system: 'phone' | 'fax' | 'email' | 'url'; value: string; href: string | undefined };

const SAFE_URL = /^https?:\/\/[^\s<>"]+$/i;

/** Contacts in the order of their rank; old ones and those of a home are left out. Only addresses of known kinds become links. */
export function contactsOf(resource: Resource): Contact[] {
  const found: Contact[] = [];
  const inOrder = objects(resource['telecom'])
    .filter((t) => t['use'] !== 'old' && t['use'] !== 'home')
    .sort((a, b) => Number(a['rank'] ?? 99) - Number(b['rank'] ?? 99));
  for (const t of inOrder) {
    const given = text(t['value']);
    const system = t['system'] === undefined || t['system'] === 'other' ? kindOf(given ?? '') : t['system'];
    const value = system === 'phone' || system === 'fax' ? given?.replace(/^tel:/i, '') : given;
    if (value === undefined || found.some((f) => f.value === value && f.system === system)) continue;
    if (system === 'phone') found.push({ system, value: phoneText(value), href: telLink(value) });
    else if (system === 'fax') found.push({ system, value: phoneText(value), href: undefined });
    else if (system === 'email')
      found.push({ system, value, href: /^[\w.+-]+@[\w.-]+$/.test(value) ? `mailto:${value}` : undefined });
    else if (system === 'url') found.push({ system, value, href: SAFE_URL.test(value) ? value : undefined });
  }
  return found;
}

/** What a contact without a kind looks like. */
function kindOf(value: string): Contact['system'] | undefined {
  if (/^(?:tel:)?\+?[\d(][\d\s().-]{8,}(?:(?:ext\.?|x|#)\s*\d+)?$/i.test(value)) return 'phone';
  if (/^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$/.test(value)) return 'email';
  return /^(?:https?:\/\/|www\.)\S+$/i.test(value) ? 'url' : undefined;
}

/** RFC 3966; an extension is no part of the number. */
function telLink(value: string): string {
  const [number = '', extension] = value.split(/(?:ext\.?|x|#)/i);
  const digits = extension?.replace(/\D/g, '') ?? '';
  return `tel:${number.replace(/[^\d+]/g, '')}${digits === '' ? '' : `;ext=${digits}`}`;
}

/** Ten digits as (860) 555-0123. */
function phoneText(value: string): string {
  const m = /^(?:\+?1[\s.-]?)?\(?(\d{3})\)?[\s.-]?(\d{3})[\s.-]?(\d{4})$/.exec(value.trim());
  return m ? `(${m[1]}) ${m[2]}-${m[3]}` : value;
}

export type Position = { latitude: number; longitude: number };

export function positionOf(location: Resource | undefined): Position | undefined {
  const position = isObject(location?.['position']) ? location['position'] : {};
  const { latitude, longitude } = position;
  return typeof latitude === 'number' && typeof longitude === 'number' && Math.abs(latitude) <= 90
    ? { latitude, longitude }
    : undefined;
}

/** Opening hours, one line for days that are alike: `Mon – Fri: 8:00 AM – 5:00 PM`. */
export function hoursOf(resource: Resource, l: Language): string[] {
  const given = [...objects(resource['hoursOfOperation']), ...objects(resource['availableTime'])];
  const byDay = DAYS.map((day) =>
    given
      .filter((h) => strings(h['daysOfWeek']).includes(day) || strings(h['daysOfWeek']).length === 0)
      .map((h) => hourText(h, l))
      .filter((t) => t !== ''),
  );
  const lines: string[] = [];
  for (let from = 0; from < 7; ) {
    const hours = l.list(unique(byDay[from] ?? []));
    let to = from;
    while (to < 6 && l.list(unique(byDay[to + 1] ?? [])) === hours) to++;
    const days = from === to ? l.weekday(from, 'short') : `${l.weekday(from, 'short')} – ${l.weekday(to, 'short')}`;
    if (hours !== '') lines.push(`${days}: ${hours}`);
    from = to + 1;
  }
  return lines;
}

function hourText(h: JsonObject, l: Language): string {
  if (h['allDay'] === true) return l.texts.provider.allDay;
  const opens = text(h['openingTime']) ?? text(h['availableStartTime']);
  const closes = text(h['closingTime']) ?? text(h['availableEndTime']);
  return [opens, closes].flatMap((t) => (t === undefined ? [] : l.time(t))).join(' – ');
}

export function languagesOf(practitioner: Resource, l: Language): string[] {
  return unique(
    objects(practitioner['communication']).flatMap((concept) => {
      const named = objects(concept['coding']).flatMap((c) => {
        const code = text(c['code']);
        return code === undefined ? (text(c['display']) ?? []) : l.languageName(code);
      });
      return named.length > 0 ? named : (text(concept['text']) ?? []);
    }),
  );
}

export function npiOf(resource: Resource): string | undefined {
  return text(
    objects(resource['identifier']).find((i) => canonicalSystem(text(i['system']) ?? '') === NPI_SYSTEM)?.['value'],
  );
}

export type Qualification = { what: string; where: string[]; issuer: string | undefined };

/** Degrees and licences, of the element and of the Plan-Net extension. */
export function qualificationsOf(resource: Resource, l: Language): Qualification[] {
  const elements = objects(resource['qualification']).map((q): Qualification => {
    const more = extensions(q, extensionUrl('practitioner-qualification'));
    const states = more.flatMap((e) => extensions(e, 'whereValid')).flatMap((e) => codings(e['valueCodeableConcept']));
    return {
      what: conceptText(isObject(q['code']) ? q['code'] : {}, l),
      where: unique(states.map((s) => text(s['code']) ?? '')),
      issuer: isObject(q['issuer']) ? text(q['issuer']['display']) : undefined,
    };
  });
  const extended = extensions(resource, extensionUrl('qualification')).map(
    (q): Qualification => ({
      what: conceptTexts(extensions(q, 'code')[0]?.['valueCodeableConcept'], l)[0] ?? '',
      where: unique(
        extensions(q, 'whereValid')
          .flatMap((e) => codings(e['valueCodeableConcept']))
          .map((s) => text(s['code']) ?? ''),
      ),
      issuer: undefined,
    }),
  );
  return [...elements, ...extended].filter((q) => q.what !== '');
}

export const accessibilityOf = (location: Resource, l: Language): string[] =>
  unique(
    extensions(location, extensionUrl('accessibility')).flatMap((e) => conceptTexts(e['valueCodeableConcept'], l)),
  );

/** How visits happen: in person, by phone, by video. */
export function deliveryOf(service: Resource, l: Language): string[] {
  return extensions(service, extensionUrl('delivery-method')).map((e) => {
    const kind = conceptTexts(extensions(e, 'type')[0]?.['valueCodeableConcept'], l)[0] ?? '';
    const how = unique(extensions(e, 'virtualModalities').flatMap((m) => conceptTexts(m['valueCodeableConcept'], l)));
    return how.length === 0 ? kind : `${kind}: ${l.list(how)}`;
  });
}

export function descriptionOf(resource: Resource): string | undefined {
  const own = text(resource['description']) ?? text(resource['comment']);
  return own ?? text(extensions(resource, extensionUrl('org-description'))[0]?.['valueString']);
}

/** When the record is not available, as it was written. */
export function notAvailableOf(resource: Resource, l: Language): string[] {
  return objects(resource['notAvailable']).map((n) => {
    const during = isObject(n['during']) ? periodText(n['during'], l) : '';
    return [text(n['description']), during === '' ? '' : `(${during})`].filter(Boolean).join(' ');
  });
}

export function periodText(period: JsonObject, l: Language): string {
  const start = text(period['start']);
  const end = text(period['end']);
  const { from, until, between } = l.texts.provider;
  if (start !== undefined && end !== undefined) return between(l.day(start), l.day(end));
  return [start === undefined ? '' : from(l.day(start)), end === undefined ? '' : until(l.day(end))]
    .filter((t) => t !== '')
    .join(' ');
}
