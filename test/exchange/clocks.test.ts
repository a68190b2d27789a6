// Due dates on the federal calendar: the tables of the specification.
import { describe, expect, test } from 'vitest';
import {
  addDays,
  addMonths,
  endOfDay,
  federalHolidays,
  localDay,
  nextBusinessDay,
  requestDue,
  responseDue,
  yearsBefore,
} from '../../exchange/members/deadlines/business-day.ts';

const HOLIDAYS: Record<number, string> = {
  2026: '01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25',
  2027: '01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24',
  2028: '2027-12-31 01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25',
  2029: '01-01 01-15 02-19 05-28 06-19 07-04 09-03 10-08 11-12 11-22 12-25',
  2030: '01-01 01-21 02-18 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25',
  2031: '01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25',
};
test.each(Object.entries(HOLIDAYS))('holidays of %s', (year, days) => {
  expect(federalHolidays(Number(year))).toEqual(days.split(' ').map((d) => (d.length === 5 ? `${year}-${d}` : d)));
});

test.each([
  ['2027-03-10', '2027-03-11'],
  ['2027-03-12', '2027-03-15'],
  ['2027-02-13', '2027-02-16'],
  ['2026-12-31', '2027-01-04'],
  ['2027-01-15', '2027-01-19'],
  ['2027-07-02', '2027-07-06'],
  ['2027-11-24', '2027-11-26'],
  ['2027-12-23', '2027-12-27'],
  ['2027-12-30', '2028-01-03'],
  ['2028-11-09', '2028-11-13'],
])('received %s, due %s', (received, due) => {
  expect(nextBusinessDay(received)).toBe(due);
});

describe('arithmetic of dates', () => {
  test('months are clamped, five years before a leap day is the 28th', () => {
    expect([addMonths('2026-11-30', 3), addMonths('2027-11-30', 3), addMonths('2026-01-31', 1)]).toEqual([
      '2027-02-28',
      '2028-02-29',
      '2026-02-28',
    ]);
    expect([yearsBefore('2028-02-29', 5), yearsBefore('2027-03-10', 5), addDays('2027-12-31', 1)]).toEqual([
      '2023-02-28',
      '2022-03-10',
      '2028-01-01',
    ]);
  });
  test('the end of a day is local, also where clocks change', () => {
    const zone = 'America/New_York';
    expect(endOfDay('2027-03-14', zone).toISOString()).toBe('2027-03-15T03:59:59.999Z');
    expect(endOfDay('2027-11-07', zone).toISOString()).toBe('2027-11-08T04:59:59.999Z');
    expect(localDay(new Date('2027-03-11T04:30:00Z'), zone)).toBe('2027-03-10');
    expect(requestDue('2027-03-10', zone).toISOString()).toBe('2027-03-18T03:59:59.999Z');
    // late on Friday in New York is Saturday in UTC: due on Monday all the same
    expect(responseDue(new Date('2027-03-13T03:00:00Z'), { timeZone: zone, extraHolidays: [] }).toISOString()).toBe(
      '2027-03-16T03:59:59.999Z',
    );
    expect(nextBusinessDay('2027-03-12', ['2027-03-15'])).toBe('2027-03-16');
    // two seconds around midnight where the plan is
    const due = (at: string) => responseDue(new Date(at), { timeZone: zone, extraHolidays: [] }).toISOString();
    expect([due('2027-03-10T23:59:59-05:00'), due('2027-03-11T00:00:01-05:00')]).toEqual([
      '2027-03-12T04:59:59.999Z',
      '2027-03-13T04:59:59.999Z',
    ]);
  });
});
