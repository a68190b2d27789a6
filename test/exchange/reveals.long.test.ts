// Under #regular nothing leaves that names what is sensitive, whatever it is called there and in whatever order it came.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FoundFault, walkContent } from '../../exchange/compliance/export-check/check-files.ts';
import { relabel } from '../../exchange/members/enrolment/relabel.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
const ref = (reference: string) => ({ reference });
const subject = { subject: ref(`Patient/${idOf(rivera)}`) };
const patient = { patient: ref(`Patient/${idOf(rivera)}`) };
const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const secret = { code: { coding: [{ system: 'http://snomed.info/sct', code: '370143000' }] } };
const visit = (id: string, more: object) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  ...subject,
  ...more,
});
const observation = (id: string, more: object) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  ...subject,
  ...more,
});
const money = {
  status: 'active',
  use: 'claim',
  created: '2026-01-02',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  ...patient,
};
const benefit = (id: string, more: object) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  outcome: 'complete',
  insurer: ref('Organization/plain'),
  provider: ref('Organization/plain'),
  insurance: [{ focal: true, coverage: { display: 'x' } }],
  ...money,
  ...more,
});
const claim = (id: string, code: string) => ({
  resourceType: 'Claim',
  id,
  ...money,
  provider: ref('Organization/plain'),
  priority: { text: 'normal' },
  insurance: [{ sequence: 1, focal: true, coverage: { display: 'x' } }],
  diagnosis: [
    { sequence: 1, diagnosisCodeableConcept: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code }] } },
  ],
});
const provenance = (id: string, target: string, what: string) => ({
  resourceType: 'Provenance',
  id,
  target: [ref(target)],
  recorded: '2026-01-02T00:00:00Z',
  agent: [{ who: ref('Organization/plain') }],
  entity: [{ role: 'source', what: ref(what) }],
});
const document = (id: string, more: object) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  content: [{ attachment: { contentType: 'text/plain', data: 'eA==' } }],
  ...subject,
  ...more,
});

const NAMERS = [
  visit('v-ward', { serviceProvider: ref('Organization/ward') }),
  visit('v-role', { participant: [{ individual: ref('PractitionerRole/of-ward') }] }),
  visit('v-plain', { serviceProvider: ref('Organization/plain') }),
  observation('o-of-ward-visit', { encounter: ref('Encounter/v-ward') }),
  {
    resourceType: 'MedicationStatement',
    id: 'm-secret',
    status: 'completed',
    medicationReference: ref('Medication/secret'),
    ...subject,
  },
  {
    resourceType: 'Procedure',
    id: 'p-secret',
    status: 'completed',
    usedReference: [ref('Medication/secret')],
    ...subject,
  },
  {
    resourceType: 'Procedure',
    id: 'p-plain',
    status: 'completed',
    usedReference: [ref('Medication/plain')],
    ...subject,
  },
  benefit('b-secret', { claim: ref('Claim/c-secret') }),
  benefit('b-plain', { claim: ref('Claim/c-plain') }),
  observation('o-plain', {}),
  provenance('pr-secret', 'Observation/o-plain', 'DocumentReference/d-secret'),
  provenance('pr-plain', 'Observation/o-plain', 'DocumentReference/d-plain'),
  {
    resourceType: 'CarePlan',
    id: 'plan-secret',
    status: 'active',
    intent: 'plan',
    activity: [{ reference: ref('MedicationStatement/m-secret') }],
    ...subject,
  },
  {
    resourceType: 'QuestionnaireResponse',
    id: 'q-secret',
    status: 'completed',
    item: [{ linkId: '1', answer: [{ valueReference: ref('DocumentReference/d-secret') }] }],
    ...subject,
  },
  document('d-secret', { meta: PSY }),
  document('d-plain', {}),
  document('d-beside', { context: { related: [ref('DocumentReference/d-secret')] } }),
];
const NAMED = [
  { resourceType: 'Organization', id: 'ward', active: true, name: 'Ward', meta: PSY },
  { resourceType: 'Organization', id: 'plain', active: true, name: 'Clinic' },
  { resourceType: 'PractitionerRole', id: 'of-ward', active: true, organization: ref('Organization/ward') },
  { resourceType: 'Medication', id: 'secret', ...secret },
  { resourceType: 'Medication', id: 'plain', code: { coding: [{ system: RXNORM, code: '1' }] } },
  claim('c-secret', 'F10.20'),
  claim('c-plain', 'J45.909'),
];
const PLAIN = [
  'Encounter/v-plain',
  'ExplanationOfBenefit/b-plain',
  'Observation/o-plain',
  'Procedure/p-plain',
  'Provenance/pr-plain',
  'DocumentReference/d-plain',
  'Medication/plain',
  'Organization/plain',
  `Patient/${idOf(rivera)}`,
].sort();

let node: TestNode;
let them: ExportClient;
let group: string;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera, robert]);
  group = await them.group([card(rivera)]);
});
afterAll(() => node.close());

const TYPES = `_type=${[...new Set([...NAMERS, ...NAMED].map((r) => r.resourceType)), 'Patient'].filter((t) => t !== 'Claim').join(',')}`;
const left = async () => {
  const { manifest } = await them.finished(await them.get(`Group/${group}/$export`, TYPES));
  return keysOf(await them.output(manifest))
    .filter((k) => !/^Provenance\/[0-9a-f]{8}-/.test(k))
    .sort();
};

test('what is sensitive comes after what names it', async () => {
  await enrol(node.deps, [], NAMERS);
  await enrol(
    node.deps,
    [],
    NAMED.filter((r) => r.resourceType === 'Medication' || r.resourceType === 'Claim'),
  );
  const keys = await left();
  for (const key of ['MedicationStatement/m-secret', 'Procedure/p-secret', 'CarePlan/plan-secret', 'Medication/secret'])
    expect(keys).not.toContain(key);
  expect(keys).not.toContain('ExplanationOfBenefit/b-secret');
});

test('an entry that came later than what names it, also in turn', async () => {
  await enrol(node.deps, [], NAMED);
  expect(await left()).toEqual(PLAIN);
});

test('what an entry becomes reaches what names it at once, and what it names in turn', async () => {
  const ward = { resourceType: 'Organization', id: 'ward', active: true, name: 'Ward' };
  const freed = [...PLAIN, 'Encounter/v-role', 'Encounter/v-ward', 'Observation/o-of-ward-visit'];
  const entries = ['Organization/ward', 'PractitionerRole/of-ward'];
  await enrol(node.deps, [], [ward]);
  expect(await left()).toEqual([...freed, ...entries].sort());
  await enrol(node.deps, [], [{ ...ward, meta: PSY }]);
  expect(await left()).toEqual(PLAIN);
  const role = { resourceType: 'PractitionerRole', id: 'of-ward', active: true };
  await enrol(node.deps, [], [{ ...role, organization: ref('Organization/plain') }]);
  expect(await left()).toEqual([...PLAIN, 'Encounter/v-role', 'PractitionerRole/of-ward'].sort());
  await enrol(node.deps, [], [{ ...role, organization: ref('Organization/ward') }]);
  expect(await left()).toEqual(PLAIN);
});

test('an entry that is asked for by its id shows itself to whom the consent of a member lets it', async () => {
  const { sql } = node.deps.database;
  const status = async (key: string) => (await them.get(key, '')).status;
  expect(await status('Organization/plain')).toBe(200);
  for (const key of ['Organization/ward', 'PractitionerRole/of-ward', 'Medication/secret'])
    expect(await status(key), key).toBe(404);
  await sql`update exchange.match_member set consent_policy = 'sensitive'`;
  for (const key of ['Organization/ward', 'PractitionerRole/of-ward', 'Medication/secret'])
    expect(await status(key), key).toBe(200);
  const found = await them.get('PractitionerRole', `patient=${idOf(rivera)}&_include=PractitionerRole:organization`);
  const bundle = found.json() as { entry: { resource: Resource }[] };
  expect(keysOf(bundle.entry.map((e) => e.resource))).toEqual(['Organization/ward', 'PractitionerRole/of-ward']);
  await sql`update exchange.shared_resource set label = 2 where id = 'ward'`;
  for (const key of ['Organization/ward', 'PractitionerRole/of-ward']) expect(await status(key), key).toBe(404);
  await sql`update exchange.shared_resource set label = 1, labeller = 1 where id = 'ward'`;
  expect(await status('PractitionerRole/of-ward')).toBe(503);
  await sql`update exchange.shared_resource set labeller = (select labeller from exchange.shared_resource where id = 'plain' limit 1) where id = 'ward'`;
  await sql`update exchange.match_member set consent_policy = 'regular'`;
});

test('a person leaves whatever is named: what is sensitive of that stays', async () => {
  await node.deps.database.sql`
    update exchange.resource set links = '{PractitionerRole/of-ward,Organization/ward,Organization/plain}' where type = 'Patient' and id = ${idOf(rivera)}`;
  expect(await left()).toEqual(PLAIN);
  const payor = [ref('Organization/ward'), ref('Organization/plain')];
  const beneficiary = ref(`Patient/${idOf(rivera)}`);
  await enrol(node.deps, [], [{ resourceType: 'Coverage', id: 'cover', status: 'active', beneficiary, payor }]);
  const found = await them.get('Coverage', `patient=${idOf(rivera)}&_include=Coverage:payor`);
  const bundle = found.json() as { entry: { resource: Resource }[] };
  expect(keysOf(bundle.entry.map((e) => e.resource))).toEqual(['Coverage/cover', 'Organization/plain']);
  // the consent of another member on the page changes nothing
  await them.group([card(robert)]);
  await node.deps.database.sql`
    update exchange.match_member set consent_policy = 'sensitive' where member_id = ${idOf(robert)}`;
  const both = await them.get('Coverage', `patient=${idOf(rivera)},${idOf(robert)}&_include=Coverage:payor`);
  expect(both.status).toBe(200);
  const all = (both.json() as { entry: { resource: Resource }[] }).entry.map((e) => e.resource);
  expect(keysOf(all)).toContain('Coverage/cover');
  expect(keysOf(all)).not.toContain('Organization/ward');
  const other = ref(`Patient/${idOf(robert)}`);
  await enrol(node.deps, [], [{ resourceType: 'Coverage', id: 'his', status: 'active', beneficiary: other, payor }]);
  const his = await them.get('Coverage', `patient=${idOf(rivera)},${idOf(robert)}&_include=Coverage:payor`);
  const more = (his.json() as { entry: { resource: Resource }[] }).entry.map((e) => e.resource);
  expect(keysOf(more)).toContain('Organization/ward');
});

test('what files hold is looked at by what is inherited, too', async () => {
  const { sql } = node.deps.database;
  expect(await left()).toEqual(PLAIN);
  const walked = async () => {
    const found: FoundFault[] = [];
    await walkContent(node.deps, undefined, (f) => void found.push(f));
    return [...new Set(found.map((f) => `${f.kind} ${f.path}`))].sort();
  };
  expect(await walked()).toEqual([]);
  await sql`update exchange.resource set label = 1 where id = 'o-plain'`;
  expect(await walked()).toEqual(['label Observation.meta', 'label Provenance.meta']);
  await sql`update exchange.resource set label = 0 where id = 'o-plain'`;
  // an entry that is labelled, and one that names it in turn
  await sql`update exchange.shared_resource set label = 1 where id = 'plain' and type = 'Organization'`;
  expect(await walked()).toEqual(['label Organization.meta']);
  await sql`update exchange.shared_resource set links = '{Organization/plain}' where id = 'plain' and type = 'Medication'`;
  expect(await walked()).toEqual(['label Medication.meta', 'label Organization.meta']);
  await sql`update exchange.shared_resource set label = 0 where id = 'plain' and type = 'Organization'`;
  await sql`update exchange.shared_resource set links = null where id = 'plain' and type = 'Medication'`;
});

test('by other rules all of it is decided again', async () => {
  const { sql } = node.deps.database;
  await sql`update exchange.resource set labeller = 1, own_label = 0, label = 0`;
  await sql`update exchange.shared_resource set labeller = null, label = null`;
  await relabel(node.deps);
  expect(await left()).toEqual(PLAIN);
  expect(await sql`select from exchange.shared_resource where labeller is null`).toEqual([]);
});

test('what was decided by these rules and names an entry that was not is decided with it', async () => {
  const { sql } = node.deps.database;
  await sql`update exchange.resource set label = own_label where id in ('v-ward', 'v-role', 'o-of-ward-visit')`;
  await sql`update exchange.shared_resource set labeller = null, label = null where id = 'ward'`;
  await relabel(node.deps);
  expect(await left()).toEqual(PLAIN);
});
