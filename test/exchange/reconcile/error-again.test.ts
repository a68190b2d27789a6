// A pull that is decided again, as its process died: what a line says that takes its record away is known as it was at first.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deletions, lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1' });
});
afterAll(() => node.close());

const told = (id: string, day: number, more: object = {}) =>
  lab(id, { meta: { lastUpdated: `2026-03-0${day}T00:00:00Z` }, ...more });
const shown = async () => {
  const rows = await node.sql<
    { id: string }[]
  >`select source_id as id from exchange.resource where origin = 'prior' and not deleted order by 1`;
  return rows.map((r) => r.id);
};

test('what was entered in error, and was gone before, is not shown', async () => {
  await node.pull([output('Observation', told('wrong', 1), told('right', 1))]);
  const inError = output('Observation', told('wrong', 2, { status: 'entered-in-error' }), told('right', 1));
  await node.pull([inError]);
  expect(await shown()).toEqual(['right']);
  // it comes again, is decided, and our own records come before another process goes on
  const again = await node.pull([inError], {
    dies: 0,
    meanwhile: () => node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' }),
  });
  expect(await node.ledger(again.id)).toEqual([
    'unchanged already-retracted Observation/wrong',
    'unchanged Observation/right',
  ]);
  expect(await shown()).toEqual(['right']);
});

test('a deletion that has nothing to take away at first does so when the record is there by then', async () => {
  await node.pull([deletions('Observation/back')]);
  const gone = deletions('Observation/back');
  const pull = await node.pull([gone], {
    dies: 0,
    createdAt: new Date(Date.now() + 60_000),
    madeAt: new Date(Date.now() + 60_000),
    meanwhile: async () => {
      await node.pull([output('Observation', told('back', 3))], { since: new Date() });
      expect(await shown()).toEqual(['back', 'right']);
    },
  });
  expect(await node.ledger(pull.id)).toEqual(['retracted deleted-at-source Observation/back']);
  expect(await shown()).toEqual(['right']);
});
