// Two members are merged, and what one of them had is deleted after that: who had it as the one's, and finds the one that stays, is reported so.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOne } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { hadRecord } from '../../exchange/responder/export/delivered.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { type TestNode, twoPlans } from '../support/node.ts';
import { idOf, type Person } from './plan-fixture.ts';

const ANA: Person = { number: '', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const [STAYS, FORMER] = ['B1', 'B2'].map((number) => ({ ...ANA, number })) as [Person, Person];
let ours: TestNode;
let prior: TestNode;
beforeAll(async () => {
  ({ ours, prior } = await twoPlans());
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
});

const result = (id: string, of: Person, minute: number) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${idOf(of)}` },
  code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
  effectiveDateTime: `2026-05-05T08:${minute}:00Z`,
});
/** Asks again; returns the results that are here then. */
async function asked(full: boolean): Promise<string[]> {
  const working = setInterval(() => void prior.work(), 20);
  try {
    for (const id of await planPulls(ours.deps, { cause: 'command', again: true, full }))
      expect((await ours.worker.finish(id))?.state).toBe('done');
  } finally {
    clearInterval(working);
  }
  const rows = await ours.deps.database.sql<{ id: string }[]>`
    select source_id as id from exchange.resource where type = 'Observation' and not deleted order by 1`;
  return rows.map((r) => r.id);
}

test('what was had as the former one’s, and is gone since they are one, is reported as deleted with the one that stays', async () => {
  const people = [enrolled(STAYS), enrolled(FORMER)];
  await loadPlan(prior, people, [result('o1', STAYS, 10), result('o2', FORMER, 20), result('o3', FORMER, 30)]);
  await loadPlan(ours, [asksOf({ ...ANA, number: 'A1' }, 'Old Plan', 'B2')], []);
  expect(await asked(false)).toEqual(['o2', 'o3']);
  const one = { memberId: idOf(STAYS), formerId: idOf(FORMER), reason: 'one person', seen: Object.keys(DOUBTS) };
  expect(await makeOne(prior.deps, one, { kind: 'staff', subject: 'ada', requestId: 'r' })).toHaveProperty('id');
  const gone = { request: { method: 'DELETE', url: 'Observation/o3' } };
  await loadPlan(prior, [], [{ resourceType: 'Bundle', type: 'transaction', entry: [gone] }]);
  // to read it is 410 to who had it, as that of the one that stays
  const { sql } = prior.deps.database;
  const [peer] = await sql<{ id: string }[]>`select id from exchange.peer`;
  const had = (id: string) => hadRecord(sql, peer?.id ?? '', [idOf(STAYS)], 'Observation', id);
  expect([await had('o3'), await had('o2')]).toEqual([idOf(STAYS), undefined]);
  // the Group of before is about the former one; everything is asked for by a new match, which finds the one that stays
  await asked(false);
  await asked(true);
  expect(await asked(false)).toEqual(['o1', 'o2']);
});
