// Many small files: what a file costs by itself is shared, and of those staged together all stay or none.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batches } from '../../../exchange/reconcile/stage.ts';
import type { PullFile } from '../../../exchange/requester/pull-file.ts';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(() => node.close());

const of = (lines: number | null, more: Partial<PullFile> = {}): PullFile =>
  ({ kind: 'output', state: 'downloaded', stagedLines: 0, blobKey: 'k', lines, bytes: 1000, ...more }) as PullFile;
const sizes = (files: readonly PullFile[]) => batches(files).map((b) => b.length);

test('only small files that are to be staged from their start go together', () => {
  expect(sizes([of(1), of(5000), of(1), of(2), of(null), of(0)])).toEqual([4, 1, 1]);
  const others: Partial<PullFile>[] = [
    { kind: 'deleted' },
    { state: 'staged' },
    { stagedLines: 3 },
    { blobKey: null },
    { bytes: 300_000 },
  ];
  expect(sizes([of(1), ...others.map((o) => of(1, o)), of(1)])).toEqual([2, 1, 1, 1, 1, 1]);
  expect(sizes([])).toEqual([]);
});

test('they make no more than a range', () => {
  expect(sizes(Array.from({ length: 1100 }, () => of(1)))).toEqual([500, 500, 100]);
  expect(sizes(Array.from({ length: 90 }, () => of(499)))).toEqual([40, 40, 10]);
  expect(sizes(Array.from({ length: 90 }, () => of(1, { bytes: 250_000 })))).toEqual([67, 23]);
});

const COUNT = 620;
const named = (prefix: string, day: string) => {
  const told = (id: string) => lab(id, { effectiveDateTime: `${day}T08:00:00Z` });
  return Array.from({ length: COUNT }, (_, i) => output('Observation', told(`${prefix}${i}`), told(`${prefix}${i}-b`)));
};
const written = async (pullId: string) => {
  const [row] = await node.sql<{ writes: number; units: number; staged: number }[]>`
    select count(distinct xmin::text)::int as writes, sum(units)::int as units, count(*) filter (where state = 'staged')::int as staged from exchange.pull_file where pull_id = ${pullId}`;
  return row;
};

test('six hundred files are a few writes, and each line is accounted for in its file', async () => {
  const done = await node.pull(named('a', '2026-01-01'));
  expect(done.state).toBe('done');
  expect(await written(done.id)).toEqual({ writes: 2, units: 2 * COUNT, staged: COUNT });
  const files = await node.sql`
    select file from (select file, line from exchange.ledger where pull_id = ${done.id} and outcome = 'created' group by file, line) l group by file having count(*) = 2`;
  expect(files).toHaveLength(COUNT);
  // word for word: known without being read
  const again = await node.pull(named('a', '2026-01-01'));
  expect([again.state, await written(again.id)]).toEqual(['done', { writes: 2, units: 2 * COUNT, staged: COUNT }]);
  expect(new Set((await node.ledger(again.id)).map((l) => l.split(' ')[0]))).toEqual(new Set(['unchanged']));
});

test('a process that dies between two lots goes on, and no line is there twice', async () => {
  await node.sql.unsafe(`
    create function exchange.second_lot() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$;
    create trigger second_lot before update on exchange.pull_file for each row when (new.state = 'staged' and new.position > 500) execute function exchange.second_lot()`);
  await expect(node.pull(named('c', '2026-02-02'))).rejects.toThrow('killed');
  const [pull] = await node.sql<{ id: string }[]>`select id from exchange.pull where state = 'reconciling'`;
  const id = pull?.id ?? '';
  expect(await written(id)).toMatchObject({ staged: 500 });
  await node.sql`drop function exchange.second_lot() cascade`;
  await node.goOn(id);
  expect(await written(id)).toMatchObject({ units: 2 * COUNT, staged: COUNT });
  expect((await node.ledger(id)).filter((l) => l.startsWith('created'))).toHaveLength(2 * COUNT);
});
