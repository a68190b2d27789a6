import { afterAll, beforeAll, expect, test } from 'vitest';
import { OUR_BASE, output, reconciler } from './reconcile-pull.ts';

const PSY = 'PSY';
const at = (day: number, label?: string) => ({
  meta: {
    lastUpdated: `2026-09-0${day}T00:00:00Z`,
    ...(label && { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: label }] }),
  },
});
const subject = { subject: { reference: 'Patient/p1' } };
const visit = (id: string, more: object) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  ...subject,
  ...more,
});
const result = (id: string, of: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: id },
  ...subject,
  encounter: { reference: `Encounter/${of}` },
  ...more,
});

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('regular');
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(() => node.close());
const labels = async () => {
  const rows = await node.sql<{ id: string; label: number }[]>`
    select source_id as id, label from exchange.resource where origin = 'prior' and not deleted order by 1`;
  return Object.fromEntries(rows.map((r) => [r.id, r.label]));
};

test('it is as sensitive as that one, in whatever order they come, and as far as references lead', async () => {
  await node.pull([
    output('Observation', result('same-pull', 'secret'), result('of-plain', 'plain')),
    output('Encounter', visit('secret', at(1, PSY)), visit('plain', at(1))),
  ]);
  expect(await labels()).toEqual({ 'same-pull': 1, 'of-plain': 0, plain: 0 });
  await node.pull([
    output(
      'Observation',
      result('later', 'secret'),
      result('of-it', 'none', { derivedFrom: [{ reference: 'Observation/later' }] }),
    ),
  ]);
  expect(await labels()).toMatchObject({ 'same-pull': 1, later: 1, 'of-it': 1, 'of-plain': 0 });
});

test('also when what it refers to is labelled later, until it comes without a label', async () => {
  await node.pull([output('Encounter', visit('plain', at(2, '42CFRPart2')))]);
  expect(await labels()).toEqual({ 'same-pull': 1, later: 1, 'of-it': 1, 'of-plain': 2 });
  await node.pull([output('Encounter', visit('plain', at(3)), visit('secret', at(3)))]);
  expect(await labels()).toEqual({ 'same-pull': 0, later: 0, 'of-it': 0, 'of-plain': 0, plain: 0, secret: 0 });
});

test('also what refers to it by urn:uuid: and the id that it has where it comes from', async () => {
  const id = '5F0C1D7E-8a3b-4a44-9c55-0123456789ab';
  const byUuid = { encounter: { reference: `urn:uuid:${id.toUpperCase()}` } };
  await node.pull([
    output('Encounter', visit(id, at(1, PSY))),
    output(
      'Observation',
      result('by-uuid', 'none', byUuid),
      result('by-other', 'none', { encounter: { reference: `urn:uuid:${id.replace('5', '6')}` } }),
    ),
  ]);
  expect(await labels()).toMatchObject({ 'by-uuid': 1, 'by-other': 0 });
});

test('of one of which a newer version is held the former one is hidden, whatever comes with it', async () => {
  await node.pull([output('Encounter', visit('turned', at(1)))]);
  expect(await labels()).toMatchObject({ turned: 0 });
  await node.pull([output('Encounter', visit('turned', at(2, PSY)), visit('beside', at(2)))]);
  const now = await labels();
  expect(now).toMatchObject({ beside: 0 });
  expect(now).not.toHaveProperty('turned');
});

test('also one that was as sensitive as another record, by which it says nothing of the choice that it was had under', async () => {
  await node.pull([
    output('Encounter', visit('ward', at(1, PSY))),
    output('Observation', result('at-ward', 'ward', at(1)), result('stays', 'ward', at(1))),
  ]);
  expect(await labels()).toMatchObject({ 'at-ward': 1, stays: 1 });
  await node.pull([output('Observation', result('at-ward', 'ward', at(2, PSY)))]);
  const now = await labels();
  expect(now).toMatchObject({ stays: 1 });
  expect(now).not.toHaveProperty('at-ward');
});

test('also until it turns out to be ours, which is not sensitive', async () => {
  const id = '6a1c1d7e-8a3b-4a44-9c55-0123456789ab';
  const byUuid = { encounter: { reference: `urn:uuid:${id}` } };
  await node.pull([
    output('Encounter', visit(id, at(1, PSY))),
    output('Observation', result('of-ours-by-uuid', 'none', byUuid)),
  ]);
  expect(await labels()).toMatchObject({ 'of-ours-by-uuid': 1 });
  await node.own(visit('ours', { subject: { reference: 'Patient/m1' } }));
  const copy = visit(id, { meta: { ...at(2).meta, source: `${OUR_BASE}/Encounter/ours` } });
  const pull = await node.pull([output('Encounter', copy)]);
  expect(await node.ledger(pull.id)).toEqual([`echo Encounter/${id}`]);
  expect(await labels()).toMatchObject({ 'of-ours-by-uuid': 0 });
});

test('what was had under a wider choice stays, and is as sensitive as a version of it that is held', async () => {
  const wider = { policies: new Map([['m1', 'sensitive'] as const]) };
  await node.pull([output('Encounter', visit('wide', at(1, PSY)))], wider);
  expect(await labels()).toMatchObject({ wide: 1 });
  const pull = await node.pull([output('Encounter', visit('wide', at(2, '42CFRPart2')))]);
  expect(await node.ledger(pull.id)).toEqual(['quarantined consent-scope Encounter/wide']);
  expect(await labels()).toMatchObject({ wide: 2 });
});

test('what a record said before it was labelled contradicts nothing while the labelled version is held, and does again when the label is lifted', async () => {
  const counted = (value: number, more: object) => ({
    resourceType: 'Observation',
    id: 'count',
    identifier: [{ system: 'https://lab.example/numbers', value: 'N1' }],
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    ...subject,
    effectiveDateTime: '2026-01-01T08:00:00Z',
    valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    ...more,
  });
  await node.own(counted(10, { ...at(1), subject: { reference: 'Patient/m1' } }));
  const asked = async (value: number, label?: string, day = 1) => {
    await node.pull([output('Observation', counted(value, at(day, label)))], { since: new Date() });
    const items = await node.sql<{ kind: string }[]>`
      select kind from exchange.review_item where state = 'open' and type = 'Observation' and 'count' in (a_id, b_id) order by 1`;
    return items.map((i) => i.kind);
  };
  expect(await asked(20)).toEqual(['value-mismatch']);
  expect(await asked(21, PSY, 2)).toEqual([]);
  expect(await asked(20, undefined, 3)).toEqual(['value-mismatch']);
});
