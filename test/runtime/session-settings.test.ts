// A server of somebody else's has defaults of its own. With jit on, a pull took minutes instead of seconds.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/runtime/node.ts';
import { requestDatabase } from '../../src/runtime/workers.ts';
import type { Sql } from '../../src/store/database.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  const [row] = await db.sql<{ name: string }[]>`select current_database() as name`;
  await db.sql.unsafe(`alter database ${row?.name ?? ''} set jit = on`);
  await db.sql.unsafe(`alter database ${row?.name ?? ''} set random_page_cost = 4`);
});
afterAll(() => db.close());

const settings = async (sql: Sql) =>
  (await sql`select current_setting('jit') as jit, current_setting('random_page_cost') as cost`)[0];
const OURS = { jit: 'off', cost: '1.1' };

test('every connection of a node has what its statements were written for', async () => {
  const node = openDatabase(db.url, { max: 2, lines: 1 });
  const reader = openDatabase(db.url, { max: 1, keepsPlans: true, statementTimeoutMs: 5000 });
  const copy = node.dedicated('copy');
  expect(await Promise.all([node.sql, reader.sql, copy].map(settings))).toEqual([OURS, OURS, OURS]);
  await copy.end();
  await Promise.all([node.close(), reader.close()]);
});

test('and so has one of a Worker', async () => {
  const ended: Promise<unknown>[] = [];
  const worker = requestDatabase(db.url, { waitUntil: (work: Promise<unknown>) => void ended.push(work) } as never);
  expect(await settings(worker.sql)).toEqual(OURS);
  worker.close();
  await Promise.all(ended);
});
