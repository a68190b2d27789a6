// About how many match, where it is what is told.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { estimateMatches, sampledMatches } from '../../directory/search/search-estimate.ts';
import { frequencies } from '../../directory/search/token-frequency.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import { parameter, SEEDS } from '../../src/fhir/search/parameters.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb();
afterAll(() => db.close());
const MANY = 40_000;
/** as the directory says: of these the rows are a sample */
const ALL = 1_000_000;

const read = (query: string) =>
  readSearch('Endpoint', new URLSearchParams(query), {
    base: 'http://localhost/fhir',
    now: new Date(),
    countMax: 100,
    lenient: false,
  });
const told = (query: string, of: Pick<typeof db, 'sql'> = db) =>
  estimateMatches(of.sql, read(query)).then(({ value }) => value);

beforeAll(async () => {
  await db.sql.unsafe(`insert into directory.resource (rk, last_updated, version, type, key, content_hash, params, refs, ref_params, body)
    select hashtextextended('Endpoint/e' || n, 0), now(), 1, ${TYPE_IDS.Endpoint}, 'Endpoint/e' || n, '', '{}', '{}', '{}', '{}'
    from generate_series(1, ${MANY}) n`);
  // six in ten are of an organization that is active
  const active = (parameter('Organization', 'active')?.id ?? 0) + SEEDS.usual;
  const organization = parameter('Endpoint', 'organization')?.id ?? 0;
  await db.sql.unsafe(`insert into directory.resource (rk, last_updated, version, type, key, content_hash, params, refs, ref_params, body)
    values (hashtextextended('Organization/o', 0), now(), 1, ${TYPE_IDS.Organization}, 'Organization/o', '', '{${active}}', '{}', '{}', '{}')`);
  await db.sql.unsafe(`update directory.resource set refs = array[hashtextextended('Organization/o', 0)], ref_params = '{${organization}}', params = '{${organization}}'
    where type = ${TYPE_IDS.Endpoint} and substr(key, 11)::int % 10 < 6`);
  await db.sql.unsafe(`insert into directory.lookup (token, rk) select ${referenceToken(`hashtextextended('Organization/o', 0)`, organization)}, rk
    from directory.resource where type = ${TYPE_IDS.Endpoint} and refs <> '{}'`);
  // its names and its cities are words
  const [name, city] = ['name', 'address-city'].map((code) => parameter('Organization', code)?.id);
  await db.sql.unsafe(`insert into directory.words (rk, param, folded) select hashtextextended('Organization/o', 0), param, folded
    from (values (${name}, 'harbor clinic'), (${name}, 'harbour'), (${city}, 'bayside')) w(param, folded)`);
  // thousands that nothing refers to are called the same: the planner takes them for others
  await db.sql.unsafe(`insert into directory.words (rk, param, folded) select hashtextextended('Organization/x' || n, 0), param, folded
    from generate_series(1, 5000) n, (values (${name}, 'harbor clinic'), (${name}, 'harbour'), (${city}, 'bayside')) w(param, folded)`);
  await db.sql.unsafe(`insert into directory.dates (rk, param, lo, hi) select hashtextextended('Organization/o', 0), ${parameter('Organization', 'period')?.id},
    '2024-01-01', '2027-01-01'`);
  // one of its endpoints is of a kind that no other is, the last of all by its key
  await db.sql.unsafe(`insert into directory.lookup (token, rk) select hashtextextended('rare', ${parameter('Endpoint', 'identifier')?.id}), max(rk)
    from directory.resource where type = ${TYPE_IDS.Endpoint} and refs <> '{}'`);
  await db.sql.unsafe(`update directory.state set counts[${TYPE_IDS.Endpoint}] = ${ALL}`);
  await db.sql.unsafe('analyze directory.resource, directory.words, directory.lookup');
});

test.each(['_id:not=e1', '_id:not=e1,e2,nobody', 'status:missing=true&_id:not=e1'])(
  'all but a few: %s',
  async (query) => {
    expect(Math.abs((await told(query)) / ALL - 1)).toBeLessThan(0.1);
  },
);

test.each([
  ['organization.active=true', 0.6],
  ['organization.active=true&_id:not=e3', 0.6],
  ['organization.active:not=true', 0],
  ['organization:missing=true', 0.4],
  // by words, of which a row is asked one by one
  ['organization.name=harb', 0.6],
  ['organization.name=harb,zz&_id:not=e3', 0.6],
  ['organization.name:exact=harbour', 0.6],
  ['organization.name=hárbour,harbor', 0.6],
  ['organization.name=hárbour', 0],
  ['organization.address-city=zz,bay', 0.6],
  // by periods
  ['organization.period=ge2020', 0.6],
  ['organization.period=lt2020', 0],
])('a part of all: %s', async (query, share) => {
  const number = await told(query);
  // what hardly any meet is not told by a sample; less than the cap is never told
  if (share === 0) expect(number).toBeGreaterThan(10_000);
  else expect(Math.abs(number / (share * ALL) - 1)).toBeLessThan(0.2);
});

test('where a row refers to very much the sample is given up, not the search', async () => {
  const served = openDatabase(db.url, { statementTimeoutMs: 1000 });
  try {
    expect(await told('organization._has:Endpoint:organization:identifier=rare', served)).toBeGreaterThan(10_000);
  } finally {
    await served.close();
  }
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

test('very many are told by the sample alone; of what may be few it says nothing', async () => {
  const [known] = await db.sql<{ change: string }[]>`select change::text as change from directory.state`;
  const many = await sampledMatches(db.sql, read('organization:missing=true'));
  expect(many?.change).toBe(known?.change);
  expect(Math.abs((many?.value ?? 0) / (0.4 * ALL) - 1)).toBeLessThan(0.2);
  expect((await sampledMatches(db.sql, read('organization:missing=true&_id:not=e1')))?.value).toBeGreaterThan(
    0.3 * ALL,
  );
  for (const few of [
    'identifier=rare',
    'organization:missing=true&identifier=rare',
    'status:missing=false',
    'name:contains=x',
  ])
    expect(await sampledMatches(db.sql, read(few)), few).toBeUndefined();
});
