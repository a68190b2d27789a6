// Open due dates as iCalendar (RFC 5545), for a calendar program: one event a duty and day, with how many clocks fall due. It
// names no member.

import { CLOCK_KINDS } from '../../staff/data/texts.ts';
import type { DueDay } from './deadline.ts';

export { dueDays } from './deadline.ts';

const LINE_OCTETS = 75;

const escaped = (text: string): string => text.replace(/[\\;,]/g, '\\$&').replace(/\r?\n/g, '\\n');

/** Lines of more than 75 octets go on after a line break and a space; no character is cut. */
function folded(line: string): string {
  const out: string[] = [];
  let part = '';
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > LINE_OCTETS) {
      out.push(part);
      part = ' ';
      octets = 1;
    }
    part += character;
    octets += size;
  }
  return [...out, part].join('\r\n');
}

/**
 * @param address of the staff pages, `https://plan.example`
 */
export function clockCalendar(days: readonly DueDay[], plan: string, address: string, now: Date): string {
  const stamp = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const host = new URL(address).host;
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Payer Node//Clocks//EN',
    `X-WR-CALNAME:${escaped(`${plan}: clocks`)}`,
  ];
  for (const d of days) {
    const day = d.day.replaceAll('-', '');
    lines.push(
      'BEGIN:VEVENT',
      `UID:${d.kind}-${day}@${host}`,
      `DTSTAMP:${stamp}`,
      `DTSTART;VALUE=DATE:${day}`,
      `SUMMARY:${escaped(`${CLOCK_KINDS[d.kind] ?? d.kind}: ${d.n} due`)}`,
      `DESCRIPTION:${escaped(`${d.n} open clocks of this duty are due by the end of this day. ${address}/staff/clocks?show=open`)}`,
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
    );
  }
  lines.push('END:VCALENDAR');
  return `${lines.map(folded).join('\r\n')}\r\n`;
}
