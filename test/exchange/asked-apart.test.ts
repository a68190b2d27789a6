// Who is asked for the first time is asked for apart from whom a payer has informed of before: in one request all of them would have everything reported, and no one what was deleted.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { type TestNode, twoPlans } from '../support/node.ts';
import { idOf, type Person } from './plan-fixture.ts';

const ANN: Person = { number: '', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const BOB: Person = { number: '', family: 'Johnson', given: 'Robert', born: '1960-02-03' };
const DAY = 86_400_000;
let ahead = 0;
const clock = () => new Date(Date.now() + ahead);
let ours: TestNode;
let prior: TestNode;
const result = (id: string, minute: number) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] },
  subject: { reference: `Patient/${idOf({ ...ANN, number: 'B1' })}` },
  effectiveDateTime: `2026-03-04T10:${minute}:00Z`,
  valueQuantity: { value: 99, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
});

beforeAll(async () => {
  ({ ours, prior } = await twoPlans({ clock }));
  const people = [enrolled({ ...ANN, number: 'B1' }), enrolled({ ...BOB, number: 'B2' })];
  await loadPlan(prior, people, [result('stays', 10), result('goes', 20)]);
  await loadPlan(ours, [asksOf({ ...ANN, number: 'A1' }, 'Old Plan', 'B1')], []);
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
});

async function asked() {
  await keepClocks(ours.deps);
  const working = setInterval(() => void prior.work(), 20);
  try {
    const ended = [];
    for (const id of await planPulls(ours.deps, { cause: 'opt-in' })) {
      const pull = await ours.worker.finish(id);
      ended.push(`${pull?.state} ${pull?.since ? 'changes' : 'everything'}`);
    }
    return ended.sort();
  } finally {
    clearInterval(working);
  }
}
const shown = async () =>
  (
    await ours.deps.database.sql<{ id: string }[]>`
      select source_id as id from exchange.resource where type = 'Observation' and not deleted order by 1`
  ).map((r) => r.id);

test('what was deleted is informed of the one, while the other one is asked for as a whole', async () => {
  expect(await asked()).toEqual(['done everything']);
  expect(await shown()).toEqual(['goes', 'stays']);
  const gone = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ request: { method: 'DELETE', url: 'Observation/goes' } }],
  };
  await loadPlan(prior, [], [gone]);
  await loadPlan(ours, [asksOf({ ...BOB, number: 'A2' }, 'Old Plan', 'B2')], []);
  // a quarter later, on the same day
  ahead = 100 * DAY;
  expect(await asked()).toEqual(['done changes', 'done everything']);
  expect(await shown()).toEqual(['stays']);
});
