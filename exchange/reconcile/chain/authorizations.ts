// Prior authorizations of other payers: one line of life for each number, whatever records told of it and in whatever order
// they came. Information only: none of them is an authorization of our plan. Pure.

import { createHash } from 'node:crypto';
import { own } from '../../../src/safe-lookup.ts';
import type { Chain, ClaimRecord } from './claims.ts';
import { decidedAt, type ReviewEntry, reviewTime } from './facts.ts';

const STATES: Readonly<Record<string, string>> = {
  A1: 'approved',
  A2: 'partial',
  A3: 'denied',
  A4: 'pended',
  A6: 'modified',
  C: 'cancelled',
};
/** X12 306 in one word; what is not known is pended. */
export const reviewState = (code: string): string => own(STATES, code) ?? 'pended';

/** Every (code, time) once, in order of time. */
function sortedHistory(entries: readonly ReviewEntry[]): ReviewEntry[] {
  const once = new Map(entries.map((e) => [`${e.code}|${e.when}`, e]));
  return [...once.values()].sort((a, b) => reviewTime(a.when) - reviewTime(b.when) || (a.code < b.code ? -1 : 1));
}

const byChange = (a: ClaimRecord, b: ClaimRecord): number => b.at - a.at || (a.id < b.id ? -1 : 1);
const decided = (r: ClaimRecord): number => decidedAt(r.facts) ?? Number.MIN_SAFE_INTEGER;

/** Is it told as an authorization that there was? */
export const isTold = (r: ClaimRecord): boolean =>
  r.facts.use === 'preauthorization' && r.facts.status !== 'entered-in-error';

/** Records of one id, and those of one insurer that share a number, together; each is looked at once. */
export function joined<T extends ClaimRecord>(records: readonly T[]): T[][] {
  const groupOf = new Map<string, T[]>();
  const groups = new Set<T[]>();
  const keysOf = (r: T) => [`id|${r.id}`, ...r.facts.numbers.map((n) => `number|${r.insurer}|${n.value}`)];
  for (const r of records) {
    const keys = keysOf(r);
    const found = keys.map((k) => groupOf.get(k)).filter((g) => g !== undefined);
    const joins = [...new Set(found)].sort((a, b) => b.length - a.length);
    const [group = []] = joins;
    groups.add(group);
    for (const other of joins.slice(1)) {
      groups.delete(other);
      for (const x of other) {
        group.push(x);
        for (const k of keysOf(x)) groupOf.set(k, group);
      }
    }
    group.push(r);
    for (const k of keys) groupOf.set(k, group);
  }
  return [...groups];
}

/**
 * @param records current forms, older ones that were told besides (`id` of the record they belong to), and denials that are held
 * @param earlier what is known of the chains from before: history is never forgotten
 */
export function authorizationChains(
  records: readonly ClaimRecord[],
  earlier: ReadonlyMap<string, ReviewEntry[]>,
): Chain[] {
  const groups = joined(records.filter(isTold).sort((a, b) => (a.id < b.id ? -1 : 1)));
  return groups.flatMap((told) => {
    const group = told.filter((r) => r.isHeld !== true);
    return group.length === 0 ? [] : [chainOf(group, told, earlier)];
  });
}

/**
 * @param group records of one authorization
 * @param told the same with denials that are held
 */
function chainOf(
  group: readonly ClaimRecord[],
  told: readonly ClaimRecord[],
  earlier: ReadonlyMap<string, ReviewEntry[]>,
): Chain {
  const numbers = [...new Set(group.flatMap((r) => r.facts.numbers.map((n) => n.value)))].sort();
  const chain = createHash('sha256')
    .update(`authorization|${group[0]?.insurer ?? ''}|${numbers[0] ?? group[0]?.id ?? ''}`)
    .digest('hex')
    .slice(0, 32);
  const history = sortedHistory([...(earlier.get(chain) ?? []), ...told.flatMap((r) => r.facts.reviews ?? [])]);
  const latest = [...group].sort(byChange)[0];
  const isCancelled = latest?.facts.status === 'cancelled';
  // a copy that was changed later may tell of less: what is decided last speaks
  const newest = isCancelled ? latest : [...group].sort((a, b) => decided(b) - decided(a) || byChange(a, b))[0];
  const last = history.at(-1);
  const units = newest?.facts.units;
  const firsts = new Map<string, ClaimRecord>();
  for (const r of group) if (!firsts.has(r.id)) firsts.set(r.id, r);
  const previous = [...new Set(group.flatMap((r) => r.facts.previous ?? []))];
  return {
    chain,
    kind: 'authorization' as const,
    state: 'final' as const,
    finalId: newest?.id ?? null,
    nodes: [...firsts.values()].map((r) => ({
      number: numbers[0] ?? r.id,
      ids: [r.id],
      status: r.facts.status,
      created: r.facts.created ?? null,
      final: r.id === newest?.id,
    })),
    anomalies: [],
    facts: {
      numbers,
      state: isCancelled ? 'cancelled' : last === undefined ? 'pended' : reviewState(last.code),
      history,
      ...(units === undefined ? {} : { units: { ...units, left: units.allowed - units.used } }),
      ...(previous.length === 0 ? {} : { previous }),
    },
  };
}
