// What comes back is ours only where it says the same: what it names counts where that makes another thing of it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { withCheckDigit } from '../../../src/fhir/npi.ts';
import { lab, OUR_BASE, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const NDC = 'http://hl7.org/fhir/sid/ndc';
const drug = (id: string, code: string) => ({
  resourceType: 'Medication',
  id,
  code: { coding: [{ system: NDC, code }] },
});
const order = (id: string, patient: string, medication: string, more: object = {}) => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  subject: { reference: `Patient/${patient}` },
  authoredOn: '2026-04-01',
  medicationReference: { reference: `Medication/${medication}` },
  ...more,
});
const visit = (id: string, patient: string, practitioner: string) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
  subject: { reference: `Patient/${patient}` },
  period: { start: '2026-04-01', end: '2026-04-01' },
  participant: [{ individual: { reference: `Practitioner/${practitioner}` } }],
});
const clinician = (id: string, npi: string) => ({
  resourceType: 'Practitioner',
  id,
  identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi }],
  name: [{ family: id }],
});

beforeAll(async () => {
  node = await reconciler('sensitive');
  await node.own(
    { resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] },
    { resourceType: 'Patient', id: 'm2', birthDate: '1980-01-01', name: [{ family: 'Ray' }] },
    drug('d1', '00093721410'),
    clinician('c1', withCheckDigit('900000001')),
    order('o1', 'm1', 'd1'),
    visit('v1', 'm1', 'c1'),
  );
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('third', 'Third', '9000000020', 'active', 'https://third.example/fhir', array['https://third.example'], 'test')`;
  await node.sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at) values ('job1', 'export', 'third', 'complete', 'x', '{}', now(), now())`;
  await node.sql`insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
    values ('third', 'm1', 'job1', 'regular', 'c', '{}', array[hashtextextended('MedicationRequest/o1', 0), hashtextextended('Encounter/v1', 0)])`;
});
afterAll(() => node.close());

test('an order of another drug, a visit to another clinician, or one visit more, is none of ours that comes back', async () => {
  const { id } = await node.pull(
    [
      output('Medication', drug('x1', '0093-7214-10'), drug('x2', '00071015523')),
      output(
        'Practitioner',
        clinician('y1', withCheckDigit('900000001')),
        clinician('y2', withCheckDigit('900000002')),
      ),
      output('MedicationRequest', order('r1', 'p1', 'x1'), order('r2', 'p1', 'x2'), order('r3', 'p1', 'x3')),
      output('Encounter', visit('e1', 'p1', 'y1'), visit('e2', 'p1', 'y2'), visit('e3', 'p1', 'y1')),
    ],
    { since: new Date() },
  );
  const ledger = await node.ledger(id);
  expect(ledger.filter((l) => l.startsWith('echo'))).toEqual(['echo MedicationRequest/r1', 'echo Encounter/e1']);
  const kept = await node.sql<{ id: string }[]>`
    select source_id as id from exchange.resource where origin = 'prior' and type in ('MedicationRequest', 'Encounter') order by 1`;
  expect(kept.map((k) => k.id)).toEqual(['e2', 'e3', 'r2', 'r3']);
  // the same by today's rules
  const [pull, peer] = [await findPull(node.sql, id), await findPeer(node.sql, 'prior')];
  if (!pull || !peer) throw new Error('the pull is gone');
  const { units } = await replay(node.deps, {
    pull,
    peer,
    by: { kind: 'command', name: 'test' },
    cause: 'replay',
  });
  expect(units.filter((u) => u.type === 'MedicationRequest' || u.type === 'Encounter')).toEqual([]);
});

test('one that names ours is that one; what looks like it and names nothing is another, or the other one of ours', async () => {
  const at = (day: string) => ({ period: { start: day, end: day } });
  const ours = (id: string, day: string) => ({ ...visit(id, 'm1', 'c1'), ...at(day) });
  await node.own(ours('w1', '2026-07-01'), ours('w2', '2026-07-02'), ours('w3', '2026-07-02'));
  await node.sql`update exchange.delivered set keys = keys || array(select hashtextextended('Encounter/' || k, 0) from unnest(array['w1', 'w2', 'w3']) k)`;
  const theirs = (id: string, day: string, of?: string) => ({
    ...visit(id, 'p1', 'y1'),
    ...at(day),
    ...(of === undefined ? {} : { meta: { source: `${OUR_BASE}/Encounter/${of}` } }),
  });
  const { id } = await node.pull(
    [
      output('Encounter', theirs('f1', '2026-07-01'), theirs('f2', '2026-07-01', 'w1')),
      output('Encounter', theirs('f3', '2026-07-02'), theirs('f4', '2026-07-02', 'w2'), theirs('f5', '2026-07-02')),
    ],
    { since: new Date() },
  );
  const ledger = await node.sql<{ id: string; echo: boolean; of: string }[]>`
    select source_id as id, outcome = 'echo' as echo, case outcome when 'echo' then local_id end as of from exchange.ledger where pull_id = ${id} order by 1`;
  expect(ledger.map((l) => [l.id, l.echo, l.of])).toEqual([
    ['f1', false, null],
    ['f2', true, 'w1'],
    ['f3', true, 'w3'],
    ['f4', true, 'w2'],
    ['f5', false, null],
  ]);
});

test('a record of ours that one of theirs is already is not another one of theirs too, in whatever pull that comes', async () => {
  const at = (day: string) => ({ period: { start: day, end: day } });
  const theirs = (id: string, day: string) => ({ ...visit(id, 'p1', 'y1'), ...at(day) });
  await node.own(
    { ...visit('q1', 'm1', 'c1'), ...at('2026-07-11') },
    { ...visit('q2', 'm1', 'c1'), ...at('2026-07-12') },
  );
  await node.sql`update exchange.delivered set keys = keys || array(select hashtextextended('Encounter/' || k, 0) from unnest(array['q1', 'q2']) k)`;
  const [one, two] = [theirs('g1', '2026-07-11'), theirs('g2', '2026-07-12')];
  const told = async (since: Date | undefined, ...sent: object[]) => {
    const { id } = await node.pull([output('Encounter', ...sent)], since === undefined ? {} : { since });
    // stored as a record of its own, whether or not it may be the same event
    return (await node.ledger(id))
      .filter((l) => /g[0-9]$/.test(l))
      .map((l) => l.replace(/^(created|linked-duplicate)/, 'stored'))
      .sort();
  };
  expect(await told(new Date(), one, two)).toEqual(['echo Encounter/g1', 'echo Encounter/g2']);
  // what did not change is not sent again
  expect(await told(new Date(), theirs('g3', '2026-07-11'))).toEqual(['stored Encounter/g3']);
  // beside it, as it was, and beside none
  expect(await told(undefined, one, theirs('g3', '2026-07-11'), theirs('g4', '2026-07-11'))).toEqual([
    'echo Encounter/g1',
    'stored Encounter/g4',
    'unchanged Encounter/g3',
  ]);
  // it has another number now
  expect(await told(undefined, one, theirs('g5', '2026-07-12'))).toEqual(['echo Encounter/g1', 'echo Encounter/g5']);
});

test('a copy of ours that is of another drug is no echo, by whatever version of ours', async () => {
  const named = (id: string, of: string, medication: string) =>
    order(id, 'p1', medication, { meta: { source: `${OUR_BASE}/MedicationRequest/${of}` } });
  await node.own(drug('d2', '00002143380'), order('o2', 'm1', 'd1', { authoredOn: '2026-05-01' }));
  await node.own(order('o2', 'm1', 'd2', { authoredOn: '2026-05-01' }));
  const { id } = await node.pull(
    [
      output('Medication', drug('x1', '0093-7214-10'), drug('x2', '00071015523'), drug('x4', '00002143380')),
      output(
        'MedicationRequest',
        ...['x1', 'x2', 'x3', 'x4'].map((x) => ({ ...named(`s-${x}`, 'o2', x), authoredOn: '2026-05-01' })),
      ),
    ],
    { since: new Date() },
  );
  const orders = (await node.ledger(id)).filter((l) => l.includes('Request'));
  // what it is of cannot be determined of one whose Medication did not come: by its name it is ours
  expect(orders.map((l) => l.startsWith('echo'))).toEqual([true, false, true, true]);
});

test('who had the newer version of ours, and tells the older one again, has changed it: kept, and an item for a person', async () => {
  const told = (value: number, more: object = {}) =>
    lab('w', { effectiveDateTime: '2026-06-01T08:00:00Z', valueQuantity: { value, code: 'g/dL' }, ...more });
  const own = (value: number) => node.own({ ...told(value), subject: { reference: 'Patient/m1' } });
  const now = () => new Date().toISOString();
  const copy = async (value: number, lastUpdated: string) => {
    const meta = { source: `${OUR_BASE}/Observation/w`, lastUpdated };
    const { id } = await node.pull([output('Observation', { ...told(value), id: 'copy', meta })], {
      since: new Date(),
    });
    const items =
      await node.sql`select from exchange.review_item where pull_id = ${id} and kind = 'echo-modified' and state = 'open'`;
    return [(await node.ledger(id)).map((l) => l.split(' ')[0]), items.length];
  };
  await own(5);
  await own(6);
  await own(7);
  // behind, and less so
  expect(await copy(5, '2020-01-01T00:00:00Z')).toEqual([['echo'], 0]);
  expect(await copy(6, '2020-02-01T00:00:00Z')).toEqual([['echo'], 0]);
  expect(await copy(7, now())).toEqual([['echo'], 0]);
  // beside ours, which it contradicts
  expect(await copy(5, now())).toEqual([['created'], 1]);
  expect(
    await node.sql`select from exchange.resource where origin = 'prior' and source_id = 'copy' and not deleted`,
  ).toHaveLength(1);
});
