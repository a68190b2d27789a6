// Opening hours as people write them in a cell. What can be read in one way only is read; the rest is reported and left out.
import type { JsonObject } from '../../fhir/resource.ts';
import { type Left, list } from './values.ts';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const WORDS: Record<string, string[]> = {
  daily: DAYS,
  everyday: DAYS,
  weekdays: DAYS.slice(0, 5),
  weekends: DAYS.slice(5),
};
const ORDER = { column: '', why: 'is not written as Mon-Fri 08:00-17:00; Sat 09:00-12:00' };

/** `Mon-Fri`, `Mon, Wed, Fri`, `Monday to Friday`, `weekdays`; undefined when one of them is no day. */
function days(text: string): string[] | undefined {
  const found = new Set<string>();
  for (const part of text.split(/\s*(?:,|&|\band\b)\s*/i)) {
    const word = WORDS[part.toLowerCase().replace(/\s/g, '')];
    const range = /^([a-z]{3})[a-z]*(?:\s*(?:-|–|\bto\b)\s*([a-z]{3})[a-z]*)?$/i.exec(part);
    const from = DAYS.indexOf((range?.[1] ?? '').toLowerCase());
    const to = range?.[2] === undefined ? from : DAYS.indexOf(range[2].toLowerCase());
    if (word === undefined && (from === -1 || to < from)) return undefined;
    for (const day of word ?? DAYS.slice(from, to + 1)) found.add(day);
  }
  return DAYS.filter((day) => found.has(day));
}

/** `half`: with am or pm; `minutes`: as 8:30, which may be of either; `hour`: 8 alone */
type Clock = { at: number; written: 'half' | 'minutes' | 'hour' };

/** `8`, `08:30`, `5pm`, `12:00 AM`; undefined when it is no time of a day. */
function clock(text: string): Clock | undefined {
  const m = /^(\d{1,2})(?::(\d{2}))?\s*(?:(a|p)\.?m\.?)?$/i.exec(text);
  const [hour, minute] = [Number(m?.[1]), Number(m?.[2] ?? 0)];
  const half = m?.[3]?.toLowerCase();
  if (!m || minute > 59 || hour > 24 || (hour === 24 && minute > 0)) return undefined;
  if (half === undefined) return { at: hour * 60 + minute, written: m[2] === undefined ? 'hour' : 'minutes' };
  if (hour < 1 || hour > 12) return undefined;
  return { at: ((hour % 12) + (half === 'p' ? 12 : 0)) * 60 + minute, written: 'half' };
}

/** FHIR has no 24:00: a day's last minute. */
const time = (minutes: number) =>
  minutes === 1440
    ? '23:59:00'
    : `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00`;

const NOON = 12 * 60;

/** Both with am or pm, or on a clock of 24 hours that shows itself: 8-5 and 8:00-5:00 may be meant in two ways, 9am-9am for never and always. */
function isSure(opens: Clock, closes: Clock): boolean {
  if (opens.at === closes.at) return false;
  const halves = [opens, closes].filter((c) => c.written === 'half').length;
  if (halves > 0) return halves === 2;
  if (opens.at > NOON) return true;
  return closes.at > opens.at && (closes.at > NOON || (opens.written === 'minutes' && closes.written === 'minutes'));
}

function span(text: string): { openingTime: string; closingTime: string } | undefined {
  const [opens, closes, ...more] = text.split(/\s*(?:-|–|\bto\b)\s*/i).map(clock);
  if (opens === undefined || closes === undefined || more.length > 0 || opens.at === 1440) return undefined;
  return isSure(opens, closes) ? { openingTime: time(opens.at), closingTime: time(closes.at) } : undefined;
}

/** `Mon-Fri 08:00-17:00; Sat 9am-12pm; Sun 24h; Thu closed` as hoursOfOperation. */
export function hours(text: string, column: string, left: Left[]): JsonObject[] {
  const found: JsonObject[] = [];
  for (const part of list(text)) {
    const m = /^([a-z][a-z,&–\s-]*?)[\s:]+(\d.*|closed|24\s*h(?:ours)?)$/i.exec(part);
    const of = days(m?.[1] ?? '');
    const when = m?.[2] ?? '';
    if (of !== undefined && /^closed$/i.test(when)) continue;
    const open = /^24\s*h(ours)?$/i.test(when) ? { allDay: true } : span(when);
    if (of === undefined || open === undefined) left.push({ ...ORDER, column });
    else found.push({ daysOfWeek: of, ...open });
  }
  return found;
}
