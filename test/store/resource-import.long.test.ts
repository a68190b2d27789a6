import { afterAll, beforeEach, expect, test } from 'vitest';
import { readState } from '../../directory/resource/resource.ts';
import { importResources } from '../../directory/resource/resource-import.ts';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { extract } from '../../src/fhir/search/extract.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { BASE, body, deletion, directory, entries, FIXTURE, ids, keyOf, NOW } from '../directory/fixture.ts';
import { freshDb } from '../support/db.ts';

let d: Awaited<ReturnType<typeof directory>> | undefined;
const fresh = async (resources: readonly (Resource | string)[] = []) => {
  await d?.close();
  d = await directory(resources);
  return d;
};
beforeEach(async () => {
  await fresh();
});
afterAll(() => d?.close());

const indexRows = async (own: Awaited<ReturnType<typeof directory>>) => ({
  lookup: await own.database.sql`select token, rk from directory.lookup order by 1, 2`,
  words: await own.database.sql`select param, folded, rk, raw from directory.words order by 1, 2, 3, 4`,
  dates: await own.database.sql`select param, lo, hi, rk from directory.dates order by 1, 2, 3, 4`,
  place: await own.database.sql`select rk, at::text from directory.place order by 1`,
  boundary: await own.database
    .sql`select rk, part, bounds::text, ring::text, holes::text from directory.boundary order by 1, 2`,
  verification: await own.database.sql`select target, rk, lo, hi from directory.verification order by 1, 2`,
});

test('loading the same again changes nothing, whatever the order of members', async () => {
  const own = await fresh(FIXTURE);
  const before = await readState(own.database.sql);
  const rows = await indexRows(own);
  const reordered = FIXTURE.map((r) => Object.fromEntries(Object.entries(r).reverse()) as Resource);
  for (const again of [FIXTURE, reordered])
    expect(await own.load(entries(again))).toMatchObject({ created: 0, updated: 0, unchanged: FIXTURE.length });
  expect(await readState(own.database.sql)).toEqual(before);
  expect(await indexRows(own)).toEqual(rows);
  expect(await own.database.sql`select count(*)::int as n from directory.history`).toMatchObject([{ n: 0 }]);
});

test('deleting everything leaves no entry in any index', async () => {
  const own = await fresh(FIXTURE);
  await own.load(FIXTURE.map((r) => deletion(keyOf(r))));
  const rows = await indexRows(own);
  expect(Object.values(rows).map((r) => r.length)).toEqual([0, 0, 0, 0, 0, 0]);
  expect((await readState(own.database.sql)).counts.every((n) => n === 0n)).toBe(true);
});

test('counts by type and the change counter follow', async () => {
  const own = await fresh(FIXTURE);
  const state = await readState(own.database.sql);
  expect(state.counts.slice(0, 8)).toEqual([1n, 1n, 1n, 2n, 3n, 1n, 1n, 1n]);
  await own.load([deletion('Endpoint/e1'), deletion('Endpoint/never')]);
  const after = await readState(own.database.sql);
  expect([after.counts[0], after.change - state.change]).toEqual([0n, 1n]);
});

test('what cannot be stored is rejected with a reason, the rest is stored', async () => {
  const own = await fresh();
  const summary = await own.load(
    [
      ...entries([
        '{"resourceType":',
        '{"id":"x"}',
        '{"resourceType":"Patient","id":"x"}',
        '{"resourceType":"Endpoint"}',
        '{"resourceType":"Endpoint","id":"no_good"}',
        '{"resourceType":"Endpoint","id":"nul","name":"a\\u0000b"}',
        '{"resourceType":"Endpoint","id":"half","name":"a\\ud83d"}',
        '{"resourceType":"Endpoint","id":"bad"}',
        '{"resourceType":"Endpoint","id":"odd"}',
        '{"resourceType":"Endpoint","id":"good","name":"a\\tb\\\\c","alias":["\\"q\\""]}',
      ]),
      { source: 'file', line: 3, fault: 'not-utf8', message: 'bytes' },
      deletion('Practitioner'),
    ],
    {
      validate: (r) =>
        r['id'] === 'bad'
          ? [{ severity: 'error', code: 'required', path: 'Endpoint.status', message: 'missing' }]
          : r['id'] === 'odd'
            ? [{ severity: 'finding', code: 'npi-check-digit', path: 'Endpoint.identifier[0]', message: 'wrong' }]
            : [],
    },
  );
  expect(summary).toMatchObject({ read: 12, created: 2, rejected: 10 });
  expect(summary.reasons).toEqual({
    'not-json': 1,
    'no-type': 1,
    'unsupported-type': 1,
    'no-id': 2,
    'invalid-resource': 3,
    'not-utf8': 1,
    'bad-request-url': 1,
  });
  expect(summary.findings).toEqual({ 'npi-check-digit': 1 });
  expect(await own.database.sql`select findings from directory.resource where key = 'Endpoint/odd'`).toMatchObject([
    { findings: ['npi-check-digit Endpoint.identifier[0]'] },
  ]);
  expect(await own.find('Endpoint?name:exact=a%09b%5C%5Cc')).toEqual(['Endpoint/good']);
  const strict = await own.load(entries(['{"resourceType":"Endpoint","id":"s"}']), {
    strict: true,
    validate: () => [{ severity: 'finding', code: 'x', path: 'Endpoint', message: 'y' }],
  });
  expect(strict).toMatchObject({ created: 0, reasons: { 'strict-finding': 1 } });
});

test('of the same id the last wins, within a batch and across batches', async () => {
  const own = await fresh();
  const named = (name: string) => ({ resourceType: 'Endpoint', id: 'e', name });
  expect(await own.load(entries([named('a'), named('b')]))).toMatchObject({ created: 1, duplicates: 1 });
  expect(await own.find('Endpoint?name=b')).toEqual(['Endpoint/e']);
  expect(await own.find('Endpoint?name=a')).toEqual([]);
  const twice = entries([named('c'), named('d')]);
  expect(await own.load(twice, { batch: 1 })).toMatchObject({ updated: 1, unchanged: 0, duplicates: 1 });
  expect(await own.find('Endpoint?name=d')).toEqual(['Endpoint/e']);
  const { change } = await readState(own.database.sql);
  expect(await own.load(twice, { batch: 1 })).toMatchObject({ updated: 0, unchanged: 1, duplicates: 1, change });
  expect(await own.load([...entries([named('d')]), deletion('Endpoint/e')])).toMatchObject({
    deleted: 1,
    duplicates: 1,
  });
});

test('repeats across batches of an import: loading it again changes nothing', async () => {
  const own = await fresh(['{"resourceType":"Endpoint","id":"other"}']);
  const named = (id: string, name: string) => ({ resourceType: 'Endpoint', id, name });
  const input = [
    ...entries([named('e', 'a'), named('gone', 'x'), named('f', 'a'), named('e', 'b')]),
    deletion('Endpoint/gone'),
    ...entries([named('f', 'b'), named('f', 'a'), named('e', 'c')]),
  ];
  expect(await own.load(input, { batch: 1 })).toMatchObject({ created: 3, updated: 1, deleted: 1, duplicates: 5 });
  const before = await readState(own.database.sql);
  const rows = await indexRows(own);
  expect(await own.load(input, { batch: 1 })).toMatchObject({ created: 0, updated: 0, deleted: 0, duplicates: 5 });
  expect(await own.load(input, { batch: 3 })).toMatchObject({ created: 0, updated: 0, deleted: 0 });
  expect(await readState(own.database.sql)).toEqual(before);
  expect(await indexRows(own)).toEqual(rows);
  expect(await own.find('Endpoint?name=c')).toEqual(['Endpoint/e']);
  expect(await own.find('Endpoint?name:missing=true')).toEqual(['Endpoint/other']);
});

test('a first load and a merge leave the same rows, indexes and rights', async () => {
  const shape = async (own: Awaited<ReturnType<typeof directory>>) => ({
    ...(await indexRows(own)),
    resources: await own.database
      .sql`select rk, last_updated, version, type, deleted, key, content_hash, params, refs, ref_params, findings, body, hours, sort from directory.resource order by rk`,
    indexes: await own.database
      .sql`select indexname, indexdef from pg_indexes where schemaname = 'directory' order by 1`,
    tables: await own.database.sql`select relname, reloptions, relacl::text from pg_class c
      where relnamespace = 'directory'::regnamespace and relkind = 'r' order by 1`,
    columns: await own.database
      .sql`select c.relname, a.attname, a.attnotnull, a.attstattarget, a.attoptions, a.attstorage, atttypmod from pg_class c
      join pg_attribute a on a.attrelid = c.oid where relnamespace = 'directory'::regnamespace and relkind = 'r' and attnum > 0 order by 1, 2`,
    state: (await readState(own.database.sql)).counts,
  });
  const repeated = [{ ...FIXTURE[0], name: 'earlier' } as Resource, ...FIXTURE];
  const loaded = await fresh([]);
  expect(await loaded.load([...entries(repeated), deletion('Endpoint/never')], { batch: 3 })).toMatchObject({
    created: FIXTURE.length,
    duplicates: 1,
    unchanged: 1,
  });
  const first = await shape(loaded);
  const merged = await fresh([]);
  // a tombstone makes the directory one that is not empty; taken away, it leaves what a merge made
  await merged.load(entries(['{"resourceType":"Endpoint","id":"seed"}']));
  await merged.load(entries(FIXTURE));
  await merged.load([deletion('Endpoint/seed')]);
  await merged.database.sql`delete from directory.resource where deleted`;
  expect(first).toEqual(await shape(merged));
});

test('readers see an empty directory while it loads, and other importers wait', async () => {
  const own = await fresh();
  let open = () => {};
  const gate = new Promise<void>((go) => {
    open = go;
  });
  let reached = () => {};
  const under = new Promise<void>((go) => {
    reached = go;
  });
  async function* slow() {
    yield* entries(FIXTURE);
    reached();
    await gate;
  }
  const first = own.load(slow(), { batch: 2 });
  await under;
  const second = own.load(entries(FIXTURE));
  expect(await own.find('Endpoint')).toEqual([]);
  open();
  expect(await first).toMatchObject({ created: FIXTURE.length });
  expect(await second).toMatchObject({ created: 0, unchanged: FIXTURE.length });
  expect(await own.find('Endpoint')).toEqual(['Endpoint/e1']);
});

test('two resources with the same surrogate: the second is refused', async () => {
  const own = await fresh(['{"resourceType":"Endpoint","id":"first"}']);
  await own.database.sql`update directory.resource set key = 'Endpoint/other'`;
  const summary = await own.load(entries(['{"resourceType":"Endpoint","id":"first"}']));
  expect(summary).toMatchObject({ created: 0, rejected: 1, reasons: { 'key-collision': 1 } });
});

test('references that lead nowhere are counted and the first listed', async () => {
  const own = await fresh();
  const summary = await own.load(entries(FIXTURE));
  expect(summary.unresolved).toEqual({ count: 1, examples: [{ key: 'PractitionerRole/r1', param: 803 }] });
});

test('a stop leaves whole batches and the import can be run again', async () => {
  const own = await fresh();
  const stop = new AbortController();
  const many = Array.from({ length: 40 }, (_, i) => ({ resourceType: 'Endpoint', id: `e${i}` }));
  const stopped = await own.load(entries(many), {
    batch: 10,
    signal: stop.signal,
    onProgress: (s) => {
      if (s.read >= 20) stop.abort();
    },
  });
  expect(stopped.created).toBeGreaterThanOrEqual(10);
  expect(stopped.created).toBeLessThan(40);
  const again = await own.load(entries(many));
  expect([again.unchanged, again.created]).toEqual([stopped.created, 40 - stopped.created]);
});

test('a failing input leaves what was committed and gives its error', async () => {
  const own = await fresh();
  function* broken() {
    yield* entries([
      { resourceType: 'Endpoint', id: 'a' },
      { resourceType: 'Endpoint', id: 'b' },
    ]);
    throw new Error('disk');
  }
  await expect(own.load(broken(), { batch: 1 })).rejects.toThrow('disk');
  expect((await own.load(entries([{ resourceType: 'Endpoint', id: 'a' }]))).unchanged).toBe(1);
});

test('a changed extraction is brought into the index', async () => {
  const own = await fresh(FIXTURE);
  const rows = await indexRows(own);
  await own.database.sql`delete from directory.lookup`;
  await own.database.sql`update directory.words set folded = 'damaged'`;
  await own.database.sql`update directory.state set extraction_version = 0`;
  expect(await reindex(own.database, BASE)).toBe(FIXTURE.length);
  expect(await indexRows(own)).toEqual(rows);
  expect(await reindex(own.database, BASE)).toBe(0);
});

test('after a reindex searches do not wait for autovacuum: old entries gone, rows counted', async () => {
  const own = await fresh(FIXTURE);
  await own.database.sql`update directory.state set extraction_version = 0`;
  await reindex(own.database, BASE);
  for (const table of ['lookup', 'words']) {
    // how many pages it could mark depends on who else was at work in the server
    const [seen] = await own.database.sql<{ vacuumed: boolean; counted: boolean }[]>`
      select t.vacuum_count > 0 as vacuumed, exists (select from pg_stats s where s.schemaname = 'directory' and s.tablename = t.relname) as counted
      from pg_stat_user_tables t where t.relid = ${`directory.${table}`}::regclass`;
    expect(seen, table).toEqual({ vacuumed: true, counted: true });
  }
});

test('tokens carry every form in which they are asked for', () => {
  const found = extract(
    {
      resourceType: 'PractitionerRole',
      id: 'x',
      specialty: [{ coding: [{ system: 's', code: 'A' }, { code: 'b' }] }],
      active: true,
    },
    BASE,
  );
  expect(found.tokens).toEqual(
    ['a', 's|a', 's|', 'b', '|b'].sort((a, b) => found.tokens.indexOf(a) - found.tokens.indexOf(b)),
  );
  expect(found.tokens.length).toBe(5);
});

test('the role of the directory reads its schema and nothing else', async () => {
  const own = await fresh(FIXTURE);
  const limited = openDatabase(own.database.url, { max: 1, role: 'payer_node_directory' });
  expect(await limited.sql`select count(*)::int as n from directory.resource`).toMatchObject([{ n: FIXTURE.length }]);
  await expect(limited.sql`update directory.state set change = 0`).rejects.toMatchObject({ code: '42501' });
  await own.database.sql`create table exchange.secret_of_a_test (a int)`;
  await expect(limited.sql`select * from exchange.secret_of_a_test`).rejects.toMatchObject({ code: '42501' });
  // frequencies of words, also where functions are not for everybody
  await own.database.sql`revoke execute on all functions in schema directory from public`;
  expect(await limited.sql`select entries from directory.frequent_words()`).toHaveLength(1);
  await limited.close();
});

test('a resource that breaks its profile does not claim it; one with an odd phone number does', async () => {
  const profile = 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-Practitioner';
  const person = (id: string, npi: string, phone: string) => ({
    resourceType: 'Practitioner',
    id,
    meta: { profile: [profile, 'https://plan.example/own'], tag: [{ code: 't' }] },
    identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi }],
    active: true,
    name: [{ family: 'Example', given: ['Ana'] }],
    telecom: [{ system: 'phone', value: phone }],
  });
  const database = await freshDb();
  const summary = await importResources(
    database,
    entries([person('bad', '9000000016', '8605550100'), person('odd', '9000000015', '12')]),
    {
      base: BASE,
      clock: () => NOW,
      validate: (r) => validate(r, { profiles: 'plan-net' }),
    },
  );
  expect(summary.findings).toMatchObject({ 'us-core-17': 1, 'odd-phone': 1 });
  const rows = await database.sql<
    { key: string; meta: object }[]
  >`select key, body::jsonb->'meta' as meta from directory.resource order by key`;
  const stamped = { versionId: '1', lastUpdated: NOW.toISOString() };
  expect([...rows]).toEqual([
    { key: 'Practitioner/bad', meta: { ...stamped, profile: ['https://plan.example/own'], tag: [{ code: 't' }] } },
    {
      key: 'Practitioner/odd',
      meta: { ...stamped, profile: [profile, 'https://plan.example/own'], tag: [{ code: 't' }] },
    },
  ]);
  await database.close();
});

test('a record with half of a character, which an older program took, can be replaced and deleted', async () => {
  const named = (id: string, family: string) => ({ resourceType: 'Practitioner', id, name: [{ family }] });
  const own = await fresh([named('a', 'xHALF'), named('b', 'xHALF')]);
  const { sql } = own.database;
  await sql`update directory.resource set body = replace(body, 'HALF', '\\ud83d')`;
  await sql`update directory.words set folded = replace(folded, 'half', chr(65533)), raw = replace(raw, 'HALF', chr(65533))`;
  expect(await own.find('Practitioner?family=x')).toHaveLength(2);
  await own.load([...entries([named('a', 'other')]), deletion('Practitioner/b')]);
  expect(await own.find('Practitioner?family=x')).toEqual([]);
  expect(await own.find('Practitioner?family=other')).toEqual(['Practitioner/a']);
  expect(await sql`select count(*)::int as n from directory.words where strpos(folded, chr(65533)) > 0`).toEqual([
    { n: 0 },
  ]);
});

test('two targets whose keys fold to the same 32 bits are told apart, in a load, in a merge, and in an older directory', async () => {
  const people = ['x83826', 'x89177'];
  const key = (id: string) => `Practitioner/${id}`;
  const role = (id: string, of: string) => ({
    resourceType: 'PractitionerRole',
    id,
    practitioner: { reference: key(of) },
  });
  const own = await fresh([
    ...people.map((id) => ({ resourceType: 'Practitioner', id, name: [{ family: id }] })),
    ...people.map((id) => role(`r${id}`, id)),
  ]);
  const folded = await own.database
    .sql`select count(distinct hashint8extended(rk, 806))::int as n, count(*)::int as people
    from directory.resource where type = 7`;
  expect(folded).toEqual([{ n: 1, people: 2 }]);
  const each = async (more: string[]) => {
    for (const id of people) {
      const roles = [`r${id}`, ...more.map((m) => `${m}${id}`)].map((r) => `PractitionerRole/${r}`).sort();
      expect((await own.find(`PractitionerRole?practitioner=${id}`)).sort()).toEqual(roles);
      expect((await own.find(`PractitionerRole?practitioner.family=${id}`)).sort()).toEqual(roles);
      expect(await own.find(`Practitioner?_has:PractitionerRole:practitioner:_id=r${id}`)).toEqual([key(id)]);
      const included = await body(await own.get(`Practitioner?_id=${id}&_revinclude=PractitionerRole:practitioner`));
      expect(ids(included, 'include').sort()).toEqual(roles);
    }
  };
  await each([]);
  await own.load(entries(people.map((id) => role(`s${id}`, id))));
  await each(['s']);
});
