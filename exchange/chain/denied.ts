// Authorizations that were denied since: the last decision on a number of an insurer counts, whoever tells of it. What another payer still passes on from
// before a denial would leave as something that was granted. 42 CFR 422.121(b)(4)(ii)(A)(2). Pure.
import { disjoint } from '../reconcile/codes.ts';
import { isTold, joined } from './authorizations.ts';
import type { ClaimRecord } from './claims.ts';
import { decidedAt } from './facts.ts';

export type Told = ClaimRecord & {
  /** was it denied? */
  isDenied: boolean;
  /** when it was changed where it comes from, if that is said */
  changed: number | undefined;
  /** of a denial that is held: codes of what was asked for */
  asked?: readonly string[];
};

/** Authorizations of one member that share the number of a denial, with the denials. */
export const besideDenials = (told: readonly Told[]): Told[][] =>
  joined(told.filter(isTold)).filter((group) => group.some((t) => t.isDenied) && !group.every((t) => t.isDenied));

/** When the last decision was made: as it says, else when it was changed. What says neither was decided before everything else. */
const when = (t: Told): number => decidedAt(t.facts) ?? t.changed ?? Number.NEGATIVE_INFINITY;
const changed = (t: Told): number => t.changed ?? Number.NEGATIVE_INFINITY;
/** Of two decisions of one time the one that was told later counts; where that does not tell either, the denial. */
const isLater = (a: Told, b: Told): boolean =>
  when(a) === when(b)
    ? changed(a) === changed(b)
      ? a.isDenied && !b.isDenied
      : changed(a) > changed(b)
    : when(a) > when(b);

/**
 * Ids of records of a group ({@link besideDenials}) of which the last decision is a denial that somebody else tells.
 * @param askedFor what one is asked for (reconcile/record-keys.ts): some insurers give one number to several services
 */
export function deniedSince(group: readonly Told[], askedFor: (t: Told) => readonly string[]): string[] {
  const granted = group.filter((t) => !t.isDenied);
  return granted
    .filter((t) => {
      const ofIt = group.filter((x) => x === t || !disjoint(askedFor(x), askedFor(t)));
      const last = ofIt.reduce((a, b) => (isLater(b, a) ? b : a));
      return last.isDenied;
    })
    .map((t) => t.id);
}
