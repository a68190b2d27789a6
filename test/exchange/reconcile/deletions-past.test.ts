// Deletions and records told by answers that are taken in in another order than they were made: one waited for a person, or for its files.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deletions, lab, output, type RawFile, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] });
});
afterAll(() => node.close());

/** What an answer of that day of the month becomes; all were asked for before any was through. */
const told = async (day: number, file: RawFile): Promise<string> => {
  const { id } = await node.pull([file], {
    madeAt: new Date(Date.UTC(2026, 3, day)),
    createdAt: new Date(Date.UTC(2026, 3, 1)),
  });
  return (await node.ledger(id)).join();
};
const isThere = async (id: string): Promise<boolean | undefined> =>
  (await node.sql<{ deleted: boolean }[]>`select deleted from exchange.resource where source_id = ${id}`)[0]
    ?.deleted === false;

test('deleted, and deleted once more by a later answer: one between the two brings nothing back, one after them does', async () => {
  const [record, gone] = [output('Observation', lab('a')), deletions('Observation/a')];
  await told(1, record);
  expect(await told(2, gone)).toBe('retracted deleted-at-source Observation/a');
  expect(await told(6, gone)).toBe('unchanged already-retracted Observation/a');
  // an older one says nothing of the later one
  await told(3, gone);
  expect(await told(4, record)).toBe('unchanged already-retracted Observation/a');
  expect(await isThere('a')).toBe(false);
  expect(await told(7, record)).toBe('updated reinstated Observation/a');
});

test('a deletion from before the answer that the record was written of takes nothing away', async () => {
  const [record, gone] = [output('Observation', lab('b')), deletions('Observation/b')];
  await told(1, record);
  await told(2, gone);
  await told(6, record);
  expect(await told(4, gone)).toBe('unchanged stale-version Observation/b');
  expect(await isThere('b')).toBe(true);
  expect(await told(7, gone)).toBe('retracted deleted-at-source Observation/b');
});

test('a deletion that was asked for when that answer was through counts, whatever the clock there says', async () => {
  await told(6, output('Observation', lab('c')));
  await node.sql`update exchange.pull set finished_at = '2026-04-07' where finished_at is not null`;
  const { id } = await node.pull([deletions('Observation/c')], {
    madeAt: new Date('2020-01-01'),
    createdAt: new Date('2026-04-08'),
  });
  expect(await node.ledger(id)).toEqual(['retracted deleted-at-source Observation/c']);
});

test('what was entered in error, of a payer that tells no times, is not brought back by an answer from before that', async () => {
  const said = (status: string) => output('Observation', lab('d', { meta: undefined, status }));
  await told(1, said('final'));
  await told(4, said('entered-in-error'));
  expect(await told(2, said('final'))).toBe('unchanged already-retracted Observation/d');
  expect(await told(6, said('final'))).toBe('updated reinstated Observation/d');
});
