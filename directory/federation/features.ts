// What a record is matched by: numbers, and names, addresses and phones in a form in which small differences of writing are
// gone. Pure; federation.md 9.

import { isValidNpi } from '../../src/fhir/npi.ts';
import {
  codings,
  extensions,
  hasCoding,
  isObject,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../src/fhir/resource.ts';
import { isApproximate } from '../../src/fhir/search/approximate.ts';
import { isDirectoryType, PLAN_NET, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { own } from '../../src/safe-lookup.ts';
import { npiOf } from './npi.ts';
import { textHash } from './text-hash.ts';

export type Features = {
  type: number;
  npi: string | undefined;
  family: string;
  given: string;
  name: string;
  address: bigint | undefined;
  street: bigint | undefined;
  hasUnit: boolean;
  zip: string;
  state: string;
  phone: string | undefined;
  ids: bigint[];
  lat: number | undefined;
  lon: number | undefined;
  isNetwork: boolean;
};

const TITLES = /\b(?:dr|mr|mrs|ms|md|do|dds|dmd|np|pa|pac|rn|phd|psyd|dpm|od|dc|lcsw|jr|sr|ii|iii|iv|esq)\b/g;
const COMPANY = /\b(?:llc|inc|incorporated|pc|pa|pllc|llp|lp|corp|corporation|company|co|ltd|the|of|and)\b/g;

/** Lower case, without accents and punctuation. */
export const plain = (given: string): string =>
  given
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/['’.]/g, '')
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();

export const personName = (given: string): string => plain(given).replace(TITLES, ' ').replace(/\s+/g, ' ').trim();
export const companyName = (given: string): string => plain(given).replace(COMPANY, ' ').replace(/\s+/g, ' ').trim();

const WORDS: Readonly<Record<string, string>> = {
  street: 'st',
  avenue: 'ave',
  av: 'ave',
  road: 'rd',
  drive: 'dr',
  lane: 'ln',
  boulevard: 'blvd',
  court: 'ct',
  place: 'pl',
  square: 'sq',
  highway: 'hwy',
  parkway: 'pkwy',
  terrace: 'ter',
  circle: 'cir',
  trail: 'trl',
  turnpike: 'tpke',
  plaza: 'plz',
  center: 'ctr',
  centre: 'ctr',
  north: 'n',
  south: 's',
  east: 'e',
  west: 'w',
  northeast: 'ne',
  northwest: 'nw',
  southeast: 'se',
  southwest: 'sw',
  mount: 'mt',
  saint: 'st',
  first: '1st',
  second: '2nd',
  third: '3rd',
  route: 'rte',
};
const UNIT =
  /\b(?:suite|ste|apt|apartment|unit|floor|fl|room|rm|bldg|building|no|number|dept)\b\s*([a-z0-9]+)?|\b(\d+)(?:st|nd|rd|th)\s+(?:floor|fl)\b/;

export type AddressKey = { street: string; unit: string; zip: string; state: string };

/** An address by USPS abbreviations, its unit apart; undefined without a street and a ZIP. A box at a post office is its own street. */
export function addressKey(a: JsonObject): AddressKey | undefined {
  const zip = /^\d{5}/.exec(text(a['postalCode'])?.trim() ?? '')?.[0];
  const lines = strings(a['line']).map((l) => plain(l.replace(/#\s*/g, ' unit ')));
  const all = lines.join(' ');
  if (zip === undefined || all === '') return undefined;
  const box = /\bp ?o box (\w+)/.exec(all);
  if (box) return { street: `po box ${box[1]}`, unit: '', zip, state: text(a['state'])?.toUpperCase() ?? '' };
  const unit = UNIT.exec(all);
  const street = (unit ? all.replace(unit[0], ' ') : all)
    .split(/\s+/)
    .filter(Boolean)
    .map((w) => own(WORDS, w) ?? w)
    .join(' ');
  return { street, unit: unit?.[1] ?? unit?.[2] ?? '', zip, state: text(a['state'])?.toUpperCase() ?? '' };
}

/** Ten digits of a phone number, without its extension; undefined when it is none (Q42). */
export function phoneDigits(value: string): string | undefined {
  const digits = value
    .replace(/^tel:/i, '')
    .replace(/(?:x|ext\.?|extension)\s*\d+\s*$/i, '')
    .replace(/\D/g, '');
  const ten = digits.length === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
  return /^[2-9]\d{9}$/.test(ten) ? ten : undefined;
}

/** Family and given names, whichever way they are written: `LAST, FIRST`, capitals, suffixes within the family name (Q43). */
export function humanName(name: JsonObject): { family: string; given: string } {
  const family = text(name['family']);
  const given = strings(name['given']).join(' ');
  if (family !== undefined) return { family: personName(family), given: personName(given) };
  const whole = text(name['text']) ?? '';
  const comma = /^([^,]+),\s*(.+)$/.exec(whole);
  if (comma?.[1] && comma[2] && personName(comma[2]) !== '')
    return { family: personName(comma[1]), given: personName(comma[2]) };
  const parts = personName(whole).split(' ');
  return { family: parts.at(-1) ?? '', given: parts.slice(0, -1).join(' ') };
}

/** `jr`, `sr`, `ii`, `iii`, `iv` of a name, wherever it is written; empty when none is. Father and son may share all the rest. */
export function generation(name: JsonObject): string {
  const words = plain([...strings(name['suffix']), text(name['family']), text(name['text'])].filter(Boolean).join(' '));
  const found = /(?:^| )(jr|junior|sr|senior|iii|ii|iv)(?= |$)/.exec(words)?.[1];
  return found === undefined ? '' : found.slice(0, 3).replace('jun', 'jr').replace('sen', 'sr');
}

const KINDS: readonly [RegExp, string][] = [
  [/us-ein|2\.16\.840\.1\.113883\.4\.4$|\btin\b|tax/i, 'ein'],
  [/clia|2\.16\.840\.1\.113883\.4\.7$/i, 'clia'],
  [/ccn|2\.16\.840\.1\.113883\.4\.336$/i, 'ccn'],
  [/naic/i, 'naic'],
  [/ma-plan-id/i, 'plan'],
  [/hios|qhp/i, 'plan'],
];

/** Names are compared up to here: what an index cannot hold would stop the merge of everybody. */
const LONGEST = 200;
/** So many numbers of one record are matched by. */
const MOST_IDS = 200;

/** What the record is matched by; undefined for types that are never linked. */
export function featuresOf(r: Resource): Features | undefined {
  if (
    !isDirectoryType(r.resourceType) ||
    !['Practitioner', 'Organization', 'Location', 'InsurancePlan', 'Endpoint'].includes(r.resourceType)
  )
    return undefined;
  const npi = npiOf(r, false);
  const isNetwork =
    hasCoding(r['type'], `${PLAN_NET}/CodeSystem/OrgTypeCS`, 'ntwk') ||
    codings(r['type']).some((c) => c['code'] === 'ntwk');
  const name = objects(r['name'])[0];
  const person = r.resourceType === 'Practitioner' && name ? humanName(name) : { family: '', given: '' };
  const [a] = objects(r['address']);
  const address = a === undefined ? undefined : addressKey(a);
  const position = isObject(r['position']) ? r['position'] : {};
  const phones = objects(r['telecom']).flatMap((t) =>
    text(t['system']) === 'phone' ? (phoneDigits(String(t['value'] ?? '')) ?? []) : [],
  );
  const lat = Number(position['latitude'] ?? Number.NaN);
  const lon = Number(position['longitude'] ?? Number.NaN);
  // the middle of a ZIP code area is where nobody is
  const placed = Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && !isApproximate(r);
  return {
    type: TYPE_IDS[r.resourceType],
    npi: npi && isValidNpi(npi.value) ? npi.value : undefined,
    family: person.family.slice(0, LONGEST),
    given: person.given.slice(0, LONGEST),
    name:
      typeof r['name'] === 'string'
        ? companyName(r['name']).slice(0, LONGEST)
        : person.family && name
          ? generation(name)
          : '',
    address: address && textHash(`${address.street}|${address.unit}|${address.zip}`),
    street: address && textHash(`${address.street}|${address.zip}`),
    hasUnit: address !== undefined && address.unit !== '',
    zip: address?.zip ?? '',
    state: (address?.state ?? '').slice(0, LONGEST),
    phone: phones[0],
    ids: idsOf(r),
    lat: placed ? lat : undefined,
    lon: placed ? lon : undefined,
    isNetwork,
  };
}

/** The lowest two bits of an id say what it is of. */
export const ID_KIND = { other: 0, tax: 1, facility: 2 } as const;
export const idKind = (id: string): number => Number(BigInt(id) & 3n);

/** Hashes of kind and value; of an endpoint, its address and connection type. */
function idsOf(r: Resource): bigint[] {
  const found = new Set<string>();
  for (const i of objects(r['identifier'])) {
    const kind = KINDS.find(
      ([pattern]) =>
        pattern.test(text(i['system']) ?? '') || codings(i['type']).some((c) => pattern.test(text(c['code']) ?? '')),
    )?.[1];
    const value = plain(String(i['value'] ?? '')).replaceAll(' ', '');
    if (kind !== undefined && value !== '') found.add(`${kind}|${value}`);
  }
  for (const q of objects(r['qualification'])) {
    const state = extensions(q, `${PLAN_NET}/StructureDefinition/practitioner-qualification`).flatMap((e) =>
      codings(objects(e['extension']).map((x) => x['valueCodeableConcept'] ?? null)).map((c) => text(c['code'])),
    )[0];
    for (const i of objects(q['identifier']))
      if (state && text(i['value'])) found.add(`licence|${state}|${plain(text(i['value']) ?? '').replaceAll(' ', '')}`);
  }
  const url = r.resourceType === 'Endpoint' ? text(r['address']) : undefined;
  if (url !== undefined)
    found.add(`url|${url.toLowerCase().replace(/\/+$/, '')}|${text(objects(r['connectionType'])[0]?.['code']) ?? ''}`);
  return [...found].slice(0, MOST_IDS).map((f) => {
    const kind = f.startsWith('ein|') ? ID_KIND.tax : /^(?:clia|ccn)\|/.test(f) ? ID_KIND.facility : ID_KIND.other;
    return BigInt.asIntN(64, (textHash(f) & ~3n) | BigInt(kind));
  });
}
