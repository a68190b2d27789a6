// The circuit breaker: a run that would take away or change too much waits for a person. Pure. federation.md 7.
import type { FlagName } from './record.ts';

/** What a run would do to one type of a peer. */
export type Outlook = {
  /** records before the run that are not tombstones */
  before: number;
  after: number;
  /** that are absent or said to be deleted, not counting those that were missing already */
  lost: number;
  updated: number;
  /** that went in the runs of the last 30 days, without a person having said so */
  goneLately?: number;
  /** records with a field, before and after */
  fieldsBefore: Record<FlagName, number>;
  fieldsAfter: Record<FlagName, number>;
};

/** Limits. A percentage counts from six records on: of a type with eight, one is more than a tenth. */
export const LIMITS = {
  lostShare: 0.05,
  lost: 10_000,
  fallShare: 0.1,
  fieldPoints: 10,
  changedShare: 0.9,
  slowShare: 0.2,
  slowDays: 30,
  least: 6,
} as const;

export const TRIPS = {
  deletions: 'More than 5 % of the records, or more than 10,000, would go.',
  count: 'The number of records falls by more than 10 %.',
  'slow-fall':
    'More than 20 % of the records would have gone within thirty days, in steps that were small enough each.',
  empty: 'A type that had records has none.',
  fields: 'A field that most records had is lost in more than 10 of 100.',
  'all-changed': 'More than 90 % of the records change at once.',
} as const;
type TripName = keyof typeof TRIPS;
export type Trip = { name: TripName; detail: string };

export function trips(o: Outlook): Trip[] {
  const found: Trip[] = [];
  if (o.before === 0) return found;
  const fall = o.before - o.after;
  if (o.after === 0) found.push({ name: 'empty', detail: `${o.before} records before` });
  if (o.lost > LIMITS.lost || (o.lost >= LIMITS.least && o.lost > o.before * LIMITS.lostShare))
    found.push({ name: 'deletions', detail: `${o.lost} of ${o.before}` });
  if (fall >= LIMITS.least && fall > o.before * LIMITS.fallShare)
    found.push({ name: 'count', detail: `${o.before} to ${o.after}` });
  const lately = o.goneLately ?? 0;
  const slowly = lately + o.lost;
  if (lately > 0 && o.lost > 0 && slowly >= LIMITS.least && slowly > (o.before + lately) * LIMITS.slowShare)
    found.push({ name: 'slow-fall', detail: `${slowly} of ${o.before + lately}` });
  if (o.after > 0)
    for (const [name, n] of Object.entries(o.fieldsBefore) as [FlagName, number][]) {
      const now = o.fieldsAfter[name];
      const points = (n / o.before - now / o.after) * 100;
      if (points > LIMITS.fieldPoints && (points / 100) * o.after >= LIMITS.least)
        found.push({ name: 'fields', detail: `${name}: ${percent(n, o.before)} to ${percent(now, o.after)}` });
    }
  if (o.updated >= LIMITS.least && o.updated > o.before * LIMITS.changedShare)
    found.push({ name: 'all-changed', detail: `${o.updated} of ${o.before}` });
  return found;
}

const percent = (n: number, of: number): string => `${Math.round((n / of) * 100)} %`;
