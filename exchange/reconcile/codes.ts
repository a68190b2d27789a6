// What judging two records needs to know of codes, days, quantities and texts. Pure.
import { createHash } from 'node:crypto';
import { systemKnownAs } from '../../src/fhir/code-systems.ts';
import { fold } from '../../src/fhir/fold.ts';
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../src/fhir/resource.ts';
import { withoutTags } from '../../src/fhir/tags.ts';
import { sameQuantity } from './quantities.ts';

export const NDC = 'http://hl7.org/fhir/sid/ndc';
const CVX = 'http://hl7.org/fhir/sid/cvx';
const ICD10CM = 'http://hl7.org/fhir/sid/icd-10-cm';
const CPT = 'http://www.ama-assn.org/go/cpt';
const HCPCS = 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets';
const LIKE_CPT = /^\d{4}[\dFTUAM]$/;

/** NDC in eleven digits without hyphens: 5-4-2, padded from 4-4-2, 5-3-2 or 5-4-1. */
function ndc11(code: string): string {
  const parts = code.split('-');
  if (parts.length !== 3) return code;
  const [a = '', b = '', c = ''] = parts;
  return a.padStart(5, '0') + b.padStart(4, '0') + c.padStart(2, '0');
}

/** One spelling of a code that payers write in several: as in a claim without its dot, without its zero, in small letters. */
function spelled(system: string, code: string): string {
  if (system === NDC) return ndc11(code);
  if (system === CVX) return code.padStart(2, '0');
  if (system === ICD10CM) {
    const plain = code.replace('.', '').toUpperCase();
    return plain.length > 3 ? `${plain.slice(0, 3)}.${plain.slice(3)}` : plain;
  }
  return system === HCPCS || system === CPT ? code.toUpperCase() : code;
}

/** `system|code` of the usable codings, each in one spelling: unknown and nullFlavor codes dropped. */
export function codesOf(concept: Json | undefined): string[] {
  const found = new Set<string>();
  for (const c of codings(concept)) {
    const written = text(c['system']);
    const code = text(c['code']);
    if (written === undefined || code === undefined) continue;
    const system = systemKnownAs(written);
    if (system.endsWith('/v3-NullFlavor') || system.endsWith('/data-absent-reason')) continue;
    const known = spelled(system, code.trim());
    // the first level of HCPCS is CPT
    found.add(`${system === HCPCS && LIKE_CPT.test(known) ? CPT : system}|${known}`);
  }
  return [...found];
}

const systemOf = (code: string) => code.slice(0, code.indexOf('|'));
/** Lists are as long as a peer likes: of long ones each is looked at once. */
export function overlap(a: readonly string[], b: readonly string[]): boolean {
  if (a.length * b.length < 64) return a.some((x) => b.includes(x));
  const theirs = new Set(b);
  return a.some((x) => theirs.has(x));
}
/** Both say something and nothing of it is the same. */
export const disjoint = (a: readonly string[], b: readonly string[]): boolean =>
  a.length > 0 && b.length > 0 && !overlap(a, b);

/** Is there a system in which both have something and nothing in common? */
export function otherwiseNumbered(
  a: readonly string[],
  b: readonly string[],
  system: (one: string) => string | undefined,
): boolean {
  const mine = new Set(a);
  const systems = new Set(a.map(system));
  const common = new Map<string, boolean>();
  for (const one of b) {
    const of = system(one);
    if (of !== undefined && systems.has(of)) common.set(of, common.get(of) === true || mine.has(one));
  }
  return [...common.values()].includes(false);
}

/** A code in common, and no system in which both have codes and none in common: a header is not its child. */
export const sameCodes = (a: readonly string[], b: readonly string[]): boolean =>
  overlap(a, b) && !otherwiseNumbered(a, b, systemOf);

/** Both have codes of one system and none of it in common. */
export const otherwiseCoded = (a: readonly string[], b: readonly string[]): boolean =>
  !overlap(a, b) && overlap(a.map(systemOf), b.map(systemOf));

export const bare = (concept: Json | undefined): string[] => codings(concept).flatMap((c) => text(c['code']) ?? []);

/** The day as written, which is the local one. */
export const day = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value.length >= 10 ? value.slice(0, 10) : undefined;
/** UTC minute of a dateTime that has a time; a bare day never identifies a measurement. */
export function minute(value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || !/T\d\d:\d\d/.test(value)) return undefined;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString().slice(0, 16);
}
/**
 * Days under which something that was said to happen then is found: the one that is written and, where a time and its zone are, the one of
 * UTC. One payer writes the evening of a visit in local time, another one in UTC, where it is the next day.
 */
export function daysOf(value: Json | undefined): string[] {
  const written = day(value);
  const utc = minute(value)?.slice(0, 10);
  return written === undefined ? [] : utc === undefined || utc === written ? [written] : [written, utc];
}
/** Do two say the same day, or the same minute in two zones? */
export const sameDay = (a: Json | undefined, b: Json | undefined): boolean =>
  (day(a) !== undefined && day(a) === day(b)) || (minute(a) !== undefined && minute(a) === minute(b));

export const daysBetween = (a: string, b: string): number => Math.abs(Date.parse(a) - Date.parse(b)) / 86_400_000;
const isInUtc = (value: Json | undefined): boolean => /(Z|[+-]00:00)$/.test(String(value));
/** The day of a minute of UTC where clocks differ from it by so many hours. */
const dayIn = (at: string, hours: number): string =>
  new Date(Date.parse(`${at}Z`) + hours * 3_600_000).toISOString().slice(0, 10);
/** How far behind UTC clocks run in the states, in hours. */
const FARTHEST_ZONE = -10;
function hoursOf(value: Json | undefined): number {
  const [, sign, hours = 0, minutes = 0] = /([+-])(\d\d):(\d\d)$/.exec(String(value)) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) + Number(minutes) / 60);
}

/** May two values that are written as two days be of one where it happened? One of them is a time in UTC, or a bare day of unknown zone. */
function isZone(a: Json | undefined, b: Json | undefined): boolean {
  const [x, y] = [minute(a), minute(b)];
  if (x !== undefined && y !== undefined) {
    if (isInUtc(a) === isInUtc(b)) return false;
    return isInUtc(a) ? dayIn(x, hoursOf(b)) === day(b) : dayIn(y, hoursOf(a)) === day(a);
  }
  const [at, time, bareDay] = x === undefined ? [y, b, day(a)] : [x, a, day(b)];
  if (at === undefined) return false;
  return at.startsWith(bareDay ?? '-') || (isInUtc(time) && dayIn(at, FARTHEST_ZONE) === bareDay);
}

/**
 * Do both say a day, and another one? Then a number that they share is that of a series: an account for many visits, a prescription that is
 * filled each month. Of two that are written as neighbours the zone of a time may make one day.
 * @param most days between them that still say nothing
 */
export function otherDay(a: Json | undefined, b: Json | undefined, most = 0): boolean {
  const [x, y] = [day(a), day(b)];
  if (x === undefined || y === undefined || sameDay(a, b) || isZone(a, b)) return false;
  return !(daysBetween(x, y) <= most);
}
/** `start` and `end` of a Period as written. */
export const period = (value: Json | undefined): { start: string | undefined; end: string | undefined } =>
  isObject(value) ? { start: text(value['start']), end: text(value['end']) } : { start: undefined, end: undefined };
/** When something was done: `performedDateTime`, else the start of `performedPeriod`. */
export const began = (r: JsonObject, stem: string): Json | undefined =>
  r[`${stem}DateTime`] ?? r[`${stem}Instant`] ?? period(r[`${stem}Period`]).start ?? r[`${stem}Date`];

export const digest = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 24);
/** A text in which capitals and blanks say nothing. */
export const inWords = (value: string | undefined): string | null =>
  value === undefined ? null : fold(value).replace(/\s+/g, ' ').trim();
/** Words of a text: lower case, without marks and spaces between them doubled. */
export const words = (value: Json | undefined): string =>
  typeof value === 'string'
    ? withoutTags(value)
        .normalize('NFKD')
        .replace(/[^\p{L}\p{N}]+/gu, ' ')
        .trim()
        .toLowerCase()
    : '';

/** LOINC codes of one measurement in mass and in substance concentration. */
const TWINS: readonly (readonly string[])[] = [
  ['2345-7', '14749-6'],
  ['2339-0', '15074-8'],
  ['2093-3', '14647-2'],
  ['2085-9', '14646-4'],
  ['2571-8', '14927-8'],
  ['2160-0', '14682-9'],
  ['3094-0', '22664-7'],
  ['1975-2', '14631-6'],
  ['17861-6', '2000-8'],
];
const TWIN_OF: ReadonlyMap<string, string> = new Map(TWINS.flatMap(([a = '', b = '']) => [[b, a] as const]));
/** Codes of a measurement, those in substance concentration as their twin in mass concentration. */
export const measured = (concept: Json | undefined): string[] => [
  ...new Set(
    codesOf(concept).map((c) => {
      const twin = c.startsWith('http://loinc.org|') ? TWIN_OF.get(c.slice(17)) : undefined;
      return twin === undefined ? c : `http://loinc.org|${twin}`;
    }),
  ),
];

/** A value that is no quantity: its codes, and the words by which it may be told as well. */
function otherValue(r: JsonObject): { codes: string[]; texts: string[] } {
  const concept = r['valueCodeableConcept'];
  const told = [...(isObject(concept) ? [concept['text']] : []), ...codings(concept).map((c) => c['display'])];
  const texts = [...told, r['valueString']].map(words).filter((t) => t !== '');
  for (const [key, value] of Object.entries(r))
    if (/^value(?!Quantity$|CodeableConcept$|String$)[A-Z]/.test(key) && value !== undefined)
      texts.push(`${key} ${digest(value)}`);
  return { codes: codesOf(concept), texts };
}

/** Codes say more than words: these are compared where one side has no codes, or both have none of a system in common. */
function sameOtherValue(a: JsonObject, b: JsonObject): boolean {
  const [x, y] = [otherValue(a), otherValue(b)];
  if (overlap(x.codes.map(systemOf), y.codes.map(systemOf))) return sameCodes(x.codes, y.codes);
  const [none, other] = [x, y].map((v) => v.codes.length + v.texts.length === 0);
  return none === true || other === true ? none === other : overlap(x.texts, y.texts);
}

/** A value that one writes as a quantity and the other one in words: `5.4`, `<5 mg/dL`. Without a unit it is the other one's. */
function readAsQuantity(r: JsonObject, other: JsonObject): JsonObject {
  const beside = other['valueQuantity'];
  const told = r['valueQuantity'] === undefined && isObject(beside) ? text(r['valueString']) : undefined;
  // a mark for high or low says nothing of the value; thousands are set apart
  const plain = (told === undefined || told.length > 100 ? '' : told)
    .replace(/\((?:HH?|LL?|A|N)\)\s*$/i, '')
    .replace(/(\d),(?=\d{3}(?!\d))/g, '$1');
  const found = /^\s*([<>]=?)?\s*(-?\d{1,15}(?:\.\d{1,15})?)\s*([^\d\s].{0,40})?$/.exec(plain);
  if (!found || !isObject(beside)) return r;
  const [, comparator, value, unit] = found;
  const { valueString: _, ...rest } = r;
  const said = unit === undefined ? { unit: beside['unit'] ?? null, code: beside['code'] ?? null } : { unit };
  return { ...rest, valueQuantity: { value: Number(value), ...said, ...(comparator ? { comparator } : {}) } };
}

/** Do two Observations, or two components, say the same? Components in any order. */
export function sameValue(x: JsonObject, y: JsonObject): boolean {
  const [a, b] = [readAsQuantity(x, y), readAsQuantity(y, x)];
  const codes = [...measured(a['code']), ...measured(b['code'])];
  if (!sameQuantity(a['valueQuantity'], b['valueQuantity'], codes)) return false;
  if (!sameOtherValue(a, b)) return false;
  return sameComponents(objects(a['component']), objects(b['component']));
}

/** Components of one code that another is compared with: no panel has more. */
const MOST_ALIKE = 16;

function sameComponents(a: readonly JsonObject[], b: readonly JsonObject[]): boolean {
  if (a.length !== b.length) return false;
  const byCode = new Map<string, JsonObject[]>();
  for (const y of b)
    for (const code of measured(y['code'])) {
      const alike = byCode.get(code);
      if (alike === undefined) byCode.set(code, [y]);
      else if (alike.length < MOST_ALIKE) alike.push(y);
    }
  return a.every((x) => {
    const codes = measured(x['code']);
    const alike = new Set(codes.flatMap((code) => byCode.get(code) ?? []));
    return [...alike].some((y) => sameCodes(codes, measured(y['code'])) && sameValue(x, y));
  });
}

/** NDC of vaccines as CVX; a small map of the labelers' first packages of COVID-19 vaccines, 11 digits. */
const NDC_TO_CVX: Readonly<Record<string, string>> = {
  '59267100001': '208',
  '59267100002': '208',
  '59267100003': '208',
  '80777027310': '207',
  '80777027399': '207',
  '59676058005': '212',
  '59676058015': '212',
  '59267102501': '217',
  '59267102502': '217',
  '59267102503': '217',
  '80631010001': '211',
};
/** Vaccine codes; an NDC that is known stands for its CVX too. */
export function vaccineCodes(r: Resource): string[] {
  const codes = codesOf(r['vaccineCode']);
  return [
    ...new Set(
      codes.flatMap((c) => {
        const cvx = c.startsWith(`${NDC}|`) ? NDC_TO_CVX[c.slice(NDC.length + 1)] : undefined;
        return cvx === undefined ? [c] : [c, `${CVX}|${cvx}`];
      }),
    ),
  ];
}

const NOT_OF_THE_RECORD = new Set(['secondary', 'old', 'temp']);
/** `system|value` of the identifiers that name the record itself. Blanks around a number are none of it. */
export function identifiers(r: Resource): string[] {
  return [...objects(r['identifier']), ...objects(r['masterIdentifier']), ...objects(r['accessionIdentifier'])]
    .filter((i) => !NOT_OF_THE_RECORD.has(text(i['use']) ?? ''))
    .flatMap((i) => {
      const [system, value] = [text(i['system']), text(i['value'])?.trim()];
      return system === undefined || value === undefined || value === '' ? [] : [`${system}|${value}`];
    });
}

/** Codes of the drug of an order or a fill. */
export const drugCodes = (r: Resource): string[] => codesOf(r['medicationCodeableConcept']);

const CLASS_GROUP: Readonly<Record<string, string>> = {
  IMP: 'inpatient',
  ACUTE: 'inpatient',
  NONAC: 'inpatient',
  SS: 'inpatient',
  OBSENC: 'inpatient',
  EMER: 'emergency',
  VR: 'virtual',
  HH: 'home',
};
/** Ambulatory, emergency, inpatient, virtual or home. */
export const classGroup = (r: Resource): string =>
  CLASS_GROUP[isObject(r['class']) ? (text(r['class']['code']) ?? '') : ''] ?? 'ambulatory';
