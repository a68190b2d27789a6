// References by which a peer means records of ours, by their addresses here, and those that lead nowhere at all (reconciliation, 6).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { lab, OUR_BASE, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const visit = (id: string, member: string) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  subject: { reference: `Patient/${member}` },
});
beforeAll(async () => {
  node = await reconciler();
  await node.own(...['m1', 'm2'].map((id) => ({ resourceType: 'Patient', id })));
  await node.own(visit('mine', 'm1'), visit('theirs', 'm2'), {
    resourceType: 'Practitioner',
    id: 'dr',
    name: [{ text: 'Dr' }],
  });
});
afterAll(() => node.close());

const bodyOf = async (id: string): Promise<Record<string, unknown>> => {
  const [row] = await node.sql<{ body: string }[]>`
    select body from exchange.resource where type = 'Observation' and id = ${localId(PEER, 'Observation', id)} and not deleted`;
  return row === undefined ? {} : (JSON.parse(row.body) as Record<string, unknown>);
};
const found = async (pull: string) =>
  (
    await node.sql<
      { n: number }[]
    >`select sum(amount)::int as n from exchange.finding where pull_id = ${pull} and kind = 'dangling-soft'`
  )[0]?.n ?? 0;
const at = (key: string) => ({ reference: `${OUR_BASE}/${key}` });

test('a record of ours that is named by its address is that record, if it is the member’s; else the reference leads nowhere', async () => {
  const { id, state } = await node.pull([
    output(
      'Observation',
      lab('a', { encounter: at('Encounter/mine'), performer: [at('Practitioner/dr')] }),
      lab('b', { encounter: at('Encounter/theirs') }),
      lab('c', { encounter: at('Encounter/none') }),
    ),
  ]);
  expect(state).toBe('done');
  expect(await bodyOf('a')).toMatchObject({
    encounter: { reference: 'Encounter/mine' },
    performer: [{ reference: 'Practitioner/dr' }],
  });
  for (const [record, value] of [
    ['b', 'theirs'],
    ['c', 'none'],
  ] as const)
    expect((await bodyOf(record))['encounter']).toEqual({ identifier: { system: `${OUR_BASE}/Encounter`, value } });
  expect(await found(id)).toBe(2);
});

test('our member by the address here is the member; someone who was not asked for is no one', async () => {
  const { id } = await node.pull(
    [
      output(
        'Observation',
        lab('d', {
          subject: at('Patient/m1'),
          performer: [at('Patient/m1')],
          effectiveDateTime: '2026-01-02T08:00:00Z',
        }),
        lab('e', { subject: at('Patient/m2') }),
        lab('f', { subject: { reference: 'https://other.example/fhir/Patient/m1' } }),
      ),
    ],
    { members: [['p1', 'm1']] },
  );
  expect(await node.ledger(id)).toEqual([
    'created Observation/d',
    'quarantined wrong-patient Observation/e',
    'quarantined wrong-patient Observation/f',
  ]);
  expect(await bodyOf('d')).toMatchObject({
    subject: { reference: 'Patient/m1' },
    performer: [{ reference: 'Patient/m1' }],
  });
});

test('what no one can find anything by is counted once a record, and stays as it is', async () => {
  const search = { reference: 'Encounter?identifier=9' };
  const { id } = await node.pull([
    output(
      'Observation',
      lab('g', {
        encounter: search,
        performer: [{ reference: 'Practitioner?identifier=9' }],
        effectiveDateTime: '2026-01-03T08:00:00Z',
      }),
      lab('h', {
        encounter: { reference: 'urn:uuid:b3b4f1bb-95a4-4733-b1de-14bff8de8ef4' },
        effectiveDateTime: '2026-01-04T08:00:00Z',
      }),
      lab('i', {
        performer: [{ reference: 'https://other.example/fhir/Practitioner/1' }],
        effectiveDateTime: '2026-01-05T08:00:00Z',
      }),
    ),
  ]);
  expect(await found(id)).toBe(2);
  expect((await bodyOf('g'))['encounter']).toEqual(search);
});
