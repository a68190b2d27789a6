// The embedded server under those who use it: killed (kill -9), it is there again at the same place, with what was committed and
// with the locks that say who uses it.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { clientOf } from '../../src/db/database-address.ts';
import { databaseBeside } from '../../src/db/migrate.ts';
import { type EmbeddedPostgres, embeddedPostgres } from '../../src/runtime/embedded-postgres.ts';
import { faultSentence } from '../../src/runtime/fault.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { binFolder, freePort, initialize, start } from '../../src/runtime/postgres-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-embedded-'));
const OPTIONS = { settings: { shared_buffers: '16MB' } };
let restarts = 0;
let mine: EmbeddedPostgres;
const processId = () => Number(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);

beforeAll(async () => {
  mine = await embeddedPostgres(folder, { ...OPTIONS, onRestart: () => restarts++ });
});
afterAll(async () => {
  await mine.release();
  rmSync(folder, { recursive: true, force: true });
});

test('a server that is killed is started again, and is still in use', async () => {
  expect(await mine.claimNode()).toBe(true);
  const url = await mine.url('plan');
  const sql = clientOf(url, { max: 1, onnotice: () => {} });
  await sql`create table kept (n integer)`;
  await sql`insert into kept values (7)`;
  const before = processId();
  process.kill(before, 'SIGKILL');
  await expect.poll(() => restarts, { timeout: 30_000 }).toBe(1);
  expect(processId()).not.toBe(before);
  await expect.poll(() => sql`select n from kept`.then((r) => r[0]?.['n']).catch(() => 0), { timeout: 30_000 }).toBe(7);
  await sql.end({ timeout: 1 });
  // the lock of who serves is held again: another process does not get it, and its leaving does not stop the server
  const other = await embeddedPostgres(folder, OPTIONS);
  await expect.poll(() => other.claimNode(), { timeout: 10_000 }).toBe(false);
  await other.release();
  expect(await mine.url('plan')).toBe(url);
});

test('who comes while the last one to leave stops the server gets one that runs', async () => {
  const place = mkdtempSync(join(tmpdir(), 'payer-node-stopping-'));
  try {
    let held = await embeddedPostgres(place, OPTIONS);
    for (let wait = 0; wait < 200; wait += 40) {
      const left = held.release();
      await new Promise((r) => setTimeout(r, wait));
      const [next] = await Promise.all([embeddedPostgres(place, OPTIONS), left]);
      held = next;
      const sql = clientOf(await held.url('plan'), { max: 1, onnotice: () => {} });
      // the former one may have stopped it after we came: it is started again at once
      await expect.poll(() => sql`select 1 as n`.then((r) => r[0]?.['n']).catch(() => 0), { timeout: 30_000 }).toBe(1);
      await sql.end({ timeout: 1 });
    }
    await held.release();
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}, 240_000);

test('who writes into a connection that the server has just closed asks by another one', async () => {
  const url = await mine.url('plan');
  const port = Number(new URL(url).port);
  const write = Reflect.get(Socket.prototype, 'write') as (...args: unknown[]) => boolean;
  let broken = 0;
  const spy = vi.spyOn(Socket.prototype, 'write').mockImplementation(function (this: Socket, ...args: unknown[]) {
    if (this.remotePort !== port || broken > 0) return Reflect.apply(write, this, args);
    broken++;
    this.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    return false;
  });
  try {
    expect(await mine.url('plan')).toBe(url);
    expect(broken).toBe(1);
  } finally {
    spy.mockRestore();
  }
});

test('two who make the same database at once both have it', async () => {
  const others = await Promise.all([1, 2, 3].map(() => embeddedPostgres(folder, OPTIONS)));
  try {
    for (const name of ['first', 'second']) {
      const urls = await Promise.all([mine, ...others].map((server) => server.url(name)));
      expect(new Set(urls)).toEqual(new Set([await mine.url(name)]));
    }
  } finally {
    for (const other of others) await other.release();
  }
});

test('who asks while the server is started again is answered', async () => {
  const url = await mine.url('plan');
  const before = restarts;
  process.kill(processId(), 'SIGKILL');
  // at once, while it falls, and while it comes
  const asked: Promise<string>[] = [];
  for (let n = 0; n < 20; n++) {
    asked.push(mine.url('plan'));
    await new Promise((r) => setTimeout(r, 10));
  }
  // by its socket or not, as that was there in the moment
  const place = (address: string) => address.replace(/\?.*/, '');
  expect(new Set((await Promise.all(asked)).map(place))).toEqual(new Set([place(url)]));
  expect(await mine.claimNode()).toBe(true);
  await expect.poll(() => restarts, { timeout: 30_000 }).toBe(before + 1);
});

test('a server whose program was removed while it ran gives way to one of this program', async () => {
  const place = mkdtempSync(join(tmpdir(), 'payer-node-removed-'));
  const dir = join(place, 'postgres');
  const runs = () => Number(readFileSync(join(dir, 'postmaster.pid'), 'utf8').split('\n')[0]);
  try {
    initialize(binFolder(), dir, 'a-password-of-this-test');
    // left behind by a node that was killed
    await start(binFolder(), dir, await freePort(), OPTIONS);
    const [before, as] = [runs(), readFileSync(join(dir, 'postmaster.opts'), 'utf8')];
    // as long as its program is there it is used
    const first = await embeddedPostgres(place, OPTIONS);
    expect(runs()).toBe(before);
    await first.release();
    await start(binFolder(), dir, await freePort(), OPTIONS);
    const left = runs();
    writeFileSync(join(dir, 'postmaster.opts'), as.replace(binFolder(), '/removed/node_modules/postgres/bin'));
    const held = await embeddedPostgres(place, OPTIONS);
    expect(runs()).not.toBe(left);
    expect(() => process.kill(left, 0)).toThrow('ESRCH');
    expect(readFileSync(join(dir, 'postmaster.opts'), 'utf8')).toContain(binFolder());
    const sql = clientOf(await held.url('plan'), { max: 1, onnotice: () => {} });
    expect(await sql`select 1 as n`).toEqual([{ n: 1 }]);
    await sql.end({ timeout: 1 });
    await held.release();
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

test('a server that does not start is told in its own words of now, each once', async () => {
  const place = mkdtempSync(join(tmpdir(), 'payer-node-wrong-'));
  try {
    writeFileSync(join(place, 'postgres.log'), 'LOG:  database system is shut down\n');
    const wrong = embeddedPostgres(place, { settings: { shared_buffers: 'many' } }).catch((e: Error) => e.message);
    const said = await wrong;
    expect(said).toMatch(/^The embedded PostgreSQL did not start: .*shared_buffers/);
    expect(said).not.toContain('shut down');
    expect(String(said).split('invalid value')).toHaveLength(2);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

test('sockets of servers that were killed do not stay', async () => {
  const dir = join(folder, 'postgres');
  const { port } = new URL(await mine.url('plan'));
  for (const left of ['.s.PGSQL.1', '.s.PGSQL.1.lock']) writeFileSync(join(dir, left), '');
  const before = restarts;
  process.kill(processId(), 'SIGKILL');
  await expect.poll(() => restarts, { timeout: 30_000 }).toBeGreaterThan(before);
  const sockets = () =>
    readdirSync(dir)
      .filter((file) => file.startsWith('.s.PGSQL.'))
      .sort();
  await expect.poll(sockets, { timeout: 30_000 }).toEqual([`.s.PGSQL.${port}`, `.s.PGSQL.${port}.lock`]);
});

test('it is asked by its socket, which only its owner may use', async () => {
  const url = await mine.url('plan');
  const { port, password, searchParams } = new URL(url);
  const dir = join(folder, 'postgres');
  expect(searchParams.get('host')).toBe(dir);
  expect(statSync(join(dir, `.s.PGSQL.${port}`)).mode & 0o777).toBe(0o700);
  const host = encodeURIComponent(dir);
  const beside = await databaseBeside(url, 'beside');
  for (const [address, isLocal, name] of [
    [url, true, 'plan'],
    [url.replace(/\?.*/, ''), false, 'plan'],
    [beside, true, 'plan_beside'],
    [`postgres://postgres@/plan?host=${host}&port=${port}&password=${password}`, true, 'plan'],
    [`postgres:///plan?host=${host}&user=postgres&port=${port}&password=${password}`, true, 'plan'],
    [`postgres://postgres:${password}@${host}:${port}/plan`, true, 'plan'],
    [`${url}&sslmode=require`, true, 'plan'],
    [`postgres://postgres:${password}@elsewhere.invalid:${port}/plan?host=127.0.0.1`, false, 'plan'],
  ] as const) {
    const opened = openDatabase(address, { max: 1, lines: 1 });
    const [row] = await opened.sql`select inet_client_addr() is null as local, current_database()::text as name`;
    expect(row, address.replace(password, '')).toEqual({ local: isLocal, name });
    await opened.close();
  }
});

test('what it refuses stands in no file: the row may be a member’s', async () => {
  const opened = openDatabase(await mine.url('plan'), { max: 1 });
  const { sql } = opened;
  await sql`create table said (name text primary key, born date)`;
  await sql`insert into said values ('Rivera', null)`;
  const refused = [
    sql`insert into said values ('Rivera', null)`,
    sql`select ${'of Rivera'}::text::date`,
    sql.unsafe("select 1 from said where name = 'Rivera' and born = 'x'"),
  ];
  for (const one of refused) await expect(one).rejects.toThrow();
  await opened.close();
  const log = readFileSync(join(folder, 'postgres.log'), 'utf8');
  expect(log).toContain('ready to accept connections');
  expect(log).not.toContain('Rivera');
});

test('a socket that is not there is told', async () => {
  const opened = openDatabase(`postgres://own@/plan?host=${encodeURIComponent(join(folder, 'none'))}`, { max: 1 });
  const away = await opened.sql`select 1`.catch((error: unknown) => error);
  await opened.close();
  expect(faultSentence(away)).toBe(
    `The database cannot be reached at ${join(folder, 'none/.s.PGSQL.5432')} (ENOENT). Check DATABASE_URL.`,
  );
});

test.each([
  ['whose path is longer than a socket’s may be', 'x'.repeat(100)],
  ['that the setting could not name', 'a,b'],
])(
  'a folder %s is served over TCP',
  async (_, name) => {
    const other = await embeddedPostgres(join(folder, name), OPTIONS);
    const url = await other.url('plan');
    expect(url).not.toContain('host=');
    const sql = clientOf(url, { max: 1 });
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
    await sql.end();
    await other.release();
  },
  60_000,
);

const hasIpv6 = Object.values(networkInterfaces()).some((of) => of?.some(({ address }) => address === '::1'));
test.skipIf(!hasIpv6)(
  'a server is found by an IPv6 address, alone, in the query and among others',
  async () => {
    const other = await embeddedPostgres(join(folder, 'six'), {
      settings: { ...OPTIONS.settings, listen_addresses: '127.0.0.1,::1' },
    });
    const { port, password } = new URL(await other.url('plan'));
    for (const place of [
      `@[::1]:${port}/plan`,
      `@/plan?host=::1&port=${port}`,
      `@[::1]/plan?port=${port}`,
      `@127.0.0.1:1,[::1]:${port}/plan`,
      `@/plan?host=127.0.0.1,::1&port=1,${port}`,
    ]) {
      const opened = openDatabase(`postgres://postgres:${password}${place}`, { max: 1, lines: 1 });
      const [row] = await opened.sql`select host(inet_server_addr()) as address`;
      expect(row, place).toEqual({ address: '::1' });
      await opened.close();
    }
    await other.release();
  },
  60_000,
);
