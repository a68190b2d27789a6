// Twins, or anyone else with one birth date and sex, whom a payer's answer has crosswise: nothing of it is shown as the other one's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const person = (id: string, given: string, more: object = {}) => ({
  resourceType: 'Patient',
  id,
  name: [{ family: 'Rivera', given: [given] }],
  birthDate: '1990-05-06',
  gender: 'female',
  ...more,
});
beforeAll(async () => {
  node = await reconciler();
  await node.own(person('m1', 'Ana'), person('m2', 'Bea'));
});
afterAll(() => node.close());

const doubts = async () =>
  [
    ...(await node.sql`select member_id, state, rule, detail from exchange.review_item where kind = 'identity-doubt' order by 1`),
  ].map((i) => `${i['member_id']} ${i['state']} ${String(i['rule']).split(' ')[0]} ${i['detail']}`);
const results = () =>
  output(
    'Observation',
    lab('r1'),
    lab('r2', { subject: { reference: 'Patient/p2' }, effectiveDateTime: '2026-01-02T08:00:00Z' }),
  );
const changed = { meta: { lastUpdated: '2026-06-01T00:00:00Z' } };

test('a payer’s Patient who is another member by name is a doubt about both, until it is the member', async () => {
  const { state } = await node.pull([output('Patient', person('p1', 'Bea'), person('p2', 'Ana')), results()]);
  expect(state).toBe('done');
  expect(await doubts()).toEqual(['m1 open another-member name', 'm2 open another-member name']);

  await node.pull([output('Patient', person('p1', 'Ana', changed), person('p2', 'Bea', changed))]);
  expect(await doubts()).toEqual(['m1 gone another-member name', 'm2 gone another-member name']);
});

test('a name that is no one else’s, or stands for the member’s own, is no doubt', async () => {
  const later = { meta: { lastUpdated: '2026-07-01T00:00:00Z' } };
  await node.pull([output('Patient', person('p1', 'Carla', later), person('p2', 'Beatrice', later))]);
  expect((await doubts()).filter((d) => d.includes(' open '))).toEqual([]);
});

test('what one payer calls the member says nothing of another payer that calls the member rightly', async () => {
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('second', 'Second', '9000000020', 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
  const right = { meta: { lastUpdated: '2026-08-01T00:00:00Z' } };
  await node.pull([output('Patient', person('p1', 'Ana', right), person('p2', 'Bea', right))]);
  const only = { peer: 'second', members: [['s1', 'm1']] as [string, string][] };
  await node.pull([output('Patient', person('s1', 'Carla'))], only);
  await node.own(person('m2', 'Carla'));
  await node.own(person('m1', 'Ana', { telecom: [{ system: 'phone', value: '555-0100' }] }));
  const open =
    await node.sql`select member_id, peer_id from exchange.review_item where kind = 'identity-doubt' and state = 'open'`;
  expect([...open].map((i) => `${i['member_id']} ${i['peer_id']}`)).toEqual(['m1 second']);
});
