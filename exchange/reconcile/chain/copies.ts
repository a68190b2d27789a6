// Records of one claim version: copies from several senders, and what one payer tells of it under several ids. Pure.
import { isOfType } from './claim-types.ts';
import { areOfOtherDays, type ClaimFacts } from './facts.ts';

/** See `ClaimRecord` (claims.ts). */
type Copy = { id: string; insurer: string; origin?: string; facts: ClaimFacts; at: number };

/** Claims of one number of one payer that are compared with each that was taken back: nobody gives one to more. */
const MOST_OF_A_NUMBER = 100;

/** Insurer and number of a claim: those that have one are one, if their types and days are. */
export function keyOf(r: Copy): string {
  const [number] = r.facts.numbers;
  return number === undefined ? `id|${r.id}` : `${r.insurer}|${number.system ?? ''}|${number.value}`;
}

const isTakenBack = (r: Copy): boolean => r.facts.status === 'cancelled';

/** Those that were taken back and that the same payer tells as active under another id, no earlier: it issued the claim anew under its number. */
export function reissued<R extends Copy>(records: readonly R[]): ReadonlySet<R> {
  const standing = new Map<string, R[]>();
  const placeOf = (r: R) => `${r.origin} ${keyOf(r)}`;
  const takenBack = records.filter((r) => r.origin !== undefined && isTakenBack(r));
  if (takenBack.length === 0) return new Set();
  for (const r of records) {
    if (r.origin === undefined || r.facts.status !== 'active') continue;
    const list = standing.get(placeOf(r)) ?? [];
    if (list.length < MOST_OF_A_NUMBER) list.push(r);
    standing.set(placeOf(r), list);
  }
  const isAnew = (r: R) => (n: R) => n.at >= r.at && isOfType(n.facts, r.facts) && !areOfOtherDays(n.facts, r.facts);
  return new Set(takenBack.filter((r) => standing.get(placeOf(r))?.some(isAnew(r))));
}

/**
 * In the order in which they speak: one that was taken back, as it is never the older state, whoever was asked first; then what was written last; and at the
 * end what its payer issued anew.
 */
export function bySay<R extends Copy>(records: readonly R[], issuedAnew: ReadonlySet<R>): R[] {
  const rank = (r: R): number => (issuedAnew.has(r) ? 2 : isTakenBack(r) ? 0 : 1);
  return [...records].sort((a, b) => rank(a) - rank(b) || b.at - a.at || (a.id < b.id ? -1 : 1));
}

/** In words that two records of one number say another status. */
export function differing(number: string, said: Copy | undefined, other: Copy): string {
  const [status, otherwise] = [said?.facts.status ?? '', other.facts.status];
  return said?.origin !== undefined && said.origin === other.origin
    ? `${number} is ${status} under one id of a payer and ${otherwise} under another`
    : `${number} is ${status} with one payer and ${otherwise} with another`;
}
