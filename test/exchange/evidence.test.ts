// The evidence pack: the same rows give the same bytes, and one changed byte is found and named without any database.
import { createWriteStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import {
  EVIDENCE_SQL,
  type EvidenceFile,
  evidenceRows,
  inSnapshot,
} from '../../exchange/compliance/evidence/evidence-rows.ts';
import { type PackIndex, writePack } from '../../exchange/compliance/evidence/pack.ts';
import { verifyPack } from '../../exchange/compliance/evidence/verify-pack.ts';
import { complianceReport } from '../../exchange/compliance/report/compliance.ts';
import { instantsOf, readPeriod } from '../../exchange/compliance/report/period.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { type StaffNode, startStaff } from './staff/support.ts';

let s: StaffNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-evidence-'));
const pack = join(folder, 'pack.zip');
const year = new Date().getUTCFullYear();
const period = readPeriod(`${year - 1}-01-01/${year + 1}-12-31`);
if (!period) throw new Error('no period');
let index: PackIndex;

beforeAll(async () => {
  s = await startStaff();
  await keepClocks(s.ours.deps);
  index = await writePack(s.ours.deps, period, pack);
});
afterAll(async () => {
  await s.close();
  rmSync(folder, { recursive: true, force: true });
});

test('holds the rows of the period', async () => {
  const { sql } = s.ours.deps.database;
  const [n] = await sql<{ ledger: number; clocks: number; rows: number }[]>`
    select (select count(*)::int from exchange.ledger l join exchange.pull p on p.id = l.pull_id) as ledger, (select count(*)::int from exchange.deadline) as clocks,
      (select count(*)::int from exchange.audit) as rows`;
  const lines = (path: string) => index.items.find((i) => i.path === path)?.lines;
  expect(lines('ledger.jsonl')).toBe(n?.ledger);
  expect(lines('clocks.jsonl')).toBeGreaterThan(0);
  const verdict = await verifyPack(pack);
  expect(verdict.faults).toEqual([]);
  expect(verdict.rows).toBe(n?.rows);
  expect(verdict.items).toBe(index.items.length);
  expect(verdict.keys).toHaveLength(1);
});

test('holds what the report of the period counts: by when a choice was made, by when a pull ended, and who was asked for one by one', async () => {
  const { deps } = s.ours;
  const { sql } = deps.database;
  const quarter = readPeriod('2020-Q1');
  if (!quarter) throw new Error('no quarter');
  const span = { ...instantsOf(quarter, deps.config.timeZone), timeZone: deps.config.timeZone };
  await sql`insert into exchange.member (id, umb) values ('late-paper', 'late-paper')`;
  await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at)
    values ('paper', 'late-paper', 'withdraw', 'regular', '2020-03-31', 'test', '2020-04-10'), ('next', 'late-paper', 'opt-in', 'regular', '2020-04-01', 'test', '2020-04-10')`;
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at)
    values ('over-the-year', 'prior', 'done', 'test', '2019-12-31', '2020-01-07', '2019-12-31', '2020-01-05')`;
  await sql`insert into exchange.match_single (id, peer_id, at, outcome, reason, member_id) values ('one', 'prior', '2020-02-01', 'nomatch', 'no-member', null)`;
  const ids = (file: EvidenceFile, key: string) =>
    inSnapshot(sql, async (tx) => {
      const found: unknown[] = [];
      for await (const rows of evidenceRows(tx, file, span)) found.push(...rows.map((r) => JSON.parse(r)[key]));
      return found;
    });
  expect(await ids('consents.jsonl', 'id')).toEqual(['paper']);
  expect(await ids('pulls.jsonl', 'id')).toEqual(['over-the-year']);
  expect(await ids('single-matches.jsonl', 'id')).toEqual(['one']);
  const { tables } = await complianceReport(deps, { period: quarter });
  const row = tables.find((t) => t.name === 'figures')?.rows.find((r) => JSON.stringify(r).includes('"F16"'));
  expect(JSON.stringify(row)).toContain('100.0 %');
  await sql`delete from exchange.pull where id = 'over-the-year'`;
});

test('what a payer sent of a person to be matched is not in it, and no card number of a member', async () => {
  const { sql } = s.prior.deps.database;
  const cards = await sql<{ n: string }[]>`select distinct unnest(mb || sub || mbi) as n from exchange.member_profile`;
  expect(cards.length).toBeGreaterThan(3);
  const span = { from: new Date(0), to: new Date('2100-01-01'), timeZone: 'UTC' };
  let matches = 0;
  for (const file of Object.keys(EVIDENCE_SQL) as EvidenceFile[])
    await inSnapshot(sql, async (tx) => {
      for await (const rows of evidenceRows(tx, file, span)) {
        const text = rows.join('').toLowerCase();
        expect(cards.filter(({ n }) => text.includes(`"${n.toLowerCase()}"`))).toEqual([]);
        expect(text).not.toContain('"resourcetype"');
        if (file === 'matches.jsonl') matches += rows.length;
      }
    });
  expect(matches).toBeGreaterThan(0);
});

test('the same rows give the same bytes', async () => {
  const again = join(folder, 'again.zip');
  await writePack(s.ours.deps, period, again);
  expect(readFileSync(again).equals(readFileSync(pack))).toBe(true);
  await expect(writePack(s.ours.deps, period, again)).rejects.toMatchObject({ code: 'EEXIST' });
});

test('the report tells of the rows beside it: what came while it was made is in neither', async () => {
  const { deps } = s.ours;
  const { sql } = deps.database;
  const rowsOf = async (path: string, file: string) => (await filesOf(path)).parts.get(file)?.toString() ?? '';
  const meanwhile = join(folder, 'meanwhile.zip');
  const lateBefore = JSON.parse(await rowsOf(pack, 'report.json')).tables['not-in-time'].length;
  const signing: typeof deps.keys.signing = async (use) => {
    if (use === 'pseudonym')
      await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state, closed_at) values ('meanwhile', 'C2', 'meanwhile', '2026-01-01', '2026-01-08', 'met-late', '2026-01-09') on conflict do nothing`;
    return deps.keys.signing(use);
  };
  const keys = new Proxy(deps.keys, {
    get: (of, key) => (key === 'signing' ? signing : Reflect.get(of, key).bind(of)),
  });
  await writePack({ ...deps, keys }, period, meanwhile);
  expect(await sql`select 1 from exchange.deadline where id = 'meanwhile'`).toHaveLength(1);
  expect(await rowsOf(meanwhile, 'clocks.jsonl')).not.toContain('meanwhile');
  const { tables } = JSON.parse(await rowsOf(meanwhile, 'report.json'));
  expect(tables['not-in-time']).toHaveLength(lateBefore);
  await sql`delete from exchange.deadline where id = 'meanwhile'`;
});

test('a figure of the report is computed again from the rows beside it, as README.txt says', async () => {
  const { sql } = s.ours.deps.database;
  const [past, ahead] = [new Date(Date.now() - 86_400_000), new Date(Date.now() + 86_400_000)];
  const before = new Date(past.getTime() - 1000);
  const add = async (id: string, state: string, dueAt: Date, closedAt: Date | null) => {
    await sql`
      insert into exchange.deadline (id, kind, subject, starts_at, due_at, state, closed_at)
      values (${`f4-${id}`}, 'C2', ${`f4-${id}`}, ${new Date(past.getTime() - 86_400_000)}, ${dueAt}, ${state}, ${closedAt})`;
  };
  await add('met', 'met', ahead, before);
  await add('late', 'met-late', before, past);
  await add('overdue', 'attempted', past, null);
  await add('runs', 'blocked', ahead, null);
  await add('left', 'withdrawn', past, before);
  await add('left-late', 'not-applicable', before, past);
  const figure = join(folder, 'figure.zip');
  await writePack(s.ours.deps, period, figure);
  const { parts } = await filesOf(figure);
  const json = (path: string) => JSON.parse(parts.get(path)?.toString() ?? '');
  const asOf = new Date(json('index.json').asOf);
  type Line = { kind: string; due_at: string; state: string; closed_at: string | null };
  const all = (parts.get('clocks.jsonl')?.toString() ?? '').trim().split('\n');
  // the period is whole years around now: what is due is due within it
  const counted = all
    .map((l) => JSON.parse(l) as Line)
    .filter((c) => c.kind === 'C2')
    .filter((c) => !(['open', 'attempted', 'blocked'].includes(c.state) && new Date(c.due_at) >= asOf))
    .filter(
      (c) => !(['withdrawn', 'not-applicable'].includes(c.state) && new Date(c.closed_at ?? 0) <= new Date(c.due_at)),
    );
  const f4 = json('report.json').tables.figures.find((f: { figure: string }) => f.figure === 'F4');
  expect([f4.numerator, f4.denominator]).toEqual([counted.filter((c) => c.state === 'met').length, counted.length]);
  expect(counted.length).toBeGreaterThanOrEqual(4);
  expect(parts.get('README.txt')?.toString()).toContain('kind C2');
  await sql`delete from exchange.deadline where id like 'f4-%'`;
});

const changed = async (at: (bytes: Buffer) => number, name: string) => {
  const bytes = readFileSync(pack);
  const i = at(bytes);
  bytes[i] = (bytes[i] ?? 0) ^ 1;
  const file = join(folder, `${name}.zip`);
  writeFileSync(file, bytes);
  writeFileSync(`${file}.jws`, readFileSync(`${pack}.jws`));
  return (await verifyPack(file)).faults;
};
/** The files of a pack, as a reader of ZIPs finds them. */
async function filesOf(path: string): Promise<{ parts: Map<string, Buffer>; order: string[] }> {
  const zip = await openPromise(path, { autoClose: false });
  const parts = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    const read: Buffer[] = [];
    for await (const part of await zip.openReadStreamPromise(entry)) read.push(part as Buffer);
    parts.set(entry.fileName, Buffer.concat(read));
  }
  zip.close();
  return { parts, order: [...parts.keys()] };
}
const within = (text: string) => (bytes: Buffer) => bytes.indexOf(text) + 2;

test('one byte changed anywhere in a file is found and the file is named', async () => {
  expect(await changed(within('"outcome":"created"'), 'ledger')).toEqual(
    expect.arrayContaining([expect.stringMatching(/^ledger\.jsonl/)]),
  );
  expect((await changed(within('"actorKind":"system"'), 'row')).join('\n')).toMatch(/audit-rows\.jsonl|Row/);
  expect((await changed(within('"schema":"payer-node'), 'index')).length).toBeGreaterThan(0);
  expect((await changed(within('"asOf"'), 'asof')).join('\n')).toMatch(/signature|index\.json/);
});

test('each file that is changed, cut, left out, added, doubled or exchanged for another is found and named, in a ZIP that is whole', async () => {
  const { parts, order } = await filesOf(pack);
  expect(order).toEqual(
    expect.arrayContaining(['quarantine.jsonl', 'decisions.jsonl', 'audit-rows.jsonl', 'report.json']),
  );
  const judged = async (files: readonly [string, Buffer][]) => {
    const zip = new ZipFile();
    for (const [name, bytes] of files) zip.addBuffer(bytes, name, { compress: false });
    zip.end();
    const file = join(folder, 'rebuilt.zip');
    await pipeline(zip.outputStream, createWriteStream(file));
    writeFileSync(`${file}.jws`, readFileSync(`${pack}.jws`));
    return (await verifyPack(file)).faults;
  };
  const all = (name: string, bytes?: Buffer): [string, Buffer][] =>
    order.flatMap((n): [string, Buffer][] => {
      const is = n === name ? bytes : parts.get(n);
      return is === undefined ? [] : [[n, is]];
    });
  for (const name of order) {
    const bytes = parts.get(name) ?? Buffer.alloc(0);
    const flipped = Buffer.from(bytes.length > 0 ? bytes : '\n');
    if (bytes.length > 0) flipped[bytes.length >> 1] = (flipped[bytes.length >> 1] ?? 0) ^ 1;
    const isIndex = name === 'index.json';
    expect(await judged(all(name, flipped)), name).toContainEqual(
      isIndex ? expect.stringContaining('index.json') : `${name} was changed.`,
    );
    if (bytes.length > 0)
      expect(await judged(all(name, bytes.subarray(0, -1))), name).toContainEqual(
        isIndex ? expect.stringContaining('index.json') : `${name} was changed.`,
      );
    expect(await judged(all(name)), name).toContainEqual(
      isIndex ? expect.stringContaining('index.json is missing') : `${name} is missing.`,
    );
    expect(await judged([...all('', undefined), [name, bytes]]), name).toContainEqual(`${name} is there twice.`);
  }
  expect(await judged([...all(''), ['more.jsonl', Buffer.from('{}')]])).toContainEqual(
    'more.jsonl is in the pack and not in its index.',
  );
  // two with each other's rows
  const [one, two] = ['clocks.jsonl', 'ledger.jsonl'];
  const exchanged = await judged(all('').map(([n, b]) => [n, parts.get(n === one ? two : n === two ? one : n) ?? b]));
  expect(exchanged).toEqual(expect.arrayContaining([`${one} was changed.`, `${two} was changed.`]));
}, 60_000);

test('one byte changed around the files is found as well, wherever it is', async () => {
  const bytes = readFileSync(pack);
  // a time in the first header, attributes in the directory at the end, and each byte of the last 200
  expect(await changed(() => 12, 'time')).toEqual([expect.stringContaining('ZIP')]);
  expect((await changed((b) => b.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1')) + 38, 'attributes')).length).toBe(1);
  for (let back = 1; back <= 200; back++)
    expect((await changed(() => bytes.length - back, 'end')).length, `byte ${back} from the end`).toBeGreaterThan(0);
});

test('a pack that is damaged anywhere, or made by someone to do harm, is judged and never a crash', async () => {
  const { length } = readFileSync(pack);
  const { faults } = await verifyPack(pack);
  expect(faults).toEqual([]);
  // the directory of a ZIP is its end
  for (let back = 1; back < 1500; back += 11) await changed(() => length - back, 'directory');
  const cut = join(folder, 'cut.zip');
  writeFileSync(cut, readFileSync(pack).subarray(0, 5000));
  expect((await verifyPack(cut)).faults).toHaveLength(1);
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from('{"schema":"payer-node/evidence-pack/1","items":[null,{"path":1}]}'), 'index.json');
  zip.end();
  const made = join(folder, 'made.zip');
  await pipeline(zip.outputStream, createWriteStream(made));
  expect((await verifyPack(made)).faults).toHaveLength(1);
});

test('entries with names that climb, links and bombs are read within limits, and nothing of them is put anywhere', async () => {
  const made = async (name: string, change: (bytes: Buffer) => Buffer, ...entries: [string, Buffer, number?][]) => {
    const zip = new ZipFile();
    for (const [path, bytes, mode] of entries) zip.addBuffer(bytes, path, mode === undefined ? {} : { mode });
    zip.end();
    const parts: Buffer[] = [];
    for await (const part of zip.outputStream) parts.push(part as Buffer);
    const file = join(folder, `${name}.zip`);
    writeFileSync(file, change(Buffer.concat(parts)));
    return file;
  };
  const sha256 = '0'.repeat(64);
  const index = (path: string) =>
    Buffer.from(
      JSON.stringify({
        schema: 'payer-node/evidence-pack/1',
        plan: { name: 'x', npi: 'x' },
        period: { first: '2026-01-01', last: '2026-01-02' },
        asOf: 'x',
        items: [{ path, bytes: 4, sha256 }],
      }),
    );
  const renamed = (from: string, to: string) => (bytes: Buffer) =>
    Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
  const climbing = await made(
    'climbing',
    renamed('xx/xx/evil.txt', '../../evil.txt'),
    ['index.json', index('xx/xx/evil.txt')],
    ['xx/xx/evil.txt', Buffer.from('evil')],
  );
  const rooted = await made(
    'rooted',
    renamed('xetc/evil.txt', '/etc/evil.txt'),
    ['index.json', index('xetc/evil.txt')],
    ['xetc/evil.txt', Buffer.from('evil')],
  );
  const linked = await made(
    'linked',
    (b) => b,
    ['index.json', index('link')],
    ['link', Buffer.from('/etc/hostname'), 0o120777],
  );
  // 160 MB of nothing, a thousandth of it packed
  const nothing = Buffer.alloc(160 * 1024 * 1024);
  const bomb = await made('bomb', (b) => b, ['index.json', nothing]);
  const hidden = await made('hidden', (b) => b, ['index.json', index('rows.jsonl')], ['rows.jsonl', nothing]);
  const before = readdirSync(folder).sort();
  const held = process.memoryUsage().rss;
  const faults = async (file: string) => (await verifyPack(file)).faults.join(' ');
  expect(await faults(climbing)).toContain('no readable ZIP');
  expect(await faults(rooted)).toContain('no readable ZIP');
  expect(await faults(linked)).toContain('link was changed');
  expect(await faults(bomb)).toContain('index.json is missing or not readable');
  expect(await faults(hidden)).toContain('rows.jsonl cannot be read');
  expect(process.memoryUsage().rss - held).toBeLessThan(96 * 1024 * 1024);
  expect(readdirSync(folder).sort()).toEqual(before);
  for (const place of [join(folder, '..', '..', 'evil.txt'), join(folder, '..', 'evil.txt'), '/etc/evil.txt'])
    expect(existsSync(place)).toBe(false);
});

test('a pack writes over nothing, not even a signature', async () => {
  const file = join(folder, 'other.zip');
  writeFileSync(`${file}.jws`, 'kept');
  await expect(writePack(s.ours.deps, period, file)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(`${file}.jws`, 'utf8')).toBe('kept');
  expect(existsSync(file)).toBe(false);
});

test('another key’s signature, none, no pack', async () => {
  const { publicKey } = await generateKeyPair('ES384', { extractable: true });
  const other = [{ ...(await exportJWK(publicKey)), alg: 'ES384', kid: 'other' }];
  expect((await verifyPack(pack, other)).faults.join('\n')).toContain('signature does not hold');
  const bare = join(folder, 'bare.zip');
  writeFileSync(bare, readFileSync(pack));
  expect((await verifyPack(bare)).faults.join('\n')).toContain('not signed');
  writeFileSync(bare, 'no zip');
  expect((await verifyPack(bare)).faults).toHaveLength(1);
  expect((await verifyPack(join(folder, 'nothing.zip'))).faults).toHaveLength(1);
});

test('anyone who can sign but changed a row is found by the chain inside', async () => {
  // a pack made after someone with the database's own rights changed an audit row
  const { sql } = s.ours.deps.database;
  await sql`alter table exchange.audit disable trigger audit_insert_only`;
  await sql`update exchange.audit set detail = '{"members": 0}' where seq = (select min(seq) from exchange.audit where action = 'pull-planned')`;
  await sql`alter table exchange.audit enable trigger audit_insert_only`;
  const file = join(folder, 'after.zip');
  await writePack(s.ours.deps, period, file);
  const { faults } = await verifyPack(file);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain('was changed');
});
