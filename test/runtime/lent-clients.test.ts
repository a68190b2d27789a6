// Clients that are lent (Database.lend): what rests is taken again, what was left amid something is not.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCopy } from '../../src/db/copy.ts';
import type { Sql } from '../../src/db/database.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  await db.sql`create table public.lent (n integer)`;
});
afterAll(() => db.close());

const processOf = async (client: Sql): Promise<number> => {
  const [row] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
};
const one = (): Promise<number> => db.lend(1, ([client]) => processOf(client));

test('a client that has ended its work rests, and is taken by who comes next', async () => {
  const first = await one();
  expect(await one()).toBe(first);
  expect(await db.lend(1, async ([client]) => [await processOf(client), await one()])).toEqual([
    first,
    expect.not.toSatisfy((pid) => pid === first),
  ]);
  expect(await one()).toBe(first);
});

test('several at once are several', async () => {
  const pids = await db.lend(4, (clients) => Promise.all(clients.map(processOf)));
  expect(new Set(pids).size).toBe(4);
  expect(await db.lend(4, (clients) => Promise.all(clients.map(processOf)))).toEqual(pids);
});

test('work that fails amid a COPY leaves nothing behind: no row, and no client for others', async () => {
  const before = await one();
  let amid = 0;
  const work = db.lend(1, async ([client]) => {
    amid = await processOf(client);
    const into = await openCopy(client, 'copy public.lent (n) from stdin');
    await into.write(Buffer.from('1\n2\n'));
    throw new Error('given up');
  });
  await expect(work).rejects.toThrow('given up');
  expect(amid).toBe(before);
  expect(await one()).not.toBe(amid);
  expect(await db.sql`select n from public.lent`).toEqual([]);
});

test('work that fails amid a cursor leaves no client for others', async () => {
  let amid = 0;
  const work = db.lend(1, async ([client]) => {
    amid = await processOf(client);
    for await (const rows of client`select generate_series(1, 1000) as n`.cursor(10))
      if (rows[0]?.['n'] === 11) throw new Error('given up');
  });
  await expect(work).rejects.toThrow('given up');
  const next = await db.lend(1, async ([client]) => [await processOf(client), (await client`select 7 as n`)[0]?.['n']]);
  expect(next).toEqual([expect.not.toSatisfy((pid) => pid === amid), 7]);
});

test('one whose connection the server ended while it rested connects anew', async () => {
  const first = await one();
  expect(await db.sql`select pg_terminate_backend(${first}, 5000) as ended`).toEqual([{ ended: true }]);
  expect(await one()).not.toBe(first);
});

test('work does not meet a connection of which this process has not seen yet that it ended', async () => {
  const first = await one();
  // this process stands still meanwhile
  const end = `import postgres from 'postgres';
    const sql = postgres(${JSON.stringify(db.url)}, { max: 1 });
    await sql\`select pg_terminate_backend(${first}, 5000)\`;
    await sql.end();`;
  execFileSync(process.execPath, ['--input-type=module', '-e', end]);
  expect(await one()).not.toBe(first);
});

test('each statement is planned for its own values, and closing the database ends who rests', async () => {
  const node = openDatabase(db.url, { max: 1, name: 'closing' });
  const modes = await node.lend(2, (clients) =>
    Promise.all(clients.map(async (c) => (await c`show plan_cache_mode`)[0]?.['plan_cache_mode'] as string)),
  );
  expect(modes).toEqual(['force_custom_plan', 'force_custom_plan']);
  const left = async () => {
    const [row] = await db.sql`select count(*)::int as n from pg_stat_activity where application_name = 'closing copy'`;
    return row?.['n'] as number;
  };
  expect(await left()).toBe(2);
  await node.close();
  await expect.poll(left).toBe(0);
});
