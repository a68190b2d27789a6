// What a no is called of someone who was two members: a withdrawal where the person had said yes last, whatever held meanwhile because of what both had said (docs/decisions/022).
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isSaidSql } from '../../exchange/members/merge/member-merge.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { enrolled, loadPlan } from '../simulation/load-plan.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { idOf } from './plan-fixture.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({}, { clock: () => new Date('2027-03-05T17:00:00Z') });
});
afterAll(() => node.close());

let n = 0;
beforeEach(() => void n++);
const person = (number: string) => ({
  number: `${number}${n}`,
  family: `Rivera${n}`,
  given: 'Ana',
  born: '1974-12-25',
});
const [FIRST, SECOND] = [() => person('F'), () => person('S')];
const ADA = { kind: 'staff', subject: 'dev|ada', requestId: 'r' } as const;

type Choice = [who: () => ReturnType<typeof person>, says: 'yes' | 'no' | '', on: string];
const load = (choices: readonly Choice[]) =>
  loadPlan(
    node,
    choices.map(([who, opt_in, opt_in_date]) =>
      enrolled(who(), opt_in === '' ? {} : { opt_in, opt_in_date, opt_in_policy: 'regular' }),
    ),
    [],
  );
const one = async () => {
  const [memberId, formerId] = [idOf(FIRST()), idOf(SECOND())];
  const done = await makeOne(node.deps, { memberId, formerId, reason: 'same person', seen: Object.keys(DOUBTS) }, ADA);
  expect(done).not.toHaveProperty('refused');
};
const two = async () =>
  expect(await makeTwo(node.deps, { formerId: idOf(SECOND()), reason: 'two persons' }, ADA)).not.toHaveProperty(
    'refused',
  );
/** What was said last, by someone. */
const saidLast = async (who = FIRST) => {
  const [last] = await node.deps.database.sql.unsafe<{ choice: string; on: string }[]>(
    `select choice, recorded_on::text as on from exchange.consent c where member_id = $1 and ${isSaidSql('c')} order by recorded_on desc, created_at desc limit 1`,
    [idOf(who())],
  );
  return { ...last };
};

test('the person said no under one number and yes under the other one later: a no takes that yes back', async () => {
  await load([
    [FIRST, 'yes', '2026-12-03'],
    [FIRST, 'no', '2027-01-17'],
    [SECOND, 'yes', '2027-01-21'],
  ]);
  await one();
  await load([[FIRST, 'no', '2027-03-05']]);
  expect(await saidLast()).toEqual({ choice: 'withdraw', on: '2027-03-05' });
});

test('the person had said no last: there is nothing to take back', async () => {
  await load([
    [FIRST, 'yes', '2026-12-03'],
    [SECOND, 'no', '2027-01-17'],
  ]);
  await one();
  await load([[FIRST, 'no', '2027-03-05']]);
  expect(await saidLast()).toEqual({ choice: 'decline', on: '2027-03-05' });
});

test('who had not chosen, and is another person again, takes nothing back that the other one had said', async () => {
  await load([
    [FIRST, '', ''],
    [SECOND, 'yes', '2026-12-03'],
  ]);
  await one();
  await two();
  await load([[FIRST, 'no', '2027-03-05']]);
  expect(await saidLast()).toEqual({ choice: 'decline', on: '2027-03-05' });
  // the other one does
  await load([[SECOND, 'no', '2027-03-05']]);
  expect(await saidLast(SECOND)).toEqual({ choice: 'withdraw', on: '2027-03-05' });
});
