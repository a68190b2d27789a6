// Directory entries that are sensitive, and what is received that names them: whatever entry of ours they are here, and in whatever order they come.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { relabel } from '../../../exchange/members/enrolment/relabel.ts';
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

const NPI = { identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000106' }] };

test('what a payer says of an entry that is here as ours holds for what this payer sends, and not for ours', async () => {
  await node.own(organization('clinic', NPI), visit('ours', at('clinic'), 'm1'));
  const theirs = (more: object = {}) => output('Organization', organization('theirs', { ...NPI, ...more }));
  const role = {
    resourceType: 'PractitionerRole',
    id: 'role',
    active: true,
    organization: { reference: 'Organization/theirs' },
  };
  const by = { participant: [{ individual: { reference: 'PractitionerRole/role' } }] };
  const first = await node.pull([
    theirs({ meta: PSY }),
    output('PractitionerRole', role),
    output('Encounter', visit('c', at('theirs')), visit('d', by)),
  ]);
  expect((await node.ledger(first.id))[0]).toBe('shared Organization/theirs');
  expect(await labels('prior')).toMatchObject({ c: 1, d: 1 });
  expect(await labels('own')).toEqual({ ours: 0 });
  const now = (minute: number, more: object = {}) => ({
    meta: { lastUpdated: `2026-09-01T00:0${minute}:00Z`, ...more },
  });
  await node.pull([theirs(now(1))]);
  expect(await labels('prior')).toMatchObject({ c: 0, d: 0 });
  await node.pull([theirs(now(2, PSY))]);
  expect(await labels('prior')).toMatchObject({ c: 1, d: 1 });
  // as it was: nothing is reported
  await node.pull([theirs(now(2, PSY)), output('Encounter', visit('e', at('theirs')))]);
  expect(await labels('prior')).toMatchObject({ c: 1, d: 1, e: 1 });
  expect(await labels('own')).toEqual({ ours: 0 });
  // by other rules all is decided again, and this with it
  await node.sql`update exchange.resource set labeller = 1, label = 0`;
  await relabel(node.deps);
  expect(await labels('prior')).toMatchObject({ c: 1, d: 1, e: 1 });
});

const result = (id: string, number: string, patient: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  identifier: [{ system: 'https://lab.example/accession', value: number }],
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-03-03T10:00:00Z',
  valueQuantity: { value: 13, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
  ],
  ...more,
});
const resultLabels = async () => {
  const rows = await node.sql<{ id: string; label: number }[]>`
    select coalesce(source_id, id) as id, label from exchange.resource where type = 'Observation' and not deleted order by 1`;
  return Object.fromEntries(rows.map((r) => [r.id, r.label]));
};

test('of two records of one thing either is as sensitive as the other, whichever came first', async () => {
  await node.own(result('our-1', 'A1', 'm1'), result('our-3', 'A3', 'm1', { meta: PSY }));
  const { id } = await node.pull([
    output(
      'Observation',
      result('t1', 'A1', 'p1', { meta: PSY }),
      result('t2', 'A2', 'p1', { meta: PSY }),
      result('t3', 'A3', 'p1'),
    ),
  ]);
  expect(await node.ledger(id)).toEqual([
    'linked-duplicate Observation/t1',
    'created Observation/t2',
    'linked-duplicate Observation/t3',
  ]);
  expect(await resultLabels()).toEqual({ 'our-1': 1, 'our-3': 1, t1: 1, t2: 1, t3: 1 });
  await node.own(result('our-2', 'A2', 'm1'), result('our-4', 'A4', 'm1'));
  expect(await resultLabels()).toMatchObject({ 'our-2': 1, 'our-4': 0 });
  await node.pull([output('Observation', result('t1', 'A1', 'p1', { meta: { lastUpdated: '2026-09-01T00:00:00Z' } }))]);
  expect(await resultLabels()).toMatchObject({ 'our-1': 0, t1: 0 });
});

test('under #regular a record is held for its own label, not for that of the ward that it names', async () => {
  const regular = await reconciler('regular');
  try {
    await regular.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
    await regular.pull([
      output('Organization', organization('secret', { meta: PSY })),
      output('Encounter', visit('by-ward', at('secret')), { ...visit('itself', {}), meta: PSY }),
    ]);
    const units = await regular.sql`
      select source_id, outcome, reason from exchange.ledger where type = 'Encounter' order by source_id`;
    expect(units.map((u) => ({ ...u }))).toEqual([
      { source_id: 'by-ward', outcome: 'created', reason: null },
      { source_id: 'itself', outcome: 'quarantined', reason: 'consent-scope' },
    ]);
    const kept = await regular.sql`select source_id, label from exchange.resource where type = 'Encounter'`;
    expect(kept.map((r) => ({ ...r }))).toEqual([{ source_id: 'by-ward', label: 1 }]);
  } finally {
    await regular.close();
  }
});
