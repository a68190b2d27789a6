// Places near a point are looked up before the search that combines them with more, and how they are asked for follows from how many they are.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSearch } from '../../src/fhir/search/request.ts';
import { resolved } from '../../src/store/search.ts';
import { BASE, directory, NOW } from '../directory/fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
});
afterAll(() => d.close());

test.each([
  ['location.near', '41.7|-72.6|5|km', 1],
  ['place.near-zip', '96799|5|mi', 0],
])('few places are followed, and not asked of each resource: %s', async (name, value, places) => {
  const pairs: [string, string][] = [
    [name, value],
    ['_lastUpdated', 'gt2000-01-01'],
  ];
  const request = readSearch('PractitionerRole', pairs, { base: BASE, now: NOW, countMax: 500, lenient: false });
  const { criteria } = await resolved(d.database.sql, request);
  const [chain, ...more] = criteria.filter((c) => c.kind === 'chain');
  expect(more).toEqual([]);
  expect(chain?.of).toMatchObject({ kind: 'near', found: { length: places } });
  expect(chain?.many).toBeUndefined();
});
