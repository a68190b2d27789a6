// A server of somebody else's has defaults of its own. With jit on, a pull took minutes instead of seconds.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Sql } from '../../src/db/database.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  const [row] = await db.sql<{ name: string }[]>`select current_database() as name`;
  for (const [name, value] of Object.entries(THEIRS))
    await db.sql.unsafe(`alter database ${row?.name ?? ''} set ${name} = '${value}'`);
});
afterAll(() => db.close());

const THEIRS = {
  jit: 'on',
  random_page_cost: '4',
  work_mem: '1MB',
  statement_timeout: '300ms',
  lock_timeout: '200ms',
  idle_in_transaction_session_timeout: '200ms',
  timezone: 'Asia/Kolkata',
  datestyle: 'SQL, DMY',
  default_transaction_isolation: 'repeatable read',
};
const OURS = {
  jit: 'off',
  random_page_cost: '1.1',
  work_mem: '16MB',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  default_transaction_isolation: 'read committed',
};
const settings = async (sql: Sql) =>
  Object.fromEntries(
    (
      await sql<{ name: string; value: string }[]>`
        select name, current_setting(name) as value from unnest(${Object.keys(THEIRS)}::text[]) name`
    ).map((r) => [r.name, r.value]),
  );

test('every connection of a node has what its statements were written for', async () => {
  const node = openDatabase(db.url, { max: 2, lines: 1 });
  const reader = openDatabase(db.url, { max: 1, keepsPlans: true, statementTimeoutMs: 5000 });
  const copy = node.dedicated('copy');
  expect(await Promise.all([node.sql, reader.sql, copy].map(settings))).toEqual([
    OURS,
    { ...OURS, statement_timeout: '5s' },
    OURS,
  ]);
  await copy.end();
  await Promise.all([node.close(), reader.close()]);
});

test('work that takes longer than the server lets others take ends well, and so does one that waits amid a transaction', async () => {
  const node = openDatabase(db.url, { max: 2 });
  const slept = await node.sql.begin(async (tx) => {
    await tx`select pg_sleep(0.4)`;
    await new Promise((r) => setTimeout(r, 400));
    return (await tx<{ n: number }[]>`select 1 as n`)[0]?.n;
  });
  expect(slept).toBe(1);
  await node.close();
});
