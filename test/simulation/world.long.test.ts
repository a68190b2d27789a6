// A world of three payers and of people who move between them, by chance: they join, leave, come back, are covered twice, choose and choose otherwise; payers get
// records, correct them, take them back, adjust claims, and ask each other as their schedules say. Some people are with a payer under two numbers, whom staff makes one, and two
// again; payers are named by mistake, and again, and suspended; and a payer gives all its records other ids. In the end each payer shows of its members what they and whom
// they ask have, once, as it is there, and nobody is asked about anything; and what its reports say is what happened. Real HTTP, three databases.
//
// WORLD_SEED, WORLD_STEPS and WORLD_WEATHER try other worlds, WORLD_WITHOUT (twice, mistakes, ids, peers, waits) what a failure needs; what happens is told in each failure.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../journey/laws.ts';
import { begin, IS_STORMY, say, sqlOf, step, told, weather } from './world.ts';
import { allEnded, day } from './world-ask.ts';
import { falseFigures } from './world-figures.ts';
import { HUMANS, NAMES, PLANS } from './world-records.ts';
import { faultsOf } from './world-shown.ts';
import { settleStaff, turnStaff } from './world-staff.ts';
import { settleTwice, turnTwice } from './world-twice.ts';

const SLOWLY = 1_800_000;
const STEP = 15;
/** Days without failures in which what failed before is asked for again. */
const CALM = 8;
/** What comes when nobody has anything new to tell. */
const IS_QUIET = /^(echo,)?(unchanged)?$/;
const STEPS = Number(process.env['WORLD_STEPS'] ?? 5);

let end: () => Promise<void>;
beforeAll(async () => {
  end = await begin();
});
afterAll(() => end());

test('whoever moves where, what is known of them is shown once and as it is', { timeout: SLOWLY }, async () => {
  for (let n = 0; n < STEPS; n++) {
    await step();
    for (let d = 0; d < STEP; d++) {
      if (IS_STORMY) for (const words of weather.turn()) say(words);
      await turnTwice();
      await turnStaff();
      await day();
    }
  }
  weather.clear();
  await settleTwice();
  await settleStaff();
  for (let d = 0; d < CALM; d++) await day();
  let last = '';
  // what one takes back is with whom another one told of it after two rounds of changes
  for (const how of ['changes', 'all', 'changes', 'changes', 'all', 'all'] as const) {
    last = await day(how);
  }
  // what is gone is told in answers for changes alone, and a statement once more where it is about other records: so after somebody for whom the first round asked for everything
  for (let n = 0; n < 3 && !IS_QUIET.test(last); n++) last = await day('all');
  await allEnded();
  // nothing, where nobody is left who asks
  expect(last, told('the last round')).toMatch(IS_QUIET);
  const wrong: string[] = [];
  for (const plan of PLANS) {
    for (const h of HUMANS) {
      const m = h.at.get(plan);
      if (m) wrong.push(...(await faultsOf(h, plan, m)));
      const second = h.twice.get(plan);
      if (second?.isOne === false) wrong.push(...(await faultsOf(h, plan, second.member, true)));
    }
    expect(await brokenLaws(sqlOf(plan)), told(`the laws of ${NAMES[plan]}`)).toEqual({});
    const open = await sqlOf(
      plan,
    )`select kind, type, rule, member_id, peer_id from exchange.review_item where state = 'open'`;
    wrong.push(...open.map((i) => `${NAMES[plan]} asks: ${JSON.stringify(i)}`));
  }
  wrong.push(...(await falseFigures()));
  expect(wrong, told('in the end')).toEqual([]);
});
