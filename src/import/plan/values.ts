// Values of a row as people write them. Each reader says what it could not read; nothing is guessed.

import { languageCode } from '../../names/language-codes.ts';
import { plainSpecialties } from '../../names/plain-specialty.ts';
import { own } from '../../safe-lookup.ts';

/** What a row had that could not be read: column and reason, never the value. */
export type Left = { column: string; why: string };

export type Row = Readonly<Record<string, string | undefined>>;

export const cell = (row: Row, column: string): string => (row[column] ?? '').trim();

/** Entries of a cell, separated by `;` or `|`. */
export const list = (text: string): string[] =>
  text
    .split(/[;|]/)
    .map((each) => each.trim())
    .filter(Boolean);

/** Specialties as taxonomy codes or in plain words; of plain words the first code that they mean. */
export function specialties(texts: readonly string[], column: string, left: Left[]): string[] {
  const codes: string[] = [];
  for (const text of texts) {
    const found = /^[0-9]{3}[0-9A-Z]{6}X$/i.test(text) ? text.toUpperCase() : plainSpecialties(text)[0]?.codes[0];
    if (found === undefined)
      left.push({ column, why: 'is neither a taxonomy code nor a specialty in words that are known' });
    else if (!codes.includes(found)) codes.push(found);
  }
  return codes;
}

/** A BCP 47 tag as it is usually written: `es-MX`. */
function canonicalTag(text: string): string | undefined {
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(text)) return undefined;
  return text
    .toLowerCase()
    .replace(/-([a-z]{2}|[a-z]{4})(?=-|$)/g, (part) =>
      part.length === 3 ? part.toUpperCase() : `-${part.charAt(1).toUpperCase()}${part.slice(2)}`,
    );
}

/** Languages by English name or BCP 47 code. */
export function languages(texts: readonly string[], column: string, left: Left[]): string[] {
  const found: string[] = [];
  for (const text of texts) {
    const code = languageCode(text) ?? canonicalTag(text);
    if (code === undefined) left.push({ column, why: 'names a language that is not known: use its BCP 47 code' });
    else if (!found.includes(code)) found.push(code);
  }
  return found;
}

const GENDERS: Record<string, string> = {
  f: 'female',
  female: 'female',
  m: 'male',
  male: 'male',
  x: 'other',
  other: 'other',
  nonbinary: 'other',
  unknown: 'unknown',
  u: 'unknown',
};

export function gender(text: string, column: string, left: Left[]): string | undefined {
  if (text === '') return undefined;
  const found = own(GENDERS, text.toLowerCase().replace(/\W/g, ''));
  if (found === undefined) left.push({ column, why: 'is not female, male, other or unknown' });
  return found;
}

const ACCEPTING: Record<string, string> = {
  yes: 'newpt',
  y: 'newpt',
  true: 'newpt',
  newpt: 'newpt',
  accepting: 'newpt',
  no: 'nopt',
  n: 'nopt',
  false: 'nopt',
  nopt: 'nopt',
  'not accepting': 'nopt',
  existing: 'existptonly',
  existptonly: 'existptonly',
  family: 'existptfam',
  existptfam: 'existptfam',
};

export function accepting(text: string, column: string, left: Left[]): string | undefined {
  if (text === '' || text.toLowerCase() === 'unknown') return undefined;
  const found = own(ACCEPTING, text.toLowerCase());
  if (found === undefined) left.push({ column, why: 'is not yes, no, existing, family or unknown' });
  return found;
}

export function flag(text: string, column: string, left: Left[]): boolean | undefined {
  if (text === '') return undefined;
  if (/^(yes|y|true|1|x)$/i.test(text)) return true;
  if (/^(no|n|false|0)$/i.test(text)) return false;
  left.push({ column, why: 'is not yes or no' });
  return undefined;
}

const ACCESSIBILITY: Record<string, string> = {
  cultcomp: 'cultcomp',
  'cultural competence': 'cultcomp',
  handiaccess: 'handiaccess',
  wheelchair: 'handiaccess',
  'handicap accessible': 'handiaccess',
  adacomp: 'adacomp',
  ada: 'adacomp',
  pubtrans: 'pubtrans',
  'public transit': 'pubtrans',
  anssrvc: 'anssrvc',
  'answering service': 'anssrvc',
  cognitive: 'cognitive',
  mobility: 'mobility',
};

export function accessibility(texts: readonly string[], column: string, left: Left[]): string[] {
  const found: string[] = [];
  for (const text of texts) {
    const known = own(ACCESSIBILITY, text.toLowerCase());
    if (known === undefined)
      left.push({
        column,
        why: 'is not one of wheelchair, ada, public transit, cultural competence, answering service, cognitive, mobility',
      });
    else if (!found.includes(known)) found.push(known);
  }
  return found;
}

/** `2027-01-31` or `01/31/2027` as a FHIR date. */
export function date(text: string, column: string, left: Left[]): string | undefined {
  if (text === '') return undefined;
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text);
  const iso = american ? `${american[3]}-${american[1]?.padStart(2, '0')}-${american[2]?.padStart(2, '0')}` : text;
  const time = Date.parse(`${iso}T00:00:00Z`);
  if (/^\d{4}-\d{2}-\d{2}$/.test(iso) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(iso))
    return iso;
  left.push({ column, why: 'is not a date such as 2027-01-31' });
  return undefined;
}

export function position(
  latitude: string,
  longitude: string,
  left: Left[],
): { latitude: number; longitude: number } | undefined {
  if (latitude === '' && longitude === '') return undefined;
  const [lat = Number.NaN, lon = Number.NaN] = [latitude, longitude].map((text) =>
    /^[+-]?\d{1,3}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN,
  );
  if (Math.abs(lat) <= 90 && Math.abs(lon) <= 180) return { latitude: lat, longitude: lon };
  left.push({ column: 'latitude', why: 'and longitude are not two numbers of degrees' });
  return undefined;
}

/** ZIP digits; a table program may have taken leading zeros. Undefined when it is no ZIP. */
export function zipDigits(text: string): string | undefined {
  const digits = text.replace(/\D/g, '');
  if (/^\d{5}$|^\d{9}$/.test(digits)) return digits;
  if (/^\d{3,4}$/.test(text.trim())) return digits.padStart(5, '0');
  return /^\d{3,4}-?\d{4}$/.test(text.trim()) ? digits.padStart(9, '0') : undefined;
}
