// The planner's guess at the number of matches, where it is what is told.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSearch } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
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
