// Authorizations that were denied since: the last decision on a number of an insurer counts, whoever tells of it. What another payer still passes on from
// before a denial would leave as something that was granted. 42 CFR 422.121(b)(4)(ii)(A)(2). Pure.
import { isTold, joined } from './authorizations.ts';
import type { ClaimRecord } from './claims.ts';
import { decidedAt } from './facts.ts';

export type Told = ClaimRecord & {
  /** who tells it: `own`, or a payer */
  origin: string;
  /** was it denied? */
  isDenied: boolean;
  /** was a part of it denied, and is that left out? A copy from before has that part still. */
  isPartly: boolean;
  /** when it was changed where it comes from, if that is said */
  changed: number | undefined;
  /** of a denial that is held: codes of what was asked for */
  asked?: readonly string[];
};

/** Authorizations of one member that share the number of a denial, or of one of which a part was denied, with these. */
export const besideDenials = (told: readonly Told[]): Told[][] =>
  joined(told.filter(isTold)).filter(
    (group) => group.length > 1 && group.some((t) => t.isDenied || t.isPartly) && !group.every((t) => t.isDenied),
  );

const changed = (t: Told): number => t.changed ?? Number.NEGATIVE_INFINITY;
/** When the last decision was made: as it says, else when it was changed. What says neither was decided before everything else. */
const when = (t: Told): number => decidedAt(t.facts) ?? changed(t);
const sooner = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
/** Of decisions of one time the one that was told later is later. */
const byTime = (a: Told, b: Told): number => sooner(when(a), when(b)) || sooner(changed(a), changed(b));

/** Of all of them, and of those that say nothing of what is asked for, beside those of one thing. */
const [ANY, NOTHING] = ['*', ''];

/**
 * Ids of records of a group ({@link besideDenials}) of which the last decision is a denial, or of which a part was denied since. Of decisions of one time a denial counts,
 * unless the one who tells it tells the other one beside it (of two parts, say), or both leave the part out.
 * @param askedFor what one is asked for (reconcile/record-keys.ts): some insurers give one number to several services
 */
export function deniedSince(group: readonly Told[], askedFor: (t: Told) => readonly string[]): string[] {
  /** the last ones by what is asked for: one for all of its time, and who tells of a denial then, of all or of a part */
  const last = new Map<string, { one: Told; deniers: Set<string>; ofParts: Set<string> }>();
  for (const t of group.toSorted(byTime))
    for (const thing of [ANY, ...(askedFor(t).length === 0 ? [NOTHING] : askedFor(t))]) {
      const known = last.get(thing);
      const of =
        known === undefined || byTime(known.one, t) < 0
          ? { one: t, deniers: new Set<string>(), ofParts: new Set<string>() }
          : known;
      if (t.isDenied) of.deniers.add(t.origin);
      if (t.isPartly) of.ofParts.add(t.origin);
      last.set(thing, of);
    }
  const isDenied = (t: Told): boolean => {
    const things = askedFor(t).length === 0 ? [ANY] : [NOTHING, ...askedFor(t)];
    const ofIt = things.flatMap((thing) => last.get(thing) ?? []);
    const latest = ofIt.reduce((a, { one }) => (byTime(a, one) < 0 ? one : a), t);
    const isLatest = byTime(t, latest) === 0;
    const isBySomebodyElse = (who: ReadonlySet<string>) => [...who].some((w) => !(isLatest && w === t.origin));
    return ofIt.some(
      (l) =>
        byTime(l.one, latest) === 0 &&
        (isBySomebodyElse(l.deniers) || (!(isLatest && t.isPartly) && isBySomebodyElse(l.ofParts))),
    );
  };
  return group.filter((t) => !t.isDenied && isDenied(t)).map((t) => t.id);
}
