// Directory entries that are sensitive, and what is received that names them: whatever entry of ours they are here, and in whatever order they come.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { output, reconciler } from './reconcile-pull.ts';

const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
const organization = (id: string, more: object = {}) => ({
  resourceType: 'Organization',
  id,
  active: true,
  name: id,
  ...more,
});
const visit = (id: string, names: object, patient = 'p1') => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  subject: { reference: `Patient/${patient}` },
  ...names,
});
const at = (id: string) => ({ serviceProvider: { reference: `Organization/${id}` } });

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('sensitive');
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const labels = async (origin: string) => {
  const rows = await node.sql<{ id: string; label: number }[]>`
    select coalesce(source_id, id) as id, label from exchange.resource where origin = ${origin} and type = 'Encounter' order by 1`;
  return Object.fromEntries(rows.map((r) => [r.id, r.label]));
};

test('a visit is as sensitive as the ward that comes after it', async () => {
  await node.pull([output('Encounter', visit('a', at('late')), visit('b', at('late-plain')))]);
  expect(await labels('prior')).toEqual({ a: 0, b: 0 });
  await node.pull([output('Organization', organization('late', { meta: PSY }), organization('late-plain'))]);
  expect(await labels('prior')).toEqual({ a: 1, b: 0 });
});
