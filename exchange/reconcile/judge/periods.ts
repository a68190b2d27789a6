// Whether two spans of time can be one. Pure.
import type { Json } from '../../../src/fhir/resource.ts';
import { day, minute, otherDay, period } from '../codes.ts';

type Period = ReturnType<typeof period>;

/** Does one end before the other one begins? A day between them may be the zone. */
export function apartPeriods(a: Period, b: Period): boolean {
  const isBefore = (end: string | undefined, start: string | undefined) =>
    (day(end) ?? '9999') < (day(start) ?? '') && otherDay(end, start, 1);
  return isBefore(a.end, b.start) || isBefore(b.end, a.start);
}

/** A time that many write where they know the day alone. */
const MIDNIGHT = /T00:00/;

/** The same by the minute, where both say from when to when. One may begin when the other one ends. */
export function apartTimes(a: Period, b: Period): boolean {
  const all = [a.start, a.end, b.start, b.end];
  const [fromA, toA, fromB, toB] = all.map(minute);
  if (fromA === undefined || toA === undefined || fromB === undefined || toB === undefined) return false;
  return !all.some((t) => MIDNIGHT.test(t ?? '')) && fromA !== fromB && (toA <= fromB || toB <= fromA);
}

/** From one minute to another, both the same: as good as the visit in which it was done. A day is no such span, nor is a time without an end. */
export function sameSpan(a: Json | undefined, b: Json | undefined): boolean {
  const [x, y] = [period(a), period(b)];
  const [from, to] = [minute(x.start), minute(x.end)];
  return from !== undefined && to !== undefined && from < to && from === minute(y.start) && to === minute(y.end);
}
