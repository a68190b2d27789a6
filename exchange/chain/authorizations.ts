// Prior authorizations of other payers: one line of life for each number, whatever records told of it and in whatever order
// they came. Information only: none of them is an authorization of our plan. Pure.
import { createHash } from 'node:crypto';
import { parseInstant, timeRange } from '../../src/fhir/instant.ts';
import type { Chain, ClaimRecord } from './claims.ts';
import type { ReviewEntry } from './facts.ts';

const STATES: Readonly<Record<string, string>> = {
  A1: 'approved',
  A2: 'partial',
  A3: 'denied',
  A4: 'pended',
  A6: 'modified',
  C: 'cancelled',
};
/** X12 306 in one word; what is not known is pended. */
export const reviewState = (code: string): string => STATES[code] ?? 'pended';

const time = (when: string): number =>
  timeRange(when)?.from.getTime() ?? parseInstant(when)?.getTime() ?? Number.NEGATIVE_INFINITY;

/** Every (code, time) once, in order of time. */
export function sortedHistory(entries: readonly ReviewEntry[]): ReviewEntry[] {
  const once = new Map(entries.map((e) => [`${e.code}|${e.when}`, e]));
  return [...once.values()].sort((a, b) => time(a.when) - time(b.when) || (a.code < b.code ? -1 : 1));
}

/**
 * @param records current forms, and older ones that were told besides (`id` of the record they belong to)
 * @param earlier what is known of the chains from before: history is never forgotten
 */
export function authorizationChains(
  records: readonly ClaimRecord[],
  earlier: ReadonlyMap<string, ReviewEntry[]>,
): Chain[] {
  const groups: ClaimRecord[][] = [];
  const own = records.filter((r) => r.facts.use === 'preauthorization' && r.facts.status !== 'entered-in-error');
  for (const r of [...own].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const joins = groups.filter((g) =>
      g.some(
        (x) =>
          x.id === r.id ||
          (x.insurer === r.insurer && x.facts.numbers.some((n) => r.facts.numbers.some((m) => m.value === n.value))),
      ),
    );
    const merged = [...joins.flat(), r];
    for (const g of joins) groups.splice(groups.indexOf(g), 1);
    groups.push(merged);
  }
  return groups.map((group) => {
    const numbers = [...new Set(group.flatMap((r) => r.facts.numbers.map((n) => n.value)))].sort();
    const chain = createHash('sha256')
      .update(`authorization|${group[0]?.insurer ?? ''}|${numbers[0] ?? group[0]?.id ?? ''}`)
      .digest('hex')
      .slice(0, 32);
    const history = sortedHistory([...(earlier.get(chain) ?? []), ...group.flatMap((r) => r.facts.reviews ?? [])]);
    const newest = [...group].sort((a, b) => b.at - a.at)[0];
    const last = history.at(-1);
    const isCancelled = newest?.facts.status === 'cancelled';
    const units = newest?.facts.units;
    const previous = [...new Set(group.flatMap((r) => r.facts.previous ?? []))];
    return {
      chain,
      kind: 'authorization' as const,
      state: 'final' as const,
      finalId: newest?.id ?? null,
      nodes: [...new Set(group.map((r) => r.id))].map((id) => {
        const r = group.find((x) => x.id === id);
        return {
          number: numbers[0] ?? id,
          ids: [id],
          status: r?.facts.status ?? 'active',
          created: r?.facts.created ?? null,
          final: id === newest?.id,
        };
      }),
      anomalies: [],
      facts: {
        numbers,
        state: isCancelled ? 'cancelled' : last === undefined ? 'pended' : reviewState(last.code),
        history,
        ...(units === undefined ? {} : { units: { ...units, left: units.allowed - units.used } }),
        ...(previous.length === 0 ? {} : { previous }),
      },
    };
  });
}
