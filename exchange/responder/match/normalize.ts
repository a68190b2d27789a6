// Values as matching compares them. The version is stamped into every match record: change a rule, raise it.

import { fold } from '../../../src/fhir/fold.ts';
import { type Json, objects, strings } from '../../../src/fhir/resource.ts';
import { NICKNAMES } from '../../../src/names/nicknames.ts';
import { own } from '../../../src/safe-lookup.ts';

export const NORMALIZATION = '2026-11b';

/** Whole values that say nothing about a person. Never prefixes: Babyak, Infante and Doe are real names. */
const PLACEHOLDER_NAMES = new Set([
  'baby',
  'babyboy',
  'babygirl',
  'newborn',
  'infant',
  'twina',
  'unknown',
  'unk',
  'none',
  'na',
  'anonymous',
  'testing',
  'patient',
  'dummy',
  'sample',
  'demo',
]);
const PLACEHOLDER_IDS = new Set(['PENDING', 'TBD', 'NONE', 'UNKNOWN']);
const PARTICLES = new Set([
  'de',
  'da',
  'del',
  'di',
  'van',
  'von',
  'der',
  'den',
  'la',
  'le',
  'al',
  'el',
  'o',
  'mc',
  'mac',
  'st',
]);
const SUFFIXES: Record<string, string> = {
  jr: 'jr',
  junior: 'jr',
  sr: 'sr',
  senior: 'sr',
  ii: 'ii',
  '2nd': 'ii',
  iii: 'iii',
  '3rd': 'iii',
  iv: 'iv',
  '4th': 'iv',
  v: 'v',
  '5th': 'v',
};

const GROUP = new Map(NICKNAMES.flatMap((group) => group.map((name) => [name, group] as const)));

const letters = (text: string) => fold(text).replace(/[^\p{L}\p{N}]/gu, '');

/** Longest name that is compared; anything longer is not a name. */
const MAX_NAME = 200;

export type FamilyName = { names: string[]; suffix: string[] };

/** Family name with its alternatives (parts of a double name), and a generational suffix split off. */
export function familyName(text: string | undefined, suffixes: readonly string[] = []): FamilyName {
  const suffix = new Set(suffixes.map((s) => own(SUFFIXES, letters(s))).filter((s): s is string => s !== undefined));
  if (text === undefined || text.length > MAX_NAME) return { names: [], suffix: [...suffix] };
  let words = fold(text)
    .split(/[\s\-‐–,]+/)
    .map((w) => w.replace(/[^\p{L}\p{N}]/gu, ''))
    .filter(Boolean);
  const last = words.at(-1);
  const ending = last === undefined ? undefined : own(SUFFIXES, last);
  if (words.length > 1 && ending !== undefined && suffixes.length === 0) {
    suffix.add(ending);
    words = words.slice(0, -1);
  }
  const whole = words.join('');
  const names = new Set<string>(whole === '' ? [] : [whole]);
  if (words.length > 1 && !words.slice(0, -1).every((w) => PARTICLES.has(w)))
    for (const word of words) if (!PARTICLES.has(word) && word.length > 1) names.add(word);
  return { names: [...names].filter((n) => !PLACEHOLDER_NAMES.has(n)), suffix: [...suffix] };
}

/** First given name with the names that stand for it. Initials alone are not comparable. */
export function givenNames(texts: readonly string[]): string[] {
  const first = texts.find((t) => t.length <= MAX_NAME && letters(t) !== '');
  if (first === undefined) return [];
  const name = letters(fold(first).split(' ')[0] ?? '');
  const joined = letters(first);
  if (name.length < 2 || PLACEHOLDER_NAMES.has(joined)) return [];
  return [...new Set([name, joined, ...(GROUP.get(name) ?? [])])];
}

/** All given names of the names of a person, each with those that stand for it: a person may go by the second one. */
export const allGiven = (names: Json | undefined): string[] =>
  objects(names).flatMap((n) =>
    strings(n['given']).flatMap((g) => [g, ...g.split(/\s+/)].flatMap((w) => givenNames([w]))),
  );

/** One name for all that {@link givenNames} takes for the same. */
export const givenRoot = (name: string): string => GROUP.get(name)?.[0] ?? name;

/** A full, plausible birth date, or nothing. `now` bounds it. */
export function birthDate(text: string | undefined, now: Date): string[] {
  if (text === undefined || !/^\d{4}-\d\d-\d\d$/.test(text) || text === '1900-01-01' || text === '1901-01-01')
    return [];
  const year = Number(text.slice(0, 4));
  const time = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(time) || year < now.getUTCFullYear() - 120 || time > now.getTime() + 2 * 86_400_000) return [];
  return [text];
}

/** A member or subscriber id with the variant without leading zeros. Empty for placeholders. */
export function memberIds(text: string | undefined): string[] {
  if (text === undefined || text.length > 64) return [];
  const id = text.toUpperCase().replace(/[\s\-.]/g, '');
  if (id === '' || /^(0+|9+)$/.test(id) || PLACEHOLDER_IDS.has(id)) return [];
  return [...new Set([id, id.replace(/^0+/, '')])].filter((v) => v !== '');
}

const STREET_WORDS: Record<string, string> = {
  street: 'st',
  avenue: 'ave',
  av: 'ave',
  road: 'rd',
  drive: 'dr',
  lane: 'ln',
  court: 'ct',
  boulevard: 'blvd',
  place: 'pl',
  circle: 'cir',
  terrace: 'ter',
  parkway: 'pkwy',
  highway: 'hwy',
  square: 'sq',
  trail: 'trl',
  north: 'n',
  south: 's',
  east: 'e',
  west: 'w',
};
const UNIT = /(?:^|\s)(?:(?:apt|apartment|unit|suite|ste|floor|fl|room|rm|lot)\b|#).*$/;

/** House number, street and ZIP5 of an address; nothing without a number (general delivery, homeless) or without a ZIP. */
export function streets(line: string | undefined, postalCode: string | undefined): string[] {
  const zip = /^\d{5}/.exec(postalCode ?? '')?.[0];
  if (line === undefined || line.length > MAX_NAME || zip === undefined) return [];
  const words = fold(line)
    .replace(/[.,]/g, ' ')
    .replace(UNIT, '')
    .split(/\s+/)
    .map((w) => letters(w))
    .filter(Boolean)
    .map((w) => (Object.hasOwn(STREET_WORDS, w) ? (STREET_WORDS[w] ?? w) : w));
  if (words.length < 2 || !/^\d/.test(words[0] ?? '')) return [];
  return [`${words.join(' ')}|${zip}`];
}

/** Ten digits of a number of the United States, without an extension. */
export function phones(text: string | undefined): string[] {
  if (text === undefined || text.length > 40) return [];
  const digits = text
    .toLowerCase()
    .replace(/(?:ext\.?|x|;).*$/, '')
    .replace(/\D/g, '')
    .replace(/^1(?=\d{10}$)/, '');
  return /^\d{10}$/.test(digits) && !/^(\d)\1{9}$/.test(digits) && digits !== '1234567890' ? [digits] : [];
}

/** An address of mail as it is, in lower case. */
export function emails(text: string | undefined): string[] {
  const mail = text?.trim().toLowerCase() ?? '';
  if (mail.length > MAX_NAME || !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(mail)) return [];
  return /^no-?reply@|@example\.com$/.test(mail) ? [] : [mail];
}

/** Exact tokens for blocking, by kind: 1 member id, 2 subscriber id, 3 birth date and family, 4 birth date and given, 7 MBI, 8 UMB. */
export function tokens(p: {
  mb: string[];
  sub: string[];
  dob: string[];
  family: string[];
  given: string[];
  mbi: string[];
  umb: string[];
}): { kind: number; text: string }[] {
  const out: { kind: number; text: string }[] = [];
  for (const v of p.mb) out.push({ kind: 1, text: v });
  for (const v of p.sub) out.push({ kind: 2, text: v });
  for (const dob of p.dob) {
    for (const v of p.family) out.push({ kind: 3, text: `${dob}|${v}` });
    const root = p.given[0];
    if (root !== undefined) out.push({ kind: 4, text: `${dob}|${givenRoot(root)}` });
  }
  for (const v of p.mbi) out.push({ kind: 7, text: v });
  for (const v of p.umb) out.push({ kind: 8, text: v });
  return out;
}
