// Instants as a reader says them, in the plan's time zone.
import type { Cell } from './table.ts';

const formats = new Map<string, Intl.DateTimeFormat>();

/** An instant in the plan's time zone: `Nov 24, 2026, 11:10 AM EST`. */
export function timeText(at: Date, timeZone: string): string {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: 'numeric',
      minute: '2-digit',
      timeZoneName: 'short',
    });
    formats.set(timeZone, format);
  }
  return format.format(at).replace(/\u202f/g, ' ');
}

export function timeCell(at: Date | null, timeZone: string): Cell {
  return at === null ? { value: null } : { value: at.toISOString(), text: timeText(at, timeZone), time: true };
}
