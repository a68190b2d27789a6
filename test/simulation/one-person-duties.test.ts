// Members are made one and two again amid all that happens to them: no duty stays with who cannot meet it, and none is missed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordChoice, recordPayer, recordRequest } from '../../exchange/members/consent/record-choice.ts';
import { formerUnder } from '../../exchange/members/merge/member-merge.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { endPulls } from '../exchange/pulls-end.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
let now = new Date('2027-01-04T17:00:00Z');
const MEMBERS = 12;
const SEED = 2;
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
    await sql`insert into exchange.enrolment (member_id, member_number, plan, starts) values (${`m${n}`}, ${`N${n}`}, 'x', '2026-01-01')`;
  }
});
afterAll(() => node.close());
const duties = async () =>
  (
    await node.deps.database.sql<{ k: string }[]>`
      select concat_ws(' ', member_id, subject, state, start_event, starts_at, due_at) as k from exchange.deadline where kind = 'C2'
      union all select concat_ws(' ', member_id, other_coverage_id, reported_by) from exchange.member_request order by 1`
  ).map((r) => r.k);
async function something(draw: Draw, log: string[]): Promise<void> {
  const { sql } = node.deps.database;
  const pick = <T>(of: readonly T[]): T => of[Math.floor(draw.next() * of.length)] as T;
  const member = `m${Math.floor(draw.next() * MEMBERS)}`;
  const other = `m${Math.floor(draw.next() * MEMBERS)}`;
  const offset = Math.floor(draw.next() * 240) - 120;
  const [coverage] = await sql<
    { id: string }[]
  >`select id from exchange.other_coverage where member_id = ${member} order by md5(id || ${draw.next()}::text) limit 1`;
  const k = Math.floor(draw.next() * 10);
  if (
    k < 4 &&
    (await sql`select from exchange.member_merge where former_id = ${member} and undone_at is null`).length > 0
  )
    return;
  log.push(`${k} ${member} ${other}`);
  if (k < 4 && draw.next() < 0.3) {
    await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends) values (${member}, ${`N${member}`}, 'x', ${day(offset)}::date, ${pick([null, day(offset + 60)])}::date) on conflict do nothing`;
    return;
  }
  switch (k) {
    case 0:
    case 1:
      await recordChoice(
        node.deps,
        member,
        {
          choice: pick(['opt-in', 'opt-in', 'opt-in', 'decline']),
          policy: 'regular',
          payers: pick(['both', 'both', 'previous']),
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
        { payer: pick(PEERS), memberNumber: '', starts: null, ends: pick([null, day(offset)]) },
        ACTOR,
      );
      return;
    case 4:
    case 5: {
      const r = await makeOne(
        node.deps,
        { memberId: member, formerId: other, reason: 'same person', seen: Object.keys(DOUBTS) },
        { kind: 'staff', subject: 'ada', requestId: 'r' },
      );
      log.push(JSON.stringify(r).slice(0, 60));
      return;
    }
    case 6: {
      const [m] = await sql<
        { f: string }[]
      >`select former_id as f from exchange.member_merge where undone_at is null order by md5(id || ${draw.next()}::text) limit 1`;
      if (!m) return;
      const r = await makeTwo(
        node.deps,
        { formerId: m.f, reason: 'two persons' },
        { kind: 'staff', subject: 'ada', requestId: 'r' },
      );
      log.push(m.f + JSON.stringify(r).slice(0, 60));
      return;
    }
    case 7:
      if (coverage) await recordRequest(node.deps, member, coverage.id, ACTOR);
      return;
    default:
      await endPulls(sql, now, ['done', 'done', 'failed', 'later'], pick);
  }
}
test('what moves and comes back has its duties, and a tick finds them', async () => {
  const { sql } = node.deps.database;
  const draw = new Draw(SEED, kindKey('looks'), 0);
  for (let n = 0; n < 60; n++) {
    const log: string[] = [];
    now = new Date(now.getTime() + Math.floor(draw.next() * 4) * 86_400_000);
    for (let events = 0; events < 4; events++) await something(draw, log);
    await keepClocks(node.deps);
    const opened = await duties();
    await sql`update exchange.other_coverage set evaluate_on = '-infinity'`;
    await keepClocks(node.deps);
    expect(await duties(), log.join(' | ')).toEqual(opened);
    await planPulls(node.deps, { cause: 'opt-in' });
    await sql`update exchange.other_coverage set request_at = '-infinity'`;
    const missed = await planPulls(node.deps, { cause: 'opt-in' });
    expect(missed, log.join(' | ')).toEqual([]);
    // who goes on as another has nothing that can be asked for
    const astray =
      await sql`select k.member_id, k.subject, k.state, o.member_id as of from exchange.deadline k left join exchange.other_coverage o on o.id = split_part(k.subject, '/', 1) where k.kind = 'C2' and (o.member_id is distinct from k.member_id or k.state in ('open','blocked','attempted') and exists (select from exchange.member_merge g where g.former_id = k.member_id and g.undone_at is null))`;
    expect([...astray], log.join(' | ')).toEqual([]);
    const unheld =
      await sql`select k.member_id, k.subject, k.kind from exchange.deadline k where k.kind in ('C1-offer', 'C1b-identify') and k.state = 'open' and not exists (select from exchange.enrolment e where k.subject = e.member_id || '/' || e.starts and k.member_id = e.member_id)`;
    expect([...unheld], log.join(' | ')).toEqual([]);
  }
}, 200_000);

test('two again: who was not asked for in its own name is asked for now', async () => {
  const { sql } = node.deps.database;
  now = new Date('2030-01-10T17:00:00Z');
  await sql`update exchange.pull set state = 'done' where state = 'due'`;
  const who = { kind: 'staff', subject: 'ada', requestId: 'r' } as const;
  for (const member of ['asked', 'not-yet']) {
    await sql`insert into exchange.member (id, umb) values (${member}, ${`U${member}`})`;
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${`c-${member}`}, ${member}, 'opt-in', 'regular', '2029-01-01', 'x')`;
    await sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values (${`o-${member}`}, ${member}, 'p1', 'p1')`;
    if (member === 'asked') await planPulls(node.deps, { cause: 'opt-in' });
  }
  await sql`update exchange.pull set state = 'done' where state = 'due'`;
  const plan = async () => {
    const made = await planPulls(node.deps, { cause: 'opt-in' });
    return (
      await sql<{ id: string }[]>`select member_id as id from exchange.pull_member where pull_id = any(${made})`
    ).map((r) => r.id);
  };
  const reason = 'said so';
  const seen = Object.keys(DOUBTS);
  expect(await makeOne(node.deps, { memberId: 'not-yet', formerId: 'asked', reason, seen }, who)).toHaveProperty('id');
  expect(await plan()).not.toContain('not-yet');
  expect(await makeTwo(node.deps, { formerId: 'asked', reason }, who)).toHaveProperty('id');
  expect(await plan()).toContain('not-yet');
});

test('two again: a duty that began since goes with its coverage', async () => {
  const { sql } = node.deps.database;
  const who = { kind: 'staff', subject: 'ada', requestId: 'r' } as const;
  for (const member of ['stays', 'goes'])
    await sql`insert into exchange.member (id, umb) values (${member}, ${`U${member}`})`;
  await sql`insert into exchange.enrolment (member_id, member_number, plan, starts) values ('goes', 'G', 'x', '2030-01-01')`;
  await sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values ('o-goes', 'goes', 'p1', 'p1')`;
  const reason = 'said so';
  const done = await makeOne(node.deps, { memberId: 'stays', formerId: 'goes', reason, seen: [] }, who);
  expect(done).toHaveProperty('id');
  // by the card that is the other one's now, for who takes it back
  expect(await formerUnder(sql, 'G')).toBe('goes');
  await recordChoice(
    node.deps,
    'stays',
    { choice: 'opt-in', policy: 'regular', payers: 'both', channel: 'phone', language: 'en', verification: 'x' },
    ACTOR,
  );
  await keepClocks(node.deps);
  const held = async () =>
    (
      await sql<{ k: string }[]>`
        select concat_ws(' ', member_id, kind, subject) as k from exchange.deadline where member_id in ('stays', 'goes') order by 1`
    ).map((r) => r.k);
  expect(await held()).toEqual([
    'stays C1-offer stays/2030-01-01',
    'stays C1b-identify stays/2030-01-01',
    'stays C2 o-goes',
  ]);
  expect(await makeTwo(node.deps, { formerId: 'goes', reason }, who)).toHaveProperty('id');
  expect(await formerUnder(sql, 'G')).toBeUndefined();
  await keepClocks(node.deps);
  expect(await held()).toEqual([
    'goes C1-offer goes/2030-01-01',
    'goes C1b-identify goes/2030-01-01',
    'goes C2 o-goes',
  ]);
});
