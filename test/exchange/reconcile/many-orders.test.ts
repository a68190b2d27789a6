// What is taken for years is ordered again and again: two payers' orders of one drug are distinguished by their days, however many there are.
import { expect, test } from 'vitest';
import { recordKeys } from '../../../exchange/reconcile/record-keys.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { output, PEER, reconciler } from './reconcile-pull.ts';

/** More than can be compared each with each (exchange/records/link.ts). */
const MANY = 330;

const order = (payer: string, n: number, more: object = {}) => ({
  resourceType: 'MedicationRequest',
  id: `${payer}-${n}`,
  status: 'completed',
  intent: 'order',
  medicationCodeableConcept: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '310798' }] },
  subject: { reference: `Patient/${payer}` },
  authoredOn: new Date(Date.UTC(2015, 0, 1 + 7 * n, 9)).toISOString(),
  ...more,
});
const diagnosis = (payer: string, n: number) => ({
  resourceType: 'Condition',
  id: `${payer}-${n}`,
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'encounter-diagnosis' }] },
  ],
  code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'N18.6' }] },
  subject: { reference: `Patient/${payer}` },
  recordedDate: new Date(Date.UTC(2015, 0, 1 + 7 * n)).toISOString().slice(0, 10),
});
const many = (payer: string, of: (payer: string, n: number) => object) =>
  Array.from({ length: MANY }, (_, n) => of(payer, n));

test.each([
  ['orders of one drug', order],
  ['diagnoses of one code', diagnosis],
])('each of many %s is linked with the one of its day at the other payer', async (_, of) => {
  const { resourceType } = of('', 0);
  const node = await reconciler();
  try {
    await node.sql`
      insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values ('second', 'Second', '9000000020', 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
    await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
    for (const [peer, patient] of [
      [PEER, 'p1'],
      ['second', 's1'],
    ] as const)
      await node.pull([output(resourceType, ...many(patient, of))], { peer, members: [[patient, 'm1']] });
    const linked = await node.sql<{ a: string; b: string }[]>`
      select a.source_id as a, b.source_id as b from exchange.link l
      join exchange.resource a on a.member_id = l.member_id and a.type = l.type and a.id = l.a_id
      join exchange.resource b on b.member_id = l.member_id and b.type = l.type and b.id = l.b_id
      where l.type = ${resourceType} and l.state = 'confirmed'`;
    expect(linked).toHaveLength(MANY);
    const number = (id: string) => id.slice(id.indexOf('-'));
    expect(linked.filter((l) => number(l.a) !== number(l.b))).toEqual([]);
    // those of one code are too many to be compared by it alone: each is by its day
    expect(await node.sql`select from exchange.finding where kind = 'large-cluster'`).toHaveLength(0);
  } finally {
    await node.close();
  }
});

test('orders meet by their day, and by their drug alone where both are active', () => {
  const met = (a: object, b: object) => {
    const theirs = new Set<string>(recordKeys(b as Resource));
    return recordKeys(a as Resource).filter((k) => theirs.has(k)).length;
  };
  expect(met(order('x', 1), order('y', 1))).toBe(1);
  expect(met(order('x', 1), order('y', 2))).toBe(0);
  expect(met(order('x', 1, { status: 'active' }), order('y', 2))).toBe(0);
  expect(met(order('x', 1, { status: 'active' }), order('y', 2, { status: 'active' }))).toBe(1);
});
