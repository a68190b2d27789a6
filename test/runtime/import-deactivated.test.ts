// An NPPES file says of who is deactivated no more than the NPI: what tables made of it goes with it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { importDirectory } from '../../directory/commands/import-directory.ts';
import { importResources } from '../../directory/resource/resource-import.ts';
import { BASE, entries } from '../directory/fixture.ts';
import { freshDb } from '../support/db.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-deactivated-'));
let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  vi.stubEnv('DATABASE_URL', db.url);
  vi.stubEnv('DATA_DIR', folder);
  vi.stubEnv('BASE_URL', undefined);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

const COLUMNS = [
  'NPI',
  'Entity Type Code',
  'Provider Last Name (Legal Name)',
  'Provider Organization Name (Legal Business Name)',
  'Provider First Line Business Practice Location Address',
  'Provider Business Practice Location Address City Name',
  'Provider Business Practice Location Address State Name',
  'Provider Business Practice Location Address Postal Code',
  'NPI Deactivation Date',
];
const person = (npi: string) => `${npi},1,EXAMPLE,,7 ELM WAY,HARTFORD,CT,06103,`;
const group = (npi: string) => `${npi},2,,ELM GROUP,7 ELM WAY,HARTFORD,CT,06103,`;
const deactivated = (npi: string) => `${npi},,,,,,,,01/02/2027`;

async function load(...files: string[][]): Promise<string> {
  const paths = files.map((rows, i) => {
    const path = join(folder, `npidata-${i}.csv`);
    writeFileSync(path, `${[COLUMNS.join(','), ...rows].join('\n')}\n`);
    return path;
  });
  const said: string[] = [];
  const keep = (text: string | Uint8Array) => said.push(String(text)) > 0;
  const spies = [process.stdout, process.stderr].map((s) => vi.spyOn(s, 'write').mockImplementation(keep));
  try {
    await importDirectory(paths, { rejects: join(folder, 'rejects.ndjson') });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return said.join('');
}

/** Live resources of an NPI, by the first letters of their ids. */
async function kinds(npi: string): Promise<string[]> {
  const rows = await db.sql.unsafe<{ kind: string }[]>(
    "select split_part(split_part(key, '/', 2), '-', 1) as kind from directory.resource where not deleted and key like $1 order by 1",
    [`%${npi}%`],
  );
  return rows.map((r) => r.kind);
}

test('the role of a person and the services of a group go with them; what others say of them stays', async () => {
  await load([person('9000000015'), person('9000000031'), group('9000000023')]);
  const of = { practitioner: { reference: 'Practitioner/npi-9000000015' } };
  await importResources(db, entries([{ resourceType: 'PractitionerRole', id: 'own-9000000015', ...of }]), {
    base: BASE,
    clock: () => new Date(),
  });
  expect(await kinds('9000000015')).toEqual(['npi', 'own', 'role']);
  expect(await kinds('9000000023')).toEqual(['aff', 'org', 'svc']);
  const said = await load([deactivated('9000000015'), deactivated('9000000023'), deactivated('9000000049')]);
  expect(await kinds('9000000015')).toEqual(['own']);
  expect(await kinds('9000000023')).toEqual([]);
  expect(await kinds('9000000031')).toEqual(['npi', 'role']);
  expect(said).toContain('deleted 5');
});

test('in one import too, unless a later file has them again', async () => {
  await load(
    [person('9000000015'), person('9000000031')],
    [deactivated('9000000015'), deactivated('9000000031')],
    [person('9000000031')],
  );
  expect(await kinds('9000000015')).toEqual(['own']);
  expect(await kinds('9000000031')).toEqual(['npi', 'role']);
});

test('with a person goes the telehealth that a table made', async () => {
  const path = join(folder, 'providers.csv');
  const columns = 'npi,type,last_name,specialties,address_1,city,state,zip,networks,telehealth';
  writeFileSync(path, `${columns}\n9000000049,person,Example,207Q00000X,7 Elm Way,Hartford,CT,06103,,yes\n`);
  const quiet = [process.stdout, process.stderr].map((s) => vi.spyOn(s, 'write').mockReturnValue(true));
  await importDirectory([path], { rejects: join(folder, 'rejects.ndjson') });
  for (const spy of quiet) spy.mockRestore();
  expect(await kinds('9000000049')).toEqual(['npi', 'role', 'svc']);
  await load([deactivated('9000000049')]);
  expect(await kinds('9000000049')).toEqual([]);
});
