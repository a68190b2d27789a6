// When a payer is asked again for a member of whom its answer brought nothing: after the same while as for others, not at each tick, and not never.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/pull/plan.ts';
import { asksOf, loadPlan } from '../simulation/load-plan.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';
import { type Person, planDay } from './plan-fixture.ts';

const ANN: Person = { number: 'A1', family: 'Rivera', given: 'Ana', born: '1974-12-25' };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const QUARTER = 91 * DAY;
let skew = 0;
const clock = () => new Date(Date.now() + skew);
let ours: TestNode;

const sql = () => ours.deps.database.sql;
const chooses = (policy: string) => loadPlan(ours, [asksOf(ANN, 'Old Plan', 'B1', policy, planDay(clock()))], []);

/** What is due is asked for, and answered so. Returns the causes. */
async function tick(outcome: string, answer: { since?: boolean; state?: string; leftOut?: boolean } = {}) {
  const causes: string[] = [];
  for (const id of await planPulls(ours.deps, { cause: 'opt-in' })) {
    await sql()`update exchange.pull_member set outcome = ${outcome}, left_out = ${answer.leftOut ?? false} where pull_id = ${id}`;
    const since = answer.since ? clock() : null;
    const [row] = await sql()<{ cause: string }[]>`
      update exchange.pull set state = ${answer.state ?? 'done'}, since = ${since}, finished_at = ${clock()} where id = ${id} returning cause`;
    causes.push(row?.cause ?? '');
  }
  return causes;
}

beforeAll(async () => {
  ours = await startNode({ PLAN_NAME: 'New Plan', PLAN_NPI: '9000000020' }, { clock });
  const prior = await startNode({ PLAN_NAME: 'Old Plan', PLAN_NPI: '9000000004' }, { clock });
  await introduce(ours, prior);
  await prior.close();
  await chooses('regular');
});
afterEach(async () => {
  await sql()`delete from exchange.pull_member`;
  await sql()`delete from exchange.pull_event`;
  await sql()`delete from exchange.pull`;
  skew += DAY;
  await sql()`update exchange.other_coverage set ask_at = '-infinity'`;
});
afterAll(() => ours?.close());

/** Everything a quarter ago, and since then what changed: everything is due, to compare. */
async function untilCompared(): Promise<void> {
  expect(await tick('matched')).toEqual(['opt-in']);
  skew += QUARTER;
  expect(await tick('matched', { since: true })).toEqual(['opt-in']);
  skew += DAY;
}

test.each(['not-matched', 'constrained'])(
  'everything that was asked for to compare, and was answered %s, is not asked for again before the quarter is out',
  async (outcome) => {
    await untilCompared();
    expect(await tick(outcome)).toEqual(['comparison']);
    for (const after of [0, HOUR, DAY, 8 * DAY]) {
      skew += after;
      expect(await tick(outcome)).toEqual([]);
    }
    skew += QUARTER;
    expect(await tick('matched', { since: true })).toEqual(['opt-in']);
  },
);

test('one that left the member out is repeated a week later', async () => {
  await untilCompared();
  expect(await tick('matched', { leftOut: true })).toEqual(['comparison']);
  expect(await tick('matched')).toEqual([]);
  skew += 8 * DAY;
  expect(await tick('matched')).toEqual(['comparison']);
  expect(await tick('matched')).toEqual([]);
});

test('one that told nothing of the member is repeated a week later', async () => {
  await untilCompared();
  expect(await tick('missing')).toEqual(['comparison']);
  expect(await tick('missing')).toEqual([]);
  skew += 8 * DAY;
  expect(await tick('matched')).toEqual(['comparison']);
});

test('a choice that takes everything is told again to a payer whose answer told nothing of the member', async () => {
  expect(await tick('matched')).toEqual(['opt-in']);
  skew += DAY;
  await chooses('sensitive');
  expect(await tick('missing')).toEqual(['opt-in']);
  expect(await tick('missing')).toEqual([]);
  skew += 2 * HOUR;
  expect(await tick('matched')).toEqual(['opt-in']);
  skew += DAY;
  expect(await tick('matched')).toEqual([]);
});
