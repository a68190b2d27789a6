// Whom a plan has to tell of a breach and by when (45 CFR 164.404, 164.406, 164.408, 164.412), by what stands in its case.
import { describe, expect, test } from 'vitest';
import { type CaseFact, caseState, owed } from '../../exchange/members/deadlines/breach.ts';

const breach = (affected: number, inOneState = 0): CaseFact => ({
  what: 'assessed',
  verdict: 'breach',
  affected,
  inOneState,
});
const due = (discovered: string, ...facts: CaseFact[]) =>
  owed(caseState(discovered, facts)).map((d) => `${d.of} ${d.due}`);

test.each<[string, string, CaseFact[], string[]]>([
  ['not assessed', '2027-01-01', [], ['assess 2027-03-02']],
  ['not assessed, in a leap year', '2028-01-01', [{ what: 'note' }], ['assess 2028-03-01']],
  ['no breach', '2027-01-01', [{ what: 'assessed', verdict: 'low-risk', affected: 9000, inOneState: 9000 }], []],
  ['one person: HHS after the year', '2027-01-01', [breach(1, 1)], ['people 2027-03-02', 'hhs 2028-02-29']],
  ['the last day of a year', '2027-12-31', [breach(499)], ['people 2028-02-29', 'hhs 2028-02-29']],
  [
    'fewer than 500, and the year after the next is no leap year',
    '2026-06-15',
    [breach(499)],
    ['people 2026-08-14', 'hhs 2027-03-01'],
  ],
  ['500: HHS with the people', '2027-01-01', [breach(500, 500)], ['people 2027-03-02', 'hhs 2027-03-02']],
  [
    'more than 500 of one State: media too',
    '2027-01-01',
    [breach(501, 501)],
    ['people 2027-03-02', 'hhs 2027-03-02', 'media 2027-03-02'],
  ],
  [
    'assessed anew: the later one holds',
    '2027-01-01',
    [breach(900, 900), breach(2)],
    ['people 2027-03-02', 'hhs 2028-02-29'],
  ],
  [
    'law enforcement asks to wait',
    '2027-01-01',
    [breach(500), { what: 'delayed', until: '2027-05-01' }],
    ['people 2027-05-01', 'hhs 2027-05-01'],
  ],
  [
    'and for less than there is time',
    '2027-01-01',
    [{ what: 'delayed', until: '2027-02-01' }, breach(3)],
    ['people 2027-03-02', 'hhs 2028-02-29'],
  ],
  ['which delays no assessment', '2027-01-01', [{ what: 'delayed', until: '2027-12-01' }], ['assess 2027-03-02']],
  [
    'who was informed is not owed it',
    '2027-01-01',
    [
      breach(600, 600),
      { what: 'told', whom: 'people', on: '2027-02-01' },
      { what: 'told', whom: 'media', on: '2027-02-02' },
    ],
    ['hhs 2027-03-02'],
  ],
])('%s', (_, discovered, facts, expected) => expect(due(discovered, ...facts)).toEqual(expected));

describe('a case', () => {
  test('is open until it is closed, and again when it is opened again', () => {
    const open = (...whats: ('closed' | 'reopened' | 'note')[]) =>
      caseState(
        '2027-01-01',
        whats.map((what) => ({ what })),
      ).isOpen;
    expect([
      open(),
      open('note'),
      open('closed'),
      open('closed', 'reopened'),
      open('closed', 'reopened', 'closed'),
    ]).toEqual([true, true, false, true, false]);
  });
  test('keeps the day on which someone was reported, the later word of two', () => {
    const { duties } = caseState('2027-01-01', [
      { what: 'told', whom: 'people', on: '2027-02-01' },
      breach(2),
      { what: 'told', whom: 'people', on: '2027-02-03' },
    ]);
    expect(duties.find((d) => d.of === 'people')?.doneOn).toBe('2027-02-03');
  });
});
