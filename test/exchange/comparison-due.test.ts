// When everything is asked for once more, to compare: once a quarter of coverage that goes on, after what changed, and beside what is owed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dueToAsk } from '../../exchange/requester/coverage-due.ts';
import { PEER, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  const { sql } = node;
  await sql`insert into exchange.enrolment (member_id, member_number, plan, starts) values ('m1', 'N1', 'x', '2020-01-01')`;
  await sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values ('oc', 'm1', ${PEER}, ${PEER})`;
});
afterAll(() => node.close());

const START = Date.UTC(2027, 0, 4, 17);
const day = (n: number): Date => new Date(START + n * 86_400_000);
let pulls = 0;
/** A pull of a day: how it ended, what it asked for, and what was said of the member. */
async function asked(
  n: number,
  state: string,
  what: 'all' | 'changes',
  cause = 'opt-in',
  { outcome = 'matched', policy = 'regular', leftOut = false } = {},
): Promise<void> {
  const id = `pull-${++pulls}`;
  await node.sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, since)
    values (${id}, ${PEER}, ${state}, ${cause}, ${day(n)}, ${day(n)}, ${day(n)}, ${what === 'all' ? null : day(n - 80)})`;
  await node.sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, other_coverage_id, consent_id, policy, outcome, left_out)
    values (${id}, 's', 'm1', 'oc', 'c-m1', ${policy}, ${state === 'done' ? outcome : null}, ${leftOut})`;
}
/** What is to be asked on a day: what is owed, a comparison, or nothing. */
async function due(n: number, compares = true): Promise<string> {
  const when = { now: day(n), today: day(n).toISOString().slice(0, 10) };
  const found = await dueToAsk(node.sql, {}, when, { months: 3, runOffDays: 90, earlyDays: 5, compares });
  return found.map((c) => (c.isComparison ? 'comparison' : 'owed')).join();
}

test('once a quarter, after what changed; in vain, a week later; what is owed keeps its day', async () => {
  expect(await due(0)).toBe('owed');
  await asked(0, 'done', 'all');
  expect([await due(80), await due(86)]).toEqual(['', 'owed']);
  await asked(86, 'done', 'changes');
  expect([await due(86), await due(86, false)]).toEqual(['comparison', '']);
  await asked(86.1, 'exporting', 'all', 'comparison');
  expect(await due(87)).toBe('');
  await node.sql`update exchange.pull set state = 'failed' where state = 'exporting'`;
  expect([await due(93), await due(94)]).toEqual(['', 'comparison']);
  await asked(110, 'done', 'all', 'comparison');
  expect([await due(111), await due(86 + 84), await due(86 + 87)]).toEqual(['', '', 'owed']);
  await asked(173, 'done', 'changes');
  // three months after the last one, not at once
  expect([await due(174), await due(110 + 84), await due(110 + 87)]).toEqual(['', '', 'comparison']);
});

const chooses = (policy: string, n: number) =>
  node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${policy}, 'm1', 'opt-in', ${policy}, ${day(n)}::date, 'test')`;
/** Of another member's time: nothing was asked for before. */
const anew = async (): Promise<void> => {
  await node.sql`delete from exchange.pull_member`;
  await node.sql`delete from exchange.pull`;
};

test.each(['not-matched', 'constrained'])('answered %s, it is not asked for at each tick', async (outcome) => {
  await anew();
  await asked(0, 'done', 'all');
  await asked(86, 'done', 'changes');
  expect(await due(87)).toBe('comparison');
  await asked(87, 'done', 'all', 'comparison', { outcome });
  expect([await due(87.1), await due(95), await due(86 + 87)]).toEqual(['', '', 'owed']);
});

test.each([{ leftOut: true }, { outcome: 'missing' }])('answered in vain, a week later: %j', async (answer) => {
  await anew();
  await asked(0, 'done', 'all');
  await asked(86, 'done', 'changes');
  await asked(87, 'done', 'all', 'comparison', answer);
  expect([await due(87.1), await due(93), await due(94)]).toEqual(['', '', 'comparison']);
});

test('a choice that takes everything is reported again where the answer reported nothing of the member', async () => {
  await anew();
  await asked(0, 'done', 'all');
  await chooses('sensitive', 1);
  expect(await due(1)).toBe('owed');
  await asked(1, 'done', 'all', 'opt-in', { outcome: 'missing', policy: 'sensitive' });
  expect([await due(1), await due(1.1)]).toEqual(['', 'owed']);
  await asked(1.1, 'done', 'all', 'opt-in', { policy: 'sensitive' });
  expect(await due(2)).toBe('');
  await chooses('regular', 2);
});

test('a payer that was not active is asked again once it is, one that is otherwise is when a person says so', async () => {
  await anew();
  await asked(0, 'review', 'all');
  await node.sql`update exchange.pull set reason = 'peer-not-active'`;
  expect([await due(0), await due(0.1)]).toEqual(['', 'owed']);
  await node.sql`update exchange.pull set reason = 'discovery-changed'`;
  expect(await due(1)).toBe('');
  await node.sql`update exchange.pull set state = 'failed', reason = 'given-up'`;
  expect(await due(1)).toBe('owed');
});

test('a comparison that stopped at a payer that was not active keeps the next one from no one, and what a person has to look at does', async () => {
  await anew();
  await asked(0, 'done', 'all');
  await asked(86, 'done', 'changes');
  await asked(87, 'review', 'all', 'comparison');
  await node.sql`update exchange.pull set reason = 'discovery-changed' where state = 'review'`;
  expect([await due(93), await due(100)]).toEqual(['', '']);
  await node.sql`update exchange.pull set reason = 'peer-not-active' where state = 'review'`;
  expect([await due(93), await due(94)]).toEqual(['', 'comparison']);
});

test('not of coverage that has ended, nor after a no', async () => {
  await anew();
  await asked(0, 'done', 'all');
  await asked(173, 'done', 'changes');
  await node.sql`update exchange.other_coverage set ends = ${day(150)}::date`;
  expect(await due(197)).toBe('');
  await node.sql`update exchange.other_coverage set ends = null`;
  expect(await due(197)).toBe('comparison');
  await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('no', 'm1', 'withdraw', 'regular', ${day(196)}::date, 'test')`;
  expect(await due(197)).toBe('');
});
