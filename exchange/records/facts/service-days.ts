// The days of service of what left of a member, by type: the account of disclosures tells the range of them (45 CFR 164.528(b)(2)(iii), the
// description of what was disclosed). Pure.

/**
 * By type `FIRST/LAST`. FIRST is YYYY, YYYY-MM or YYYY-MM-DD, as far as the record says; LAST is a day. Records that
 * have none are not in it.
 */
export type ServiceDays = Record<string, string>;
export type DayRange = { first: string; last: string };

const readRange = (days: string): DayRange => {
  const at = days.indexOf('/');
  return { first: days.slice(0, at), last: days.slice(at + 1) };
};

/** A year stands before its months, and those before their days: what may be earlier is reported. */
const wider = (a: DayRange | undefined, b: DayRange): DayRange =>
  a === undefined ? b : { first: b.first < a.first ? b.first : a.first, last: b.last > a.last ? b.last : a.last };

/** @param days of one record, as the statement tells them; null when it has none */
export function addServiceDays(to: ServiceDays, type: string, days: string | null): void {
  const held = to[type];
  // records of one day are many
  if (days === null || days === held) return;
  const { first, last } = wider(held === undefined ? undefined : readRange(held), readRange(days));
  to[type] = `${first}/${last}`;
}

/** From the first day to the last of some ranges; undefined of none. */
export const widest = (ranges: readonly DayRange[]): DayRange | undefined =>
  ranges.reduce<DayRange | undefined>(wider, undefined);

/** The same of some types; undefined when nothing of them has a day. */
export const rangeOf = (days: Readonly<ServiceDays>, types: readonly string[]): DayRange | undefined =>
  widest(types.flatMap((type) => (days[type] === undefined ? [] : [readRange(days[type])])));
