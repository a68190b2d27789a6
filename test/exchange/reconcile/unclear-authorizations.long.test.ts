import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { relabel } from '../../../exchange/members/enrolment/relabel.ts';
import { makeOne, makeTwo } from '../../../exchange/members/merge/merge-members.ts';
import { recordsToTell } from '../../../exchange/requester/report/peer-message-rows.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import { ITEM_KINDS } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { decided, preauthorization } from '../authorization-fixture.ts';
import { deletions, output, reconciler } from './reconcile-pull.ts';

const TYPE = 'ExplanationOfBenefit';
const service = (more: object = {}) => ({ sequence: 1, productOrService: { text: 'imaging' }, ...more });
const reason = { category: { coding: [{ code: 'denialreason' }] }, reason: { text: 'not needed' } };
const unclear = (id: string, at = '2026-09-01T00:00:00Z', more: object = {}) => ({
  ...preauthorization(id, at),
  disposition: 'The request was denied.',
  item: [service()],
  ...more,
});
const granted = (id: string, at = '2026-09-02T00:00:00Z') => ({
  ...preauthorization(id, at),
  item: [service({ adjudication: [decided('A1', '2026-09-02T00:00:00Z')] })],
});
const ours = (record: object) => ({ ...record, patient: { reference: 'Patient/m1' } });
const person = { resourceType: 'Patient', id: 'm1', name: [{ family: 'A' }], birthDate: '1970-01-01' };

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('sensitive');
});
beforeEach(async () => {
  await node.own(person);
  await node.sql.unsafe(
    `delete from exchange.review_item where id not in (select item_id from exchange.review_decision)`,
  );
});
afterAll(() => node.close());

const items = () => node.sql<{ id: string; kind: string; state: string; peer: string; line: number | null }[]>`
  select i.id, i.kind, i.state, i.peer_id as peer, i.line from exchange.review_item i where i.rule = 'unclear' and i.decision is null order by i.opened_at, i.id`;
const told = async () => (await items()).map((i) => [i.kind, i.state, i.peer, i.line]);
const stateOf = async (id: string) =>
  (await node.sql`select pa_state from exchange.resource where source_id = ${id} or id = ${id}`)[0]?.['pa_state'];
const SOME = { since: new Date('2026-01-01') };

test('one of another payer is shown, and asked about with its line until it says what was decided', async () => {
  await node.pull([output(TYPE, granted('g'), unclear('u'))], SOME);
  expect([await stateOf('u'), await told()]).toEqual(['unclear', [['unclear-pa', 'open', 'prior', 2]]]);
  // as it was
  await node.pull([output(TYPE, unclear('u'))], SOME);
  expect(await told()).toEqual([['unclear-pa', 'open', 'prior', 2]]);
  await node.pull([output(TYPE, granted('u'))], SOME);
  expect([await stateOf('u'), await told()]).toEqual(['approved', [['unclear-pa', 'gone', 'prior', 2]]]);
});

test('one that is taken back asks no more, and does again when it is there again', async () => {
  await node.pull([output(TYPE, unclear('t'))], SOME);
  await node.pull([deletions(`${TYPE}/t`)], SOME);
  expect((await told()).map((t) => t[1])).toEqual(['gone']);
  await node.pull(
    [output(TYPE, unclear('t', '2026-09-03T00:00:00Z', { item: [service({ quantity: { value: 2 } })] }))],
    SOME,
  );
  expect((await told()).map((t) => t[1])).toEqual(['open']);
});

test('one of ours, by a line’s reason alone with what else is undecided, is asked about and ends with the decision', async () => {
  const record = ours(unclear('own-u', '2026-09-01T00:00:00Z', { item: [service(), service({ sequence: 2 })] }));
  await node.own(person, record);
  expect(await told()).toEqual([['own-unclear-pa', 'open', '', null]]);
  await node.own(person, record);
  expect(await items()).toHaveLength(1);
  await node.own(person, ours(granted('own-u')));
  expect(await told()).toEqual([['own-unclear-pa', 'gone', '', null]]);
});

test('what a person decided of one stays, until another version comes', async () => {
  await node.own(person, ours(unclear('own-d')));
  const [open] = await items();
  const item = open && (await findItem(node.sql, open.id));
  const by = { subject: 's', name: 'Reviewer', role: 'reviewer', development: false };
  const said = {
    itemId: open?.id ?? '',
    mark: item?.mark ?? '',
    decision: 'dismiss' as const,
    reason: 'It was denied.',
  };
  expect(await decideItem(node.deps, by, said, 'request')).toBeUndefined();
  await node.own(person, ours(unclear('own-d')));
  expect((await findItem(node.sql, open?.id ?? ''))?.state).toBe('decided');
  await node.own(person, ours(unclear('own-d', '2026-09-05T00:00:00Z', { adjudication: [reason] })));
  expect(await findItem(node.sql, open?.id ?? '')).toMatchObject({ state: 'open', decision: null, reopened: 1 });
});

test('what was held before there were such items is asked about when it is decided again', async () => {
  await node.own(person, ours(unclear('own-r')));
  await node.pull([output(TYPE, unclear('r'))], SOME);
  await node.sql`delete from exchange.review_item where id not in (select item_id from exchange.review_decision)`;
  await node.sql`update exchange.resource set labeller = null where id = 'own-r' or source_id = 'r'`;
  await relabel(node.deps);
  expect(
    (await told())
      .filter((t) => t[1] === 'open')
      .map((t) => t[0])
      .sort(),
  ).toEqual(expect.arrayContaining(['own-unclear-pa', 'unclear-pa']));
});

test('one that no pull opened is reported to its payer by its id there', async () => {
  await node.pull([output(TYPE, unclear('w'))], SOME);
  await node.sql`update exchange.review_item set pull_id = null, file = null, line = null, entry = null where kind = 'unclear-pa' and state = 'open'`;
  const [open] = (await items()).filter((i) => i.kind === 'unclear-pa' && i.state === 'open');
  const item = await findItem(node.sql, open?.id ?? '');
  const by = { subject: 's', name: 'Reviewer', role: 'reviewer', development: false };
  const said = { itemId: open?.id ?? '', mark: item?.mark ?? '', decision: 'report-to-peer' as const };
  expect(await decideItem(node.deps, by, { ...said, reason: 'Say what was decided.' }, 'request')).toBeUndefined();
  const span = { from: new Date(Date.now() - 3_600_000), to: new Date(Date.now() + 3_600_000) };
  expect((await recordsToTell(node.sql, 'prior', span)).map((r) => [r.type, r.sourceId])).toEqual([[TYPE, 'w']]);
});

test('where two members are merged, each goes on with its record, as it was decided, and is there once', async () => {
  const two = { resourceType: 'Patient', id: 'm2', name: [{ family: 'A' }], birthDate: '1970-01-01' };
  const theirs = { ...unclear('own-m'), patient: { reference: 'Patient/m2' } };
  const decidedThen = { ...unclear('own-n'), patient: { reference: 'Patient/m2' } };
  await node.own(person, two, theirs, decidedThen);
  const of = (id: string) => node.sql<{ whose: string; state: string }[]>`
    select member_id as whose, state from exchange.review_item where rule = 'unclear' and b_id = ${id}`;
  const idOf = async (id: string) =>
    (await node.sql<{ id: string }[]>`select id from exchange.review_item where b_id = ${id}`)[0]?.id ?? '';
  const dismissed = await findItem(node.sql, await idOf('own-n'));
  const by = { subject: 's', name: 'Reviewer', role: 'reviewer', development: false };
  const said = { itemId: dismissed?.id ?? '', mark: dismissed?.mark ?? '', decision: 'dismiss' as const };
  expect(await decideItem(node.deps, by, { ...said, reason: 'It was denied.' }, 'request')).toBeUndefined();
  const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
  const seen = ['two-there'];
  const one = { memberId: 'm1', formerId: 'm2', reason: 'one person', seen };
  const made = await makeOne(node.deps, one, who);
  if ('refused' in made) throw new Error(JSON.stringify(made));
  expect([await of('own-m'), await of('own-n')]).toEqual([
    [{ whose: 'm1', state: 'open' }],
    [{ whose: 'm1', state: 'decided' }],
  ]);
  await node.sql`update exchange.resource set labeller = null where id in ('own-m', 'own-n')`;
  await relabel(node.deps);
  expect((await of('own-n'))[0]?.state).toBe('decided');
  // what is said of it now is said of the one that stays
  await node.own(person, ours(unclear('own-m', '2026-09-07T00:00:00Z', { adjudication: [reason] })));
  expect(await of('own-m')).toEqual([{ whose: 'm1', state: 'open' }]);
  const back = await makeTwo(node.deps, { formerId: 'm2', reason: 'two people' }, who);
  if ('refused' in back) throw new Error(JSON.stringify(back));
  expect([await of('own-m'), await of('own-n')]).toEqual([
    [{ whose: 'm2', state: 'open' }],
    [{ whose: 'm2', state: 'decided' }],
  ]);
  await node.own(two, { ...granted('own-m'), patient: { reference: 'Patient/m2' } });
  expect(await of('own-m')).toEqual([{ whose: 'm2', state: 'gone' }]);
});

test('each kind says what it is and what its decisions do', () => {
  for (const kind of ['own-unclear-pa', 'unclear-pa']) {
    const { allows = [], means = {}, says } = ITEM_KINDS[kind] ?? {};
    expect(says).toMatch(/review action/);
    expect(allows.map((d) => typeof means[d])).toEqual(allows.map(() => 'string'));
  }
});
