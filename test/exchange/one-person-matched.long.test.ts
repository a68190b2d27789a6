// A payer matches a member by the card of one that goes on as that member. When the two are two again, nobody knows whom it meant.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientIdFor } from '../../exchange/members/enrolment.ts';
import { makeOne, makeTwo } from '../../exchange/members/one-person.ts';
import { DOUBTS } from '../../exchange/members/one-person-report.ts';
import { planPulls } from '../../exchange/pull/plan.ts';
import { grantedMembers, grantedWindow, stillGranted } from '../../exchange/store/answer/grant.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';
import { planDay } from './plan-fixture.ts';

const ANA = { family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r' } as const;
const [STAYS, FORMER] = [patientIdFor('B1'), patientIdFor('B2')];
let ours: TestNode;
let prior: TestNode;
beforeAll(async () => {
  ours = await startNode({ PLAN_NAME: 'New Plan', PLAN_NPI: '9000000020' });
  prior = await startNode({ PLAN_NAME: 'Old Plan', PLAN_NPI: '9000000004' });
  await introduce(ours, prior);
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
});

const result = (id: string, patient: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${patient}` },
  code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
  effectiveDateTime: `2026-05-05T08:0${id.slice(1)}:00Z`,
});
/** Asks, by the Group that there is; returns what is here then. */
async function asked(cause: Parameters<typeof planPulls>[1]): Promise<string[]> {
  const working = setInterval(() => void prior.work(), 20);
  try {
    for (const id of await planPulls(ours.deps, cause)) await ours.worker.finish(id);
  } finally {
    clearInterval(working);
  }
  const rows = await ours.deps.database.sql<{ id: string }[]>`
    select source_id as id from exchange.resource where type = 'Observation' and not deleted order by 1`;
  return rows.map((r) => r.id);
}
const granted = async () => {
  const { sql } = prior.deps.database;
  const [peer] = await sql<{ id: string }[]>`select id from exchange.peer`;
  const [peerId, today] = [peer?.id ?? '', planDay(prior.deps.clock())];
  const scope = { peerId, groupId: null };
  const all = (await grantedMembers(sql, scope, today)).map((g) => g.memberId);
  expect((await grantedWindow(sql, peerId, today, '', 10)).map((g) => g.memberId)).toEqual(all);
  expect([...(await stillGranted(sql, scope, today, [STAYS, FORMER])).keys()].sort()).toEqual(all);
  return all;
};

test('two again: what was matched while they were one counts no more, and by a new match comes what is of the card', async () => {
  await loadPlan(
    prior,
    [enrolled({ ...ANA, number: 'B1' }), enrolled({ ...ANA, number: 'B2' })],
    [result('o1', STAYS), result('o2', FORMER)],
  );
  const seen = Object.keys(DOUBTS);
  const one = await makeOne(prior.deps, { memberId: STAYS, formerId: FORMER, reason: 'one person', seen }, WHO);
  expect(one).toHaveProperty('id');
  await loadPlan(ours, [asksOf({ ...ANA, number: 'A2' }, 'Old Plan', 'B2')], []);
  expect(await asked({ cause: 'opt-in' })).toEqual(['o1', 'o2']);
  expect(await granted()).toEqual([STAYS]);
  expect(await makeTwo(prior.deps, { formerId: FORMER, reason: 'two persons' }, WHO)).toHaveProperty('id');
  expect(await granted()).toEqual([]);
  await loadPlan(prior, [], [result('o3', STAYS), result('o4', FORMER)]);
  const now = await asked({ cause: 'command', again: true });
  expect(now).toContain('o4');
  expect(now).not.toContain('o3');
  expect(await granted()).toEqual([FORMER]);
});
