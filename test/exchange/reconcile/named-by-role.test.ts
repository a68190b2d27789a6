// Who did something is named by the person at one payer and by a role of that person at another one: the NPI of both is the person's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { output, reconciler } from './reconcile-pull.ts';

const npi = (value: string) => ({ identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value }] });
const person = (id: string, more: object) => ({ resourceType: 'Practitioner', id, name: [{ family: id }], ...more });
const role = (id: string, of: string) => ({
  resourceType: 'PractitionerRole',
  id,
  active: true,
  practitioner: { reference: `Practitioner/${of}` },
});
const operation = (id: string, by: string, patient: string, code: string) => ({
  resourceType: 'Procedure',
  id,
  status: 'completed',
  subject: { reference: `Patient/${patient}` },
  code: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code }] },
  performedDateTime: '2026-03-04',
  performer: [{ actor: { reference: by } }],
});

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own(
    { resourceType: 'Patient', id: 'm1' },
    person('surgeon', npi('9000000205')),
    operation('o1', 'Practitioner/surgeon', 'm1', '66984'),
    operation('o2', 'Practitioner/surgeon', 'm1', '29881'),
    operation('o3', 'Practitioner/surgeon', 'm1', '47562'),
  );
});
afterAll(() => node.close());

const links = async () =>
  (
    await node.sql<{ link: string }[]>`
      select b.source_id || ' ' || l.kind || ' ' || l.score as link from exchange.link l
      join exchange.resource b on b.member_id = l.member_id and b.type = l.type and b.id in (l.a_id, l.b_id) and b.origin <> 'own'
      where l.type = 'Procedure' order by 1`
  ).map((r) => r.link);

test('the person and the role are one, and the role of another person is another one', async () => {
  await node.pull([
    output('Practitioner', person('theirs', npi('9000000205')), person('another', npi('9000000106'))),
    output('PractitionerRole', role('r1', 'theirs'), role('r2', 'another'), role('r3', 'nobody')),
    output(
      'Procedure',
      operation('p1', 'PractitionerRole/r1', 'p1', '66984'),
      operation('p2', 'PractitionerRole/r2', 'p1', '29881'),
      operation('p3', 'PractitionerRole/r3', 'p1', '47562'),
    ),
  ]);
  expect(await links()).toEqual(['p1 same-event 0.9', 'p3 same-event 0.7']);
});

test('so it is when the role is there already', async () => {
  await node.own(operation('o4', 'Practitioner/surgeon', 'm1', '27447'));
  await node.pull([output('Procedure', operation('p4', 'PractitionerRole/r1', 'p1', '27447'))]);
  expect(await links()).toContain('p4 same-event 0.9');
});
