// The account of disclosures as a letter: each recipient once in full, repeats by their number and the last day, and nothing that never left.
import { expect, test } from 'vitest';
import type { Disclosure } from '../../exchange/compliance/disclosures/disclosures.ts';
import { disclosureLetter, type Letter } from '../../exchange/compliance/disclosures/letter.ts';

const one: Disclosure = {
  seq: '1',
  at: new Date('2026-03-02T03:00:00Z'),
  lastAt: new Date('2026-03-02T03:00:00Z'),
  preparedAt: new Date('2026-03-01T15:00:00Z'),
  peerId: 'a',
  peerName: 'Harbor Health',
  peerNpi: '9000000012',
  peerAddress: '1 Harbor Way, Portland, ME 04101',
  action: 'export-member',
  object: 'export/j1',
  asMember: null,
  consentId: 'match/m/0',
  policy: 'regular',
  types: { Observation: 2, ExplanationOfBenefit: 14 },
  days: {
    Observation: '2024-03-01/2025-01-02',
    ExplanationOfBenefit: '2024-02/2024-12-30',
    Encounter: '2020-01-01/2026-01-01',
  },
  counted: null,
  ofAll: 3,
};
const letter = (disclosures: Disclosure[], more: Partial<Letter> = {}): string =>
  disclosureLetter({
    plan: { name: 'Meridian Example Health Plan', npi: '9000000004' },
    patient: JSON.stringify({
      resourceType: 'Patient',
      name: [{ given: ['Ana', 'María'], family: 'Rivera' }],
      address: [
        { use: 'old', line: ['9 Gone St'], city: 'Nowhere' },
        { use: 'home', line: ['1 Main St', 'Apt 2'], city: 'Portland', state: 'ME', postalCode: '04101' },
      ],
    }),
    from: '2020-12-02',
    today: '2026-12-02',
    timeZone: 'America/New_York',
    disclosures,
    ...more,
  });

test('one recipient once in full, in days of the plan, with what could not be among it', () => {
  const later = {
    ...one,
    seq: '2',
    at: new Date('2026-06-10T15:00:00Z'),
    lastAt: new Date('2026-06-11T15:00:00Z'),
    action: 'read',
    types: { Patient: 1 },
    days: {},
  } as Disclosure;
  expect(letter([later, one])).toBe(`Meridian Example Health Plan
NPI 9000000004

Dec 2, 2026

Ana María Rivera
1 Main St
Apt 2
Portland, ME 04101

ACCOUNT OF DISCLOSURES

This letter says to whom we gave records of yours from Dec 2, 2020 to Dec 2,
2026 in the exchange between health plans: when, what, and why. You may ask
for it under 45 CFR 164.528. Each payer is listed once in full; if we gave
records to the same payer for the same reason again, the letter says how
often, and when last. Service days are the first and the last day of the care
that the records tell of, as far as records have one.

1. Harbor Health
   Identifier:   NPI 9000000012
   Address:      1 Harbor Way, Portland, ME 04101
   Date:         Mar 1, 2026
   What:         2 × Result, 14 × Claim (files that it fetched).
                 Records that the law calls sensitive were left out.
   Service days: 2024-02 to Jan 2, 2025.
   Why:          You asked that your health plans exchange your records.
                 Federal rules require a plan to do so then (42 CFR
                 422.121(b), 431.61(b), 457.731(b); 45 CFR 156.222(b)).
   After that:   1 time more to the same payer for the same reason (one record
                 that it read), the last time on Jun 11, 2026. Other kinds of
                 records left then, too: Person. Service days: none of them
                 has one.

Records that we gave to you yourself, or to others under an authorization that
you signed, are not in this letter. If you want each single time, ask us: we
keep them all.
`);
});

test('what never left is not in it, two payers are two, and a long name breaks no line', () => {
  const text = letter([
    { ...one, at: null, peerId: 'b', peerName: 'Never Fetched' },
    { ...one, policy: 'sensitive', peerAddress: null, peerName: `Harbor ${'Health '.repeat(20).trim()}` },
    {
      ...one,
      peerId: 'c',
      peerName: 'Cove Plan',
      at: new Date('2026-09-01T15:00:00Z'),
      policy: null,
      asMember: 'other',
    },
  ]);
  expect(text).not.toContain('Never Fetched');
  expect(text).toContain('\n2. Cove Plan\n');
  expect(text).toContain('Address:      not known to us');
  expect(text).toMatch(/42 CFR\s+Part 2/);
  expect(text).toMatch(/taken for another\s+person/);
  expect(text.match(/left out/g)).toHaveLength(1);
  expect(Math.max(...text.split('\n').map((l) => l.length))).toBeLessThanOrEqual(78);
  expect(letter([{ ...one, at: null }], { patient: undefined })).toContain('gave records of yours to no one');
});

test('what is listed of the first time is not informed of all, and the last day is that of the last fetch', () => {
  const at = (day: string) => new Date(`${day}T15:00:00Z`);
  const text = letter([
    { ...one, at: at('2026-03-02'), lastAt: at('2026-07-09') },
    { ...one, at: at('2026-04-02'), lastAt: at('2026-04-03'), policy: 'sensitive' },
  ]).replace(/\s+/g, ' ');
  expect(text).toContain('sensitive were left out. Service days: 2024-02 to Jan 2, 2025. Why:');
  expect(text).toContain('the last time on Jul 9, 2026. Among those times, records that the law calls sensitive may');
  expect(letter([one, one])).not.toMatch(/Among those times|Other kinds/);
  const read = { ...one, at: at('2026-03-01'), action: 'read', types: { Patient: 1 }, policy: null } as Disclosure;
  expect(letter([read, one]).replace(/\s+/g, ' ')).toContain('Other kinds of records left then, too: Result, Claim.');
});

test('names that others wrote stay on their line', () => {
  const text = letter([{ ...one, peerName: 'Harbor\u001b[2J\u202e\u2028\r\nDate: never', peerAddress: 'A\n\nB' }], {
    patient: JSON.stringify({ name: [{ text: 'Ana\r\n\nDear' }], address: [{ line: ['1 Main\u0000\nSt'] }] }),
  });
  expect(text).toContain('\n\nAna Dear\n1 Main St\n\n');
  expect(text).toContain('\n1. Harbor [2J Date: never\n');
  expect(text).toContain('Address:      A B\n');
  expect(text).toMatch(/^[\P{Cc}\n]*$/u);
});

test('days of service are those of what was fetched, and what was not kept is reported as such', () => {
  const days = (...all: Disclosure[]) =>
    /Service days: (.*?)(?= Why:| Records that we gave)/.exec(letter(all).replace(/\s+/g, ' '))?.[1];
  const after = (...all: Disclosure[]) =>
    /same reason.*Service days: (.*?)(?= Records that we gave)/.exec(letter(all).replace(/\s+/g, ' '))?.[1];
  const later = (more: Partial<Disclosure>): Disclosure => ({ ...one, at: new Date('2026-06-10T15:00:00Z'), ...more });
  expect(days({ ...one, days: null })).toBe('not known: we did not keep them then.');
  expect(days({ ...one, types: { Patient: 1 } })).toBe('none of them has one.');
  expect(days({ ...one, types: { Observation: 1 }, days: { Observation: '2024-03-01/2024-03-01' } })).toBe(
    'Mar 1, 2024.',
  );
  expect(days({ ...one, action: 'search', counted: 3 })).toBe('none of them has one.');
  const wide = later({ types: { Encounter: 1 } });
  expect(after(one, wide, later({}))).toBe('Jan 1, 2020 to Jan 1, 2026.');
  expect(after(one, wide, later({ days: null }))).toBe('Jan 1, 2020 to Jan 1, 2026. Of 1 time they are not known.');
});
