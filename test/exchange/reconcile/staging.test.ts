// What is staged goes when its work is done: all at once where no one else has anything there, row by row beside others.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clearStaging } from '../../../exchange/records/staging.ts';
import { reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

const ROWS = 12_000;
/** Staged units of a work with a kilobyte of text each. */
async function stage(work: string, rows: number): Promise<void> {
  await node.sql`insert into exchange.staging (pull_id, file, line, entry, type, source_id) select ${work}, 1, n, 0, 'Observation', 'o' || n from generate_series(1, ${rows}::int) n`;
  await node.sql`insert into exchange.staged_text (pull_id, file, line, entry, body) select ${work}, 1, n, 0, repeat('x', 1000) from generate_series(1, ${rows}::int) n`;
}
const staged = async (work: string) => {
  const [row] = await node.sql<{ units: number; texts: number }[]>`
    select (select count(*)::int from exchange.staging where pull_id = ${work}) as units, (select count(*)::int from exchange.staged_text where pull_id = ${work}) as texts`;
  return [row?.units, row?.texts];
};
const bytes = async () => {
  const [row] = await node.sql<{ n: number }[]>`select pg_table_size('exchange.staged_text')::int as n`;
  return row?.n ?? 0;
};

test.each(['a', 'z'])('beside another work (%s), only its own rows go', async (other) => {
  await stage('work', ROWS);
  await stage(other, 1);
  await clearStaging(node.sql, 'work');
  expect([await staged('work'), await staged(other)]).toEqual([
    [0, 0],
    [1, 1],
  ]);
  await clearStaging(node.sql, other);
  expect(await staged(other)).toEqual([0, 0]);
});

test('a work that is prepared and no longer staged counts as another', async () => {
  await stage('work', ROWS);
  await node.sql`insert into exchange.staged_reference (pull_id, file, line, entry, final) values ('other', 1, 1, 0, '{}')`;
  await clearStaging(node.sql, 'work');
  expect(await node.sql`select pull_id from exchange.staged_reference`).toMatchObject([{ pull_id: 'other' }]);
  await clearStaging(node.sql, 'other');
});

test('alone, its room is given back', async () => {
  await stage('work', ROWS);
  expect(await bytes()).toBeGreaterThan(8 * 1024 * 1024);
  await clearStaging(node.sql, 'work');
  expect([await staged('work'), (await bytes()) < 100_000]).toEqual([[0, 0], true]);
});

test('while others read there, no one waits', async () => {
  await stage('work', ROWS);
  await node.sql.begin(async (tx) => {
    await tx`select count(*) from exchange.staging`;
    await clearStaging(node.sql, 'work');
  });
  expect(await staged('work')).toEqual([0, 0]);
  expect(await bytes()).toBeGreaterThan(8 * 1024 * 1024);
});
