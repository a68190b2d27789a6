// Payers that say wrongly what a record is a copy of: nothing that is distinguished otherwise is hidden behind another one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findItem, unlinkByPerson } from '../../../exchange/review/review-rows.ts';
import { output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const B = 'https://b.example/fhir';
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] });
});
afterAll(() => node.close());

const AMB = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' };
const visit = (id: string, start: string, more: object = {}) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: AMB,
  subject: { reference: 'Patient/p1' },
  period: { start, end: start },
  ...more,
});
const from = (source: string) => ({ meta: { source } });
const links = async (like: string): Promise<string[]> =>
  (
    await node.sql<{ pair: string }[]>`
      select least(a.source_id, b.source_id) || '=' || greatest(a.source_id, b.source_id) || ' ' || l.kind || ' ' || l.rule || ' ' || l.state as pair
      from exchange.link l join exchange.resource a on a.member_id = l.member_id and a.type = l.type and a.id = l.a_id
      join exchange.resource b on b.member_id = l.member_id and b.type = l.type and b.id = l.b_id
      where a.source_id like ${like} order by 1`
  ).map((l) => l.pair);
const by = (npi: string) => ({
  participant: [{ individual: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npi } } }],
});
const byRef = (id: string) => ({ participant: [{ individual: { reference: `Practitioner/${id}` } }] });
const doctor = (id: string, npi: string) => ({
  resourceType: 'Practitioner',
  id,
  identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi }],
  name: [{ family: id }],
});

test('two visits of one day with two practitioners', async () => {
  await node.pull(
    [
      output('Practitioner', doctor('d1', '1234567893'), doctor('d2', '1245319599')),
      output(
        'Encounter',
        visit('t1a', '2026-02-01', { ...from(`${B}/Encounter/list`), ...byRef('d1') }),
        visit('t1b', '2026-02-01', { ...from(`${B}/Encounter/list`), ...byRef('d2') }),
      ),
    ],
    { since: new Date() },
  );
  expect(await links('t1%')).toEqual([]);
});
test('two visits of one practitioner, in the morning and in the afternoon, and no one is asked', async () => {
  const at = (h: string) => ({ period: { start: `2026-02-02T${h}:00:00Z`, end: `2026-02-02T${h}:30:00Z` } });
  await node.pull(
    [
      output(
        'Encounter',
        visit('t2a', '', { ...from(`${B}/Encounter/list`), ...by('1234567893'), ...at('08') }),
        visit('t2b', '', { ...from(`${B}/Encounter/list`), ...by('1234567893'), ...at('15') }),
      ),
    ],
    { since: new Date() },
  );
  expect(await links('t2%')).toEqual([]);
});
test('the diagnosis of two visits, under the number of a case', async () => {
  const dx = (id: string, enc: string) => ({
    resourceType: 'Condition',
    id,
    identifier: [{ use: 'secondary', system: 'https://hospital.example/Condition', value: 'case-7' }],
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'encounter-diagnosis' }] },
    ],
    code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'E11.9' }] },
    subject: { reference: 'Patient/p1' },
    encounter: { reference: `Encounter/${enc}` },
  });
  await node.pull(
    [
      output('Encounter', visit('t3e1', '2026-03-01'), visit('t3e2', '2026-03-09')),
      output('Condition', dx('t3a', 't3e1'), dx('t3b', 't3e2')),
    ],
    { since: new Date() },
  );
  expect(await links('t3%')).toEqual([]);
});
test('treatments by two practitioners, and twice a day by one; reports of other results', async () => {
  const report = (id: string, obs: string) => ({
    resourceType: 'DiagnosticReport',
    id,
    ...from(`${B}/DiagnosticReport/batch`),
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '58410-2' }] },
    subject: { reference: 'Patient/p1' },
    effectiveDateTime: '2026-03-02T08:00:00Z',
    result: [{ reference: `Observation/${obs}` }],
  });
  const lab = (id: string, value: number) => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    subject: { reference: 'Patient/p1' },
    effectiveDateTime: '2026-03-02T08:00:00Z',
    valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
  });
  const proc = (id: string, d: string, performedDateTime = '2026-03-02') => ({
    resourceType: 'Procedure',
    id,
    ...from(`${B}/Procedure/batch`),
    status: 'completed',
    code: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '97110' }] },
    subject: { reference: 'Patient/p1' },
    performedDateTime,
    performer: [{ actor: { reference: `Practitioner/${d}` } }],
  });
  await node.pull(
    [
      output('Practitioner', doctor('d1', '1234567893'), doctor('d2', '1245319599')),
      output('Observation', lab('t4o1', 5), lab('t4o2', 9)),
      output('DiagnosticReport', report('t4a', 't4o1'), report('t4b', 't4o2')),
      output(
        'Procedure',
        proc('t4c', 'd1'),
        proc('t4d', 'd2'),
        proc('t4e', 'd1', '2026-03-03T08:00:00Z'),
        proc('t4f', 'd1', '2026-03-03T15:00:00Z'),
      ),
    ],
    { since: new Date() },
  );
  expect(await links('t4%')).toEqual([]);
});
test('an address that would let someone in, or is longer than any, is not noted', async () => {
  const sources = {
    userinfo: 'https://user:secret@b.example/fhir/Encounter/u1',
    query: 'https://b.example/fhir?token=secret/Encounter/u2',
    long: `https://b.example/${'x'.repeat(100_000)}/Encounter/u3`,
    urn: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
    other: `${B}/Observation/u5`,
    fragment: `${B}/Encounter/u6#part`,
  };
  const visits = Object.entries(sources).map(([id, source]) => visit(`u-${id}`, '2026-04-01', from(source)));
  await node.pull([output('Encounter', ...visits)], { since: new Date() });
  const rows = await node.sql<{ id: string; body: string }[]>`
    select source_id as id, body from exchange.resource where source_id like 'u-%' order by 1`;
  const noted = rows.map((r) => [r.id, (JSON.parse(r.body) as { identifier?: object[] }).identifier]);
  expect(noted.filter(([, identifier]) => identifier !== undefined)).toEqual([
    ['u-fragment', [{ use: 'secondary', system: `${B}/Encounter`, value: 'u6' }]],
  ]);
  expect(noted).toHaveLength(6);
});

test('two that a person said are two stay so when one is informed to be a copy of the other later', async () => {
  const O = 'https://other.example/fhir';
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('other', 'Other', '9000000020', 'active', ${O}, array['https://other.example'], 'test')`;
  const since = new Date();
  await node.pull([output('Encounter', visit('v-o', '2026-05-01', by('1234567893')))], { since, peer: 'other' });
  await node.pull([output('Encounter', visit('v-x', '2026-05-01'))], { since });
  const [open] = await node.sql<{ id: string }[]>`
    select id from exchange.review_item where kind = 'possible-duplicate' and state = 'open'`;
  const item = await findItem(node.sql, open?.id ?? '', false);
  if (!item) throw new Error('no one is asked');
  await unlinkByPerson(node.sql, item);
  const told = { ...from(`${O}/Encounter/v-o`), ...by('1234567893'), reasonCode: [{ text: 'new' }] };
  await node.pull([output('Encounter', visit('v-x', '2026-05-01', told))], { since });
  expect(await links('v-%')).toEqual(['v-o=v-x same-event decision rejected', 'v-o=v-x same-record decision rejected']);
});
