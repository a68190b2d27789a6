// A tick looks only at the other coverage for which something may have changed: nothing is missed by it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordChoice, recordPayer, recordRequest } from '../../exchange/members/consent/record-choice.ts';
import { calendarOf } from '../../exchange/members/deadlines/business-day.ts';
import { closeClock } from '../../exchange/members/deadlines/deadline.ts';
import { renewRequests } from '../../exchange/members/deadlines/renewed-request.ts';
import { claimAsks, claimEnd, freeAsks } from '../../exchange/requester/coverage-due.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { endPulls } from '../exchange/pulls-end.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
let now = new Date('2027-01-04T17:00:00Z');
const MEMBERS = 16;
const PEERS = ['p1', 'p2', 'p3'];
const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;
const day = (offset: number) => new Date(now.getTime() + offset * 86_400_000).toISOString().slice(0, 10);

beforeAll(async () => {
  node = await startNode({}, { clock: () => now });
  const { sql } = node.deps.database;
  for (const p of PEERS)
    await sql`insert into exchange.peer (id, name, state, fhir_base, client_id_there, origins, added_by)
      values (${p}, ${p}, 'active', 'https://x.example/fhir', 'us', array['https://x.example'], 'test')`;
  for (let n = 0; n < MEMBERS; n++) {
    await sql`insert into exchange.member (id, umb) values (${`m${n}`}, ${`U${n}`})`;
    await sql`insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb) values (${`m${n}`}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')`;
  }
});
afterAll(() => node.close());

/** Duties to ask for the first time and again, and requests that began anew. */
const duties = async () =>
  (
    await node.deps.database.sql<{ k: string }[]>`
      select concat_ws(' ', member_id, subject, state, start_event, starts_at, due_at, kind, reason) as k from exchange.deadline where kind in ('C2', 'C4', 'C5-runoff')
      union all select concat_ws(' ', member_id, other_coverage_id, reported_by) from exchange.member_request order by 1`
  ).map((r) => r.k);

async function something(draw: Draw): Promise<void> {
  const { sql } = node.deps.database;
  const pick = <T>(of: readonly T[]): T => of[Math.floor(draw.next() * of.length)] as T;
  const member = `m${Math.floor(draw.next() * MEMBERS)}`;
  const offset = Math.floor(draw.next() * 240) - 120;
  const [coverage] = await sql<
    { id: string }[]
  >`select id from exchange.other_coverage where member_id = ${member} order by md5(payer || ${draw.next()}::text) limit 1`;
  switch (Math.floor(draw.next() * 12)) {
    case 0:
    case 1:
      await recordChoice(
        node.deps,
        member,
        {
          choice: pick(['opt-in', 'opt-in', 'decline']),
          policy: 'regular',
          payers: pick(['previous', 'concurrent', 'both']),
          channel: 'phone',
          language: 'en',
          verification: 'x',
        },
        ACTOR,
      );
      return;
    case 2:
    case 3:
      await recordPayer(
        node.deps,
        member,
        { payer: pick([...PEERS, 'nobody']), memberNumber: '', starts: null, ends: pick([null, day(offset)]) },
        ACTOR,
      );
      return;
    case 4:
    case 5:
      await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends) values (${member}, ${`N${member}`}, 'x', ${day(offset)}::date, ${pick([null, day(offset + 60)])}::date) on conflict do nothing`;
      return;
    case 6:
      await sql`update exchange.enrolment set ends = ${pick([null, day(offset)])}::date where member_id = ${member} and starts <= ${day(offset)}::date`;
      if (draw.next() < 0.5) await renewRequests(sql, calendarOf(node.deps.config), now, [member]);
      return;
    case 7:
      await sql`update exchange.peer set state = ${pick(['active', 'active', 'suspended'])} where id = ${pick(PEERS)}`;
      return;
    case 8:
      await sql`update exchange.member_profile set died = ${pick([null, null, day(-1)])}::date where member_id = ${member}`;
      return;
    case 9:
      if (coverage) await recordRequest(node.deps, member, coverage.id, ACTOR);
      return;
    case 10:
      if (coverage)
        await sql`update exchange.other_coverage set peer_id = ${pick([null, ...PEERS])} where id = ${coverage.id}`;
      return;
    default:
      // payers are asked; some of them late, some in vain
      await endPulls(sql, now, ['done', 'failed', 'later', 'nobody'], pick);
  }
}

test('whatever happens: what a tick opens and ends is what it would if it looked at all', async () => {
  const { sql } = node.deps.database;
  const draw = new Draw(11, kindKey('looks'), 0);
  for (let n = 0; n < 110; n++) {
    // often twice on one day
    if (n % 2 === 0) now = new Date(now.getTime() + Math.floor(draw.next() * 7) * 86_400_000);
    for (let events = 0; events < 4; events++) await something(draw);
    await keepClocks(node.deps);
    const opened = await duties();
    await sql`update exchange.other_coverage set evaluate_on = '-infinity'`;
    await sql`update exchange.deadline_check set day = '-infinity'`;
    await keepClocks(node.deps);
    expect(await duties()).toEqual(opened);
    await planPulls(node.deps, { cause: 'opt-in' });
    await sql`update exchange.other_coverage set request_at = '-infinity'`;
    expect(await planPulls(node.deps, { cause: 'opt-in' })).toEqual([]);
  }
  const all = await duties();
  for (const kind of [
    'opt-in-and-payer-known',
    'coverage again',
    'choice or coverage again',
    'member-deceased',
    'coverage-ended',
  ])
    expect(
      all.some((k) => k.includes(kind)),
      kind,
    ).toBe(true);
}, 120_000);

test('a tick after which nothing has changed looks at nothing', async () => {
  const { sql } = node.deps.database;
  await keepClocks(node.deps);
  const [row] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.other_coverage where evaluate_on <= ${day(0)}::date`;
  expect(row?.n).toBe(0);
});

test('what is written without a word to the duties is looked at all the same: a longer coverage, a duty that began anew, one met in the past', async () => {
  const { sql } = node.deps.database;
  now = new Date('2030-01-10T17:00:00Z');
  const begin = async (member: string, starts: string, ends: string | null) => {
    await sql`insert into exchange.member (id, umb) values (${member}, ${`U${member}`})`;
    await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends) values (${member}, 'x', 'x', ${starts}::date, ${ends}::date)`;
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${`c-${member}`}, ${member}, 'opt-in', 'regular', '2029-01-01', 'x')`;
    await sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values (${`o-${member}`}, ${member}, 'p1', 'p1')`;
    await sql`update exchange.peer set state = 'active' where id = 'p1'`;
    await keepClocks(node.deps);
  };
  const of = async (member: string) =>
    (await duties()).filter((k) => k.startsWith(`${member} `) && !k.includes(' again')).map((k) => k.split(' ')[2]);
  await begin('longer', '2029-01-01', '2029-12-31');
  expect(await of('longer')).toEqual([]);
  await sql`update exchange.enrolment set ends = null where member_id = 'longer'`;
  await keepClocks(node.deps);
  expect(await of('longer')).toEqual(['open']);

  await begin('again', '2029-01-01', null);
  await closeClock(sql, 'C2', 'o-again', now);
  for (const [choice, at] of [
    ['withdraw', 1],
    ['opt-in', 2],
  ] as const)
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, given_at, source) values (${`c-again-${choice}`}, 'again', ${choice}, 'regular', ${day(0)}::date, ${new Date(now.getTime() + at * 1000)}, 'x')`;
  now = new Date(now.getTime() + 86_400_000);
  await keepClocks(node.deps);
  expect(await of('again')).toEqual(['met-late']);
  await renewRequests(sql, calendarOf(node.deps.config), now, ['again']);
  await keepClocks(node.deps);
  expect((await of('again')).sort()).toEqual(['met-late', 'open']);

  await begin('past', '2029-01-01', '2029-03-31');
  await sql`insert into exchange.enrolment (member_id, member_number, plan, starts) values ('past', 'x', 'x', '2029-10-01')`;
  await keepClocks(node.deps);
  expect(await of('past')).toEqual(['open']);
  await closeClock(sql, 'C2', 'o-past', new Date('2029-02-01T12:00:00Z'));
  await keepClocks(node.deps);
  expect((await duties()).filter((k) => k.startsWith('past ') && k.endsWith('coverage again'))).toHaveLength(1);
});

/** Somebody with a payer that may be asked now. */
async function someone(member: string, peer = 'p1'): Promise<string> {
  const { sql } = node.deps.database;
  await sql`insert into exchange.member (id, umb) values (${member}, ${`U${member}`})`;
  await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${`c-${member}`}, ${member}, 'opt-in', 'regular', '2029-01-01', 'x')`;
  await sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values (${`o-${member}`}, ${member}, ${peer}, ${peer})`;
  return `o-${member}`;
}
const asksFor = async (coverage: string) =>
  (await node.deps.database.sql`select from exchange.pull_member where other_coverage_id = ${coverage}`).length;

test('a payer that was asked in vain is asked at once when the member asks for it', async () => {
  const { sql } = node.deps.database;
  const coverage = await someone('wishes');
  await planPulls(node.deps, { cause: 'opt-in' });
  await sql`update exchange.pull set state = 'failed' where id in (select pull_id from exchange.pull_member where other_coverage_id = ${coverage})`;
  now = new Date(now.getTime() + 60_000);
  await keepClocks(node.deps);
  await planPulls(node.deps, { cause: 'opt-in' });
  expect(await asksFor(coverage)).toBe(1);
  expect(await recordRequest(node.deps, 'wishes', coverage, ACTOR)).toBe('asked');
  await planPulls(node.deps, { cause: 'opt-in' });
  expect(await asksFor(coverage)).toBe(2);
});

test('a tick waits for nobody who is writing: it leaves what is being changed for the next one', async () => {
  const { sql } = node.deps.database;
  const [held, free] = [await someone('held'), await someone('free')];
  await sql.begin(async (tx) => {
    await tx`update exchange.other_coverage set starts = '2028-01-01' where id = ${held}`;
    await keepClocks(node.deps);
    await planPulls(node.deps, { cause: 'opt-in' });
    expect([await asksFor(held), await asksFor(free)]).toEqual([0, 1]);
  });
  await planPulls(node.deps, { cause: 'opt-in' });
  expect([await asksFor(held), await asksFor(free)]).toEqual([1, 1]);
}, 20_000);

test('a payer that can be asked from this moment on is asked, though a tick was under way', async () => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, state, fhir_base, client_id_there, origins, added_by)
    values ('new', 'new', 'suspended', 'https://x.example/fhir', 'us', array['https://x.example'], 'test')`;
  const coverage = await someone('waits', 'new');
  const begun = await sql.begin(async (tx) => {
    await tx`lock table exchange.other_coverage in exclusive mode`;
    const plan = planPulls(node.deps, { cause: 'opt-in' });
    while (
      (await tx`select from pg_locks where relation = 'exchange.other_coverage'::regclass and not granted`).length === 0
    )
      await new Promise((r) => setTimeout(r, 10));
    await tx`update exchange.peer set state = 'active' where id = 'new'`;
    return { plan };
  });
  await begun.plan;
  await planPulls(node.deps, { cause: 'opt-in' });
  expect(await asksFor(coverage)).toBe(1);
}, 20_000);

test('what a process that died had taken to plan is planned by the next one: after its time, or at once by who starts alone', async () => {
  const { sql } = node.deps.database;
  const { leaseSeconds } = node.deps.config;
  const [first, second] = [await someone('dead-1'), await someone('dead-2')];
  await keepClocks(node.deps);
  expect(await claimAsks(sql, now, claimEnd(now, leaseSeconds))).toBe(true);
  await planPulls(node.deps, { cause: 'opt-in' });
  expect([await asksFor(first), await asksFor(second)]).toEqual([0, 0]);
  await freeAsks(sql, now, leaseSeconds);
  await planPulls(node.deps, { cause: 'opt-in' });
  expect([await asksFor(first), await asksFor(second)]).toEqual([1, 1]);

  const third = await someone('dead-3');
  await keepClocks(node.deps);
  await claimAsks(sql, now, claimEnd(now, leaseSeconds));
  now = new Date(now.getTime() + 11_000 * leaseSeconds);
  await planPulls(node.deps, { cause: 'opt-in' });
  expect(await asksFor(third)).toBe(1);
});
