// Deletions and records reported by answers that are taken in in another order than they were made: one waited for a person, or for its files.
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

test('a deletion from before an answer that reported the record as it was takes nothing away, whatever way that one was taken in', async () => {
  const record = output('Observation', lab('e'));
  await told(1, record);
  expect(await told(6, record)).toBe('unchanged Observation/e');
  expect(await told(4, deletions('Observation/e'))).toBe('unchanged stale-version Observation/e');
  expect(await isThere('e')).toBe(true);
  // one that is read again, and not known by its line
  expect(await told(8, output('Observation', lab('e', { text: { status: 'empty', div: '<div/>' } })))).toBe(
    'unchanged Observation/e',
  );
  expect(await told(7, deletions('Observation/e'))).toBe('unchanged stale-version Observation/e');
  expect(await told(9, deletions('Observation/e'))).toBe('retracted deleted-at-source Observation/e');

  const org = output('Organization', { resourceType: 'Organization', id: 'o', name: 'A clinic' });
  await told(1, org);
  await told(6, org);
  expect(await told(4, deletions('Organization/o'))).toBe('unchanged stale-version Organization/o');
  expect(await told(7, deletions('Organization/o'))).toBe('retracted deleted-at-source Organization/o');
});

test('a deletion of what a later answer does not tell takes it away', async () => {
  await told(1, output('Observation', lab('f'), lab('g')));
  await told(6, output('Observation', lab('g')));
  expect(await told(4, deletions('Observation/f'))).toBe('retracted deleted-at-source Observation/f');
  expect(await isThere('g')).toBe(true);
});

test('of content without times that of the later answer counts; what was entered in error and is right again by a later version stays', async () => {
  const said = (value: number) =>
    output('Observation', lab('h', { meta: undefined, valueQuantity: { value, code: 'g/dL' } }));
  await told(1, said(5));
  expect(await told(6, said(5))).toBe('unchanged Observation/h');
  expect(await told(4, said(7))).toBe('unchanged stale-version Observation/h');
  expect(await told(7, said(7))).toBe('updated Observation/h');

  const version = (at: string, status: string) =>
    output('Observation', lab('i', { meta: { lastUpdated: `2026-02-0${at}T00:00:00Z` }, status }));
  await told(6, version('3', 'amended'));
  expect(await told(4, version('2', 'entered-in-error'))).toBe('unchanged stale-version Observation/i');
  expect(await isThere('i')).toBe(true);
});
