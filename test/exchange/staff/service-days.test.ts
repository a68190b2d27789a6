// The account of disclosures tells the days of service of what left: of answers and of exports, as far as they were fetched.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { ExportClient } from '../export-client.ts';
import { client } from '../peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from '../plan-fixture.ts';
import { Visitor } from './support.ts';

const { robert } = PEOPLE;
let node: TestNode;
let reviewer: Visitor;
let group: string;
let them: ExportClient;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, SANDBOX: 'on' });
  const subject = { reference: `Patient/${idOf(robert)}` };
  const stay = {
    resourceType: 'Encounter',
    id: 'stay',
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
    subject,
    period: { start: '2026-01-02T08:00:00Z', end: '2026-01-09T08:00:00Z' },
  };
  // what is over began long before anyone was treated
  const was = {
    resourceType: 'Condition',
    id: 'was',
    subject,
    code: { text: 'Fracture' },
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'resolved' }],
    },
    onsetDateTime: '1987-01-01',
    abatementDateTime: '2026-02-03',
  };
  const lab = {
    resourceType: 'Observation',
    id: 'o3',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    subject,
    effectiveDateTime: '2026-03-04',
  };
  await enrol(node.deps, [robert], [lab, stay, was]);
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  group = await them.group([card(robert)]);
  const account = developmentAccount(node.deps.config);
  reviewer = new Visitor(createStaff(node.deps, { development: account }), node.base);
  await reviewer.signIn('dev-reviewer', account?.password ?? '');
});
afterAll(() => node.close());

const told = async () => {
  const { tables } = (await (await reviewer.get(`/staff/disclosures/${idOf(robert)}?format=json`)).json()) as {
    tables: { disclosures: Record<string, string | null>[] };
  };
  const row = tables.disclosures[0];
  return [row?.['servicesFrom'], row?.['servicesTo']];
};

test.each([
  ['Observation/o3', '', ['2026-03-04', '2026-03-04']],
  ['Observation', `patient=${idOf(robert)}`, ['2026-03-04', '2026-03-04']],
  [`Patient/${idOf(robert)}/$everything`, '', ['2026-01-02', '2026-03-04']],
  [`Patient/${idOf(robert)}/$everything`, '_type=Condition', ['2026-02-03', '2026-02-03']],
  [`Patient/${idOf(robert)}`, '', [null, null]],
  ['Observation', `patient=${idOf(robert)}&_summary=count`, [null, null]],
])('of an answer to %s?%s', async (path, query, days) => {
  expect((await them.get(path, query)).status).toBe(200);
  expect(await told()).toEqual(days);
});

test.each(['', '&organizeOutputBy=Patient'])('of an export, and of the types that are fetched (%s)', async (form) => {
  const kicked = await them.get(`Group/${group}/$export`, `_type=Observation,Encounter,Condition${form}`);
  const { manifest } = await them.finished(kicked);
  const isEncounter = (f: { type: string }) => form !== '' || f.type === 'Encounter';
  for (const { url } of manifest.output.filter(isEncounter)) await them.lines(url);
  expect(await told()).toEqual(form === '' ? ['2026-01-02', '2026-01-09'] : ['2026-01-02', '2026-03-04']);
  for (const { url } of manifest.output) await them.lines(url);
  expect(await told()).toEqual(['2026-01-02', '2026-03-04']);
});

test('what left before they were kept has none, and the account says so', async () => {
  await node.deps.database.sql`
    insert into exchange.audit (at, actor_kind, actor, action, object, member_id, peer_id, outcome, reason, request_id, detail, hash)
    values (now() + interval '1 second', 'peer', 'a', 'everything', 'Patient/x', ${idOf(robert)}, 'a', 'ok', '', '', '{"types": {"Observation": 1}}', '')`;
  expect(await told()).toEqual([null, null]);
  expect(await (await reviewer.get(`/staff/disclosures/${idOf(robert)}`)).text()).toContain('not kept then');
  const letter = await (await reviewer.get(`/staff/disclosures/${idOf(robert)}/letter?purpose=member`)).text();
  expect(letter.replace(/\s+/g, ' ')).toMatch(/Of 1 time they are not known/);
});
