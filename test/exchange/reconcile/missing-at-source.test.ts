// A full answer that lacks what came before: informed of every member who was asked for, whether anything else of the member came or not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const of = (patient: string) => ({ subject: { reference: `Patient/${patient}` } });
const missing = async (pull: string) =>
  (
    await node.sql<{ n: number }[]>`
      select coalesce(sum(amount), 0)::int as n from exchange.finding where pull_id = ${pull} and kind = 'missing-at-source'`
  )[0]?.n;
beforeAll(async () => {
  node = await reconciler();
  await node.pull([output('Observation', lab('a', of('p1')), lab('b', of('p2')), lab('c', of('p2')))]);
});
afterAll(() => node.close());
const rest = () => [output('Observation', lab('a', of('p1')))];

test('a member of whom nothing comes any more is missing, too', async () => {
  const { id, state } = await node.pull(rest());
  expect(state).toBe('done');
  expect(await missing(id)).toBe(2);
  const none = await node.pull([]);
  expect(await missing(none.id)).toBe(3);
});

test('no one is who was not asked for, of whom everything is held, or whose answer says to be incomplete', async () => {
  expect(await missing((await node.pull(rest(), { members: [['p1', 'm1']] })).id)).toBe(0);
  expect(await missing((await node.pull(rest(), { madeAt: null })).id)).toBe(0);
  expect(await missing((await node.pull(rest(), { since: new Date('2026-01-01') })).id)).toBe(0);
  await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('no', 'm2', 'withdraw', 'regular', '2026-02-01', 'test')`;
  expect(await missing((await node.pull(rest())).id)).toBe(0);
});
