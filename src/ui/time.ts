// Instants as a reader says them, in the plan's time zone.
import type { Cell, Table } from './table.ts';

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

const DAY = /^\d{4}-\d\d-\d\d$/;
const dayFormat = new Intl.DateTimeFormat('en-US', {
  timeZone: 'UTC',
  year: 'numeric',
  month: 'short',
  day: 'numeric',
});

/** A day, YYYY-MM-DD, as instants beside it are read: `Nov 24, 2026`. Anything else is as it was. */
export function dayText(day: string): string {
  const at = DAY.test(day) ? Date.parse(day) : Number.NaN;
  return Number.isNaN(at) ? day : dayFormat.format(at);
}

/** The same table for a page: days that are given as YYYY-MM-DD are read as instants are. CSV and JSON hold them in ISO form. */
export function daysInWords(table: Table): Table {
  const shown = (cell: Cell): Cell =>
    !cell.code && typeof cell.value === 'string' && DAY.test(cell.value) && (cell.text ?? cell.value) === cell.value
      ? { ...cell, text: dayText(cell.value), time: true }
      : cell;
  return { ...table, rows: table.rows.map((cells) => cells.map(shown)) };
}
