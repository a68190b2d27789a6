// Orders that name a Medication instead of telling their drug: keyed, compared and labelled by what it is.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decideAhead } from '../../../exchange/members/enrolment/relabel.ts';
import { nameOfShared } from '../../../exchange/members/member-page-data.ts';
import { keyAfterUpdate } from '../../../exchange/reconcile/keys-anew.ts';
import { recordKeys } from '../../../exchange/reconcile/record-keys.ts';
import { withDrug } from '../../../exchange/records/facts/drug.ts';
import { plainRecord } from '../../../exchange/records/plain-record.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { output, reconciler } from './reconcile-pull.ts';

const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const SNOMED = 'http://snomed.info/sct';
const drug = (code: string, system = RXNORM) => ({ coding: [{ system, code }] });
const medication = (id: string, code: object, more: object = {}) => ({ resourceType: 'Medication', id, code, ...more });
const byName = (id: string) => ({ medicationReference: { reference: `Medication/${id}` } });
const order = (id: string, patient: string, what: object, more: object = {}) => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'completed',
  intent: 'order',
  subject: { reference: `Patient/${patient}` },
  authoredOn: '2026-02-03T10:00:00Z',
  ...what,
  ...more,
});

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('sensitive');
  await node.own(
    { resourceType: 'Patient', id: 'm1' },
    { resourceType: 'Patient', id: 'm2' },
    // the order comes before what it names
    order('ours-a', 'm1', byName('drug-a')),
    order('ours-b', 'm1', { medicationCodeableConcept: drug('200') }),
    order('ours-d', 'm1', byName('drug-a'), { authoredOn: '2026-03-03' }),
    order('ours-s', 'm2', byName('drug-s')),
    medication('drug-a', drug('100')),
    medication('drug-s', drug('370143000', SNOMED)),
  );
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const labels = async (origin: string, member: string, types = ['MedicationRequest']) => {
  const rows = await node.sql<{ id: string; label: number }[]>`
    select coalesce(source_id, id) as id, label from exchange.resource
    where origin = ${origin} and member_id = ${member} and type = any(${types}) order by 1`;
  return Object.fromEntries(rows.map((r) => [r.id, r.label]));
};

describe('orders by reference', () => {
  test('are the same orders, reported either way, when the drug is the same, and no others', async () => {
    const { id, state } = await node.pull([
      output(
        'MedicationRequest',
        order('a', 'p1', byName('x')),
        order('b', 'p1', byName('y')),
        order('c', 'p1', byName('z')),
        order('d', 'p1', {
          medicationReference: { reference: '#d' },
          contained: [medication('d', drug('100'))],
          authoredOn: '2026-03-03',
        }),
        order('e', 'p1', byName('never-sent')),
      ),
      output(
        'Medication',
        medication('x', drug('100'), { status: 'active', form: { text: 'tablet' } }),
        medication('y', drug('200')),
        medication('z', drug('300')),
      ),
    ]);
    expect(state).toBe('done');
    expect((await node.ledger(id)).filter((line) => line.includes('MedicationRequest'))).toEqual([
      'linked-duplicate MedicationRequest/a',
      'linked-duplicate MedicationRequest/b',
      'created MedicationRequest/c',
      'linked-duplicate MedicationRequest/d',
      'created MedicationRequest/e',
    ]);
  });

  test('are as sensitive as the drug is, ours and what is received, also when a later version names another', async () => {
    expect(await labels('own', 'm2')).toEqual({ 'ours-s': 1 });
    expect(await labels('own', 'm1')).toEqual({ 'ours-a': 0, 'ours-b': 0, 'ours-d': 0 });
    const secret = medication('s', drug('370143000', SNOMED));
    await node.pull([
      output('MedicationRequest', order('s', 'p2', byName('s')), order('t', 'p2', byName('t'))),
      output('Medication', secret, medication('t', drug('400'))),
    ]);
    expect(await labels('prior', 'm2')).toEqual({ s: 1, t: 0 });
    await node.pull([output('MedicationRequest', order('t', 'p2', byName('s'), { note: [{ text: 'changed' }] }))]);
    expect(await labels('prior', 'm2')).toEqual({ s: 1, t: 1 });
  });
});

test('an order is known by, and as sensitive as, its drug when that comes after it', async () => {
  const late = { authoredOn: '2026-04-04T10:00:00Z' };
  await node.pull([
    output('MedicationRequest', order('u', 'p2', byName('late-s'), late), order('v', 'p2', byName('late'), late)),
  ]);
  const keysOf = async (id: string) =>
    (await node.sql`select keys from exchange.resource where source_id = ${id} and type = 'MedicationRequest'`)[0]?.[
      'keys'
    ];
  expect([await keysOf('u'), await keysOf('v')]).toEqual([null, null]);
  expect(await labels('prior', 'm2')).toMatchObject({ u: 0, v: 0 });
  await node.pull([
    output('Medication', medication('late-s', drug('370143000', SNOMED)), medication('late', drug('500'))),
  ]);
  expect(await labels('prior', 'm2')).toMatchObject({ u: 1, v: 0 });
  expect(await keysOf('v')).toHaveLength(1);
});

test('of a Medication that comes twice, the one that counts tells the drug, wherever it stands', async () => {
  const at = (lastUpdated: string) => ({ meta: { lastUpdated } });
  await node.pull([
    output('MedicationRequest', order('w', 'p2', byName('twice'), { authoredOn: '2026-05-05T10:00:00Z' })),
    output(
      'Medication',
      medication('twice', drug('370143000', SNOMED), at('2026-02-02T00:00:00Z')),
      medication('twice', drug('600'), at('2026-01-01T00:00:00Z')),
    ),
  ]);
  expect(await labels('prior', 'm2')).toMatchObject({ w: 1 });
});

test('what older rules keyed and labelled without the drug is made again with it', async () => {
  const keys = async () =>
    (await node.sql`select keys from exchange.resource where id = 'ours-a'`)[0]?.['keys'] as string[] | null;
  const made = await keys();
  expect(made).toHaveLength(1);
  await node.sql`update exchange.resource set keys = null where id = 'ours-a'`;
  await node.sql`update exchange.resource set labeller = 1, own_label = 0, label = 0 where origin = 'own' and type = 'MedicationRequest'`;
  await node.sql`delete from exchange.rekey_progress`;
  expect(await keyAfterUpdate(node.deps)).toBe(true);
  expect(await keys()).toEqual(made);
  expect(await decideAhead(node.deps, ['m1', 'm2'])).toBe('decided');
  expect(await labels('own', 'm2')).toEqual({ 'ours-s': 1 });
  expect(await labels('own', 'm1')).toEqual({ 'ours-a': 0, 'ours-b': 0, 'ours-d': 0 });
});

test('people read what the drug is called', () => {
  const named = order('a', 'p1', byName('x')) as unknown as Resource;
  const nameOf = (key: string) =>
    key === 'Medication/x' ? nameOfShared(JSON.stringify(medication('x', { text: 'Aspirin 81 mg' }))) : undefined;
  expect(plainRecord(named, nameOf).what).toBe('Aspirin 81 mg');
  const within = order('a', 'p1', {
    medicationReference: { reference: '#d' },
    contained: [medication('d', { text: 'Aspirin' })],
  });
  expect(plainRecord(within as unknown as Resource, () => undefined).what).toBe('Aspirin');
  const supply = {
    resourceType: 'SupplyDelivery',
    suppliedItem: { itemCodeableConcept: { text: 'Test strips' } },
    occurrencePeriod: { start: '2026-01-02' },
  };
  expect(plainRecord(supply as unknown as Resource, () => undefined)).toMatchObject({
    kind: 'Supply',
    what: 'Test strips',
    day: '2026-01-02',
  });
});

test('what a record tells by itself stands, and what no one knows is left', () => {
  const both = order('a', 'p1', { ...byName('x'), medicationCodeableConcept: drug('1') }) as unknown as Resource;
  const drugs = new Map([['Medication/x', medication('x', drug('2')) as unknown as Resource]]);
  expect(withDrug(both, drugs)).toBe(both);
  const named = order('a', 'p1', byName('x')) as unknown as Resource;
  expect(recordKeys(withDrug(named, drugs))).toEqual([`e:${RXNORM}|2|2026-02-03`]);
  expect(withDrug(named)).toBe(named);
  const other = { resourceType: 'Observation', ...byName('x') } as unknown as Resource;
  expect(withDrug(other, drugs)).toBe(other);
});

test('a sensitive drug is reported by what the Medication carries, is and is made of, wherever it is named', async () => {
  const secret = drug('370143000', SNOMED);
  const restricted = {
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
  };
  const at = (hour: number) => ({ authoredOn: `2026-06-06T${hour}:00:00Z` });
  const subject = { subject: { reference: 'Patient/m2' } };
  const inside = medication('m', drug('1'), { ingredient: [{ itemCodeableConcept: secret }] });
  const made = (id: string, of: string) =>
    medication(id, drug(`9${id}`), { ingredient: [{ itemReference: { reference: `Medication/${of}` } }] });
  await node.own(
    medication('is', secret),
    medication('made', drug('2'), { ingredient: [{ itemCodeableConcept: secret }] }),
    made('by-name', 'is'),
    medication('carries', drug('3'), restricted),
    medication('plain', drug('4')),
    order('n-is', 'm2', byName('is'), at(10)),
    order('n-made', 'm2', byName('made'), at(11)),
    order('n-by-name', 'm2', byName('by-name'), at(12)),
    order('n-carries', 'm2', byName('carries'), at(13)),
    order('n-plain', 'm2', byName('plain'), at(14)),
    order('n-version', 'm2', { medicationReference: { reference: 'Medication/is/_history/2' } }, at(15)),
    order('n-both', 'm2', { ...byName('is'), medicationCodeableConcept: drug('5') }, at(16)),
    order('n-within', 'm2', { medicationReference: { reference: '#m' }, contained: [inside] }, at(17)),
    {
      resourceType: 'Procedure',
      id: 'n-used',
      status: 'completed',
      ...subject,
      usedReference: [byName('is').medicationReference],
    },
    {
      resourceType: 'SupplyDelivery',
      id: 'n-supply',
      patient: subject.subject,
      suppliedItem: { itemReference: { reference: 'Medication/is' } },
    },
    {
      resourceType: 'SupplyDelivery',
      id: 'n-order',
      patient: subject.subject,
      basedOn: [{ reference: 'SupplyRequest/x' }],
    },
  );
  const of = await labels('own', 'm2', ['MedicationRequest', 'Procedure', 'SupplyDelivery']);
  expect(of).toMatchObject({
    'n-is': 1,
    'n-made': 1,
    'n-by-name': 1,
    'n-carries': 1,
    'n-plain': 0,
    'n-version': 1,
    'n-both': 1,
    'n-within': 1,
    'n-used': 1,
    'n-supply': 1,
    'n-order': 0,
  });
});

test('what a Medication becomes reaches the orders that named it before, ours and what is received', async () => {
  const secret = drug('370143000', SNOMED);
  const keysOf = async (id: string) =>
    (
      await node.sql`select keys from exchange.resource where (source_id = ${id} or id = ${id}) and type = 'MedicationRequest'`
    )[0]?.['keys'];
  const late = { authoredOn: '2026-07-07T10:00:00Z' };
  await node.own(order('before', 'm1', byName('comes-later'), late), order('kit', 'm1', byName('kit-a'), late));
  expect([(await labels('own', 'm1'))['before'], await keysOf('before')]).toEqual([0, null]);
  await node.own(medication('comes-later', secret));
  expect([(await labels('own', 'm1'))['before'], (await keysOf('before'))?.length]).toEqual([1, 1]);
  // and back, with what it is known by
  const was = await keysOf('before');
  await node.own(medication('comes-later', drug('700')));
  expect((await labels('own', 'm1'))['before']).toBe(0);
  expect(await keysOf('before')).not.toEqual(was);
  // made of what comes last
  await node.own(
    medication('kit-a', drug('701'), { ingredient: [{ itemReference: { reference: 'Medication/kit-b' } }] }),
  );
  expect((await labels('own', 'm1'))['kit']).toBe(0);
  await node.own(medication('kit-b', secret));
  expect((await labels('own', 'm1'))['kit']).toBe(1);

  await node.pull([
    output('MedicationRequest', order('x1', 'p1', byName('turns'), { authoredOn: '2026-08-08T10:00:00Z' })),
    output('Medication', medication('turns', drug('702'))),
  ]);
  expect((await labels('prior', 'm1'))['x1']).toBe(0);
  await node.pull([output('Medication', medication('turns', secret))]);
  expect((await labels('prior', 'm1'))['x1']).toBe(1);
});

test('what a payer says of a ward later reaches the visits that named it, also by a role', async () => {
  const ward = (more: object = {}) => ({ resourceType: 'Organization', id: 'w', active: true, name: 'Ward', ...more });
  const role = (organization: string) => ({
    resourceType: 'PractitionerRole',
    id: 'r',
    active: true,
    organization: { reference: `Organization/${organization}` },
  });
  const visit = (id: string, day: string, more: object) => ({
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/p1' },
    period: { start: day, end: day },
    ...more,
  });
  const told = async () => labels('prior', 'm1', ['Encounter']);
  const moved = async () =>
    (
      await node.sql`select source_id from exchange.resource where type = 'Encounter' and moved_at is not null order by 1`
    ).map((r) => r['source_id']);
  await node.pull([
    output(
      'Encounter',
      visit('v-w', '2026-02-01', { serviceProvider: { reference: 'Organization/w' } }),
      visit('v-r', '2026-03-01', { participant: [{ individual: { reference: 'PractitionerRole/r' } }] }),
      visit('v-o', '2026-04-01', { serviceProvider: { reference: 'Organization/o' } }),
    ),
    output('Organization', ward(), { ...ward(), id: 'o', name: 'Other' }),
    output('PractitionerRole', role('w')),
  ]);
  expect(await told()).toEqual({ 'v-o': 0, 'v-r': 0, 'v-w': 0 });
  const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
  await node.pull([output('Organization', ward({ meta: PSY }))]);
  expect(await told()).toEqual({ 'v-o': 0, 'v-r': 1, 'v-w': 1 });
  expect(await moved()).toEqual(['v-r', 'v-w']);
  await node.pull([output('PractitionerRole', role('o'))]);
  expect(await told()).toEqual({ 'v-o': 0, 'v-r': 0, 'v-w': 1 });
  await node.pull([output('PractitionerRole', role('w'))]);
  expect(await told()).toEqual({ 'v-o': 0, 'v-r': 1, 'v-w': 1 });
});
