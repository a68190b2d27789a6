// JSON from outside, read so that nothing in it can be understood in two ways: no member twice, no names that change what an
// object is, and not nested deeper than any resource is. One pass over the text, before it is parsed.
import type { Json } from './resource.ts';

/** Why a text is not read. Never holds what was sent. */
export class JsonFault extends Error {}

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;
const OPEN_OBJECT = 123;
const OPEN_ARRAY = 91;
const CLOSE_OBJECT = 125;
const CLOSE_ARRAY = 93;
const isSpace = (c: number) => c === 32 || c === 10 || c === 13 || c === 9;

/** Names by which code could reach the prototype of an object. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** The index of the quote that ends a string; the length when none does. */
function endOfString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start); quote !== -1; quote = json.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (json.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote;
  }
  return json.length;
}

/**
 * @param maxDepth objects and arrays within each other
 * @throws JsonFault
 */
export function parseStrict(json: string, maxDepth = 32): Json {
  check(json, maxDepth);
  return parse(json);
}

/** A text whose list is read element by element: a large request is never an object as a whole. */
export type StrictList = {
  /** the outermost value, with null for each object of the list */
  outside: Json;
  /** the objects of the list, parsed one after the other; throws JsonFault at one that is none */
  elements: () => Generator<Json>;
};

/**
 * The same as {@link parseStrict} of a text whose outermost object has a list.
 * @param list name of the member
 * @throws JsonFault
 */
export function parseStrictList(json: string, list: string, maxDepth = 32): StrictList {
  const places: number[] = [];
  check(json, maxDepth, { list, found: (start, end) => places.push(start, end) });
  let outside = '';
  let at = 0;
  for (let i = 0; i < places.length; i += 2) {
    outside += `${json.slice(at, places[i])}null`;
    at = places[i + 1] ?? at;
  }
  return {
    outside: parse(outside + json.slice(at)),
    *elements() {
      for (let i = 0; i < places.length; i += 2) yield parse(json.slice(places[i], places[i + 1]));
    },
  };
}

function parse(json: string): Json {
  try {
    return JSON.parse(json) as Json;
  } catch {
    throw new JsonFault('The body is not valid JSON.');
  }
}

type Wanted = { list: string; found: (start: number, end: number) => void };

/** What JSON.parse would let pass. Where the text is no JSON, what is told of the list means nothing. */
function check(json: string, maxDepth: number, wanted?: Wanted): void {
  /** names of the object that is open at each depth; arrays have none */
  const names: (Set<string> | undefined)[] = [];
  /** the last name of the outermost object */
  let last = '';
  let isInList = false;
  let start = 0;
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (c === QUOTE) {
      const end = endOfString(json, i + 1);
      let after = end + 1;
      while (isSpace(json.charCodeAt(after))) after++;
      if (json.charCodeAt(after) === COLON) {
        const written = json.slice(i + 1, end);
        // a name may be written with escapes
        const name = written.includes('\\') ? nameOf(written) : written;
        if (FORBIDDEN.has(name)) throw new JsonFault('The body holds a member with a name that is not allowed.');
        const open = names.at(-1);
        if (open?.has(name)) throw new JsonFault('The body holds a member twice.');
        open?.add(name);
        if (names.length === 1) last = name;
      }
      i = end;
    } else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      if (names.length >= maxDepth) throw new JsonFault(`The body is nested deeper than ${maxDepth} levels.`);
      if (isInList && names.length === 2 && c === OPEN_OBJECT) start = i;
      if (names.length === 1 && c === OPEN_ARRAY && last === wanted?.list) isInList = true;
      names.push(c === OPEN_OBJECT ? new Set() : undefined);
    } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
      names.pop();
      if (isInList && names.length === 2 && c === CLOSE_OBJECT) wanted?.found(start, i + 1);
      if (names.length === 1) isInList = false;
    }
  }
}

function nameOf(written: string): string {
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    throw new JsonFault('The body is not valid JSON.');
  }
}
