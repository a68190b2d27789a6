// A member who was asked for at a payer, and has another card there now: what was matched by the former one says nothing of it, and the member is matched by it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';
import { idOf, type Person, planDay } from './plan-fixture.ts';
import { lab } from './reconcile/reconcile-pull.ts';

const DAY = 86_400_000;
let skew = 0;
const clock = () => new Date(Date.now() + skew);
const THERE: Person = { number: 'B731', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const HERE = { ...THERE, number: 'A731' };
let a: TestNode;
let b: TestNode;

beforeAll(async () => {
  a = await startNode({ PLAN_NAME: 'Plan A', PLAN_NPI: '9000000020' }, { clock });
  b = await startNode({ PLAN_NAME: 'Plan B', PLAN_NPI: '9000000004' }, { clock });
  await introduce(a, b, { asker: 'plan-a', responder: 'plan-b' });
  await loadPlan(b, [enrolled(THERE)], [lab('r1', { subject: { reference: `Patient/${idOf(THERE)}` } })]);
});
afterAll(async () => {
  await a?.close();
  await b?.close();
});

/** Asks under a card, which alone stands in the file. */
async function ask(card: string) {
  const working = setInterval(() => void b.work(), 20);
  try {
    await loadPlan(a, [asksOf(HERE, 'Plan B', card, 'regular', planDay())], []);
    const found = [];
    for (const id of await planPulls(a.deps, { cause: 'opt-in' })) {
      const done = await a.worker.finish(id);
      const members = await a.deps.database.sql<{ outcome: string }[]>`
        select outcome from exchange.pull_member where pull_id = ${id}`;
      found.push([done?.state, done?.reason, members.map((m) => m.outcome)]);
    }
    return found;
  } finally {
    clearInterval(working);
  }
}

test('another card is another match', async () => {
  expect(await ask('B731')).toEqual([['done', null, ['matched']]]);
  await loadPlan(
    b,
    [{ ...enrolled({ ...THERE, number: 'B999' }), former_member_number: 'B731', coverage_start: '2026-07-01' }],
    [],
  );
  skew += DAY;
  expect(await ask('B999')).toEqual([['done', null, ['matched']]]);
  // by both cards the payer finds the one person
  skew += 91 * DAY;
  expect(await ask('B999')).toEqual([['done', null, ['matched', 'matched']]]);
  const held = await a.deps.database.sql`select from exchange.resource where type = 'Observation' and not deleted`;
  expect(held).toHaveLength(1);
});
