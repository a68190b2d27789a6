// The planner's guess at the number of matches, where it is what is told.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parameter, SEEDS } from '../../src/fhir/search/parameters.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { referenceToken } from '../../src/store/reference-token.ts';
import { estimateMatches } from '../../src/store/search/search.ts';
import { frequencies } from '../../src/store/search/token-frequency.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb();
afterAll(() => db.close());
const MANY = 40_000;

beforeAll(async () => {
  await db.sql.unsafe(`insert into directory.resource (rk, last_updated, version, type, key, content_hash, params, refs, ref_params, body)
    select hashtextextended('Endpoint/e' || n, 0), now(), 1, ${TYPE_IDS.Endpoint}, 'Endpoint/e' || n, '', '{}', '{}', '{}', '{}'
    from generate_series(1, ${MANY}) n`);
  // three in ten are of an organization that is active
  const active = (parameter('Organization', 'active')?.id ?? 0) + SEEDS.usual;
  const organization = parameter('Endpoint', 'organization')?.id ?? 0;
  await db.sql.unsafe(`insert into directory.resource (rk, last_updated, version, type, key, content_hash, params, refs, ref_params, body)
    values (hashtextextended('Organization/o', 0), now(), 1, ${TYPE_IDS.Organization}, 'Organization/o', '', '{${active}}', '{}', '{}', '{}')`);
  await db.sql.unsafe(`update directory.resource set refs = array[hashtextextended('Organization/o', 0)], ref_params = '{${organization}}', params = '{${organization}}'
    where type = ${TYPE_IDS.Endpoint} and substr(key, 11)::int % 10 < 3`);
  await db.sql.unsafe(`insert into directory.lookup (token, rk) select ${referenceToken(`hashtextextended('Organization/o', 0)`, organization)}, rk
    from directory.resource where type = ${TYPE_IDS.Endpoint} and refs <> '{}'`);
  await db.sql.unsafe(`update directory.state set counts[${TYPE_IDS.Endpoint}] = ${MANY}`);
  await db.sql.unsafe('analyze directory.resource');
});

test.each(['_id:not=e1', '_id:not=e1,e2,nobody', 'status:missing=true&_id:not=e1'])(
  'all but a few: %s',
  async (query) => {
    const request = readSearch('Endpoint', new URLSearchParams(query), {
      base: 'http://localhost/fhir',
      now: new Date(),
      countMax: 100,
      lenient: false,
    });
    expect(Math.abs((await estimateMatches(db.sql, request)) / MANY - 1)).toBeLessThan(0.1);
  },
);

test.each([
  ['organization.active=true', 0.3],
  ['organization.active=true&_id:not=e3', 0.3],
  ['organization.active:not=true', 0],
  ['organization:missing=true', 0.7],
])('a part of all: %s', async (query, share) => {
  const request = readSearch('Endpoint', new URLSearchParams(query), {
    base: 'http://localhost/fhir',
    now: new Date(),
    countMax: 100,
    lenient: false,
  });
  const told = await estimateMatches(db.sql, request);
  // what hardly any meet is not told by a sample; less than the cap is never told
  if (share === 0) expect(told).toBeGreaterThan(10_000);
  else expect(Math.abs(told / (share * MANY) - 1)).toBeLessThan(0.3);
});

test('what another database of the process holds says nothing of this one', async () => {
  const other = await freshDb();
  try {
    const here = await frequencies(db.sql);
    expect(await frequencies(other.sql)).not.toBe(here);
    expect(await frequencies(db.sql)).toBe(here);
  } finally {
    await other.close();
  }
});
