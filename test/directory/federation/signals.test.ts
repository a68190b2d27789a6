// Signals that ask the registry of providers, the map, and other directories; each finds what was put there and nothing else.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linkDue } from '../../../directory/federation/link.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import { loadRegistry, lookForSignals, type NppesRow, registryRow } from '../../../directory/federation/signals.ts';
import { measureAccuracy, signalList } from '../../../directory/federation/truth.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { entries } from '../fixture.ts';
import { npi, records, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

let dir: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
let found: Record<string, number>;
const keys = async (name: string) => (await signalList(w.sql, name, 50)).map((s) => s.key);

const place = (id: string, latitude: number, longitude: number, postalCode: string): Resource => ({
  resourceType: 'Location',
  id,
  status: 'active',
  name: id,
  address: { line: [`${id} Way`], city: 'X', postalCode },
  position: { latitude, longitude },
});
const role = (id: string, practitioner: string, location: string, more: JsonObject = {}): Resource => ({
  resourceType: 'PractitionerRole',
  id,
  active: true,
  practitioner: { reference: `Practitioner/${practitioner}` },
  location: [{ reference: `Location/${location}` }],
  telecom: [{ system: 'phone', value: '860-555-0100' }],
  ...more,
});
const row = (n: number, more: NppesRow = {}): NppesRow => ({
  NPI: npi(n),
  'Entity Type Code': '1',
  'Provider Last Name (Legal Name)': `RIVERA${n}`,
  'Provider Business Practice Location Address State Name': 'CT',
  ...more,
});

const all = async (rows: AsyncIterable<NppesRow>) => {
  const list: NppesRow[] = [];
  for await (const r of rows) list.push(r);
  return list;
};
async function* each(rows: readonly NppesRow[]) {
  yield* rows;
}

beforeAll(async () => {
  dir = await scriptedDirectory();
  w = await world();
  const own = records(6).filter((r) => r.resourceType !== 'PractitionerRole');
  // along a line of two hundred miles; those who read slides may be everywhere
  for (let n = 0; n < 12; n++) own.push(place(`far${n}`, 41 + n * 0.27, -72.68, ''));
  for (let n = 0; n < 12; n++) own.push(place(`close${n}`, 41.7 + n * 0.01, -72.68, ''));
  for (let n = 0; n < 12; n++)
    own.push(
      role(`a${n}`, 'p1', `far${n}`),
      role(`b${n}`, 'p2', `close${n}`),
      role(`c${n}`, 'p3', `far${n}`, {
        specialty: [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '207ZP0101X' }] }],
      }),
    );
  own.push(
    place('astray', 34.05, -118.24, '06103'),
    role('left', 'p4', 'close1', { period: { end: '2027-02-10' } }),
    role('leaving', 'p4', 'close1', { period: { end: '2027-02-26' } }),
    role('stays', 'p4', 'close1', { period: { start: '2026-01-01', end: '2030-01-01' } }),
  );
  await importResources(w.database, entries(own), {
    base: 'https://plan.example/directory/fhir',
    clock: () => w.state.now,
  });
  const other = dir.script.records.find((r) => r['id'] === 'p5') as Resource;
  other['address'] = [{ line: ['99 Other Road'], city: 'Hartford', state: 'CT', postalCode: '06103' }];
  await w.add('oak', dir.fhir);
  await w.harvest('oak');
  await mergeDue(w.deps);
  await linkDue(w.deps);
  const registry = [
    row(1),
    row(2, { 'NPI Deactivation Date': '01/31/2027' }),
    row(3, { 'NPI Deactivation Date': '01/31/2026', 'NPI Reactivation Date': '02/01/2026' }),
    row(4, { 'Provider Last Name (Legal Name)': 'Stone' }),
    row(5, { 'Provider Business Practice Location Address State Name': 'NY' }),
    { NPI: npi(999), 'Entity Type Code': '1', 'Provider Last Name (Legal Name)': 'Elm' },
    { NPI: 'x' },
  ];
  expect(await loadRegistry(w.deps, each(registry), '2027-03-05')).toEqual({ taken: 6, passed: 1 });
  found = await lookForSignals(w.deps);
});
afterAll(async () => {
  await w.close();
  await dir.close();
});

test.each([
  ['far-places', ['Practitioner/p1']],
  ['outside-zip', ['Location/astray']],
  ['left-not-removed', ['PractitionerRole/left']],
  ['address-differs', ['Practitioner/p5']],
  ['registry-deactivated', ['Practitioner/p2']],
  ['registry-unknown', ['Practitioner/p6']],
  ['registry-type', ['Organization/clinic']],
  ['registry-name', ['Practitioner/p4']],
  ['registry-state', ['Practitioner/p5']],
])('%s', async (name, expected) => {
  expect(await keys(name)).toEqual(expected);
  expect(found[name]).toBe(expected.length);
});

describe('an extract', () => {
  test('that is older than the records says nothing of what it does not know', async () => {
    await loadRegistry(w.deps, each([row(1)]), '2020-01-01');
    expect(await lookForSignals(w.deps)).toMatchObject({ 'registry-unknown': 0, 'registry-deactivated': 0 });
  });
  test('that breaks off changes nothing', async () => {
    const broken = (async function* () {
      yield row(2);
      throw new Error('cut');
    })();
    await expect(loadRegistry(w.deps, broken, '2027-03-05')).rejects.toThrow('cut');
    expect(await w.sql`select npi::text as npi from federation.registry`).toEqual([{ npi: npi(1) }]);
  });
  test('of a number that is gone has nothing but its day', () =>
    expect(registryRow({ NPI: npi(7), 'Entity Type Code': '', 'NPI Deactivation Date': '01/31/2026' })).toMatchObject({
      deactivated: '2026-01-31',
      name: '',
    }));
  test('numbers that are no more are read with a title, a header or neither; another file does not take the place of the list', async () => {
    const { deactivatedRows } = await import('../../../directory/commands/harvest-signals.ts');
    const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-deactivated-'));
    const file = (content: string) => {
      const path = join(folder, 'list.csv');
      writeFileSync(path, content);
      return path;
    };
    try {
      const row = `${npi(1)},01/31/2026`;
      for (const before of ['', 'NPI,NPPES Deactivation Date\r\n', 'Report as of January 2026\nNPI,Date\n'])
        expect((await deactivatedRows(file(`${before}${row}\n`))).at(-1)).toEqual([npi(1), '01/31/2026']);
      for (const content of ['', 'a,b\n1,2\n', `${row}\n${npi(2)},"01/3`])
        await expect(deactivatedRows(file(content))).rejects.toThrow(/Nothing was changed/);
      await expect(deactivatedRows(join(folder, 'none'))).rejects.toThrow(/cannot be read/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  test('is read from a file, plain or gzip; another table is refused in a sentence', async () => {
    const { registryRows } = await import('../../../directory/commands/harvest-signals.ts');
    const { gzipSync } = await import('node:zlib');
    const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-registry-'));
    try {
      const csv = `"NPI","Entity Type Code","Provider Last Name (Legal Name)"\n"${npi(1)}","1","RIVERA"\n`;
      writeFileSync(join(folder, 'a.csv'), csv);
      writeFileSync(join(folder, 'b.csv.gz'), gzipSync(csv));
      writeFileSync(join(folder, 'c.csv'), 'a,b\n1,2\n');
      writeFileSync(join(folder, 'd.csv.gz'), 'no gzip');
      for (const name of ['a.csv', 'b.csv.gz'])
        expect(await all(registryRows(join(folder, name)))).toMatchObject([{ NPI: npi(1) }]);
      writeFileSync(join(folder, 'cut.csv'), `${csv}"${npi(2)}","1","RIV`);
      writeFileSync(join(folder, 'cut.csv.gz'), gzipSync(csv.repeat(20)).subarray(0, -9));
      for (const name of ['c.csv', 'd.csv.gz', 'none.csv', 'cut.csv', 'cut.csv.gz'])
        await expect(all(registryRows(join(folder, name)))).rejects.toThrow(/ (is no extract|cannot be read)/);
      // one row that is wrong does not hold up millions
      writeFileSync(join(folder, 'row.csv'), `${csv}"2","A, B" C\n"${npi(3)}","1","OAK"\n`);
      expect((await all(registryRows(join(folder, 'row.csv')))).map((r) => r['NPI'])).toEqual([
        npi(1),
        undefined,
        npi(3),
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('the measures of a day read the signals once, not for each entry; entries without a signal are counted', async () => {
  await w.sql.begin(async (tx) => {
    await tx`insert into federation.signal (rk, name, key, weight, evidence, found_at)
      select rk, n, key, 1, '', now() from federation.feature, unnest(array['verify-due', 'never-verified']) n where peer = '' on conflict do nothing`;
    const scans = async () =>
      (
        await tx<{ n: number }[]>`select (seq_scan + idx_scan)::int as n
          from pg_stat_xact_user_tables where schemaname = 'federation' and relname = 'signal'`
      )[0]?.n ?? 0;
    const before = await scans();
    await measureAccuracy(tx, w.state.now);
    expect((await scans()) - before).toBe(1);
    const told = await tx<{ n: number; of: number }[]>`select n, of from federation.accuracy
      where measure = 'without a signal' and day = ${w.state.now}::date`;
    const counted = await tx<{ n: number; of: number }[]>`select count(*) filter (where not exists (
        select from federation.signal s where s.rk = f.rk and settled_by is null and name not like 'verify-%' and name <> 'never-verified'))::int as n,
        count(*)::int as of from federation.feature f where peer = '' and not is_network and type in (5, 7)`;
    expect(told).toEqual(counted);
    expect(counted[0]?.n).toBeLessThan(counted[0]?.of ?? 0);
  });
});
