// What of results that several payers tell, and of what people decided of them, is to be shown (decided-model.ts).
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { PEER } from '../exchange/reconcile/reconcile-pull.ts';

export const SOURCES = ['own', PEER, 'second'] as const;
export type Source = (typeof SOURCES)[number];
export type Thing = {
  /** what each payer told last */
  told: Map<Source, number>;
  /** what was last said of two that contradict each other, as long as both are as they were */
  said: Map<string, PersonDecision>;
  /** what was said of two, of whatever versions, and not taken back: that they are one or are not holds until something else is said */
  forGood: Map<string, PersonDecision[]>;
  /** of two, the one that is not preferred */
  away: Map<string, Source>;
};
export const pairOf = (a: Source, b: Source): string => [a, b].sort().join();
const FOR_GOOD = new Set<string>(['same-event', 'different-events']);
const lastOf = (t: Thing, a: Source, b: Source): PersonDecision | undefined =>
  t.forGood.get(pairOf(a, b))?.findLast((d) => d !== 'report-to-peer');

/** What is wrong with what is shown of a thing. @param shown `thing=value` of each entry @param chose that of the others may be shown */
export function falselyShown(n: number, t: Thing, shown: readonly string[], chose: boolean): string[] {
  const found: string[] = [];
  const may = [...t.told.keys()].filter((s) => chose || s === 'own');
  const losers = new Map<Source, Source[]>();
  for (const [pair, decision] of t.said) {
    const away = t.away.get(pair);
    const wins = pair.split(',').find((s) => s !== away) as Source;
    if (away && decision.startsWith('prefer') && may.includes(wins))
      losers.set(away, [...(losers.get(away) ?? []), wins]);
  }
  // who is preferred in a ring is not away
  const reaches = (from: Source, to: Source, seen: Source[] = []): boolean =>
    (losers.get(from) ?? []).some((w) => w === to || (!seen.includes(w) && reaches(w, to, [...seen, w])));
  const isAway = (s: Source) => (losers.get(s) ?? []).some((w) => !reaches(w, s));
  const stands = may.filter((s) => !isAway(s));
  if (may.length > 0 && stands.length === 0) throw new Error('the model hides all');
  const values = shown.filter((s) => s.startsWith(`${n}=`)).map((s) => Number(s.split('=')[1]));
  const words = `${n} told ${JSON.stringify([...t.told])}, said ${JSON.stringify([...t.said])} ${JSON.stringify([...t.forGood])}, shown ${values.join()}`;
  for (const v of values) if (!stands.some((s) => t.told.get(s) === v)) found.push(`${v} is shown: ${words}`);
  const isOne = (s: Source) => stands.some((o) => o !== s && lastOf(t, s, o) === 'same-event');
  for (const s of stands)
    if (!isOne(s) && !values.includes(t.told.get(s) ?? 0)) found.push(`of ${s} is not shown: ${words}`);
  if (stands.length > 0 && values.length === 0) found.push(`nothing is shown: ${words}`);
  const isTwo = stands.some((a) => stands.some((b) => FOR_GOOD.has(lastOf(t, a, b) ?? '')));
  if (!isTwo && new Set(values).size < values.length) found.push(`twice: ${words}`);
  // who are two by the last word said of them, and say other things
  for (const a of stands)
    for (const b of stands)
      if (
        a < b &&
        t.told.get(a) !== t.told.get(b) &&
        stands.length === 2 &&
        lastOf(t, a, b) !== 'same-event' &&
        values.length < 2
      )
        found.push(`${a} and ${b} are shown as one: ${words}`);
  return found;
}
