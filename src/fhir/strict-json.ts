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

/**
 * @param maxDepth objects and arrays within each other
 * @throws JsonFault
 */
export function parseStrict(json: string, maxDepth = 32): Json {
  new Scan(maxDepth).take(json);
  return parseText(json);
}

/** Characters of one object of a list, or of all that is not in the list: what is longer is refused before it is held. */
const MOST_HELD = 8 * 1024 * 1024;

/**
 * The same as {@link parseStrict} of a text that comes in pieces and whose outermost object has a long list: its objects are given as
 * they end, so that a large request is never in memory as a whole.
 */
export class StrictList {
  readonly #scan: Scan;
  readonly #outside: string[] = [];
  /** the object of the list that is open */
  #open: string[] | undefined;
  #held = 0;
  #heldOutside = 0;

  /** @param list name of the member */
  constructor(list: string, maxDepth = 32) {
    this.#scan = new Scan(maxDepth, list);
  }

  /**
   * @returns the objects of the list that end in this piece, as text: whether they are JSON is seen by {@link parseText}
   * @throws JsonFault
   */
  push(piece: string): string[] {
    const found: string[] = [];
    let at = 0;
    for (const mark of this.#scan.take(piece)) {
      this.#hold(piece.slice(at, mark));
      at = mark;
      if (this.#open === undefined) {
        this.#hold('null');
        this.#open = [];
        this.#held = 0;
      } else {
        found.push(this.#open.join(''));
        this.#open = undefined;
      }
    }
    this.#hold(piece.slice(at));
    return found;
  }

  #hold(text: string): void {
    if (text === '') return;
    if (this.#open === undefined) this.#heldOutside += text.length;
    else this.#held += text.length;
    (this.#open ?? this.#outside).push(text);
    if (Math.max(this.#held, this.#heldOutside) > MOST_HELD)
      throw new JsonFault('The body holds an element that is too large.');
  }

  /**
   * The end of the text.
   * @returns the outermost value, with null for each object of the list
   * @throws JsonFault
   */
  end(): Json {
    return parseText(this.#outside.join('') + (this.#open ?? []).join(''));
  }
}

/**
 * @param what is read, for who is informed that it cannot be
 * @throws JsonFault with the place, when there is one
 */
export function parseText(json: string, what = 'The body'): Json {
  try {
    return JSON.parse(json) as Json;
  } catch (error) {
    // of what the engine says only the place: the rest quotes the text
    const place = /\bposition (\d+)/.exec(String(error))?.[1];
    throw new JsonFault(
      `${what} is not valid JSON${place === undefined ? '' : `: look at its character ${Number(place) + 1}`}.`,
    );
  }
}

/** Looks for what JSON.parse would let pass. Where the text is no JSON, what is said of the list means nothing. */
class Scan {
  readonly #maxDepth: number;
  readonly #list: string | undefined;
  /** names of the object that is open at each depth; arrays have none */
  readonly #names: (Set<string> | undefined)[] = [];
  /** the last name of the outermost object */
  #last = '';
  #isInList = false;
  #isInObject = false;
  /** what there is of a string that goes on in the next piece, and the backslashes at its end */
  #string: string[] | undefined;
  #slashes = 0;
  /** a string that has ended with its piece: a name, when a colon follows */
  #ended: string | undefined;

  constructor(maxDepth: number, list?: string) {
    this.#maxDepth = maxDepth;
    this.#list = list;
  }

  /** @returns where objects of the list begin and where they end, in turn */
  take(piece: string): number[] {
    const marks: number[] = [];
    const names = this.#names;
    let i = this.#string === undefined ? 0 : this.#read(piece, 0);
    for (; i < piece.length; i++) {
      const c = piece.charCodeAt(i);
      if (this.#ended !== undefined && !isSpace(c)) {
        if (c === COLON) this.#name(this.#ended);
        this.#ended = undefined;
      }
      if (c === QUOTE) i = this.#read(piece, i + 1) - 1;
      else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
        if (names.length >= this.#maxDepth)
          throw new JsonFault(`The body is nested deeper than ${this.#maxDepth} levels.`);
        if (this.#isInList && names.length === 2 && c === OPEN_OBJECT) {
          marks.push(i);
          this.#isInObject = true;
        }
        if (names.length === 1 && c === OPEN_ARRAY && this.#last === this.#list) this.#isInList = true;
        names.push(c === OPEN_OBJECT ? new Set() : undefined);
      } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
        names.pop();
        if (this.#isInObject && names.length === 2) {
          marks.push(i + 1);
          this.#isInObject = false;
        }
        if (names.length === 1) this.#isInList = false;
      }
    }
    return marks;
  }

  /**
   * Reads a string from within, to its end or to that of the piece.
   * @returns the index after it
   */
  #read(piece: string, start: number): number {
    for (let quote = piece.indexOf('"', start); quote !== -1; quote = piece.indexOf('"', quote + 1)) {
      if (this.#slashesBefore(piece, start, quote) % 2 === 1) continue;
      const written = (this.#string?.join('') ?? '') + piece.slice(start, quote);
      this.#string = undefined;
      let after = quote + 1;
      while (isSpace(piece.charCodeAt(after))) after++;
      if (after >= piece.length) this.#ended = written;
      else if (piece.charCodeAt(after) === COLON) this.#name(written);
      return quote + 1;
    }
    this.#slashes = this.#slashesBefore(piece, start, piece.length);
    this.#string ??= [];
    this.#string.push(piece.slice(start));
    return piece.length;
  }

  #slashesBefore(piece: string, start: number, end: number): number {
    let slashes = 0;
    while (end - 1 - slashes >= start && piece.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    return end - slashes === start && this.#string !== undefined ? slashes + this.#slashes : slashes;
  }

  #name(written: string): void {
    // a name may be written with escapes
    const name = written.includes('\\') ? nameOf(written) : written;
    if (FORBIDDEN.has(name)) throw new JsonFault('The body holds a member with a name that is not allowed.');
    const open = this.#names.at(-1);
    if (open?.has(name)) throw new JsonFault('The body holds a member twice.');
    open?.add(name);
    if (this.#names.length === 1) this.#last = name;
  }
}

function nameOf(written: string): string {
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    throw new JsonFault('The body is not valid JSON.');
  }
}
