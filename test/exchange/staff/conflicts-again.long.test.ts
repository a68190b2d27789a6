// Each decision about two values, taken back again, with the rules run over the pull after each step.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { decideBy, linksOf, openItem } from './conflict-visit.ts';
import { type StaffNode, startStaff, Visitor } from './support.ts';

let node: StaffNode;
let reviewer: Visitor;
const sql = () => node.ours.deps.database.sql;

beforeAll(async () => {
  node = await startStaff();
  reviewer = new Visitor(node.app, node.ours.base);
  await reviewer.signIn('dev-reviewer', node.account.password);
});
afterAll(() => node.close());

test('decided by the form and taken back by the form, with the rules run again in between: every value comes back', async () => {
  const id = await openItem(node, 'value-mismatch');
  const [item] =
    await sql()`select member_id as m, type, a_id as a, b_id as b, pull_id as p from exchange.review_item where id = ${id}`;
  const pair = [item?.['a'], item?.['b']].map((r) => `${item?.['type']}/${r}`).sort();
  const shown = async () => {
    const answer = await reviewer.get(`/staff/members/${item?.['m']}/everything?sensitive=include`);
    const bundle = (await answer.json()) as { entry: { resource: { resourceType: string; id: string } }[] };
    return bundle.entry
      .map((e) => `${e.resource.resourceType}/${e.resource.id}`)
      .filter((k) => pair.includes(k))
      .sort();
  };
  const { deps } = node.ours;
  const again = async () => {
    const [pull, peer] = [await findPull(sql(), String(item?.['p'])), await findPeer(sql(), 'prior')];
    if (!pull || !peer) throw new Error('the pull is gone');
    const report = await replay(deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
    expect([report.units, report.links]).toEqual([[], { added: [], removed: [] }]);
  };
  const before = await linksOf(node, id);
  const origin = async (key: string) =>
    (
      await sql()`select origin from exchange.resource where member_id = ${item?.['m']} and id = ${key.split('/')[1] ?? ''}`
    )[0]?.['origin'];
  expect(await shown()).toEqual(pair);
  for (const [decision, left] of [
    ['prefer-theirs', ['prior']],
    ['prefer-ours', ['own']],
    ['same-event', ['own']],
    ['different-events', ['own', 'prior']],
    ['keep-both', ['own', 'prior']],
  ] as const) {
    expect((await decideBy(reviewer, id, decision)).status).toBe(303);
    await again();
    const keys = await shown();
    expect([decision, (await Promise.all(keys.map(origin))).sort()]).toEqual([decision, [...left]]);
    expect((await decideBy(reviewer, id, 'undo')).status).toBe(303);
    await again();
    expect([decision, await shown(), await linksOf(node, id)]).toEqual([decision, pair, before]);
  }
}, 180_000);
