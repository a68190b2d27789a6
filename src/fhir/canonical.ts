// One canonical form of a resource and its SHA-256, used to tell whether content changed. RFC 8785 with the house's
// rules: ignored paths per use, references in key form, unordered sets sorted, numbers compared by value.
import { hash as digest } from 'node:crypto';
import { referenceKey } from './reference.ts';
import { isObject, type Json, type JsonObject } from './resource.ts';
import { RESOURCE_TYPES } from './validate/types.ts';

export type CanonicalUse = {
  /** members of the resource that do not count */
  top: ReadonlySet<string>;
  /** members of `meta` that do not count */
  meta: ReadonlySet<string>;
  /** compare references as `Type/id`, without base and version */
  referenceKeys: boolean;
  /** arrays whose order carries no meaning, by member name */
  sets: ReadonlySet<string>;
  /** how deep objects and arrays may be nested; absent: as the stack allows */
  deepest?: number;
};

/** Our directory: what an import changed. Identity and order are part of the content there. */
export const DIRECTORY_CONTENT: CanonicalUse = {
  top: new Set(['text']),
  meta: new Set(['versionId', 'lastUpdated']),
  referenceKeys: false,
  sets: new Set(),
};

/** A record received from a peer, or our own member's record: the rules of reconciliation. */
export const MEMBER_CONTENT: CanonicalUse = {
  top: new Set(['id', 'text']),
  meta: new Set(['versionId', 'lastUpdated', 'source', 'profile', 'tag']),
  referenceKeys: true,
  sets: new Set(['identifier', 'coding', 'category', 'telecom', 'security']),
};

/** The same of what came from others: nothing that is meant is nested deeper. */
export const RECEIVED_CONTENT: CanonicalUse = { ...MEMBER_CONTENT, deepest: 64 };

/**
 * A record of a peer's directory: what counts as a change of it. Its id is its identity, not its content; times, narrative and
 * the order of lists that have none do not count (federation.md 6). A change here asks for a new {@link PEER_CONTENT_VERSION}.
 */
export const PEER_CONTENT: CanonicalUse & { deepest: number } = {
  top: new Set(['id', 'text']),
  meta: new Set(['versionId', 'lastUpdated', 'source']),
  referenceKeys: true,
  sets: new Set(
    (
      'identifier telecom extension location healthcareService network endpoint specialty code type communication alias coding ' +
      'category address qualification daysOfWeek availableTime notAvailable hoursOfOperation program characteristic payloadType ' +
      'payloadMimeType coverageArea coverage plan contact tag profile security target primarySource validator'
    ).split(' '),
  ),
  deepest: 100,
};
export const PEER_CONTENT_VERSION = 1;

const NOTHING: ReadonlySet<string> = new Set();

/** Plain RFC 8785: everything counts. */
export const AS_IT_IS: CanonicalUse = { top: NOTHING, meta: NOTHING, referenceKeys: false, sets: NOTHING };

/** Text that JSON writes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/** A name as it is written, with its colon, as the first and as a later one; `mark`: what its being there asks to be looked for. */
type Name = { key: string; first: string; later: string; mark: number };
/** Where the names of an object lead, one after the other, `depth` of them; `sorted`: those on the way here, as they are written. */
type Shape = { next: Map<string, Shape>; depth: number; sorted: readonly Name[] | undefined };

const [REFERS, STANDS_IN, HASH, URL, SECONDARY] = [1, 2, 4, 8, 16];
const MARKS: ReadonlyMap<string, number> = new Map([
  ['reference', REFERS],
  ['identifier', STANDS_IN],
  ['hash', HASH],
  ['url', URL],
  ['use', SECONDARY],
]);
/** Marks of what the canonical form that was made last holds. */
let marks = 0;

function note(mark: number, value: Json): void {
  if (mark === STANDS_IN ? isObject(value) : mark === SECONDARY ? value === 'secondary' : typeof value === 'string')
    marks |= mark;
}

const MOST_NAMES = 4000;
const LONGEST_NAME = 64;
const names = new Map<string, Name>();

/** The few that FHIR has are kept. */
function nameOf(key: string): Name {
  const known = names.get(key);
  if (known !== undefined) return known;
  const first = `${quoted(key)}:`;
  const name = { key, first, later: `,${first}`, mark: MARKS.get(key) ?? 0 };
  if (key.length > LONGEST_NAME) return name;
  if (names.size >= MOST_NAMES) names.clear();
  names.set(key, name);
  return name;
}

/**
 * Objects of the same make have the same names in the same order: those of FHIR, as payers write them, are a few thousand. Somebody may send any number of others,
 * and large ones: then it is begun again, and what has more names than any of FHIR is sorted each time.
 */
const MOST_SHAPES = 8000;
const DEEPEST_SHAPE = 64;
const begin = (depth: number): Shape => ({ next: new Map(), depth, sorted: undefined });
let root = begin(0);
let shapes = 0;

const inOrder = (object: JsonObject): Name[] => sorted(Object.keys(object)).map(nameOf);

/** The names of an object in the order of RFC 8785. */
function namesOf(object: JsonObject): readonly Name[] {
  if (shapes >= MOST_SHAPES) {
    root = begin(0);
    shapes = 0;
  }
  let shape = root;
  for (const key in object) {
    let next = shape.next.get(key);
    if (next === undefined) {
      if (shape.depth >= DEEPEST_SHAPE || key.length > LONGEST_NAME) return inOrder(object);
      next = begin(shape.depth + 1);
      shape.next.set(key, next);
      shapes++;
    }
    shape = next;
  }
  shape.sorted ??= inOrder(object);
  return shape.sorted;
}

function write(value: Json, use: CanonicalUse, key: string, ignore: ReadonlySet<string>, depth: number): string {
  if (typeof value === 'string') return quoted(use.referenceKeys && key === 'reference' ? referenceKey(value) : value);
  if (Array.isArray(value)) return writeArray(value, use, use.sets.has(key), depth);
  if (isObject(value)) return writeObject(value, use, ignore, depth);
  return JSON.stringify(value);
}

function writeArray(values: readonly Json[], use: CanonicalUse, isSet: boolean, depth: number): string {
  if (depth > (use.deepest ?? depth)) throw new RangeError('nested too deep');
  if (isSet && values.length > 1) {
    const parts = values.map((v) => write(v, use, '', NOTHING, depth + 1));
    return `[${sorted(parts).join(',')}]`;
  }
  let out = '[';
  for (const value of values) out += (out === '[' ? '' : ',') + write(value, use, '', NOTHING, depth + 1);
  return `${out}]`;
}

/** Sorted in place, by UTF-16 units: objects have few members and sets few items, often nearly in order. */
function sorted(texts: string[]): string[] {
  if (texts.length > 32) return texts.sort();
  for (let i = 1; i < texts.length; i++) {
    const text = texts[i] as string;
    let j = i - 1;
    for (; j >= 0 && (texts[j] as string) > text; j--) texts[j + 1] = texts[j] as string;
    texts[j + 1] = text;
  }
  return texts;
}

function writeObject(object: JsonObject, use: CanonicalUse, ignore: ReadonlySet<string>, depth: number): string {
  if (depth > (use.deepest ?? depth)) throw new RangeError('nested too deep');
  let out = '';
  for (const name of namesOf(object)) {
    const { key, mark } = name;
    const value = object[key];
    if (value === undefined || (ignore !== NOTHING && ignore.has(key))) continue;
    if (mark !== 0) note(mark, value);
    const isMeta = ignore === use.top && key === 'meta';
    const text = write(value, use, key, isMeta ? use.meta : NOTHING, depth + 1);
    if (isMeta && text === '{}') continue;
    out += (out === '' ? name.first : name.later) + text;
  }
  return `{${out}}`;
}

/**
 * Canonical JSON text of a resource for a use.
 * @throws RangeError when it is nested deeper than the use allows, or the stack
 */
export function canonicalJson(resource: JsonObject, use: CanonicalUse): string {
  marks = 0;
  return writeObject(resource, use, use.top, 1);
}

/**
 * SHA-256 of the canonical form, lower-case hex, 64 characters.
 * @param exact numbers of its text that are more than their double says (numerals.ts)
 */
export function contentHash(resource: JsonObject, use: CanonicalUse, exact = ''): string {
  return digest('sha256', canonicalJson(resource, use) + exact, 'hex');
}

/** Ids that transmitters note on a record: an identifier with `use` secondary. */
const NOTED = /\{[^{}]*"use":"secondary"[^{}]*\},?/g;

const REFERENCE = '"reference":"';

/**
 * What stands for a literal reference whose target a payer does not have: the address of a type and an id. In a Reference alone, where it is the last
 * or one of `reference` and `type` follows; an identifier of the record itself is followed by more.
 */
const STAND_IN =
  /"identifier":\{"system":"https?:[^"]*\/([A-Z][A-Za-z]+)","value":"[A-Za-z0-9.-]{1,64}"\}(?=\}|,"(?:reference|type)":)/g;
/** A number that someone was given is under a system of its own name, as `…/NamingSystem/NAIC`. */
const standsFor = (whole: string, type: string): string => (RESOURCE_TYPES.has(type) ? '""' : whole);

/** Where the bytes of an Attachment are, beside their hash: each payer gives them at an address of its own. */
const PLACE_OF_BYTES =
  /("hash":"[A-Za-z0-9+/]{27}="(?:,"(?:language|size|title)":(?:\d+|"(?:[^"\\]|\\.)*"))*),"url":"(?:[^"\\]|\\.)*"/g;

/** A canonical text with nothing where literal references stood, or what stands for one. Within a string the quotes would be escaped. */
function withoutReferences(given: string, held: number): string {
  const text = (held & STANDS_IN) === 0 ? given : given.replace(STAND_IN, standsFor);
  if ((held & REFERS) === 0) return text;
  let out = '';
  let from = 0;
  for (let at = text.indexOf(REFERENCE); at !== -1; at = text.indexOf(REFERENCE, from)) {
    out += `${text.slice(from, at)}""`;
    from = text.indexOf('"', at + REFERENCE.length) + 1;
  }
  return from === 0 ? text : out + text.slice(from);
}

/**
 * {@link contentHash}, and beside it the hash of the same content without literal references, what stands for them, places of bytes whose hash is stated, and secondary identifiers: the
 * same for a record that went through another payer, who gives ids of its own to everything.
 */
export function contentHashes(
  resource: JsonObject,
  use: CanonicalUse,
  exact = '',
): { hash: string; substance: string } {
  const text = canonicalJson(resource, use) + exact;
  const held = marks;
  let bare = withoutReferences(text, held);
  if ((held & HASH) !== 0 && (held & URL) !== 0) bare = bare.replace(PLACE_OF_BYTES, '$1');
  if ((held & SECONDARY) !== 0) bare = bare.replace(NOTED, '').replaceAll(',]', ']').replaceAll('"identifier":[],', '');
  return { hash: digest('sha256', text, 'hex'), substance: digest('sha256', bare, 'hex') };
}

/** Does a content hold what {@link contentHashes} takes out of its substance beside literal references and secondary identifiers? Rules before 9 (record-keys.ts) did not. */
export function hasStandIns(resource: JsonObject, use: CanonicalUse): boolean {
  const text = canonicalJson(resource, use);
  return (
    [...text.matchAll(STAND_IN)].some(([, type = '']) => RESOURCE_TYPES.has(type)) || text.search(PLACE_OF_BYTES) !== -1
  );
}
