// A node rests most of the time: some of its connections have nothing to do while others are asked. The line of those that rest, which the driver
// searches for each question, stays as short as they are many (docs/decisions/014-driver-patches.md).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb({ max: 3 });
});
afterAll(() => db.close());

test('the line of connections that rest does not grow with what is asked', async () => {
  const { sql } = db;
  // two of them, which then rest
  await Promise.all([sql`select pg_sleep(0.05)`, sql`select pg_sleep(0.05)`]);
  const push = Array.prototype.push;
  let seen = 0;
  let longest = 0;
  Array.prototype.push = function (...items: unknown[]) {
    const length = Reflect.apply(push, this, items) as number;
    const [item] = items;
    if (typeof item === 'object' && item !== null && 'idleTimer' in item && 'queue' in item) {
      seen++;
      longest = Math.max(longest, length);
    }
    return length;
  };
  try {
    for (let n = 0; n < 1000; n++) await sql`select 1`;
  } finally {
    Array.prototype.push = push;
  }
  expect(seen).toBeGreaterThan(1000);
  expect(longest).toBeLessThan(200);
});
