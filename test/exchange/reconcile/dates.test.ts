// Days that a received record tells: which cannot be.
import { expect, test } from 'vitest';
import { checkInbound } from '../../../exchange/reconcile/inbound.ts';
import { watchedIn } from '../../../exchange/records/facts/watched-names.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const LATEST = '2026-12-02';
const findings = (more: object): string[] => {
  const resource = { resourceType: 'Observation', id: 'o', ...more } as Resource;
  const json = JSON.stringify(resource);
  return checkInbound(resource, json, json, watchedIn(resource), LATEST, 0).findings;
};

test.each(['1899', '1899-12-31', '0001-01', '2027', '2027-01', '2026-12-03', '2026-12-03T00:00:00Z', '9999'])(
  'implausible: %s',
  (day) => expect(findings({ effectiveDateTime: day })).toEqual(['implausible-date']),
);

test.each(['1900', '1900-01-01', '2026', '2026-12', '2026-12-02', '2026-12-02T23:59:59Z', 'x', '', '19', 'soon'])(
  'plausible, or no day: %s',
  (day) => expect(findings({ effectiveDateTime: day })).toEqual([]),
);

test('wherever it stands, and only under a name of a day', () => {
  expect(findings({ item: [{ servicedDate: '2026-01-01' }, { servicedDate: '2027-01-01' }] })).toEqual([
    'implausible-date',
  ]);
  expect(findings({ validUntil: '2050-01-01', issued: ['2050-01-01'] })).toEqual([]);
});
