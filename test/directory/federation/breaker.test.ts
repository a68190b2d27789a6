// The circuit breaker: which losses wait for a person. federation.md 7.
import { expect, test } from 'vitest';
import { type Outlook, trips } from '../../../directory/federation/breaker.ts';
import { isInWindow } from '../../../directory/federation/work.ts';

const all = (n: number) => ({ npi: n, network: n, name: n, address: n, taxonomy: n });
const outlook = (before: number, over: Partial<Outlook>): Outlook => ({
  before,
  after: before,
  lost: 0,
  updated: 0,
  fieldsBefore: all(before),
  fieldsAfter: all(over.after ?? before),
  ...over,
});

test.each<[string, Outlook, string[]]>([
  ['nothing changes', outlook(100, {}), []],
  ['the first time', { ...outlook(0, {}), after: 500, fieldsAfter: all(0) }, []],
  ['5 of 100 go', outlook(100, { lost: 5, after: 95 }), []],
  ['6 of 100 go', outlook(100, { lost: 6, after: 94 }), ['deletions']],
  ['11 of 100 go', outlook(100, { lost: 11, after: 89 }), ['deletions', 'count']],
  ['1 of 8 goes: too few for a share', outlook(8, { lost: 1, after: 7 }), []],
  ['3 of 100 go after 18', outlook(100, { lost: 3, after: 97, goneLately: 18 }), []],
  ['3 of 82 go after 18', outlook(82, { lost: 3, after: 79, goneLately: 18 }), ['slow-fall']],
  ['nothing goes after 40', outlook(60, { goneLately: 40 }), []],
  ['all of 3 go', outlook(3, { lost: 3, after: 0 }), ['empty']],
  ['10,001 of a million go', outlook(1_000_000, { lost: 10_001, after: 989_999 }), ['deletions']],
  ['10,000 of a million go', outlook(1_000_000, { lost: 10_000, after: 990_000 }), []],
  ['15 new for 15 gone', outlook(100, { lost: 15, after: 100 }), ['deletions']],
  ['NPIs are lost in 11 of 100', outlook(100, { fieldsAfter: { ...all(100), npi: 89 } }), ['fields']],
  ['NPIs are lost in 10 of 100', outlook(100, { fieldsAfter: { ...all(100), npi: 90 } }), []],
  ['NPIs are found in more', outlook(100, { fieldsBefore: { ...all(100), npi: 10 } }), []],
  ['networks are lost in half of ten', outlook(10, { fieldsAfter: { ...all(10), network: 5 } }), []],
  ['91 of 100 change', outlook(100, { updated: 91 }), ['all-changed']],
  ['90 of 100 change', outlook(100, { updated: 90 }), []],
])('%s', (_name, given, expected) => expect(trips(given).map((t) => t.name)).toEqual(expected));

test.each([
  ['2027-03-01T07:30:00Z', null, null, true], // 02:30 in New York
  ['2027-03-01T12:00:00Z', null, null, false],
  ['2027-03-01T12:00:00Z', '06:00', '08:00', true],
  ['2027-03-01T04:30:00Z', '22:00', '02:00', true],
  ['2027-03-01T12:00:00Z', '00:00', '00:00', true],
])('%s from %s to %s', (at, windowFrom, windowTo, open) =>
  expect(isInWindow({ windowFrom, windowTo, timeZone: 'America/New_York' }, new Date(at))).toBe(open),
);
