// Calendar arithmetic on day numbers (days since 1970-01-01), so that generated dates never touch the clock.

const DAY = 86_400_000;

/** `2026-10-31` → day number. Throws on anything that is not a calendar date. */
export function dayNumber(date: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new RangeError('not a calendar date (YYYY-MM-DD)');
  return time / DAY;
}

/** Day number → `YYYY-MM-DD`. */
export function isoDate(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10);
}

/** Day number and second of the day → FHIR instant in UTC with milliseconds. */
export function isoInstant(day: number, second: number, millis = 0): string {
  return new Date(day * DAY + second * 1000 + millis).toISOString();
}
