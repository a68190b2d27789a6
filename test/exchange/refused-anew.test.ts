// A payer that refuses us is asked again as one that failed: what it refused may have been a moment in which it could not read our keys, or a registration that it puts right.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { asksOf, enrolled, loadPlan } from '../simulation/load-plan.ts';
import { type TestNode, twoPlans } from '../support/node.ts';
import type { Person } from './plan-fixture.ts';

const ANN: Person = { number: '', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const HOUR = 3_600_000;
let ahead = 0;
const clock = () => new Date(Date.now() + ahead);
let ours: TestNode;
let prior: TestNode;

beforeAll(async () => {
  ({ ours, prior } = await twoPlans({ clock }));
  await loadPlan(prior, [enrolled({ ...ANN, number: 'B1' })], []);
  await loadPlan(ours, [asksOf({ ...ANN, number: 'A1' }, 'Old Plan', 'B1')], []);
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
});

test('whom a payer refused to answer for is asked for an hour later, and no more when it has answered', async () => {
  const { sql } = ours.deps.database;
  const asked = async () => {
    const working = setInterval(() => void prior.work(), 20);
    try {
      const ids = await planPulls(ours.deps, { cause: 'opt-in' });
      const ended = [];
      for (const id of ids) ended.push((await ours.worker.finish(id))?.state);
      return ended;
    } finally {
      clearInterval(working);
    }
  };
  // the keys of ours are nowhere for a moment
  await prior.deps.database.sql`update exchange.peer set jwks_url = jwks_url || '/none', epoch = epoch + 1`;
  expect(await asked()).toEqual(['refused']);
  await keepClocks(ours.deps);
  await prior.deps.database.sql`update exchange.peer set jwks_url = replace(jwks_url, '/none', ''), epoch = epoch + 1`;
  expect(await asked()).toEqual([]);
  ahead += HOUR + 60_000;
  expect(await asked()).toEqual(['done']);
  const duties = await sql<{ state: string }[]>`select state from exchange.deadline where kind = 'C2'`;
  expect(duties.map((d) => d.state)).toEqual(['met']);
  ahead += 25 * HOUR;
  expect(await asked()).toEqual([]);
});
