// The clock of this machine beside that of the database.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sameClock } from '../../exchange/commands/doctor.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
});
afterAll(() => db.close());

test('a machine whose clock is that of the database is in order', async () => {
  expect(await sameClock(db.sql)).toBe('that of the database');
});

test.each([
  [600, 'ahead of'],
  [-600, 'behind'],
])('one that is %i seconds off is told so', async (seconds, how) => {
  await expect(sameClock(db.sql, () => Date.now() + seconds * 1000)).rejects.toThrow(how);
});

test('what the way takes is no difference', async () => {
  // the question is asked, and answered ten seconds later, by a clock that is right
  const times = [Date.now() - 10_000, Date.now()];
  expect(await sameClock(db.sql, () => times.shift() ?? 0)).toBe('that of the database');
});
