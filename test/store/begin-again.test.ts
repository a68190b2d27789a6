// Two transactions that wait for each other: one of them begins anew, and both are done.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { beginAgain } from '../../src/db/retry.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb({ lines: 2 });
  await db.sql`create table public.held (id integer primary key, n integer not null)`;
  await db.sql`insert into public.held values (1, 0), (2, 0)`;
});
afterAll(() => db.close());

test('who is ended by the server for the sake of the other one begins anew', async () => {
  let begun = 0;
  let bothBegan = () => {};
  const both = new Promise<void>((r) => {
    bothBegan = r;
  });
  const take = (first: number, second: number) =>
    beginAgain(db.sql, async (tx) => {
      await tx`update public.held set n = n + 1 where id = ${first}`;
      if (++begun === 2) bothBegan();
      await both;
      await tx`update public.held set n = n + 1 where id = ${second}`;
      return first;
    });
  expect(await Promise.all([take(1, 2), take(2, 1)])).toEqual([1, 2]);
  expect(begun).toBe(3);
  expect((await db.sql<{ n: number }[]>`select n from public.held order by id`).map((r) => r.n)).toEqual([2, 2]);
}, 30_000);

test('what fails for another reason is tried once', async () => {
  let tries = 0;
  const done = beginAgain(db.sql, async (tx) => {
    tries++;
    await tx`select 1 / 0`;
  });
  await expect(done).rejects.toThrow('division by zero');
  expect(tries).toBe(1);
});
