// FHIR instants, dateTimes and dates, https://hl7.org/fhir/R4/datatypes.html#dateTime

const PATTERN =
  /^(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?(Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?$/;

/** 400 years have the same days again; `Date.UTC` takes the first hundred for those of the last century. */
const FOUR_CENTURIES = 146_097 * 86_400_000;
const utc = (year: number, ...rest: [number, number, number?, number?, number?, number?]): number =>
  year < 100 ? Date.UTC(year + 400, ...rest) - FOUR_CENTURIES : Date.UTC(year, ...rest);

export type TimeRange = { from: Date; to: Date };

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;
const isLeap = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const daysIn = (year: number, month: number) => (month === 2 && isLeap(year) ? 29 : (DAYS[month - 1] ?? 0));

/** Is it a FHIR date or dateTime of any precision? The same as to have a {@link timeRange}, for who only checks. */
export function isTime(text: string): boolean {
  const m = PATTERN.exec(text);
  if (!m) return false;
  const year = Number(m[1]);
  return year > 0 && (m[3] === undefined || m[3] < '29' || Number(m[3]) <= daysIn(year, Number(m[2])));
}

/**
 * The half-open range of time that a date or dateTime of any precision covers; without a zone it is UTC.
 * Fractions beyond milliseconds are cut. Undefined when the text is not a valid FHIR date or dateTime.
 */
export function timeRange(text: string): TimeRange | undefined {
  const m = PATTERN.exec(text);
  if (!m) return undefined;
  const year = Number(m[1]);
  const month = m[2] === undefined ? undefined : Number(m[2]);
  const day = m[3] === undefined ? undefined : Number(m[3]);
  if (month !== undefined && day !== undefined && day > daysIn(year, month)) return undefined;
  if (month === undefined) return utcRange(utc(year, 0, 1), utc(year + 1, 0, 1), year);
  if (day === undefined) return utcRange(utc(year, month - 1, 1), utc(year, month, 1), year);
  if (m[4] === undefined) return utcRange(utc(year, month - 1, day), utc(year, month - 1, day + 1), year);
  const zone = m[8] ?? 'Z';
  const offset =
    zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const millis = m[7] === undefined ? 0 : Number(m[7].slice(0, 3).padEnd(3, '0'));
  const from = utc(year, month - 1, day, Number(m[4]), Number(m[5]), Number(m[6] ?? 0), millis) - offset * 60_000;
  const width = m[6] === undefined ? 60_000 : m[7] === undefined ? 1000 : 1;
  return utcRange(from, from + width, year);
}

function utcRange(from: number, to: number, year: number): TimeRange | undefined {
  return year < 1 ? undefined : { from: new Date(from), to: new Date(to) };
}

const ZERO = 48;
/** Two digits of a text; NaN where they are none. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Milliseconds of an instant of this millennium in the form that most have, `2026-01-02T03:04:05Z` or `….678Z`; undefined of all others. */
function plainInstant(text: string): number | undefined {
  const { length } = text;
  if ((length !== 20 && length !== 24) || !text.startsWith('20') || text[length - 1] !== 'Z') return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return undefined;
  const year = 2000 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  let millis = 0;
  if (length === 24) {
    if (text[19] !== '.') return undefined;
    millis = two(text, 20) * 10 + (two(text, 21) % 10);
  }
  const isPlain = month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59;
  if (!isPlain || !(day <= daysIn(year, month))) return undefined;
  const time = Date.UTC(year, month - 1, day, hour, minute, second, millis);
  return Number.isNaN(time) ? undefined : time;
}

/** A full FHIR instant (seconds and a zone are required). */
export function parseInstant(text: string): Date | undefined {
  const plain = plainInstant(text);
  if (plain !== undefined) return new Date(plain);
  return /T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? timeRange(text)?.from : undefined;
}

/** Milliseconds and `Z`: the one form in which we emit instants. */
export function formatInstant(time: Date): string {
  return time.toISOString();
}
