// What a payer sends of one member and ties to another one: by a reference to the other's record, or by naming the other beside a reference.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { lab, output, PEER, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

const of = (patient: string) => ({ subject: { reference: `Patient/${patient}` } });
const visit = (id: string, patient: string) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  ...of(patient),
});
const bodyOf = async (type: string, id: string): Promise<string> => {
  const [row] = await node.sql<{ body: string }[]>`
    select body from exchange.resource where type = ${type} and id = ${localId(PEER, type, id)} and not deleted`;
  return row?.body ?? '';
};
const named = (type: string, id: string) => ({ identifier: { system: `${PEER_BASE}/${type}`, value: id } });
const parsed = async (type: string, id: string) => JSON.parse(await bodyOf(type, id)) as Record<string, unknown>;

test('a reference to the record of another member leads nowhere, whichever comes first and in whatever pull', async () => {
  const first = await node.pull([
    output('Encounter', visit('theirs', 'p2'), visit('mine', 'p1')),
    output('Observation', lab('told', { ...of('p1'), encounter: { reference: 'Encounter/theirs' } })),
    output('Observation', lab('kept', { ...of('p1'), encounter: { reference: 'Encounter/mine' } })),
  ]);
  expect(first.state).toBe('done');
  expect((await parsed('Observation', 'told'))['encounter']).toEqual(named('Encounter', 'theirs'));
  expect((await parsed('Observation', 'kept'))['encounter']).toEqual({
    reference: `Encounter/${localId(PEER, 'Encounter', 'mine')}`,
  });
  expect(
    await node.sql`select from exchange.finding where pull_id = ${first.id} and kind = 'dangling-soft'`,
  ).toHaveLength(1);

  const later = await node.pull([
    output('Observation', lab('late', { ...of('p1'), hasMember: [{ reference: 'Encounter/theirs' }] })),
  ]);
  expect(later.state).toBe('done');
  expect((await parsed('Observation', 'late'))['hasMember']).toEqual([named('Encounter', 'theirs')]);

  // it came as the other's once more, with other content: what waits for one of the member's own goes on waiting
  await node.pull([output('Encounter', { ...visit('theirs', 'p2'), status: 'cancelled' })]);
  expect((await parsed('Observation', 'told'))['encounter']).toEqual(named('Encounter', 'theirs'));
});

test('one id that comes of two members in one pull is held: whose it is cannot be determined', async () => {
  const both = [lab('torn', of('p1')), lab('torn', { ...of('p2'), valueQuantity: { value: 7, unit: 'mg/dL' } })];
  const first = await node.pull([output('Observation', ...both, lab('sound', of('p1')))]);
  expect(first.state).toBe('done');
  expect((await node.ledger(first.id)).sort()).toEqual([
    'created Observation/sound',
    'quarantined patient-change Observation/torn',
    'unchanged duplicate-in-job Observation/torn',
  ]);
  expect(await bodyOf('Observation', 'torn')).toBe('');
  const items = await node.sql`select kind, state from exchange.review_item where kind = 'patient-change'`;
  expect([...items]).toEqual([{ kind: 'patient-change', state: 'open' }]);

  const again = await node.pull([output('Observation', ...[...both].reverse())]);
  expect((await node.ledger(again.id)).sort()).toEqual([
    'quarantined patient-change Observation/torn',
    'unchanged duplicate-in-job Observation/torn',
  ]);
  expect(await bodyOf('Observation', 'torn')).toBe('');
});

test('one id that is a member’s already stays so when it comes of two', async () => {
  await node.pull([output('Observation', lab('had', of('p1')))]);
  const { id } = await node.pull([
    output(
      'Observation',
      lab('had', of('p2')),
      lab('had', { ...of('p1'), valueQuantity: { value: 8, unit: 'mg/dL' } }),
    ),
  ]);
  expect((await node.ledger(id)).sort()).toEqual([
    'unchanged duplicate-in-job Observation/had',
    'updated Observation/had',
  ]);
  const rows = await node.sql`select member_id as m from exchange.resource where source_id = 'had' and not deleted`;
  expect([...rows]).toEqual([{ m: 'm1' }]);
});

test('a record that names another member of the answer beside the reference to its person waits for a person', async () => {
  await node.sql`
    insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb)
    values ('m1', '{alpha}', '{anna}', '{}', '{1970-01-01}', '{N1}', '{}', '{}', '{}'), ('m2', '{othello}', '{bertha}', '{}', '{1980-02-02}', '{N2}', '{}', '{}', '{}')`;
  const beside = (id: string, more: object) => lab(id, { subject: { reference: 'Patient/p1', ...more } });
  const { id } = await node.pull([
    output(
      'Observation',
      beside('other-name', { display: 'Bertha Othello' }),
      beside('other-number', { identifier: { value: 'N2' } }),
      beside('own', { display: 'Alpha, Anna', identifier: { value: 'N1' } }),
    ),
  ]);
  expect((await node.ledger(id)).sort()).toEqual([
    'created Observation/own',
    'quarantined contained-person Observation/other-name',
    'quarantined contained-person Observation/other-number',
  ]);
});

test('a directory record that names a Patient is no member’s to share', async () => {
  const extension = [
    { url: 'https://x.example/of', valueReference: { reference: 'Patient/p1', display: 'Anna Alpha' } },
  ];
  const { id } = await node.pull([
    output(
      'Practitioner',
      { resourceType: 'Practitioner', id: 'dr', extension },
      { resourceType: 'Practitioner', id: 'plain' },
    ),
  ]);
  expect((await node.ledger(id)).sort()).toEqual([
    'created Practitioner/plain',
    'quarantined wrong-patient Practitioner/dr',
  ]);
});
