// Open due dates as iCalendar (RFC 5545), for a calendar program: one event a duty and day, with how many clocks fall due. It
// names no member.

import ical, { ICalEventTransparency } from 'ical-generator';
import { CLOCK_KINDS } from '../../staff/data/texts.ts';
import type { DueDay } from './deadline.ts';

export { dueDays } from './deadline.ts';

/**
 * @param address of the staff pages, `https://plan.example`
 */
export function clockCalendar(days: readonly DueDay[], plan: string, address: string, now: Date): string {
  const { host } = new URL(address);
  // the library writes this one text without escaping it
  const calendar = ical({
    name: `${plan}: clocks`.replace(/[\\;,]/g, '\\$&').replace(/\r?\n/g, '\\n'),
    prodId: '//Payer Node//Clocks//EN',
  });
  for (const { day, kind, n } of days)
    calendar.createEvent({
      id: `${kind}-${day.replaceAll('-', '')}@${host}`,
      stamp: now,
      start: new Date(`${day}T00:00:00Z`),
      allDay: true,
      summary: `${CLOCK_KINDS[kind] ?? kind}: ${n} due`,
      description: `${n} open clocks of this duty are due by the end of this day. ${address}/staff/clocks?show=open`,
      transparency: ICalEventTransparency.TRANSPARENT,
    });
  return `${calendar.toString()}\r\n`;
}
