// What people take in of a record that is another member's now, that was taken back, that must not leave, or that moves to another member meanwhile.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { evidenceRows, inSnapshot } from '../../../exchange/compliance/evidence/evidence-rows.ts';
import { makeOne, makeTwo } from '../../../exchange/members/merge/merge-members.ts';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { decided, preauthorization } from '../authorization-fixture.ts';
import { deletions, lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
});
afterEach(() => node.close());

const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
const ODD = { modifierExtension: [{ url: 'http://x.example', valueBoolean: true }] };
const result = (value: number, patient = 'p1', more: object = {}) =>
  lab('r', {
    subject: { reference: `Patient/${patient}` },
    valueQuantity: { value },
    meta: { lastUpdated: `2026-02-0${value}T00:00:00Z` },
    ...more,
  });
const tell = (...records: object[]) =>
  node.pull([output((records[0] as { resourceType: string }).resourceType, ...records)], { since: new Date() });
const item = async () => {
  const [row] = await node.sql<{ id: string; kind: string; state: string }[]>`
    select id, kind, state from exchange.review_item where state <> 'gone'`;
  return row;
};
async function decide(decision: PersonDecision | 'undo'): Promise<void> {
  const itemId = (await item())?.id ?? '';
  const mark = (await findItem(node.sql, itemId))?.mark ?? '';
  expect(await decideItem(node.deps, PERSON, { itemId, decision, reason: 'looked at it', mark }, 'r')).toBeUndefined();
}
const shown = async () =>
  (
    await node.sql<{ k: string }[]>`
      select concat_ws(' ', member_id, body::jsonb #>> '{valueQuantity,value}') as k from exchange.resource
      where origin <> 'own' and type = 'Observation' and not deleted order by 1`
  ).map((r) => r.k);

test('of one that is taken back of one member, and held when it comes as another’s, what is released is that one’s', async () => {
  await tell(result(1, 'p2'));
  await node.pull([deletions('Observation/r')], { since: new Date() });
  await tell(result(3, 'p1', ODD));
  await decide('release');
  expect(await shown()).toEqual(['m1 3']);
  await decide('undo');
  expect(await shown()).toEqual([]);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('what is held after its record was taken back stands in the evidence as in quarantine, until it is taken in or taken back again', async () => {
  const waiting = async () => {
    const found: string[] = [];
    const span = { from: new Date('2020-01-01'), to: new Date(Date.now() + 1000), timeZone: 'UTC' };
    await inSnapshot(node.sql, async (tx) => {
      for await (const rows of evidenceRows(tx, 'quarantine.jsonl', span))
        for (const row of rows) found.push((JSON.parse(row) as { reason: string }).reason);
    });
    return found;
  };
  await tell(result(1));
  await node.pull([deletions('Observation/r')], { since: new Date() });
  await tell(result(3, 'p1', ODD));
  expect(await waiting()).toEqual(['modifier-extension']);
  await decide('release');
  expect(await waiting()).toEqual([]);
  await node.pull([deletions('Observation/r')], { since: new Date() });
  await tell(result(4, 'p1', ODD));
  expect(await waiting()).toEqual(['modifier-extension']);
  await node.pull([deletions('Observation/r')], { since: new Date() });
  expect(await waiting()).toEqual([]);
});

test('of one that is shown of another member and was held for something else, it is asked whose it is', async () => {
  await tell(result(1, 'p2'));
  await tell(result(3, 'p1', ODD));
  await decide('release');
  const isAsked = async () =>
    expect([await shown(), await item()]).toMatchObject([['m2 1'], { kind: 'patient-change', state: 'open' }]);
  await isAsked();
  // it comes again as it was, with all that was there
  await node.pull([output('Observation', result(3, 'p1', ODD))]);
  await isAsked();
  await decide('release');
  expect(await shown()).toEqual(['m1 3']);
  await decide('undo');
  expect([await shown(), (await item())?.state]).toEqual([['m2 1'], 'open']);
  // that it was released from the first check was not taken back
  for (let i = 0; i < 2; i++) {
    await decide('release');
    expect([await shown(), (await item())?.state]).toEqual([['m1 3'], 'decided']);
    await decide('undo');
    await isAsked();
  }
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('of one that is held by two checks and shown of another member, the second check is asked about, and then whose it is', async () => {
  await node.sql`insert into exchange.other_coverage (id, member_id, payer, peer_id, in_error_at) values ('oc', 'm1', 'Prior', 'prior', now())`;
  await tell(result(1, 'p2'));
  const { id } = await node.pull([output('Observation', result(3, 'p1', ODD))], {
    since: new Date(),
    meanwhile: async () =>
      void (await node.sql`update exchange.pull_member set other_coverage_id = 'oc' where member_id = 'm1'`),
  });
  await node.sql`update exchange.other_coverage set in_error_at = null`;
  const [pull, peer] = [await findPull(node.sql, id), await findPeer(node.sql, 'prior')];
  const kinds: (string | undefined)[] = [];
  for (let n = 0; n < 3; n++) {
    if (pull && peer) await replay(node.deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
    kinds.push((await item())?.kind);
    await decide('release');
  }
  expect([kinds, await shown()]).toEqual([['named-in-error', 'modifier-extension', 'patient-change'], ['m1 3']]);
});

test('what waited and is released while two members are one is the former’s when they are two again, and what its payer tells then is the same record', async () => {
  await tell(result(1, 'p1', ODD));
  await node.sql`insert into exchange.member (id, umb) values ('m3', 'U3')`;
  const one = { memberId: 'm3', formerId: 'm1', reason: 'one person', seen: [] };
  expect(await makeOne(node.deps, one, WHO)).not.toHaveProperty('refused');
  await decide('release');
  expect(await shown()).toEqual(['m3 1']);
  expect(await makeTwo(node.deps, { formerId: 'm1', reason: 'they are two' }, WHO)).not.toHaveProperty('refused');
  expect(await shown()).toEqual(['m1 1']);
  expect(await brokenLaws(node.sql)).toEqual({});
  await decide('undo');
  expect(await shown()).toEqual([]);
  await tell(result(2));
  expect(await shown()).toEqual(['m1 2']);
});

test('what had been another one’s before, and is released while two members are one, is the former’s when they are two again', async () => {
  await tell(result(1, 'p2'));
  await node.pull([deletions('Observation/r')], { since: new Date() });
  await tell(result(3, 'p1', ODD));
  await node.sql`insert into exchange.member (id, umb) values ('m3', 'U3')`;
  const one = { memberId: 'm3', formerId: 'm1', reason: 'one person', seen: [] };
  expect(await makeOne(node.deps, one, WHO)).not.toHaveProperty('refused');
  await decide('release');
  expect(await shown()).toEqual(['m3 3']);
  expect(await makeTwo(node.deps, { formerId: 'm1', reason: 'they are two' }, WHO)).not.toHaveProperty('refused');
  expect(await shown()).toEqual(['m1 3']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a release that is taken back while two members are one shows the version before it', async () => {
  await tell(result(1));
  await tell(result(3, 'p1', ODD));
  await decide('release');
  await node.sql`insert into exchange.member (id, umb) values ('m3', 'U3')`;
  const one = { memberId: 'm3', formerId: 'm1', reason: 'one person', seen: [] };
  expect(await makeOne(node.deps, one, WHO)).not.toHaveProperty('refused');
  await decide('undo');
  expect(await shown()).toEqual(['m3 1']);
  expect(await makeTwo(node.deps, { formerId: 'm1', reason: 'they are two' }, WHO)).not.toHaveProperty('refused');
  expect(await shown()).toEqual(['m1 1']);
});

test('what its payer reported first while they were one stays, as whose it is known', async () => {
  await tell(result(1, 'p1', ODD));
  await node.sql`insert into exchange.member (id, umb) values ('m3', 'U3')`;
  await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('c-m3', 'm3', 'opt-in', 'regular', '2026-01-01', 'test')`;
  const one = { memberId: 'm3', formerId: 'm1', reason: 'one person', seen: [] };
  expect(await makeOne(node.deps, one, WHO)).not.toHaveProperty('refused');
  await node.pull([output('Observation', result(2))], { since: new Date(), members: [['p1', 'm3']] });
  expect(await shown()).toEqual(['m3 2']);
  expect(await makeTwo(node.deps, { formerId: 'm1', reason: 'they are two' }, WHO)).not.toHaveProperty('refused');
  expect(await shown()).toEqual(['m3 2']);
  // whose it is, is asked when it comes as the other one's
  await tell(result(3));
  expect([await shown(), (await item())?.kind]).toEqual([['m3 2'], 'patient-change']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test.each([
  ['denied', { text: 'visit' }, 'A3'],
  ['drug', { coding: [{ system: 'http://hl7.org/fhir/sid/ndc', code: '00071015523' }] }, 'A1'],
])(
  'an authorization (%s) that people take in is shown with its lines, without money, and leaves to no one',
  async (state, productOrService, code) => {
    await tell({
      ...preauthorization('a', '2026-02-01T00:00:00Z'),
      item: [{ sequence: 1, productOrService, quantity: { value: 3 }, net: { value: 12.5, currency: 'USD' } }],
      adjudication: [decided(code, '2026-02-01T00:00:00Z')],
    });
    await decide('release');
    const [held] = await node.sql<{ lines: unknown; state: string }[]>`
    select body::jsonb->'item' as lines, pa_state as state from exchange.resource where type = 'ExplanationOfBenefit' and not deleted`;
    expect(held).toEqual({ state, lines: [{ sequence: 1, productOrService, quantity: { value: 3 } }] });
  },
);
