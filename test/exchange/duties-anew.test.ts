// Duties to ask a payer that had ended and are there again, and those that end with the other coverage: as days pass, without a new choice.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { undecidedMembers } from '../../exchange/members/consent/choice-rows.ts';
import { recordChoice, recordPayer, recordRequest } from '../../exchange/members/consent/record-choice.ts';
import { calendarOf } from '../../exchange/members/deadlines/business-day.ts';
import { closeClock } from '../../exchange/members/deadlines/deadline.ts';
import { openRefreshClocks, settleOfferClocks } from '../../exchange/members/deadlines/member-deadlines.ts';
import { renewRequests } from '../../exchange/members/deadlines/renewed-request.ts';
import { type PeerState, setPeerState } from '../../exchange/peers/peer.ts';
import { addPeerChange } from '../../exchange/peers/peer-change.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
let now = new Date();
let member = '';
const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;
const YES = {
  choice: 'opt-in',
  policy: 'regular',
  payers: 'both',
  channel: 'phone',
  language: 'en',
  verification: 'birth date',
} as const;
const at = (day: string) => {
  now = new Date(`${day}T17:00:00Z`);
};
const chooses = (payers: 'previous' | 'concurrent' | 'both') =>
  recordChoice(node.deps, member, { ...YES, payers }, ACTOR);
const named = async (ends: string | null) =>
  (await recordPayer(node.deps, member, { payer: 'Old Plan', memberNumber: member, starts: null, ends }, ACTOR)) ?? '';
const covered = async (starts: string, ends: string | null) => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.member (id, umb) values (${member}, ${`U-${member}`}) on conflict do nothing`;
  await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends, lob) values (${member}, ${`N-${member}`}, 'HMO', ${starts}, ${ends}, 'ma')`;
};
/** Each duty to ask as `due state`, in the order in which they began. */
const duties = async () =>
  (
    await node.deps.database.sql<{ duty: string }[]>`
      select to_char(due_at at time zone zone, 'MM-DD') || ' ' || state as duty from exchange.deadline where member_id = ${member} and kind = 'C2' order by starts_at`
  ).map((r) => r.duty);
const asks = async (day: string) => {
  at(day);
  const made = await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] });
  await node.deps.database.sql`update exchange.pull set state = 'failed' where id = any(${made})`;
  return made.length > 0;
};

beforeAll(async () => {
  node = await startNode({}, { clock: () => now });
  await node.deps.database
    .sql`insert into exchange.peer (id, name, state, fhir_base, client_id_there, origins, added_by)
    values ('old-plan', 'Old Plan', 'active', 'https://old.example/fhir', 'us', array['https://old.example'], 'test')`;
});
afterAll(() => node.close());
let n = 0;
beforeEach(() => {
  member = `m${n++}`;
});

test('where only concurrent payers are asked a duty ends with the other coverage, and begins again with a wider choice', async () => {
  at('2027-01-05');
  await covered('2027-01-01', null);
  await named('2027-01-08');
  await chooses('concurrent');
  expect(await duties()).toEqual(['01-12 open']);
  at('2027-01-08');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['01-12 open']);
  at('2027-01-09');
  await keepClocks(node.deps);
  expect([await duties(), await asks('2027-01-20')]).toEqual([['01-12 not-applicable'], false]);
  await chooses('both');
  expect([await duties(), await asks('2027-01-21')]).toEqual([['01-12 not-applicable', '01-27 open'], true]);
});

test('a coverage that is cancelled before it begins asks no one and offers nothing any more, and is one when it is reported again', async () => {
  const { sql } = node.deps.database;
  const offers = async () =>
    (await sql`select state, reason from exchange.deadline where member_id = ${member} and kind = 'C1-offer'`).map(
      (r) => `${r['state']} ${r['reason']}`,
    );
  at('2027-01-05');
  await covered('2027-02-01', null);
  await named(null);
  await keepClocks(node.deps);
  expect(await offers()).toEqual(['open null']);
  await chooses('both');
  expect([await duties(), await asks('2027-01-06')]).toEqual([['01-12 open'], true]);
  at('2027-01-20');
  await sql`update exchange.enrolment set ends = starts where member_id = ${member}`;
  await keepClocks(node.deps);
  expect([await duties(), await asks('2027-01-21')]).toEqual([['01-12 not-applicable'], false]);
  at('2027-01-22');
  await sql`update exchange.enrolment set ends = null where member_id = ${member}`;
  await keepClocks(node.deps);
  expect([await duties(), await asks('2027-01-23')]).toEqual([['01-12 not-applicable', '01-29 open'], true]);
});

test('of a payer that is named when coverage with us is over the week begins when the next coverage is known', async () => {
  at('2026-12-18');
  await covered('2026-12-18', '2027-01-01');
  await chooses('both');
  at('2027-01-02');
  await named(null);
  await keepClocks(node.deps);
  expect(await duties()).toEqual([]);
  at('2027-03-03');
  await covered('2027-03-03', null);
  at('2027-03-04');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['03-11 open']);
  // named while it lasts, and not looked at for days
  at('2027-03-08');
  await node.deps.database
    .sql`insert into exchange.other_coverage (id, member_id, payer, peer_id, member_number, known_at, reported_by) values ('later', ${member}, 'old-plan', 'old-plan', 'X9', ${now}, 'member')`;
  at('2027-03-12');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['03-11 open', '03-15 open']);
});

test('a payer whose coverage had ended, and which was asked for the last time, is asked within a week when it goes on again', async () => {
  const { sql } = node.deps.database;
  at('2027-01-05');
  await covered('2027-01-01', null);
  const id = await named('2026-12-20');
  await chooses('both');
  const asked = async (day: string) => {
    at(day);
    const [one] = await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] });
    expect(one).toBeDefined();
    await sql`update exchange.pull_member set outcome = 'matched' where pull_id = ${one ?? ''}`;
    await sql.begin(async (tx) => {
      await closeClock(tx, 'C2', id, now);
      await openRefreshClocks(tx, calendarOf(node.deps.config), now, { pullId: one ?? '', at: now });
    });
    await sql`update exchange.pull set state = 'done', kicked_off_at = ${now} where id = ${one ?? ''}`;
  };
  await asked('2027-01-06');
  const goesOn = async (ends: string | null) => {
    await sql`update exchange.other_coverage set ends = ${ends} where id = ${id}`;
    await keepClocks(node.deps);
  };
  const all = async () =>
    (
      await sql`select kind, state, start_event as "since" from exchange.deadline where member_id = ${member} and kind in ('C2', 'C4', 'C5-runoff') order by starts_at`
    ).map((r) => `${r['kind']} ${r['state']} ${r['since']}`);
  // its end was an error that is reported soon: what is owed is still owed
  at('2027-01-20');
  await goesOn(null);
  await goesOn('2026-12-20');
  expect(await duties()).toEqual(['01-12 met']);
  at('2027-04-01');
  await keepClocks(node.deps);
  const before = ['C2 met opt-in-and-payer-known', 'C5-runoff not-applicable export-accepted'];
  expect(await all()).toEqual(before);
  at('2027-05-17');
  await goesOn(null);
  expect(await duties()).toEqual(['01-12 met', '05-24 open']);
  expect(await all()).toEqual([...before, 'C2 open other-coverage-anew']);
  await keepClocks(node.deps);
  await asked('2027-05-18');
  await keepClocks(node.deps);
  expect(await all()).toEqual([...before, 'C2 met other-coverage-anew', 'C4 open export-accepted']);
});

test('a payer that did not take the choice is asked again within a week of the next one, and one that knows no one is not', async () => {
  const { sql } = node.deps.database;
  const answered = async (outcome: string, reason: string) => {
    const made = await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] });
    expect(made).toHaveLength(1);
    await sql`update exchange.pull set state = 'done' where id = any(${made})`;
    await sql`update exchange.pull_member set outcome = ${outcome} where pull_id = any(${made})`;
    const [coverage] = await sql<{ id: string }[]>`select id from exchange.other_coverage where member_id = ${member}`;
    await closeClock(sql, 'C2', coverage?.id ?? '', now, reason);
  };
  at('2027-01-05');
  await covered('2027-01-01', null);
  await named(null);
  await chooses('both');
  at('2027-01-06');
  await answered('constrained', 'consent-constraint');
  await keepClocks(node.deps);
  expect([await duties(), await asks('2027-02-01')]).toEqual([['01-12 met'], false]);
  at('2027-02-02');
  await recordChoice(node.deps, member, { ...YES, document: 'form 7' }, ACTOR);
  expect(await duties()).toEqual(['01-12 met', '02-09 open']);
  at('2027-02-03');
  await answered('not-matched', 'no-unique-match');
  at('2027-02-20');
  await recordChoice(node.deps, member, { ...YES, document: 'form 8' }, ACTOR);
  expect([await duties(), await asks('2027-02-21')]).toEqual([['01-12 met', '02-09 met'], false]);
});

test.each([
  ['the first time', false],
  ['each quarter', true],
])(
  'a choice that is made while a payer is asked, %s, which does not take the one before is asked under within a week',
  async (_, isLater) => {
    const { sql } = node.deps.database;
    const ids: string[] = [];
    const coverage = async () =>
      (await sql<{ id: string }[]>`select id from exchange.other_coverage where member_id = ${member}`)[0]?.id ?? '';
    const begins = async () => {
      ids.length = 0;
      ids.push(...(await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] })));
      expect(ids).toHaveLength(1);
      await sql`update exchange.pull set state = 'matching' where id = any(${ids})`;
    };
    const answered = async (outcome: string, reason?: string) => {
      await sql`update exchange.pull_member set outcome = ${outcome} where pull_id = any(${ids})`;
      await closeClock(sql, 'C2', await coverage(), now, reason);
      await sql`update exchange.pull set state = 'done' where id = any(${ids})`;
      await keepClocks(node.deps);
    };
    at('2027-01-05');
    await covered('2027-01-01', null);
    await named(null);
    await chooses('both');
    at('2027-01-06');
    const before = isLater ? ['01-12 met'] : [];
    if (isLater) {
      await begins();
      await answered('matched');
      at('2027-04-06');
    }
    await begins();
    at(isLater ? '2027-04-07' : '2027-01-07');
    await recordChoice(node.deps, member, { ...YES, document: 'form 7' }, ACTOR);
    await keepClocks(node.deps);
    at(isLater ? '2027-04-08' : '2027-01-08');
    await answered('constrained', 'consent-constraint');
    expect(await duties()).toEqual(isLater ? [...before, '04-14 open'] : ['01-12 met', '01-14 open']);
    at(isLater ? '2027-04-09' : '2027-01-09');
    await begins();
    // the same answer again is one to this choice
    await answered('constrained', 'consent-constraint');
    expect((await duties()).map((d) => d.slice(6))).toEqual(['met', 'met']);
    expect(await asks(isLater ? '2027-04-20' : '2027-01-20')).toBe(false);
  },
);

test.each([
  ['constrained', 'consent-constraint', '2027-01-08'],
  ['not-matched', 'no-unique-match', '2027-01-09'],
])('a quarterly duty that is answered with %s ends with why', async (outcome, reason, day) => {
  const { sql } = node.deps.database;
  at('2027-01-05');
  await covered('2027-01-01', null);
  await named(null);
  await chooses('both');
  await sql`
    insert into exchange.deadline (id, kind, subject, member_id, peer_id, starts_at, due_at, state, lob, rule_ref, rule_version, calendar_version, zone, start_event)
    select 'quarter-' || member_id, 'C4', subject || '/p', member_id, peer_id, starts_at, due_at, 'open', lob, rule_ref, rule_version, calendar_version, zone, 'export-accepted'
    from exchange.deadline where kind = 'C2' and member_id = ${member}`;
  at('2027-01-06');
  const made = await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] });
  await sql`update exchange.pull set state = 'done' where id = any(${made})`;
  await sql`update exchange.pull_member set outcome = ${outcome} where pull_id = any(${made})`;
  // all are looked at once a day
  at(day);
  await keepClocks(node.deps);
  const [quarter] = await sql`select state, reason from exchange.deadline where id = ${`quarter-${member}`}`;
  expect(quarter).toEqual({ state: 'met', reason });
});

test('letters about the choice go to the living who are or will be enrolled, by the day of the plan', async () => {
  const { sql } = node.deps.database;
  const invited = async (today: string) =>
    (await undecidedMembers(sql, today, '', 100)).some((m) => m.memberId === member);
  await covered('2027-02-01', '2027-02-28');
  expect([await invited('2027-01-15'), await invited('2027-02-28'), await invited('2027-03-01')]).toEqual([
    true,
    true,
    false,
  ]);
  await sql`update exchange.enrolment set ends = starts where member_id = ${member}`;
  expect([await invited('2027-01-15'), await invited('2027-02-01')]).toEqual([false, true]);
  await sql`update exchange.enrolment set ends = null where member_id = ${member}`;
  await sql`insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb, died)
    values (${member}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '2027-01-10')`;
  expect(await invited('2027-01-15')).toBe(false);
});

test('a payer that a narrower choice left out is a duty when its coverage has ended, from the day after', async () => {
  at('2027-01-05');
  await covered('2027-01-01', null);
  await named('2027-06-30');
  await chooses('both');
  at('2027-01-06');
  await chooses('previous');
  await keepClocks(node.deps);
  expect([await duties(), await asks('2027-06-30')]).toEqual([['01-12 withdrawn'], false]);
  at('2027-07-01');
  await keepClocks(node.deps);
  expect([await duties(), await asks('2027-07-02')]).toEqual([['01-12 withdrawn', '07-08 open'], true]);
});

test('where only previous payers are asked, the week begins when the end of the other coverage is known', async () => {
  at('2027-01-05');
  await covered('2027-01-01', null);
  await named(null);
  await chooses('previous');
  await keepClocks(node.deps);
  expect(await duties()).toEqual([]);
  at('2027-03-20');
  await named('2027-02-15');
  expect(await duties()).toEqual(['03-27 open']);
  at('2027-03-22');
  await named('2027-02-15');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['03-27 open']);
});

test('a coverage that goes on without a gap, and was reported late, is a duty again', async () => {
  at('2027-01-28');
  await covered('2027-01-01', '2027-01-31');
  await named(null);
  await chooses('both');
  at('2027-02-01');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['02-04 not-applicable']);
  at('2027-02-10');
  await covered('2027-02-01', null);
  // of several processes, too, it begins once
  await Promise.all(Array.from({ length: 4 }, () => keepClocks(node.deps)));
  expect(await duties()).toEqual(['02-04 not-applicable', '02-17 open']);
  expect(await node.deps.database.sql`select from exchange.member_request where member_id = ${member}`).toHaveLength(1);
});

test('what begins again by a day alone is open after the same tick', async () => {
  const { sql } = node.deps.database;
  at('2027-01-28');
  await covered('2027-01-01', '2027-01-31');
  await named(null);
  await chooses('both');
  at('2027-02-01');
  await keepClocks(node.deps);
  await covered('2027-02-01', null);
  // looked at since, when its duty was not yet known to have ended
  await sql`update exchange.other_coverage set evaluate_on = null where member_id = ${member}`;
  at('2027-02-02');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['02-04 not-applicable', '02-09 open']);
});

test('a wish is a duty of its own where the one before had ended, which stays as it was', async () => {
  at('2027-01-28');
  await covered('2027-01-01', '2027-01-31');
  const id = await named(null);
  await chooses('both');
  at('2027-02-01');
  await keepClocks(node.deps);
  await covered('2027-02-01', null);
  expect(await recordRequest(node.deps, member, id, ACTOR)).toBe('asked');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['02-04 not-applicable', '02-08 open']);
  const wishes = await node.deps.database
    .sql`select from exchange.member_request where member_id = ${member} and reported_by = ${ACTOR.subject}`;
  expect(wishes).toHaveLength(1);
});

test('a wish right after a choice that was made again is the member’s own all the same', async () => {
  at('2027-01-05');
  await covered('2027-01-01', null);
  const id = await named(null);
  await chooses('both');
  await recordChoice(node.deps, member, { ...YES, choice: 'decline' }, ACTOR);
  now = new Date(now.getTime() + 60_000);
  await chooses('both');
  for (const said of ['asked', 'asked']) expect(await recordRequest(node.deps, member, id, ACTOR)).toBe(said);
  const { sql } = node.deps.database;
  expect(await sql`select from exchange.audit where member_id = ${member} and action = 'request-asked'`).toHaveLength(
    1,
  );
});

test('an opt-in after a withdrawal is a duty when the payer was asked before it, and none when it was asked since', async () => {
  const { sql } = node.deps.database;
  at('2027-01-05');
  await covered('2027-01-01', null);
  await named(null);
  await chooses('both');
  await sql`update exchange.deadline set state = 'met', closed_at = ${now} where member_id = ${member} and kind = 'C2'`;
  // as an older program left it: choices alone
  const said = (day: string, choice: string) => sql`
    insert into exchange.consent (id, member_id, choice, policy, payers, recorded_on, given_at, created_at, source)
    values (gen_random_uuid()::text, ${member}, ${choice}, 'regular', 'both', ${day}, ${`${day}T17:00:00Z`}, ${`${day}T17:00:00Z`}, 'test')`;
  await said('2027-02-01', 'withdraw');
  await said('2027-02-05', 'opt-in');
  at('2027-03-01');
  const [made = ''] = await planPulls(node.deps, { cause: 'command', again: true, memberIds: [member] });
  await sql`update exchange.pull set state = 'done' where id = ${made}`;
  const renewed = () => renewRequests(sql, calendarOf(node.deps.config), now, [member]);
  await renewed();
  expect(await duties()).toEqual(['01-12 met']);
  await sql`update exchange.pull set created_at = '2027-01-05' where id = ${made}`;
  await renewed();
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['01-12 met', '02-12 open']);
});

const dies = (day: string | null) => node.deps.database.sql`
  insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb, died) values (${member}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', ${day}::date)
  on conflict (member_id) do update set died = excluded.died`;
const states = async () =>
  (
    await node.deps.database.sql<{ duty: string }[]>`
      select kind || ' ' || state || coalesce(' ' || reason, '') || case when closed_at > due_at then ' late' else '' end as duty
      from exchange.deadline where member_id = ${member} order by kind, starts_at`
  ).map((r) => r.duty);

test('of who has died, by our own record, nothing is offered or asked any more; a mistake is put right', async () => {
  at('2027-01-05');
  await covered('2027-01-01', null);
  await keepClocks(node.deps);
  await named(null);
  await chooses('both');
  await dies('2027-01-06');
  at('2027-01-07');
  await keepClocks(node.deps);
  expect(await states()).toEqual(['C1-offer met', 'C1b-identify met', 'C2 not-applicable member-deceased']);
  expect(await asks('2027-01-08')).toBe(false);
  const [coverage] = await node.deps.database.sql<{ id: string }[]>`
    select id from exchange.other_coverage where member_id = ${member}`;
  expect(await recordRequest(node.deps, member, coverage?.id ?? '', ACTOR)).toBe('not-covered');
  await dies(null);
  await keepClocks(node.deps);
  expect(await states()).toContain('C2 open');
  expect(await asks('2027-01-09')).toBe(true);
});

test('of who has died nothing is offered from the next tick on, whatever was reported first', async () => {
  const none = ['C1-offer not-applicable member-deceased', 'C1b-identify not-applicable member-deceased'];
  at('2027-01-05');
  await keepClocks(node.deps);
  await covered('2027-01-01', null);
  await keepClocks(node.deps);
  expect(await states()).toEqual(['C1-offer open', 'C1b-identify open']);
  await dies('2027-01-05');
  await keepClocks(node.deps);
  expect(await states()).toEqual(none);

  member = `${member}-x`;
  await node.deps.database.sql`insert into exchange.member (id, umb) values (${member}, ${member})`;
  await dies('2027-01-05');
  await keepClocks(node.deps);
  await covered('2027-01-01', null);
  await keepClocks(node.deps);
  expect(await states()).toEqual(none);
});

test('an offer to who died before it was due does not apply; one that was overdue then stays late', async () => {
  for (const [day, wanted] of [
    ['2027-01-06', ''],
    ['2027-01-20', ' late'],
  ] as const) {
    member = `${member}-x`;
    at('2027-01-05');
    await covered('2027-01-01', null);
    await keepClocks(node.deps);
    await dies(day);
    at('2027-01-25');
    await keepClocks(node.deps);
    expect(await states()).toEqual([
      `C1-offer not-applicable member-deceased${wanted}`,
      `C1b-identify not-applicable member-deceased${wanted}`,
    ]);
  }
});

test('a duty ends with what ended it, not when that is told: what was overdue by then is late', async () => {
  const ends = async (byOurs: string | null, byTheirs: string | null, tells: string) => {
    member = `${member}-x`;
    at('2027-01-05');
    await covered('2027-01-01', null);
    await named(null);
    await chooses('concurrent');
    at(tells);
    const { sql } = node.deps.database;
    if (byOurs) await sql`update exchange.enrolment set ends = ${byOurs} where member_id = ${member}`;
    if (byTheirs) await sql`update exchange.other_coverage set ends = ${byTheirs} where member_id = ${member}`;
    await keepClocks(node.deps);
    return (await states()).filter((s) => s.startsWith('C2'));
  };
  expect(await ends('2027-01-10', null, '2027-02-20')).toEqual(['C2 not-applicable coverage-ended']);
  expect(await ends('2027-01-20', null, '2027-02-20')).toEqual(['C2 not-applicable coverage-ended late']);
  expect(await ends(null, '2027-01-10', '2027-02-20')).toEqual(['C2 not-applicable coverage-ended']);
  expect(await ends(null, '2027-01-20', '2027-02-20')).toEqual(['C2 not-applicable coverage-ended late']);
});

test('a payer that cannot be asked: the duty ends with the coverage as any other, in time when it ended before it was due', async () => {
  at('2027-08-02');
  await covered('2027-08-01', null);
  await keepClocks(node.deps);
  await recordPayer(
    node.deps,
    member,
    { payer: 'No one Health', memberNumber: member, starts: null, ends: null },
    ACTOR,
  );
  await chooses('both');
  expect(await duties()).toEqual(['08-09 blocked']);
  await node.deps.database.sql`update exchange.enrolment set ends = '2027-08-05' where member_id = ${member}`;
  at('2027-08-07');
  await keepClocks(node.deps);
  expect(await duties()).toEqual(['08-09 not-applicable']);
  const [clock] = await node.deps.database.sql`
    select reason, to_char(closed_at at time zone zone, 'MM-DD HH24:MI') as closed from exchange.deadline where member_id = ${member} and kind = 'C2'`;
  expect(clock).toEqual({ reason: 'coverage-ended', closed: '08-06 00:00' });
});

test('what was offered while a coverage went on is no offer for the one after a gap', async () => {
  const offered = async (day: string) => {
    const { sql } = node.deps.database;
    await sql`insert into exchange.contact (id, member_id, kind, at, channel, result, recorded_by, recorded_at) values (${`${member}-${day}`}, ${member}, 'offer', ${new Date(`${day}T17:00:00Z`)}, 'mail', 'delivered', 'test', now())`;
    await settleOfferClocks(sql, [member]);
  };
  const offers = async () =>
    (
      await node.deps.database.sql<{ duty: string }[]>`
        select to_char(due_at at time zone zone, 'MM-DD') || ' ' || state as duty from exchange.deadline where member_id = ${member} and kind = 'C1-offer' order by starts_at`
    ).map((r) => r.duty);
  at('2027-01-02');
  await covered('2027-01-01', '2027-01-31');
  await keepClocks(node.deps);
  await offered('2027-01-03');
  expect(await offers()).toEqual(['01-08 met']);
  at('2027-03-01');
  await covered('2027-03-01', null);
  await keepClocks(node.deps);
  expect(await offers()).toEqual(['01-08 met', '03-08 open']);
  // from the day after the one before had ended
  await offered('2027-02-01');
  expect(await offers()).toEqual(['01-08 met', '03-08 met']);
});

test('a payer that we suspend moves no week, also one that began meanwhile; one that we did not know begins it when we do', async () => {
  const { sql } = node.deps.database;
  const peer = async (id: string, day: string, state: PeerState) => {
    at(day);
    await setPeerState(sql, id, state, 'test', now);
    await sql`update exchange.other_coverage set evaluate_on = '-infinity' where member_id = ${member}`;
    await keepClocks(node.deps);
  };
  at('2027-01-05');
  await sql`insert into exchange.peer (id, name, state, fhir_base, client_id_there, origins, added_by)
    values ('new-to-us', 'New To Us', 'pending', 'https://new.example/fhir', 'us', array['https://new.example'], 'test')`;
  await covered('2027-01-01', null);
  await recordPayer(node.deps, member, { payer: 'New To Us', memberNumber: 'n', starts: null, ends: null }, ACTOR);
  await chooses('both');
  expect(await duties()).toEqual(['01-12 blocked']);
  await peer('new-to-us', '2027-02-01', 'active');
  expect(await duties()).toEqual(['02-08 open']);
  await peer('new-to-us', '2027-02-02', 'suspended');
  expect(await duties()).toEqual(['02-08 open']);
  member = `m${n++}`;
  await covered('2027-01-01', null);
  await recordPayer(node.deps, member, { payer: 'New To Us', memberNumber: 'o', starts: null, ends: null }, ACTOR);
  await chooses('both');
  expect(await duties()).toEqual(['02-09 blocked']);
  await peer('new-to-us', '2027-03-01', 'active');
  expect(await duties()).toEqual(['02-09 open']);
  // what was named turns out to be a payer that is suspended: it is known from then on
  member = `m${n++}`;
  await covered('2027-01-01', null);
  const other = await recordPayer(
    node.deps,
    member,
    { payer: 'Nw To Us', memberNumber: '', starts: null, ends: null },
    ACTOR,
  );
  await chooses('both');
  expect(await duties()).toEqual(['03-08 blocked']);
  await peer('new-to-us', '2027-03-02', 'suspended');
  await sql`update exchange.other_coverage set peer_id = 'new-to-us' where id = ${other ?? ''}`;
  await peer('new-to-us', '2027-03-03', 'suspended');
  expect(await duties()).toEqual(['03-10 blocked']);
  await peer('new-to-us', '2027-04-01', 'active');
  expect(await duties()).toEqual(['03-10 open']);
  // a payer without an address is asked when it has one
  await sql`update exchange.peer set fhir_base = null where id = 'new-to-us'`;
  member = `m${n++}`;
  await covered('2027-01-01', null);
  await recordPayer(node.deps, member, { payer: 'New To Us', memberNumber: 'p', starts: null, ends: null }, ACTOR);
  await chooses('both');
  expect(await duties()).toEqual(['04-08 blocked']);
  at('2027-05-01');
  await sql`update exchange.peer set fhir_base = 'https://new.example/fhir' where id = 'new-to-us'`;
  await addPeerChange(sql, {
    peerId: 'new-to-us',
    what: 'record',
    before: { fhirBase: null },
    after: { fhirBase: 'https://new.example/fhir' },
    byKind: 'staff',
    by: 'test',
    at: now,
    state: 'applied',
  });
  await peer('new-to-us', '2027-05-02', 'active');
  expect(await duties()).toEqual(['05-08 open']);
});

test('one card at a payer that is owed and one that is to be compared are one request, for everything', async () => {
  const { sql } = node.deps.database;
  at('2027-01-05');
  await covered('2027-01-01', null);
  const first = await named(null);
  await chooses('both');
  const pulled = async (day: string, what: 'all' | 'changes') => {
    at(day);
    const made = await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] });
    expect(made).toHaveLength(1);
    await sql`update exchange.pull set state = 'done', since = ${what === 'all' ? null : now}::timestamptz where id = any(${made})`;
    await sql`update exchange.pull_member set outcome = 'matched' where pull_id = any(${made})`;
    await keepClocks(node.deps);
  };
  await pulled('2027-01-06', 'all');
  await pulled('2027-04-04', 'changes');
  at('2027-04-05');
  const second =
    (await recordPayer(
      node.deps,
      member,
      { payer: 'Old Plan', memberNumber: `${member}-2`, starts: null, ends: null },
      ACTOR,
    )) ?? '';
  const made = await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] });
  const rows = await sql<{ cause: string; full: boolean; cards: string[] }[]>`
    select p.cause, p.is_full as full, array_agg(m.other_coverage_id order by m.other_coverage_id) as cards
    from exchange.pull p join exchange.pull_member m on m.pull_id = p.id where p.id = any(${made}) group by p.id`;
  expect([...rows]).toEqual([{ cause: 'opt-in', full: true, cards: [first, second].sort() }]);
  await sql`update exchange.pull set state = 'done' where id = any(${made})`;
  await sql`update exchange.pull_member set outcome = 'matched' where pull_id = any(${made})`;
  await closeClock(sql, 'C2', second, now);
  at('2027-04-06');
  expect(await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] })).toEqual([]);
  // it compares again when something was asked for as changes since, and both have their quarter
  at('2027-07-04');
  expect(await planPulls(node.deps, { cause: 'opt-in', memberIds: [member] })).toHaveLength(1);
});
