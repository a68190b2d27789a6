// Whom and with which card a query asks, as keyed hashes: the memory of the defence against trying (HRex mm-7). Pure.
import { createHmac, hash as oneShot } from 'node:crypto';
import type { MatchQuery } from './member-bundle.ts';

/** `stored` keys tell the person; `sought` find the same person under small changes. All are 64-bit numbers as text. */
export type Attempt = { position: number; stored: string[]; sought: string[]; card: string };

const DAY = 86_400_000;
const near = (date: string, days: number) =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);

const BLOCK = 64;
/** Longest text that is hashed without a stream. */
const MOST = 4096;

/**
 * HMAC-SHA-256 (RFC 2104) of short texts under one key, by two hashes at a stroke: an object for each, which Node makes, takes
 * longer than the hashing.
 * @returns the first eight bytes as a number
 */
export function keyed(secret: string): (text: string) => string {
  const given = Buffer.from(secret);
  const key = Buffer.alloc(BLOCK);
  (given.length > BLOCK ? oneShot('sha256', given, 'buffer') : given).copy(key);
  const inner = Buffer.alloc(BLOCK + MOST);
  const outer = Buffer.alloc(BLOCK + 32);
  for (let i = 0; i < BLOCK; i++) {
    inner[i] = (key[i] ?? 0) ^ 0x36;
    outer[i] = (key[i] ?? 0) ^ 0x5c;
  }
  return (text) => {
    if (text.length * 3 > MOST) return createHmac('sha256', secret).update(text).digest().readBigInt64BE().toString();
    const length = inner.write(text, BLOCK);
    oneShot('sha256', inner.subarray(0, BLOCK + length), 'buffer').copy(outer, BLOCK);
    return oneShot('sha256', outer, 'buffer').readBigInt64BE().toString();
  };
}

/**
 * A family name with one letter changed keeps its first or its last three letters; with the birth date and the initial of
 * the given name each is a key. The third is family and given name with the birth date, sought a day before and after.
 * @returns undefined when there is no card or no person to speak of
 */
export function attemptOf(q: MatchQuery, hash: (text: string) => string): Attempt | undefined {
  const card = q.mb[0] ?? q.sub[0] ?? q.mbi[0];
  const [dob, family, given] = [q.dob[0], q.family[0], q.given[0]];
  if (card === undefined || dob === undefined || family === undefined) return undefined;
  const initial = given?.[0] ?? '';
  const parts = [`begin|${dob}|${initial}|${family.slice(0, 3)}`, `end|${dob}|${initial}|${family.slice(-3)}`];
  const whole = (date: string) => `name|${date}|${family}|${given ?? ''}`;
  const known = parts.map((t) => hash(t));
  const today = hash(whole(dob));
  const beside = [-1, 1].map((days) => hash(whole(near(dob, days))));
  return {
    position: q.position,
    stored: [...known, today],
    sought: [...known, today, ...beside],
    card: hash(`card|${card}`),
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
};

/** Cards for one person, from one peer: the third is not evaluated. */
const MOST_CARDS = 2;
/** Cards for one person, from all peers: more need the member's own id to match. */
const MOST_CARDS_OF_ALL = 5;
/** Persons with one card, from one peer. A household may share the policy's number. */
const MOST_PERSONS = 20;

export type Verdict = 'evaluate' | 'strict' | 'throttle';

/** What becomes of a query after what was tried before. */
export function judgeAttempt(tried: Tried | undefined): Verdict {
  if (tried === undefined) return 'evaluate';
  if (tried.cards > MOST_CARDS || tried.persons > MOST_PERSONS) return 'throttle';
  return tried.cardsOfAll > MOST_CARDS_OF_ALL ? 'strict' : 'evaluate';
}
