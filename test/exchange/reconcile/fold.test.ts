// Which copies of one thing stand for it in the merged record.
import { expect, test } from 'vitest';
import type { Chain } from '../../../exchange/reconcile/chain/claims.ts';
import { fold } from '../../../exchange/records/view/fold.ts';
import type { MergedItem, MergedKey, MergedLink } from '../../../exchange/records/view/member-rows.ts';

const keys = (...given: [id: string, origin: string, at: number, type?: string][]): MergedKey[] =>
  given.map(([id, origin, at, type = 'Observation']) => ({
    type,
    id,
    origin,
    lastUpdated: new Date(at),
    label: 0,
    isAuthorization: false,
    withheld: null,
  }));
const link = (a: string, b: string, more: Partial<MergedLink> = {}): MergedLink => ({
  type: 'Observation',
  a,
  b,
  kind: 'same-event',
  state: 'confirmed',
  rule: 'result',
  ...more,
});
const groups = (...args: Parameters<typeof fold>) =>
  [...fold(...args).groups.values()].map((g) => g.map((k) => k.split('/')[1]).join('+')).sort();
const three = keys(['a', 'own', 1], ['b', 'p', 2], ['c', 'q', 3]);

test('links make groups; ours stands for them, else the newest', () => {
  expect(groups(three, [link('a', 'b'), link('b', 'c')], [], [], undefined)).toEqual(['a+c+b']);
  expect(groups(keys(['b', 'p', 2], ['c', 'q', 3]), [link('b', 'c')], [], [], undefined)).toEqual(['c+b']);
  expect(groups(three, [link('a', 'b', { state: 'proposed' })], [], [], undefined)).toEqual(['a', 'b', 'c']);
});

test('links of one record or event alone make one of two, and none leads to what is not shown', () => {
  expect(groups(three, [link('a', 'b', { kind: 'same-record' })], [], [], undefined)).toEqual(['a+b', 'c']);
  for (const kind of ['derived-from', 'coordination-of-benefits', 'conflict'])
    expect(groups(three, [link('a', 'b', { kind })], [], [], undefined)).toEqual(['a', 'b', 'c']);
  const gone = [link('a', 'x'), link('x', 'b')];
  expect(groups(three, gone, [], [], undefined)).toEqual(['a', 'b', 'c']);
  // once more, and against the order in which they grew
  const ring = [link('b', 'c'), link('a', 'b'), link('a', 'c'), link('a', 'b')];
  expect(groups(three, ring, [], [], undefined)).toEqual(['a+c+b']);
});

test('who is apart from one of a group stays out of it, whichever of the two has more', () => {
  const four = keys(['a', 'own', 1], ['b', 'p', 2], ['c', 'q', 3], ['d', 'r', 4]);
  const refused = (x: string, y: string) => link(x, y, { state: 'rejected', rule: 'decision' });
  for (const [x, y] of [
    ['a', 'd'],
    ['d', 'a'],
  ] as const) {
    expect(groups(four, [link('a', 'b'), link('b', 'c'), link('c', 'd'), refused(x, y)], [], [], undefined)).toEqual([
      'a+c+b',
      'd',
    ]);
    expect(groups(four, [link('b', 'c'), link('c', 'd'), link('a', 'b'), refused(x, y)], [], [], undefined)).toEqual([
      'a',
      'd+c+b',
    ]);
  }
});

test('a contradiction or a refusal between two keeps a chain of links from making them one; a person’s word counts more', () => {
  const chain = [link('a', 'b'), link('b', 'c')];
  const conflict = link('a', 'c', { kind: 'conflict', state: 'proposed' });
  expect(groups(three, [...chain, conflict], [], [], undefined)).toEqual(['a+b', 'c']);
  expect(groups(three, [...chain, link('a', 'c', { state: 'rejected', rule: 'decision' })], [], [], undefined)).toEqual(
    ['a+b', 'c'],
  );
  expect(groups(three, [...chain, conflict, link('a', 'c', { rule: 'decision' })], [], [], undefined)).toEqual([
    'a+c+b',
  ]);
});

const item = (more: Partial<MergedItem>): MergedItem => ({
  id: 'i',
  kind: 'value-mismatch',
  type: 'Observation',
  aId: 'a',
  bId: 'b',
  peerId: 'p',
  state: 'decided',
  decision: null,
  ...more,
});

test('what is preferred away, in doubt or withdrawn is hidden, and says why', () => {
  const hidden = (items: MergedItem[], choice?: string) =>
    [...fold(three, [], [], items, choice).hidden].map(([k, why]) => `${k} ${why}`);
  expect(hidden([item({ decision: 'prefer-ours' })])).toEqual(['Observation/b preferred-away']);
  expect(hidden([item({ decision: 'prefer-theirs', aId: 'b', bId: 'a' })])).toEqual(['Observation/a preferred-away']);
  expect(hidden([item({ decision: 'keep-both' })])).toEqual([]);
  expect(hidden([item({ kind: 'identity-doubt', state: 'open', type: 'Patient' })])).toEqual([
    'Observation/b identity-doubt',
  ]);
  expect(hidden([item({ kind: 'identity-doubt', state: 'decided', decision: 'dismiss', type: 'Patient' })])).toEqual(
    [],
  );
  for (const decision of ['discard', 'report-to-peer'])
    expect(hidden([item({ kind: 'identity-doubt', decision, type: 'Patient' })])).toEqual([
      'Observation/b identity-doubt',
    ]);
  // half an item is none
  for (const half of [{ aId: null }, { bId: null }])
    expect(hidden([item({ ...half, decision: 'prefer-ours' })])).toEqual([]);
  // of someone who is not there nothing is hidden, and of a decline all that was received
  expect(hidden([item({ decision: 'prefer-theirs', aId: 'x' })])).toEqual([]);
  expect(hidden([], 'decline')).toEqual(['Observation/b withdrawn', 'Observation/c withdrawn']);
  expect(hidden([], 'withdraw')).toEqual(['Observation/b withdrawn', 'Observation/c withdrawn']);
  expect(hidden([], 'opt-in')).toEqual([]);
});

test('what is preferred and is not shown itself hides nothing; of a ring of preferences all are shown', () => {
  const theirs = item({ decision: 'prefer-theirs' });
  const hidden = (items: MergedItem[], choice?: string, of = three) =>
    [...fold(of, [], [], items, choice).hidden].map(([k, why]) => `${k} ${why}`);
  expect(hidden([theirs])).toEqual(['Observation/a preferred-away']);
  expect(hidden([theirs], 'withdraw')).toEqual(['Observation/b withdrawn', 'Observation/c withdrawn']);
  expect(hidden([theirs, item({ kind: 'identity-doubt', state: 'open', type: 'Patient' })])).toEqual([
    'Observation/b identity-doubt',
  ]);
  const outlived = three.map((k) => ({ ...k, withheld: k.id === 'b' ? ('outlived' as const) : null }));
  expect(hidden([theirs], undefined, outlived)).toEqual(['Observation/b outlived']);
  // its item may stand a while after it is gone
  expect(hidden([theirs], undefined, keys(['a', 'own', 1]))).toEqual([]);
  const over = (better: string, other: string) => item({ aId: better, bId: other, decision: 'prefer-ours' });
  expect(hidden([theirs, over('b', 'c')])).toEqual(['Observation/a preferred-away', 'Observation/c preferred-away']);
  expect(hidden([theirs, over('c', 'b')])).toEqual(['Observation/a preferred-away', 'Observation/b preferred-away']);
  expect(hidden([theirs, over('c', 'b'), over('a', 'c')])).toEqual([]);
});

test('of a chain the version that counts is shown; when none counts, all are', () => {
  const claims = keys(
    ['1', 'p', 1, 'ExplanationOfBenefit'],
    ['2', 'p', 2, 'ExplanationOfBenefit'],
    ['3', 'p', 3, 'ExplanationOfBenefit'],
  );
  const chain = (state: Chain['state'], finalId: string | null): Chain => ({
    chain: 'x',
    kind: 'claim',
    state,
    finalId,
    nodes: ['1', '2', '3'].map((id) => ({
      number: id,
      ids: [id],
      status: 'active',
      created: null,
      final: id === finalId,
    })),
    anomalies: [],
    facts: {},
  });
  expect(groups(claims, [], [chain('final', '2')], [], undefined)).toEqual(['2+3+1']);
  expect(groups(claims, [], [chain('void', null)], [], undefined)).toEqual(['3+2+1']);
  expect(groups(claims, [], [chain('undecided', null)], [], undefined)).toEqual(['1', '2', '3']);
});
