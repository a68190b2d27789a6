// A person releases a record from quarantine, takes that back, or discards it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/store/review.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  const modified = (id: string) => lab(id, { modifierExtension: [{ url: 'http://x', valueBoolean: true }] });
  await node.pull([output('Observation', modified('a'), modified('b'), lab('c'))]);
});
afterAll(() => node.close());

const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const itemOf = async (source: string) => {
  const [row] =
    await node.sql`select i.id from exchange.review_item i join exchange.ledger l using (pull_id, file, line) where l.source_id = ${source}`;
  return String(row?.['id']);
};
async function decide(id: string, decision: PersonDecision | 'undo') {
  const item = await findItem(node.sql, id);
  return decideItem(node.deps, person, { itemId: id, decision, reason: 'looked at it', mark: item?.mark ?? '' }, 'r1');
}
const visible = async () =>
  [
    ...(await node.sql`select source_id as s from exchange.resource where type = 'Observation' and not deleted order by 1`),
  ].map((r) => r['s']);

test('released, shown, taken back, hidden; the laws hold at each step', async () => {
  const id = await itemOf('a');
  expect(await visible()).toEqual(['c']);
  expect(await decide(id, 'release')).toBeUndefined();
  expect(await visible()).toEqual(['a', 'c']);
  expect(await brokenLaws(node.sql)).toEqual({});
  expect((await findItem(node.sql, id))?.state).toBe('decided');
  const again = await node.pull(
    [output('Observation', lab('a', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] }))],
    { since: new Date() },
  );
  expect(await node.ledger(again.id)).toEqual(['unchanged Observation/a']);
  expect(await visible()).toEqual(['a', 'c']);
  expect(await decide(id, 'undo')).toBeUndefined();
  expect(await visible()).toEqual(['c']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('discarded: stays out, and is no longer open', async () => {
  const id = await itemOf('b');
  expect(await decide(id, 'discard')).toBeUndefined();
  expect(await visible()).toEqual(['c']);
  expect((await findItem(node.sql, id))?.state).toBe('decided');
  expect(await node.sql`select from exchange.unit_revision where cause = 'discard'`).toHaveLength(1);
});
