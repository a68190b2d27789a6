// A period of a report: a day, month, quarter or year, or two days. In the plan's time zone.
import { addDays, addMonths, type Day, endOfDay } from '../../members/deadlines/business-day.ts';

export type Period = {
  /** as it was asked for: 2026, 2026-Q4, 2026-11, 2026-11-24, 2026-11-01/2026-11-24 */
  name: string;
  first: Day;
  last: Day;
};

const isDay = (v: string): boolean => {
  const at = Date.parse(`${v}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(v) && !Number.isNaN(at) && new Date(at).toISOString().startsWith(v);
};

/** Undefined when the text is no period. */
export function readPeriod(name: string): Period | undefined {
  const span = (first: Day, months: number): Period => ({ name, first, last: addDays(addMonths(first, months), -1) });
  if (/^\d{4}$/.test(name)) return span(`${name}-01-01`, 12);
  const quarter = /^(\d{4})-Q([1-4])$/.exec(name);
  if (quarter) return span(`${quarter[1]}-${String(Number(quarter[2]) * 3 - 2).padStart(2, '0')}-01`, 3);
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(name)) return span(`${name}-01`, 1);
  const [first = '', last = first] = name.split('/');
  return isDay(first) && isDay(last) && first <= last ? { name, first, last } : undefined;
}

/** The period of the same length just before. */
export function periodBefore(p: Period): Period {
  const before = (name: string) => readPeriod(name) ?? p;
  if (/^\d{4}$/.test(p.name)) return before(String(Number(p.name) - 1));
  if (p.name.includes('Q')) {
    const first = addMonths(p.first, -3);
    return before(`${first.slice(0, 4)}-Q${Math.ceil(Number(first.slice(5, 7)) / 3)}`);
  }
  if (/^\d{4}-\d\d$/.test(p.name)) return before(addMonths(p.first, -1).slice(0, 7));
  const days = Math.round((Date.parse(p.last) - Date.parse(p.first)) / 86_400_000) + 1;
  return before(`${addDays(p.first, -days)}/${addDays(p.first, -1)}`);
}

/** The quarter that a day is in. */
export const quarterOf = (day: Day): string => `${day.slice(0, 4)}-Q${Math.ceil(Number(day.slice(5, 7)) / 3)}`;

/** First instant, and the instant after the last. */
export function instantsOf(p: Period, timeZone: string): { from: Date; to: Date } {
  return {
    from: new Date(endOfDay(addDays(p.first, -1), timeZone).getTime() + 1),
    to: new Date(endOfDay(p.last, timeZone).getTime() + 1),
  };
}
