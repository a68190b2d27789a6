// Whom and with which card a query asks, as keyed hashes: the memory of the defence against trying (HRex mm-7). Pure.
import { createHmac, hash as oneShot } from 'node:crypto';
import type { MatchQuery } from './read-member-bundle.ts';

/**
 * `stored` keys tell the person; `sought` find the same person under small changes. `near` are the first keys of ranges of keys, of
 * {@link KEY_RANGE} each, that hold everybody with the same birth date and the same first name, or like family name. All are 64-bit
 * numbers as text. `isTrying`: there is more in one question than anyone has.
 */
export type Attempt = {
  position: number;
  stored: string[];
  sought: string[];
  near: string[];
  card: string;
  isTrying: boolean;
};

/** Keys of a range: the last 24 bits of a key tell its person, those before them the range. */
export const KEY_RANGE = 1 << 24;
const REST = BigInt(KEY_RANGE - 1);
/** The last two bits of a key tell what it is made of: of each person one key counts when persons are counted. */
export const KEY_OF_PERSON = 0;
const KEY_OF_PART = 1n;

const DAY = 86_400_000;
const beside = (date: string, days: number) =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);

const BLOCK = 64;
/** Longest text that is hashed without a stream. */
const MOST = 4096;

/**
 * HMAC-SHA-256 (RFC 2104) of short texts under one key, by two hashes at a stroke: an object for each, which Node makes, takes
 * longer than the hashing.
 * @returns the first eight bytes as a number
 */
export function keyed(secret: string): (text: string) => bigint {
  const given = Buffer.from(secret);
  const key = Buffer.alloc(BLOCK);
  (given.length > BLOCK ? oneShot('sha256', given, 'buffer') : given).copy(key);
  const inner = Buffer.alloc(BLOCK + MOST);
  const outer = Buffer.alloc(BLOCK + 32);
  const first = Buffer.alloc(32);
  for (let i = 0; i < BLOCK; i++) {
    inner[i] = (key[i] ?? 0) ^ 0x36;
    outer[i] = (key[i] ?? 0) ^ 0x5c;
  }
  return (text) => {
    if (text.length * 3 > MOST) return createHmac('sha256', secret).update(text).digest().readBigInt64BE();
    const length = inner.write(text, BLOCK);
    // as text: a Buffer for each takes longer than the hashing, too
    outer.write(oneShot('sha256', inner.subarray(0, BLOCK + length), 'binary'), BLOCK, 'latin1');
    first.write(oneShot('sha256', outer, 'binary'), 'latin1');
    return first.readBigInt64BE();
  };
}

/** Numbers of one kind in one question: a card, an earlier one, and room for a mistake. */
const MOST_CARDS_AT_ONCE = 3;
/** Different first names, and family names with their parts. */
const MOST_NAMES = 12;

/**
 * A family name with one letter changed keeps its first or its last three letters; with the birth date and the initial of the first
 * name each is a key. The third is first and family name with the birth date, sought a day before and after too. Rules ask for one of
 * the names only, and the other may be anything: what begins alike is looked at together as well.
 * @returns undefined when there is no card or no person to speak of
 */
export function attemptOf(q: MatchQuery, hash: (text: string) => bigint): Attempt | undefined {
  const { cards, families, givens } = q.tries;
  const [dob] = q.dob;
  if (cards.length === 0 || dob === undefined) return undefined;
  const isTrying = cards.length > MOST_CARDS_AT_ONCE || families.length > MOST_NAMES || givens.length > MOST_NAMES;
  const [family = '', ...parts] = families.slice(0, MOST_NAMES);
  const [given = '', ...others] = givens.slice(0, MOST_NAMES);
  const initial = hash(`initial|${given[0] ?? ''}`);
  const key = (range: bigint, rest: bigint, kind: bigint) => (range & ~REST) | (rest & REST & ~3n) | kind;
  const begin = (name: string) => key(hash(`begin|${dob}|${name.slice(0, 3)}`), initial, KEY_OF_PART);
  const end = key(hash(`end|${dob}|${family.slice(-3)}`), initial, KEY_OF_PART);
  const rest = hash(`family|${family}`);
  const whole = (name: string, date = dob) => key(hash(`given|${date}|${name}`), rest, BigInt(KEY_OF_PERSON));
  const ofFamily = [family, ...parts].map(begin);
  const ofGiven = [given, ...others].map((name) => whole(name));
  const stored = [...ofFamily, end, ...ofGiven];
  const near = [...(family === '' ? [] : [...ofFamily, end]), ...(given === '' ? [] : ofGiven)].map((k) => k & ~REST);
  return {
    position: q.position,
    stored: stored.map(String),
    sought: [...stored, ...[-1, 1].map((days) => whole(given, beside(dob, days)))].map(String),
    near: [...new Set(near)].map(String),
    card: String(hash(`card|${cards.slice(0, MOST_CARDS_AT_ONCE).join('||')}`)),
    isTrying,
  };
}

export type Tried = {
  position: number;
  /** different cards that this peer tried for the person, this one included */
  cards: number;
  /** the same by all peers */
  cardsOfAll: number;
  /** different persons that this peer tried with the card, this one included */
  persons: number;
  /**
   * different cards that this peer tried for anyone with the birth date and a name of the person, this one included; of
   * many, that they are many
   */
  near: number;
};

/** Cards for one person, from one peer: the third is not evaluated. */
const MOST_CARDS = 2;
/** Cards for one person, from all peers: more need the member's own id to match. */
const MOST_CARDS_OF_ALL = 5;
/** The same of all who share birth date and first name, or birth date and the beginning or end of a family name: some do by chance. */
export const MOST_CARDS_NEAR = 30;
/** Persons with one card, from one peer. A household may share the policy's number. */
const MOST_PERSONS = 20;

export type Verdict = 'evaluate' | 'strict' | 'throttle';

/** What becomes of a query after what was tried before. */
export function judgeAttempt(tried: Tried | undefined, isTrying = false): Verdict {
  if (isTrying) return 'throttle';
  if (tried === undefined) return 'evaluate';
  if (tried.cards > MOST_CARDS || tried.persons > MOST_PERSONS || tried.near > MOST_CARDS_NEAR) return 'throttle';
  return tried.cardsOfAll > MOST_CARDS_OF_ALL ? 'strict' : 'evaluate';
}
