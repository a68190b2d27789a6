// What people decided of two records and took back, before or while their member was one with another: it is taken back wherever it had gone.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { findItem } from '../../exchange/review/review-rows.ts';
import { lab, output, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };

const result = (id: string, patient: string, value: number, day = 1) =>
  lab(id, {
    meta: { lastUpdated: `2026-02-0${day}T00:00:00Z` },
    subject: { reference: `Patient/${patient}` },
    identifier: [{ system: 'https://lab.example/numbers', value: 'N1' }],
    effectiveDateTime: '2026-01-01T08:00:00Z',
    valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
  });
async function decide(decision: PersonDecision | 'undo'): Promise<void> {
  const [row] = await node.sql<{ id: string }[]>`
    select id from exchange.review_item where kind = 'value-mismatch' and state = ${decision === 'undo' ? 'decided' : 'open'}`;
  const d = { itemId: row?.id ?? '', decision, reason: 'looked at it' };
  const mark = (await findItem(node.sql, d.itemId))?.mark ?? '';
  expect(await decideItem(node.deps, PERSON, { ...d, mark }, 'r')).toBeUndefined();
}
async function one(): Promise<void> {
  const seen = ['birth-date', 'sex', 'names', 'died', 'two-there', 'overlap', 'choices'];
  const done = await makeOne(node.deps, { memberId: 'm2', formerId: 'm1', reason: 'one person', seen }, WHO);
  expect(done).not.toHaveProperty('refused');
}
async function two(): Promise<void> {
  expect(await makeTwo(node.deps, { formerId: 'm1', reason: 'they are two' }, WHO)).not.toHaveProperty('refused');
}
async function shown(memberId: string): Promise<number[]> {
  let text = '';
  for await (const piece of (await mergedBundle(node.deps, memberId, true)) ?? []) text += piece;
  const { entry } = JSON.parse(text) as {
    entry: { resource: { resourceType: string; valueQuantity?: { value: number } } }[];
  };
  return entry.flatMap(({ resource: r }) => r.valueQuantity?.value ?? []).sort((a, b) => a - b);
}

beforeEach(async () => {
  node = await reconciler('sensitive');
  await node.own(result('ours', 'm1', 10));
  await node.pull([output('Observation', result('theirs', 'p1', 20))], { since: new Date() });
  expect(await shown('m1')).toEqual([10, 20]);
  await decide('same-event');
  expect(await shown('m1')).toHaveLength(1);
});
afterEach(() => node.close());

test('taken back after the members were one and are two again, and also once more', async () => {
  for (let n = 0; n < 2; n++) {
    await one();
    await two();
  }
  expect(await shown('m1')).toHaveLength(1);
  await decide('undo');
  expect(await shown('m1')).toEqual([10, 20]);
  await decide('report-to-peer');
  expect(await shown('m1')).toEqual([10, 20]);
});

test('taken back while they are one: what is said of the two later brings it back neither then nor afterwards', async () => {
  await one();
  await decide('undo');
  await decide('report-to-peer');
  expect(await shown('m2')).toEqual([10, 20]);
  await two();
  expect(await shown('m1')).toEqual([10, 20]);
  await decide('undo');
  expect(await shown('m1')).toEqual([10, 20]);
  await decide('keep-both');
  await decide('undo');
  expect(await shown('m1')).toEqual([10, 20]);
});

test('of a version that came since, what was said before holds for the member that they go on as, and is taken back there', async () => {
  await node.pull([output('Observation', result('theirs', 'p1', 30, 2))], { since: new Date() });
  expect(await shown('m1')).toHaveLength(1);
  await one();
  await decide('report-to-peer');
  expect(await shown('m2')).toHaveLength(1);
  await two();
  expect(await shown('m1')).toHaveLength(1);
});
