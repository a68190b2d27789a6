// The federal business-day calendar (5 U.S.C. 6103(a)), as calendar dates of the plan's time zone; never as blocks of 24 hours. Pure.
import { allForYear } from '@18f/us-federal-holidays';

/** A calendar date, YYYY-MM-DD. */
export type Day = string;

const parts = (day: Day): [number, number, number] => [
  Number(day.slice(0, 4)),
  Number(day.slice(5, 7)),
  Number(day.slice(8, 10)),
];
const format = (y: number, m: number, d: number): Day => new Date(Date.UTC(y, m - 1, d)).toISOString().slice(0, 10);

export function addDays(day: Day, days: number): Day {
  const [y, m, d] = parts(day);
  return format(y, m, d + days);
}

/** Same day of month some months later, clamped to the month's end. */
export function addMonths(day: Day, months: number): Day {
  const [y, m, d] = parts(day);
  const last = new Date(Date.UTC(y, m - 1 + months + 1, 0)).getUTCDate();
  return format(y, m + months, Math.min(d, last));
}

/** Same date some years earlier; 29 February becomes 28. */
export function yearsBefore(day: Day, years: number): Day {
  return addMonths(day, -12 * years);
}

const weekday = (day: Day): number => new Date(`${day}T00:00:00Z`).getUTCDay();

/** Holidays by year: they are asked for each day that is counted. */
const HOLIDAYS = new Map<number, Day[]>();

/** Federal holidays of a year as observed; 1 January of the next year may be observed on 31 December. */
export function federalHolidays(year: number): Day[] {
  const known = HOLIDAYS.get(year) ?? allForYear(year).map((holiday) => holiday.dateString);
  HOLIDAYS.set(year, known);
  return known;
}

function isBusinessDay(day: Day, extraHolidays: readonly Day[] = []): boolean {
  const w = weekday(day);
  if (w === 0 || w === 6 || extraHolidays.includes(day)) return false;
  const [year] = parts(day);
  return !federalHolidays(year).includes(day) && !federalHolidays(year + 1).includes(day);
}

/** The first business day strictly after a day. */
export function nextBusinessDay(day: Day, extraHolidays: readonly Day[] = []): Day {
  let next = addDays(day, 1);
  while (!isBusinessDay(next, extraHolidays)) next = addDays(next, 1);
  return next;
}

/** Formatters by zone: making one costs more than a hundred uses. A plan has one zone. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** The calendar date of an instant in a time zone. */
export function localDay(at: Date, timeZone: string): Day {
  let format = FORMATS.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    FORMATS.set(timeZone, format);
  }
  return format.format(at);
}

/** The last day that has begun, at the place of a local day or in UTC. */
export function lastBegun(at: Date, local: Day): Day {
  const utc = at.toISOString().slice(0, 10);
  return utc > local ? utc : local;
}

/** The last millisecond of a local day: when something due "on" it is late. */
export function endOfDay(day: Day, timeZone: string): Date {
  // the offset of a zone is within a day: find it at the instant looked for, twice, to settle a change of clocks
  const wall = Date.parse(`${addDays(day, 1)}T00:00:00Z`);
  let guess = wall;
  for (let i = 0; i < 2; i++) guess = wall - offsetAt(new Date(guess), timeZone);
  return new Date(guess - 1);
}

function offsetAt(at: Date, timeZone: string): number {
  const f = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const p = Object.fromEntries(f.formatToParts(at).map((x) => [x.type, Number(x.value)]));
  return (
    Date.UTC(p['year'] ?? 0, (p['month'] ?? 1) - 1, p['day'], p['hour'], p['minute'], p['second']) -
    Math.floor(at.getTime() / 1000) * 1000
  );
}
