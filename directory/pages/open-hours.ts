// When something shall be open: what the form offers, and what it asks of the API. Pure but for the moment it is given.
import type { PageData } from './data.ts';
import { DAYS } from './texts/terms.ts';

export const OPEN = ['now', 'sat', 'sun', 'evening'] as const;

/** Half an hour after most close. */
const EVENING = '18:30';

/** `day|time` where the plan is, such as `sat|14:05`. */
export function momentOf({ clock, config }: Pick<PageData, 'clock' | 'config'>): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: config.timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(clock());
  const part = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('weekday').toLowerCase()}|${part('hour')}:${part('minute')}`;
}

/** The value of `open-at`; empty when any time will do. */
export function openAt(open: string, moment: string): string {
  if (open === 'now') return moment;
  if (open === 'evening')
    return DAYS.slice(0, 5)
      .map((day) => `${day}|${EVENING}`)
      .join(',');
  return open;
}
