// What a person says of two records another time, after one of them has changed, takes the place of what was said before.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foldedOf } from '../../../exchange/merged/folded.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/store/review/review.ts';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const result = (id: string, patient: string, value: number, more: object = {}) =>
  lab(id, {
    subject: { reference: `Patient/${patient}` },
    identifier: [{ system: 'https://lab.example', value: `N-${patient}` }],
    valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    ...more,
  });
async function decide(memberId: string, decision: PersonDecision | 'undo'): Promise<void> {
  const [row] = await node.sql<{ id: string; state: string }[]>`
    select id, state from exchange.review_item where member_id = ${memberId} and kind = 'value-mismatch'`;
  expect(row?.state).toBe(decision === 'undo' ? 'decided' : 'open');
  const item = await findItem(node.sql, row?.id ?? '');
  const said = { itemId: row?.id ?? '', decision, reason: 'looked at it', mark: item?.mark ?? '' };
  expect(await decideItem(node.deps, PERSON, said, 'r')).toBeUndefined();
}
/** How many of the two stand for themselves. */
async function entries(memberId: string): Promise<number> {
  const merged = await foldedOf(node.deps, memberId);
  const rows = await node.sql<{ type: string; id: string; origin: string }[]>`
    select type, id, origin from exchange.resource where member_id = ${memberId} and type = 'Observation' and not deleted`;
  return rows.filter((r) => merged?.standsFor(r) !== undefined).length;
}
let times = 0;
const changed = (patient: string, value: number) =>
  node.pull(
    [
      output(
        'Observation',
        result(`t-${patient}`, patient, value, { meta: { lastUpdated: `2026-02-0${++times}T00:00:00Z` } }),
      ),
    ],
    { since: new Date() },
  );

test.each([
  ['m1', 'p1', 'same-event', 1, 'keep-both', 2],
  ['m2', 'p2', 'different-events', 2, 'same-event', 1],
] as const)('%s: %s %s, then %s', async (member, patient, first, one, second, two) => {
  await node.own(
    result(`o-${patient}`, member, 10, { identifier: [{ system: 'https://lab.example', value: `N-${patient}` }] }),
  );
  await changed(patient, 20);
  expect(await entries(member)).toBe(2);
  await decide(member, first);
  expect(await entries(member)).toBe(one);
  await changed(patient, 30);
  expect(await entries(member)).toBe(one);
  await decide(member, second);
  expect(await entries(member)).toBe(two);
  await changed(patient, 40);
  expect(await entries(member)).toBe(two);
  await decide(member, first);
  expect(await entries(member)).toBe(one);
  await decide(member, 'undo');
  expect(await entries(member)).toBe(two);
});
