// A payer that gives new ids to everything it has: which of ours each of its records is now.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { lab, output, PEER, type RawFile, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
});
afterEach(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
/** Medications by what is said of them: a code, or words alone. */
const medication = (id: string, drug: string) => ({
  resourceType: 'Medication',
  id,
  code: /^\d+$/.test(drug) ? { coding: [{ system: RXNORM, code: drug }] } : { text: drug },
});
const order = (id: string, drug: string, more: object = {}) => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  medicationReference: { reference: `Medication/${drug}` },
  subject: { reference: 'Patient/p1' },
  authoredOn: '2026-01-05',
  ...more,
});

/** Which record here a payer's is, and what is shown of it now. */
async function shown(type: string, id: string) {
  const [row] = await node.sql<{ id: string; body: string }[]>`
    select r.id, r.body from exchange.identity i join exchange.resource r on r.member_id = i.member_id and r.type = i.type and r.id = i.local_id
    where i.peer_id = ${PEER} and i.type = ${type} and i.source_id = ${id}`;
  if (!row) throw new Error(`nothing is known of ${type}/${id}`);
  const body = JSON.parse(row.body) as Record<string, { reference?: string }>;
  const [, named] = body['medicationReference']?.reference?.split('/') ?? [];
  const [drug] = await node.sql<{ code: { text?: string; coding?: { code: string }[] } }[]>`
    select body::jsonb -> 'code' as code from exchange.shared_resource where type = 'Medication' and id = ${named ?? ''}`;
  return { id: row.id, drug: drug?.code.text ?? drug?.code.coding?.[0]?.code };
}
const outcomes = async (files: RawFile[]) =>
  (await node.ledger((await node.pull(files)).id)).filter((l) => !l.includes('Medication/'));

const DRUGS = [
  ['codes', '197361', '314076'],
  ['words', 'Aspirin', 'Warfarin'],
] as const;
for (const [kind, one, other] of DRUGS)
  for (const turned of [false, true])
    test(`orders that differ in their drug alone, told by ${kind}, are the same orders afterwards${turned ? ', in the other order' : ''}`, async () => {
      await node.pull([
        output('Medication', medication('m1', one), medication('m2', other)),
        output(
          'MedicationRequest',
          order('a1', 'm1'),
          order('a2', 'm2'),
          order('a3', 'm1', { authoredOn: '2026-02-05' }),
        ),
      ]);
      const before = { one: await shown('MedicationRequest', 'a1'), other: await shown('MedicationRequest', 'a2') };
      expect([before.one.drug, before.other.drug]).toEqual([one, other]);
      const renumbered = [order('b1', 'n1'), order('b2', 'n2'), order('b3', 'n1', { authoredOn: '2026-02-05' })];
      const said = await outcomes([
        output('Medication', medication('n1', one), medication('n2', other)),
        output('MedicationRequest', ...(turned ? renumbered.reverse() : renumbered)),
      ]);
      expect(said.map((l) => l.split(' ')[0])).toEqual(['unchanged', 'unchanged', 'unchanged']);
      expect(await shown('MedicationRequest', 'b1')).toEqual(before.one);
      expect(await shown('MedicationRequest', 'b2')).toEqual(before.other);
    });

test('an order of another drug is no order of before, though all else is', async () => {
  await node.pull([
    output('Medication', medication('m1', 'Aspirin')),
    output('MedicationRequest', order('a1', 'm1')),
    output('Observation', lab('l1'), lab('l2', { effectiveDateTime: '2026-01-02T08:00:00Z' })),
  ]);
  expect(
    await outcomes([
      output('Medication', medication('n1', 'Warfarin')),
      output('MedicationRequest', order('b1', 'n1')),
      output('Observation', lab('k1'), lab('k2', { effectiveDateTime: '2026-01-02T08:00:00Z' })),
    ]),
  ).toEqual(['created MedicationRequest/b1', 'unchanged Observation/k1', 'unchanged Observation/k2']);
  expect((await shown('MedicationRequest', 'b1')).drug).toBe('Warfarin');
});

test('of orders whose drugs their payer does not tell, one is known again, and of two it is not guessed', async () => {
  const orders = (p: string) => [
    order(`${p}1`, `${p}x`),
    order(`${p}2`, `${p}y`),
    ...['02', '03', '04', '05'].map((m) => order(`${p}${m}`, `${p}z`, { authoredOn: `2026-${m}-05` })),
  ];
  await node.pull([output('MedicationRequest', ...orders('a'))]);
  const { id } = await node.pull([output('MedicationRequest', ...orders('b'))]);
  expect(await node.ledger(id)).toEqual([
    'created MedicationRequest/b1',
    'created MedicationRequest/b2',
    ...['02', '03', '04', '05'].map((m) => `unchanged MedicationRequest/b${m}`),
  ]);
});

for (const turned of [false, true])
  test(`records that differ in the visit alone are of the same visits afterwards${turned ? ', in the other order' : ''}`, async () => {
    const visit = (id: string, start: string) => ({
      resourceType: 'Encounter',
      id,
      status: 'finished',
      class: { code: 'AMB' },
      subject: { reference: 'Patient/p1' },
      period: { start },
    });
    const result = (id: string, at: string) => lab(id, { encounter: { reference: `Encounter/${at}` } });
    await node.pull([
      output('Encounter', visit('e1', '2026-01-01T08:00:00Z'), visit('e2', '2026-01-02T08:00:00Z')),
      output('Observation', result('a1', 'e1'), result('a2', 'e2')),
    ]);
    const before = [await shown('Observation', 'a1'), await shown('Observation', 'a2')];
    const renumbered = [result('b1', 'f1'), result('b2', 'f2')];
    await node.pull([
      output('Encounter', visit('f1', '2026-01-01T08:00:00Z'), visit('f2', '2026-01-02T08:00:00Z')),
      output('Observation', ...(turned ? renumbered.reverse() : renumbered)),
    ]);
    expect([await shown('Observation', 'b1'), await shown('Observation', 'b2')]).toEqual(before);
  });
