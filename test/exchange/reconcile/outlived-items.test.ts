// What a copy that is not shown any more says, as its record was taken back, contradicts no one: a person is asked of what is shown.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foldedOf } from '../../../exchange/records/view/folded.ts';
import { deletions, lab, output, type RawFile, reconciler } from './reconcile-pull.ts';

const G = 'https://g.example/fhir';
let node: Awaited<ReturnType<typeof reconciler>>;
const problem = (id: string, status: string, patient: string, more: object = {}) => ({
  resourceType: 'Condition',
  id,
  clinicalStatus: {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: status }],
  },
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'problem-list-item' }] },
  ],
  code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'E11.9' }] },
  subject: { reference: patient },
  ...more,
});
beforeAll(async () => {
  node = await reconciler();
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('g', 'G', '9000000046', 'active', ${G}, array['https://g.example'], 'test')`;
  await node.own(
    { resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] },
    problem('own-e', 'resolved', 'Patient/m1'),
  );
});
afterAll(() => node.close());

const changed = (day: string, more: object = {}) => ({ meta: { lastUpdated: `2026-03-${day}T00:00:00Z`, ...more } });
const from = (peer: string, ...files: RawFile[]) => node.pull(files, { since: new Date(), peer });
/** Of which pairs a person is asked, by what their payers call them. */
const asked = async (): Promise<string[]> => {
  const rows = await node.sql<{ kind: string; a: string; b: string }[]>`
    select i.kind, coalesce(a.source_id, a.id) as a, coalesce(b.source_id, b.id) as b from exchange.review_item i
    join exchange.resource a on a.member_id = i.member_id and a.type = i.type and a.id = i.a_id
    join exchange.resource b on b.member_id = i.member_id and b.type = i.type and b.id = i.b_id where i.state = 'open'`;
  return rows.map((r) => `${r.kind} ${[r.a, r.b].sort().join(' ')}`).sort();
};
/** Records that are one with one of ours, by what their payers call them. */
async function shownWith(id: string): Promise<string[]> {
  const group = (await foldedOf(node.deps, 'm1'))?.standsFor({ type: 'Observation', id, origin: 'own' }) ?? [];
  const rows = await node.sql<{ name: string }[]>`
    select coalesce(source_id, id) as name from exchange.resource where member_id = 'm1' and type || '/' || id = any(${[...group]}) order by 1`;
  return rows.map((r) => r.name);
}

test('a value of before, in a copy of what its payer numbered again, is no contradiction', async () => {
  const glucose = (id: string, value: number, more: object) =>
    lab(id, { effectiveDateTime: '2026-03-01T10:00:00Z', valueQuantity: { value, code: 'g/dL' }, ...more });
  await from('g', output('Observation', glucose('f1', 5, changed('09'))));
  const outdated = changed('02', { source: `${G}/Observation/f1` });
  await from('prior', output('Observation', glucose('c1', 4, outdated)));
  expect(await asked()).toEqual([]);
  await from('g', output('Observation', glucose('f1-new', 5, changed('10'))), deletions('Observation/f1'));
  expect(await asked()).toEqual([]);
  const noted = await node.sql`select from exchange.finding where kind = 'value-mismatch'`;
  expect(noted).toHaveLength(0);
  // what comes then is not compared with it either
  await from('g', output('Observation', glucose('f1-new', 6, changed('11'))));
  expect(await asked()).toEqual([]);
});

test('what ours contradicted goes from view with its record, and is asked again when that is there again', async () => {
  await from('g', output('Condition', problem('e1', 'active', 'Patient/p1', changed('04'))));
  const copy = problem('e2', 'active', 'Patient/p1', changed('05', { source: `${G}/Condition/e1` }));
  await from('prior', output('Condition', copy));
  const both = ['status-mismatch e1 own-e', 'status-mismatch e2 own-e'];
  expect(await asked()).toEqual(both);
  await from('g', deletions('Condition/e1'));
  expect(await asked()).toEqual([]);
  await from('g', output('Condition', problem('e1', 'active', 'Patient/p1', changed('20'))));
  expect(await asked()).toEqual(both);
});

test('a copy that is not shown is none of several alike: of ours no one is asked which it is', async () => {
  const score = (id: string, more: object) => lab(id, { effectiveDateTime: '2026-03-05T10:00:00Z', ...more });
  await node.own(score('own-g', { subject: { reference: 'Patient/m1' } }));
  await from('g', output('Observation', score('g1', changed('04'))));
  await from('prior', output('Observation', score('g2', changed('05', { source: `${G}/Observation/g1` }))));
  await from('g', output('Observation', score('g1-new', changed('10'))), deletions('Observation/g1'));
  // what the one who passed it on has of the new one, beside what it had
  await from(
    'prior',
    output(
      'Observation',
      score('g3', { ...changed('11', { source: `${G}/Observation/g1-new` }), note: [{ text: 'passed on' }] }),
    ),
  );
  expect(await asked()).not.toContainEqual(expect.stringContaining('possible-duplicate'));
  expect(await shownWith('own-g')).toEqual(['g1-new', 'g3', 'own-g']);
});
