// Files that are cut off or of which a part cannot be read: what was read is imported, the summary says what was not, the exit code too.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { importDirectory } from '../../directory/commands/import-directory.ts';
import { ImportFault } from '../../src/import/reject.ts';
import { freshDb } from '../support/db.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-cut-'));
const rejects = join(folder, 'rejects.ndjson');
let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  vi.stubEnv('DATABASE_URL', db.url);
  vi.stubEnv('DATA_DIR', folder);
  vi.stubEnv('BASE_URL', undefined);
});
afterEach(() => {
  process.exitCode = undefined;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the import of a file says, and its exit code. */
async function imported(
  name: string,
  content: string | Buffer,
  network?: string,
): Promise<{ said: string; code: unknown }> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const written: string[] = [];
  const keep = (text: string | Uint8Array) => written.push(String(text)) > 0;
  const spies = [process.stdout, process.stderr].map((s) => vi.spyOn(s, 'write').mockImplementation(keep));
  try {
    await importDirectory([path], { rejects, ...(network === undefined ? {} : { network }) });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { said: written.join('').replaceAll(folder, ''), code: process.exitCode };
}

const HEAD = 'npi,type,name,specialties,address_1,city,state,zip,networks';
const row = (npi: string, name = 'Oak') => `${npi},facility,${name},3336C0003X,1 A St,Hartford,CT,06103,A`;
const organization = (id: string) => `{"resourceType":"Organization","id":"${id}","name":"A"}\n`;

test.each([
  ['whole.csv', `${HEAD}\n${row('9000000015')}\n`, 0, undefined, undefined],
  [
    'quote.csv',
    `${HEAD}\n${row('9000000015')}\n${row('9000000023', '"Elm')}`,
    1,
    1,
    'not read as a whole: /quote.csv, line 3. A quote begins',
  ],
  [
    'cut.csv.gz',
    gzipSync(
      Array.from({ length: 3000 }, (_, i) => `${i === 0 ? HEAD : row('9000000015', `${Math.random()}`)}\n`).join(''),
    ).subarray(0, -2000),
    1,
    1,
    'not read as a whole: /cut.csv.gz, line ',
  ],
  [
    'cut.ndjson.gz',
    gzipSync(organization('a') + organization('b')).subarray(0, -12),
    1,
    1,
    'not read as a whole: /cut.ndjson.gz, line 2. The compressed file is cut off',
  ],
  [
    'cut.json',
    `{"resourceType":"Bundle","type":"collection","entry":[{"resource":${organization('a')}`,
    1,
    1,
    'not read: /cut.json. The text is not valid JSON.',
  ],
  ['cut-qhp.json', '[{"npi":', 1, 1, 'not read: /cut-qhp.json. The array is cut off'],
  [
    'cut.ndjson',
    `${organization('a')}{"resourceType":`,
    1,
    1,
    'not read as a whole: /cut.ndjson, line 2. The last line is not valid JSON and has no end',
  ],
  ['history.json', '{"resourceType":"Bundle","type":"history"}', 1, 1, 'not read: /history.json. '],
  ['manifest.json', '{"output":[]}', 1, undefined, undefined],
  ['line.ndjson', `${organization('a')}{"resourceType":\n`, 1, undefined, undefined],
])('%s', async (name, content, rejected, code, sentence) => {
  const r = await imported(name, content);
  expect([r.code, r.said]).toEqual([code, expect.stringContaining(`rejected ${rejected}\n`)]);
  if (sentence === undefined) expect(r.said).not.toContain('not read');
  else expect(r.said).toContain(sentence);
  expect(r.said.includes('reasons: /rejects.ndjson')).toBe(rejected > 0);
  expect(existsSync(rejects)).toBe(rejected > 0);
});

test('an empty table, and one that is no table, stop the import before anything is read', async () => {
  await expect(imported('none.csv', '')).rejects.toThrow(/is empty: a table begins/);
  await expect(imported('other.csv', 'a,b\n1,2\n')).rejects.toThrow(ImportFault);
});

test('UTF-16, as some shells write it, is read', async () => {
  for (const name of ['sixteen.ndjson', 'sixteen.json'])
    expect(
      (await imported(name, Buffer.from(`\ufeff${organization(name.replace('.', '-'))}`, 'utf16le'))).said,
    ).toContain('created 1');
});

test('people who are put into a network that is there leave it its name', async () => {
  const plans =
    'plan_id,plan_name,product,metal,year,network,network_name,states\nH1234-001,Gold,mediadvhmo,,2027,ELM,Elm Gold Network,CT\n';
  await imported('plans.csv', plans);
  const nppes = (npi: string) =>
    `NPI,Entity Type Code,Provider Last Name (Legal Name),Provider First Name,Provider First Line Business Practice Location Address,Provider Business Practice Location Address City Name,Provider Business Practice Location Address State Name,Provider Business Practice Location Address Postal Code,Healthcare Provider Taxonomy Code_1\n${npi},1,ROE,ANA,1 A ST,HARTFORD,CT,06103,207Q00000X\n`;
  const named = async (id: string) => {
    const [row] = await db.sql<
      { body: string }[]
    >`select body from directory.resource where key = ${`Organization/${id}`}`;
    return JSON.parse(row?.body ?? '{}').name;
  };
  await imported('nppes.csv', nppes('9000000015'), 'ELM');
  expect(await named('net-ELM')).toBe('Elm Gold Network');
  await imported('nppes-2.csv', nppes('9000000031'), 'ASH');
  expect(await named('net-ASH')).toBe('ASH');
});
