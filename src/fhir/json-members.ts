// How many members a JSON text has, and how many its value: a text that has more says something twice, and who reads it may take
// the one or the other (https://www.rfc-editor.org/rfc/rfc8259#section-4). Cheaper than to read the text name by name.

import { longNumerals } from './numerals.ts';

const BACKSLASH = 92;
/** More is no one's record. https://hl7.org/fhir/R4/datatypes.html#string allows a MiB. */
const MOST_MEMBERS = 10_000;
const LONGEST_STRING = 8 * 1024 * 1024;

/** Digits that a double keeps. */
const KEPT_DIGITS = 15;

/** The number that begins there, when it is longer than what a double keeps or written with a power of ten. */
function longNumeral(json: string, from: number): string | undefined {
  let c = json.charCodeAt(from);
  if (c !== 45 && (c < 48 || c > 57)) return undefined;
  let at = from;
  do c = json.charCodeAt(++at);
  while ((c >= 48 && c <= 57) || c === 46);
  const hasPower = c === 101 || c === 69;
  if (at - from <= KEPT_DIGITS && !hasPower) return undefined;
  if (hasPower)
    do c = json.charCodeAt(++at);
    while ((c >= 48 && c <= 57) || c === 43 || c === 45);
  return json.slice(from, at);
}

/** Names that are looked out for, and the bits of each. Of those with {@link Reported} what they say is kept as well. */
export type Watched = ReadonlyMap<string, number>;
export const TOLD = 1;
/** Bits of the watched names that are there, and the strings of those of which they are kept. */
export type Found = { names: number; told: string[] };

/** `lists`: are there numbers in lists, and others beside them in these? */
type Seen = Found & { numerals: string[]; lists: 'none' | 'numbers' | 'mixed'; watched: Watched };
const NOTHING: Watched = new Map();

/** Members of all objects in a text without white space that JSON.parse accepts: the quotes before a colon that no backslash escapes. */
function written(json: string, seen: Seen): number {
  let n = 0;
  for (let at = json.indexOf('":'); at !== -1; at = json.indexOf('":', at + 2)) {
    let slashes = 0;
    while (json.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 !== 0) continue;
    n++;
    // most values are no number
    const first = json.charCodeAt(at + 2);
    if (first > 57 || first < 45) continue;
    const numeral = longNumeral(json, at + 2);
    if (numeral !== undefined) seen.numerals.push(numeral);
  }
  return n;
}

/** May a list that begins with a number hold a long one? What stands in strings is not distinguished. */
function maybeLongInLists(json: string): boolean {
  for (let at = json.indexOf('['); at !== -1; at = json.indexOf('[', at + 1))
    for (let i = at + 1; ; i++) {
      if (longNumeral(json, i) !== undefined) return true;
      let c = json.charCodeAt(i);
      if (c !== 45 && (c < 48 || c > 57)) break;
      do c = json.charCodeAt(++i);
      while ((c >= 48 && c <= 57) || c === 46);
      if (c !== 44) break;
    }
  return false;
}

function watch(watched: Watched, name: string, member: unknown, found: Found): void {
  const bits = watched.get(name);
  if (bits === undefined) return;
  found.names |= bits;
  if ((bits & TOLD) !== 0 && typeof member === 'string') found.told.push(member);
}

function held(value: unknown, seen: Seen): number {
  if (typeof value === 'string' && value.length > LONGEST_STRING) throw new RangeError('a string that is too long');
  if (typeof value !== 'object' || value === null) return 0;
  let n = 0;
  if (Array.isArray(value)) {
    let numbers = 0;
    for (const one of value)
      if (typeof one === 'number') numbers++;
      else n += held(one, seen);
    if (numbers > 0 && seen.lists !== 'mixed') seen.lists = numbers === value.length ? 'numbers' : 'mixed';
    return n;
  }
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name];
    watch(seen.watched, name, member, seen);
    n += 1 + held(member, seen);
    if (n > MOST_MEMBERS && Object.keys(value).length > MOST_MEMBERS) throw new RangeError('too many members');
  }
  return n;
}

/**
 * Does a text name a member of an object twice; which of its numbers may be more than a double holds (numerals.ts)?
 * @param json without white space between its parts
 * @param value what JSON.parse makes of it
 * @param watched names that are looked out for on the way
 * @throws RangeError when it is larger in one place than any record is
 */
export function lookAtMembers(
  json: string,
  value: unknown,
  watched = NOTHING,
): { saysTwice: boolean; numerals: string[]; found: Found } {
  const seen: Seen = { numerals: [], lists: 'none', names: 0, told: [], watched };
  const saysTwice = written(json, seen) !== held(value, seen);
  // claims have short ones in lists, which name lines of theirs
  const isWhole = seen.lists === 'none' || (seen.lists === 'numbers' && !maybeLongInLists(json));
  return { saysTwice, numerals: isWhole ? seen.numerals : longNumerals(json), found: seen };
}

/** Which of some names a value has, wherever they stand. However large it is: who asks has taken it. */
export function lookFor(watched: Watched, value: unknown, found: Found = { names: 0, told: [] }): Found {
  if (Array.isArray(value)) for (const one of value) lookFor(watched, one, found);
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) {
      watch(watched, name, member, found);
      lookFor(watched, member, found);
    }
  return found;
}
