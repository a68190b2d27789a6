// A payer that was named by mistake: no one asks it, its duties never were, what is on its way waits for a person, and a file does not name it again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complianceReport } from '../../exchange/compliance/report/compliance.ts';
import { recordChoice, recordPayer, recordRequest } from '../../exchange/members/consent/record-choice.ts';
import { recordNamedInError } from '../../exchange/members/enrolment/payer-entered-in-error.ts';
import { writeEnrolment } from '../../exchange/members/enrolment/write-enrolment.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { replay } from '../../exchange/reconcile/replay.ts';
import { dueToAsk } from '../../exchange/requester/coverage-due.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { findPull } from '../../exchange/requester/pull.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type ScriptedPeer, scriptedPeer } from '../support/scripted-peer.ts';

let node: TestNode;
let now = new Date();
const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;
const at = (day: string) => {
  now = new Date(`${day}T17:00:00Z`);
};
const yes = (member: string) =>
  recordChoice(
    node.deps,
    member,
    {
      choice: 'opt-in',
      policy: 'regular',
      payers: 'both',
      channel: 'phone',
      language: 'en',
      verification: 'birth date',
    },
    ACTOR,
  );
const named = async (member: string, payer = 'Old Plan') =>
  (await recordPayer(node.deps, member, { payer, memberNumber: '1', starts: null, ends: null }, ACTOR)) ?? '';
const inError = (member: string, otherCoverageId: string, reason = 'another member’s call') =>
  recordNamedInError(node.deps, member, { otherCoverageId, reason }, ACTOR);
const covered = async (member: string) => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.member (id, umb) values (${member}, ${`U-${member}`})`;
  await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, lob) values (${member}, ${`N-${member}`}, 'HMO', '2027-01-01', 'ma')`;
};
const duties = async (member: string) =>
  (
    await node.deps.database.sql<{ duty: string }[]>`
      select concat_ws(' ', kind, to_char(due_at at time zone zone, 'MM-DD'), state, reason) as duty from exchange.deadline
      where member_id = ${member} and kind not like 'C1%' order by starts_at, kind`
  ).map((r) => r.duty);
const asks = async (member: string) =>
  (await planPulls(node.deps, { cause: 'command', again: true, memberIds: [member] })).length;
const f4 = async () =>
  (await complianceReport(node.deps, { period: { name: 'x', first: '2027-01-01', last: '2027-12-31' } })).figures.find(
    (f) => f.id === 'F4',
  );

beforeAll(async () => {
  node = await startNode({}, { clock: () => now });
  await node.deps.database
    .sql`insert into exchange.peer (id, name, state, fhir_base, client_id_there, origins, added_by)
    values ('old-plan', 'Old Plan', 'active', 'https://old.example/fhir', 'us', array['https://old.example'], 'test')`;
});
afterAll(() => node.close());

test('it is asked no more; its duties never were, also one that was overdue; with a reason, once, and only of the member', async () => {
  at('2027-01-05');
  await covered('a');
  await covered('b');
  await yes('a');
  const id = await named('a');
  const typed = await named('a', 'Odl Plan');
  expect(await duties('a')).toEqual(['C2 01-12 open', 'C2 01-12 blocked no-endpoint']);
  at('2027-02-01');
  await keepClocks(node.deps);
  expect(await f4()).toMatchObject({ numerator: 0, denominator: 2 });
  expect(await inError('a', typed, ' x ')).toBe('no-reason');
  expect(await inError('b', typed)).toBe('unknown');
  expect(await inError('a', typed)).toBe('done');
  expect(await inError('a', typed)).toBe('unknown');
  expect(await duties('a')).toEqual(['C2 01-12 open', 'C2 01-12 not-applicable named-in-error']);
  expect(await f4()).toMatchObject({ numerator: 0, denominator: 1 });
  expect(await asks('a')).toBe(1);
  expect(await inError('a', id)).toBe('done');
  expect(await f4()).toMatchObject({ numerator: 0, denominator: 0 });
  expect(await recordRequest(node.deps, 'a', id, ACTOR)).toBeUndefined();
  at('2027-06-01');
  await keepClocks(node.deps);
  await yes('a');
  expect([await asks('a'), await duties('a')]).toEqual([
    0,
    ['C2 01-12 not-applicable named-in-error', 'C2 01-12 not-applicable named-in-error'],
  ]);
});

test('a file that has the row again does not name it; who names it does, and the week begins then, also when it had been asked', async () => {
  at('2027-03-01');
  await covered('c');
  await yes('c');
  const id = await named('c');
  const { sql } = node.deps.database;
  at('2027-03-02');
  await sql`update exchange.deadline set state = 'met', closed_at = ${now} where member_id = 'c' and kind = 'C2'`;
  await sql`insert into exchange.deadline (id, kind, subject, member_id, starts_at, due_at, state, zone)
    values ('c4', 'C4', ${`${id}/p`}, 'c', ${now}, '2027-06-02', 'open', 'America/New_York')`;
  at('2027-03-05');
  expect(await inError('c', id)).toBe('done');
  expect(await duties('c')).toEqual(['C2 03-08 met', 'C4 06-01 not-applicable named-in-error']);
  const row = {
    memberId: 'c',
    memberNumber: 'N-c',
    plan: 'HMO',
    starts: '2027-01-01',
    lob: 'ma' as const,
    subscriberId: undefined,
    ends: undefined,
    acceptedOn: undefined,
    choice: undefined,
  };
  await sql.begin((tx) =>
    writeEnrolment(
      tx,
      [{ ...row, prior: { payer: 'Old Plan', memberNumber: '1', starts: undefined, ends: '2027-02-01' } }],
      'file',
      '2027-02-01',
    ),
  );
  await keepClocks(node.deps);
  expect(await asks('c')).toBe(0);
  at('2027-03-10');
  expect(await named('c')).toBe(id);
  expect(await duties('c')).toEqual(['C2 03-08 met', 'C4 06-01 not-applicable named-in-error', 'C2 03-17 open']);
  expect(
    await dueToAsk(
      sql,
      { memberIds: ['c'] },
      { now, today: '2027-03-10' },
      { months: 3, runOffDays: 90, earlyDays: 5, compares: false },
    ),
  ).toHaveLength(1);
  expect(
    await sql`select act, by, reason from exchange.payer_link_event where other_coverage_id = ${id} order by at`,
  ).toEqual([
    { act: 'in-error', by: ACTOR.subject, reason: 'another member’s call' },
    { act: 'again', by: ACTOR.subject, reason: 'named again' },
  ]);
  await expect(sql`delete from exchange.payer_link_event`).rejects.toThrow();
});

test('a payer that covers the member again, under the same number, is one that goes on: the end of before is none of it', async () => {
  at('2027-06-01');
  await covered('d');
  const { sql } = node.deps.database;
  const told = async (starts: string | null, ends: string | null) => {
    await recordPayer(node.deps, 'd', { payer: 'Old Plan', memberNumber: '1', starts, ends }, ACTOR);
    const rows = await sql<{ s: string | null; e: string | null }[]>`
      select starts::text as s, ends::text as e from exchange.other_coverage where member_id = 'd'`;
    return rows.map((r) => [r.s, r.e]);
  };
  expect(await told('2025-01-01', '2026-12-31')).toEqual([['2025-01-01', '2026-12-31']]);
  // what is not reported changes nothing
  expect(await told(null, null)).toEqual([['2025-01-01', '2026-12-31']]);
  expect(await told('2025-02-01', null)).toEqual([['2025-02-01', '2026-12-31']]);
  expect(await told('2027-05-01', null)).toEqual([['2027-05-01', null]]);
});

let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
});
afterAll(() => peer.close());

test('a pull that has not asked leaves it out; what is on its way is held, as an item', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const [own] = await sql<
    { member: string; id: string }[]
  >`select member_id as member, id from exchange.other_coverage`;
  const take = () =>
    recordNamedInError(deps, own?.member ?? '', { otherCoverageId: own?.id ?? '', reason: 'the other twin’s' }, ACTOR);
  // in the midst of the answer
  const file = peer.normal['GET /f/1'];
  const first = await peer.pull({
    'GET /f/1': (request, answer, body) => void take().then(() => file?.(request, answer, body)),
  });
  expect(await peer.ledger(first.id)).toMatchObject({ 'quarantined named-in-error': expect.any(Number) });
  expect(
    (await sql`select from exchange.review_item where kind = 'named-in-error' and state = 'open'`).length,
  ).toBeGreaterThan(0);
  expect(await sql`select kind, state, reason from exchange.deadline where kind in ('C2', 'C4') order by kind`).toEqual(
    [
      { kind: 'C2', state: 'met', reason: null },
      { kind: 'C4', state: 'not-applicable', reason: 'named-in-error' },
    ],
  );
  // rules that are run again take nothing in that waits for a person
  const [pull, from] = [await findPull(sql, first.id), await findPeer(sql, 'scripted')];
  if (pull && from) await replay(deps, { pull, peer: from, by: { kind: 'command', name: 'test' }, cause: 'replay' });
  expect(await peer.stored()).toEqual([]);
  // named again, planned, and taken back before anything was asked
  await recordPayer(
    deps,
    own?.member ?? '',
    await sql<{ payer: string; memberNumber: string; starts: null; ends: null }[]>`
      select payer, member_number as "memberNumber", null as starts, null as ends from exchange.other_coverage`.then(
      ([o]) => o ?? { payer: '', memberNumber: '', starts: null, ends: null },
    ),
    ACTOR,
  );
  const [planned] = await planPulls(deps, { cause: 'command', again: true });
  expect(await take()).toBe('done');
  peer.seen.length = 0;
  await peer.rest(planned ?? '');
  expect(await findPull(sql, planned ?? '')).toMatchObject({ state: 'withdrawn', reason: 'named-in-error' });
  expect(peer.seen).toEqual([]);
});
