// The duties towards members: clocks of the offer, the question, the request and its renewal; choices and how they are proved.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  recordChoice,
  recordContacts,
  recordPayer,
  recordRequest,
} from '../../exchange/members/consent/record-choice.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
let now = new Date('2027-03-10T15:00:00Z');
const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;
const YES = {
  choice: 'opt-in',
  policy: 'regular',
  payers: 'both',
  channel: 'phone',
  language: 'en',
  verification: 'birth date and address',
} as const;

async function addMember(id: string, starts: string, over: { accepted?: string; ends?: string; lob?: string } = {}) {
  const { sql } = node.deps.database;
  await sql`insert into exchange.member (id, umb) values (${id}, ${`U-${id}`}) on conflict do nothing`;
  await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends, lob, accepted_on)
    values (${id}, ${`N-${id}`}, 'HMO', ${starts}, ${over.ends ?? null}, ${over.lob ?? 'ma'}, ${over.accepted ?? null})`;
}
const clocks = async (memberId: string) =>
  (
    await node.deps.database.sql<
      {
        kind: string;
        state: string;
        due: string;
        reason: string | null;
        ref: string;
        calendar: string;
        stop: string | null;
      }[]
    >`select kind, state, to_char(due_at at time zone 'America/New_York', 'YYYY-MM-DD HH24:MI:SS.MS') as due, reason, rule_ref as ref,
        calendar_version as calendar, stop_event as stop
      from exchange.deadline where member_id = ${memberId} order by kind, starts_at`
  ).map((c) => ({ ...c }));
const of = async (memberId: string, kind: string) => (await clocks(memberId)).filter((c) => c.kind === kind);

beforeAll(async () => {
  node = await startNode({}, { clock: () => now });
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, npi, state, fhir_base, client_id_there, origins, added_by)
    values ('old-plan', 'Old Plan', '9000000012', 'active', 'https://old.example/fhir', 'us', array['https://old.example'], 'test')`;
});
afterAll(() => node.close());

describe('the offer', () => {
  test('ends with the last day of a coverage that is over before it is due; who is covered that whole day is owed it', async () => {
    await addMember('e1', '2027-03-10', { ends: '2027-03-16' });
    await addMember('e2', '2027-03-10', { ends: '2027-03-17' });
    await keepClocks(node.deps);
    const { sql } = node.deps.database;
    const offers = await sql<{ state: string; closed: string | null }[]>`
      select state, to_char(closed_at at time zone zone, 'MM-DD HH24:MI') as closed from exchange.deadline
      where member_id in ('e1', 'e2') and kind = 'C1-offer' order by member_id`;
    expect(offers).toEqual([
      { state: 'not-applicable', closed: '03-17 00:00' },
      { state: 'open', closed: null },
    ]);
  });

  test('is due seven days after the later of coverage start and acceptance, at local midnight, over a change of clocks', async () => {
    await addMember('o1', '2027-03-10');
    await addMember('o2', '2027-03-10', { accepted: '2027-03-12', lob: 'qhp' });
    await keepClocks(node.deps);
    // daylight saving begins on 14 March 2027
    expect((await of('o1', 'C1-offer'))[0]).toMatchObject({
      due: '2027-03-17 23:59:59.999',
      state: 'open',
      ref: '42 CFR 422.121(b), as 422.121(b)(2)(i)',
      calendar: 'us-federal/1',
    });
    expect((await of('o2', 'C1-offer'))[0]).toMatchObject({
      due: '2027-03-19 23:59:59.999',
      ref: expect.stringContaining('156.222'),
    });
    expect(await of('o2', 'C1b-identify')).toHaveLength(1);
  });

  test('is due on the compliance date for those enrolled before', async () => {
    await addMember('o3', '2019-05-01');
    await keepClocks(node.deps);
    expect((await of('o3', 'C1-offer'))[0]?.due).toBe('2027-01-01 23:59:59.999');
    // also within the week before; from that day on, or accepted since, there is a week
    const days = [
      ['o3a', '2026-12-26', undefined, '2027-01-01'],
      ['o3b', '2026-12-31', undefined, '2027-01-01'],
      ['o3c', '2027-01-01', undefined, '2027-01-08'],
      ['o3d', '2026-12-30', '2027-01-04', '2027-01-11'],
    ] as const;
    for (const [id, starts, accepted] of days) await addMember(id, starts, accepted === undefined ? {} : { accepted });
    await keepClocks(node.deps);
    for (const [id, , , due] of days)
      for (const kind of ['C1-offer', 'C1b-identify'] as const)
        expect([id, kind, (await of(id, kind))[0]?.due]).toEqual([id, kind, `${due} 23:59:59.999`]);
  });

  test('a coverage that goes on is no new start; after a gap it is', async () => {
    await addMember('o4', '2026-01-01', { ends: '2026-12-31' });
    await addMember('o4', '2027-01-01');
    await addMember('o5', '2020-01-01', { ends: '2024-12-31' });
    await addMember('o5', '2027-03-01');
    await keepClocks(node.deps);
    expect(await of('o4', 'C1-offer')).toHaveLength(1);
    const [old, renewed] = await of('o5', 'C1-offer');
    expect(old).toMatchObject({ state: 'not-applicable', reason: 'coverage-ended' });
    expect(renewed).toMatchObject({ state: 'open', due: '2027-03-08 23:59:59.999' });
  });

  test('stops with what reached the member, and not with what came back', async () => {
    const contact = { memberId: 'o1', at: now, channel: 'mail' } as const;
    await recordContacts(node.deps, [{ ...contact, kind: 'offer', result: 'returned' }], ACTOR);
    expect((await of('o1', 'C1-offer'))[0]?.state).toBe('open');
    await recordContacts(node.deps, [{ ...contact, kind: 'offer', result: 'delivered', channel: 'phone' }], ACTOR);
    expect((await of('o1', 'C1-offer'))[0]).toMatchObject({ state: 'met', stop: expect.stringMatching(/^contact\//) });
    expect((await of('o1', 'C1b-identify'))[0]?.state).toBe('open');
    await recordContacts(
      node.deps,
      [{ memberId: 'o3', at: now, channel: 'mail', kind: 'offer', result: 'delivered' }],
      ACTOR,
    );
    expect((await of('o3', 'C1-offer'))[0]?.state).toBe('met-late');
    // the same file again adds nothing
    expect(
      await recordContacts(
        node.deps,
        [{ memberId: 'o3', at: now, channel: 'mail', kind: 'offer', result: 'delivered' }],
        ACTOR,
      ),
    ).toBe(0);
  });
});

describe('the request', () => {
  test('runs from the later of opt-in and payer known', async () => {
    await addMember('r1', '2027-03-05');
    await recordChoice(node.deps, 'r1', YES, ACTOR);
    expect(await of('r1', 'C2')).toEqual([]);
    now = new Date('2027-03-12T04:30:00Z'); // 11 March, 23:30 in New York
    await recordPayer(
      node.deps,
      'r1',
      { payer: 'old plan', memberNumber: 'X1', starts: null, ends: '2027-02-28' },
      ACTOR,
    );
    expect(await of('r1', 'C2')).toMatchObject([{ state: 'open', due: '2027-03-18 23:59:59.999' }]);
    await keepClocks(node.deps);
    expect(await of('r1', 'C2')).toHaveLength(1);
    expect(await of('r1', 'C1b-identify')).toMatchObject([{ state: 'met' }]);
  });

  test('to a payer without an address is blocked, and runs a week from when it has one', async () => {
    await addMember('r2', '2027-03-01');
    await recordChoice(node.deps, 'r2', YES, ACTOR);
    await recordPayer(node.deps, 'r2', { payer: 'Unknown Plan', memberNumber: '', starts: null, ends: null }, ACTOR);
    expect(await of('r2', 'C2')).toMatchObject([{ state: 'blocked', reason: 'no-endpoint' }]);
    now = new Date('2027-04-01T15:00:00Z');
    await node.deps.database.sql`update exchange.other_coverage set peer_id = 'old-plan' where member_id = 'r2'`;
    await keepClocks(node.deps);
    expect(await of('r2', 'C2')).toMatchObject([{ state: 'open', due: '2027-04-08 23:59:59.999' }]);
  });

  test('ends with a withdrawal, on the due day too, and begins again with the next opt-in', async () => {
    now = new Date('2027-04-08T23:00:00Z');
    await recordChoice(node.deps, 'r2', { ...YES, choice: 'decline' }, ACTOR);
    expect(await of('r2', 'C2')).toMatchObject([{ state: 'withdrawn', reason: 'member-withdrew' }]);
    now = new Date('2027-04-09T15:00:00Z');
    expect(await recordChoice(node.deps, 'r2', { ...YES, choice: 'decline' }, ACTOR)).toBeUndefined();
    await recordChoice(node.deps, 'r2', YES, ACTOR);
    expect(await of('r2', 'C2')).toMatchObject([
      { state: 'withdrawn' },
      { state: 'open', due: '2027-04-16 23:59:59.999' },
    ]);
    // opting out and in within a minute: the last word holds
    await recordChoice(node.deps, 'r2', { ...YES, choice: 'decline' }, ACTOR);
    now = new Date(now.getTime() + 60_000);
    await recordChoice(node.deps, 'r2', YES, ACTOR);
    const held = await node.deps.database.sql<{ choice: string }[]>`
      select choice from exchange.consent where member_id = 'r2' order by recorded_on, created_at`;
    expect(held.map((h) => h.choice)).toEqual(['opt-in', 'withdraw', 'opt-in', 'withdraw', 'opt-in']);
    expect((await of('r2', 'C2')).filter((c) => c.state === 'open')).toHaveLength(1);
  });

  test('a choice reported again with another proof is kept beside the one that holds, and begins and ends nothing', async () => {
    await addMember('r4', '2027-03-01');
    await recordPayer(node.deps, 'r4', { payer: 'Old Plan', memberNumber: 'X4', starts: null, ends: null }, ACTOR);
    const told = async () =>
      (
        await node.deps.database.sql<{ told: string }[]>`
          select concat_ws(' ', choice, channel, document) as told from exchange.consent where member_id = 'r4' order by created_at`
      ).map((r) => r.told);
    const paper = { ...YES, channel: 'mail', document: 'scan 7' } as const;
    await recordChoice(node.deps, 'r4', YES, ACTOR);
    const before = await of('r4', 'C2');
    now = new Date(now.getTime() + 60_000);
    expect(await recordChoice(node.deps, 'r4', paper, ACTOR)).toBeDefined();
    expect(await recordChoice(node.deps, 'r4', paper, ACTOR)).toBeUndefined();
    expect([await told(), await of('r4', 'C2')]).toEqual([['opt-in phone', 'opt-in mail scan 7'], before]);
    for (const no of [
      { ...YES, choice: 'decline' },
      { ...paper, choice: 'decline', document: 'scan 8' },
    ] as const) {
      now = new Date(now.getTime() + 60_000);
      expect(await recordChoice(node.deps, 'r4', no, ACTOR)).toBeDefined();
    }
    expect((await told()).slice(2)).toEqual(['withdraw phone', 'withdraw mail scan 8']);
    expect((await of('r4', 'C2')).map((c) => c.state)).toEqual(['withdrawn']);
    await node.deps.database.sql`delete from exchange.deadline where member_id = 'r4'`;
  });

  test('of a member’s own has a week of its own; no one else’s coverage can be named', async () => {
    const { sql } = node.deps.database;
    const [coverage] = await sql<{ id: string }[]>`select id from exchange.other_coverage where member_id = 'r1'`;
    await sql`update exchange.deadline set state = 'met', closed_at = ${now} where member_id = 'r1' and kind = 'C2'`;
    expect(await recordRequest(node.deps, 'r2', coverage?.id ?? '', ACTOR)).toBeUndefined();
    expect(await recordRequest(node.deps, 'r1', coverage?.id ?? '', ACTOR)).toBe('asked');
    expect(await of('r1', 'C2')).toMatchObject([{ state: 'met' }, { state: 'open', due: '2027-04-16 23:59:59.999' }]);
  });

  test('asks only the payers that the member allows', async () => {
    await addMember('r3', '2027-03-01');
    await recordPayer(node.deps, 'r3', { payer: 'Old Plan', memberNumber: 'X3', starts: null, ends: null }, ACTOR);
    await recordChoice(node.deps, 'r3', { ...YES, payers: 'previous' }, ACTOR);
    expect(await of('r3', 'C2')).toEqual([]);
    const [pull = ''] = await planPulls(node.deps, { cause: 'opt-in' });
    const asked = await node.deps.database.sql<{ id: string }[]>`
      select member_id as id from exchange.pull_member where pull_id = ${pull} order by 1`;
    expect(asked.map((a) => a.id)).toEqual(['r1', 'r2']);
  });
});

test('whether a coverage has ended is reported by the day on which it is looked at', async () => {
  const before = now;
  try {
    now = new Date('2031-04-20T15:00:00Z');
    await addMember('d1', '2031-01-01');
    await recordPayer(
      node.deps,
      'd1',
      { payer: 'Old Plan', memberNumber: 'D1', starts: null, ends: '2031-02-28' },
      ACTOR,
    );
    await recordChoice(node.deps, 'd1', { ...YES, payers: 'previous' }, ACTOR);
    expect(await of('d1', 'C2')).toMatchObject([{ state: 'open', due: '2031-04-27 23:59:59.999' }]);
    // still going on in the evening of its last day, when UTC has the next one
    now = new Date('2031-04-21T02:00:00Z');
    await addMember('d2', '2031-01-01');
    await recordPayer(
      node.deps,
      'd2',
      { payer: 'Old Plan', memberNumber: 'D2', starts: null, ends: '2031-04-20' },
      ACTOR,
    );
    await recordChoice(node.deps, 'd2', { ...YES, payers: 'previous' }, ACTOR);
    expect(await of('d2', 'C2')).toEqual([]);
    now = new Date('2031-04-21T05:00:00Z');
    await keepClocks(node.deps);
    expect(await of('d2', 'C2')).toMatchObject([{ state: 'open' }]);
    await addMember('d3', '2030-01-01', { ends: '2031-04-20' });
    await recordPayer(
      node.deps,
      'd3',
      { payer: 'Old Plan', memberNumber: 'D3', starts: null, ends: '2031-02-28' },
      ACTOR,
    );
    await recordChoice(node.deps, 'd3', YES, ACTOR);
    expect(await of('d3', 'C2')).toEqual([]);
  } finally {
    now = before;
    await node.deps.database.sql`delete from exchange.other_coverage where member_id in ('d1', 'd2', 'd3')`;
  }
});

test('who is no longer enrolled is not asked for any more', async () => {
  const { sql } = node.deps.database;
  await addMember('e1', '2026-01-01', { ends: '2026-06-30' });
  await recordPayer(node.deps, 'e1', { payer: 'Old Plan', memberNumber: 'E1', starts: null, ends: null }, ACTOR);
  await recordChoice(node.deps, 'e1', YES, ACTOR);
  expect(await of('e1', 'C2')).toEqual([]);
  await planPulls(node.deps, { cause: 'opt-in' });
  expect(await sql`select 1 from exchange.pull_member where member_id = 'e1'`).toHaveLength(0);
});

describe('asking again', () => {
  test('quarterly while both cover the member, monthly for ninety days after', async () => {
    const { sql } = node.deps.database;
    now = new Date('2027-11-30T15:00:00Z');
    const kicked = async (memberId: string, ends: string | null) => {
      await addMember(memberId, '2027-01-01');
      await recordPayer(node.deps, memberId, { payer: 'Old Plan', memberNumber: memberId, starts: null, ends }, ACTOR);
      await recordChoice(node.deps, memberId, YES, ACTOR);
    };
    await kicked('a1', null);
    await kicked('a2', '2027-11-15');
    await kicked('a3', '2027-06-30');
    const pull = async () => {
      const [id = ''] = await planPulls(node.deps, { cause: 'opt-in' });
      await sql`update exchange.pull set kicked_off_at = ${now}, state = 'done', finished_at = ${now} where id = ${id}`;
      await sql`update exchange.pull_member set outcome = 'matched' where pull_id = ${id}`;
      await keepClocks(node.deps);
      return (
        await sql<{ id: string }[]>`select member_id as id from exchange.pull_member where pull_id = ${id} order by 1`
      ).map((r) => r.id);
    };
    expect(await pull()).toEqual(['a1', 'a2', 'a3']);
    // the last of February of a leap year
    expect(await of('a1', 'C4')).toMatchObject([{ state: 'open', due: '2028-02-29 23:59:59.999' }]);
    expect(await of('a2', 'C5-runoff')).toMatchObject([{ state: 'open', due: '2027-12-30 23:59:59.999' }]);
    expect([...(await of('a3', 'C4')), ...(await of('a3', 'C5-runoff'))]).toEqual([]);
    now = new Date('2027-12-27T15:00:00Z');
    expect(await pull()).toEqual(['a2']);
    expect(await of('a2', 'C5-runoff')).toMatchObject([
      { state: 'met', stop: expect.stringMatching(/^pull\//) },
      { state: 'open' },
    ]);
    now = new Date('2028-02-27T15:00:00Z');
    expect(await pull()).toEqual(expect.arrayContaining(['a1']));
    expect(await of('a1', 'C4')).toMatchObject([{ state: 'met' }, { state: 'open', due: '2028-05-27 23:59:59.999' }]);
    await keepClocks(node.deps);
    expect((await of('a2', 'C5-runoff')).filter((c) => c.state === 'open')).toEqual([]);
  });

  test('who withdraws between the request and the next tick has no duty that no one can meet; one that stands so ends', async () => {
    const { sql } = node.deps.database;
    now = new Date('2029-01-10T15:00:00Z');
    await addMember('quick1', '2029-01-01');
    await recordPayer(
      node.deps,
      'quick1',
      { payer: 'Old Plan', memberNumber: 'quick1', starts: null, ends: null },
      ACTOR,
    );
    await recordChoice(node.deps, 'quick1', YES, ACTOR);
    const [id = ''] = await planPulls(node.deps, { cause: 'opt-in', memberIds: ['quick1'] });
    await sql`update exchange.pull set kicked_off_at = ${now}, state = 'done', finished_at = ${now} where id = ${id}`;
    await sql`update exchange.pull_member set outcome = 'matched' where pull_id = ${id}`;
    now = new Date('2029-01-10T15:00:30Z');
    await recordChoice(node.deps, 'quick1', { ...YES, choice: 'decline' }, ACTOR);
    await keepClocks(node.deps);
    const ended = [{ state: 'withdrawn', reason: 'member-withdrew' }];
    expect(await of('quick1', 'C4')).toMatchObject(ended);
    // as an older program left it
    await sql`update exchange.deadline set state = 'open', reason = null, closed_at = null where member_id = 'quick1' and kind = 'C4'`;
    now = new Date('2029-04-20T15:00:00Z');
    await keepClocks(node.deps);
    expect(await of('quick1', 'C4')).toMatchObject(ended);
  });
});

test('no one is asked for long before their coverage begins; the week of the request begins when they may be', async () => {
  const [before, { sql }] = [now, node.deps.database];
  const asked = async () => {
    await planPulls(node.deps, { cause: 'opt-in' });
    return sql`select from exchange.pull_member where member_id = 's1'`;
  };
  try {
    now = new Date('2035-03-10T15:00:00Z');
    await addMember('s1', '2035-12-01');
    await recordPayer(node.deps, 's1', { payer: 'Old Plan', memberNumber: 'S1', starts: null, ends: null }, ACTOR);
    await recordChoice(node.deps, 's1', YES, ACTOR);
    expect([await asked(), await of('s1', 'C2')]).toEqual([[], []]);
    now = new Date('2035-09-01T15:00:00Z');
    expect([await asked(), await of('s1', 'C2')]).toEqual([[], []]);
    now = new Date('2035-09-02T15:00:00Z');
    expect(await asked()).toHaveLength(1);
    expect(await of('s1', 'C2')).toMatchObject([{ state: 'open', due: '2035-09-09 23:59:59.999' }]);
  } finally {
    now = before;
    await sql`delete from exchange.pull_member where member_id = 's1'`;
    await sql`delete from exchange.other_coverage where member_id = 's1'`;
  }
});

test('a wish begins no week before anyone may be asked, and none where the choice leaves the payer out', async () => {
  const [before, { sql }] = [now, node.deps.database];
  const wish = (id: string | undefined) => recordRequest(node.deps, 'w1', id ?? '', ACTOR);
  try {
    now = new Date('2035-03-10T15:00:00Z');
    await addMember('w1', '2035-12-01');
    const payer = { payer: 'Old Plan', memberNumber: 'W1', starts: null, ends: null };
    const id = await recordPayer(node.deps, 'w1', payer, ACTOR);
    await recordChoice(node.deps, 'w1', { ...YES, payers: 'previous' }, ACTOR);
    expect([await wish(id), await of('w1', 'C2')]).toEqual(['not-chosen', []]);
    await recordChoice(node.deps, 'w1', YES, ACTOR);
    expect(await wish(id)).toBe('later');
    expect(await of('w1', 'C2')).toMatchObject([{ state: 'open', due: '2035-09-09 23:59:59.999' }]);
    now = new Date('2035-09-05T15:00:00Z');
    expect(await wish(id)).toBe('asked');
    await keepClocks(node.deps);
    expect(await of('w1', 'C2')).toMatchObject([{ state: 'open', due: '2035-09-09 23:59:59.999' }]);
    // no one is asked for whose coverage is over
    await sql`update exchange.enrolment set ends = '2035-09-04' where member_id = 'w1'`;
    now = new Date('2035-09-06T17:00:00Z');
    expect(await wish(id)).toBe('not-covered');
  } finally {
    now = before;
    await sql`delete from exchange.member_request where member_id = 'w1'`;
    await sql`delete from exchange.other_coverage where member_id = 'w1'`;
  }
});

test('a coverage lasts until the end of its last day where the plan is', async () => {
  const [before, { sql }] = [now, node.deps.database];
  const again = async () => {
    await planPulls(node.deps, { cause: 'opt-in' });
    return sql`select from exchange.pull_member where member_id = 't1'`;
  };
  try {
    await addMember('t1', '2020-01-01');
    await recordPayer(
      node.deps,
      't1',
      { payer: 'Old Plan', memberNumber: 'T1', starts: null, ends: '2035-06-30' },
      ACTOR,
    );
    await recordChoice(node.deps, 't1', YES, ACTOR);
    now = new Date('2035-05-20T15:00:00Z');
    expect(await again()).toHaveLength(1);
    await sql`update exchange.pull set state = 'done' where state = 'due'`;
    // the evening of the last day in New York: it is asked for by quarters still, not by months
    now = new Date('2035-07-01T02:00:00Z');
    expect(await again()).toHaveLength(1);
    now = new Date('2035-07-01T15:00:00Z');
    expect(await again()).toHaveLength(2);
  } finally {
    now = before;
    await sql`delete from exchange.pull_member where member_id = 't1'`;
    await sql`delete from exchange.other_coverage where member_id = 't1'`;
  }
});

test('a member’s own request while the duty runs leaves the earlier due date, whichever came first (C08)', async () => {
  const [before, { sql }] = [now, node.deps.database];
  try {
    now = new Date('2036-03-03T15:00:00Z');
    await addMember('own1', '2036-01-01');
    const payer = { payer: 'Old Plan', memberNumber: 'OWN1', starts: null, ends: null };
    const id = (await recordPayer(node.deps, 'own1', payer, ACTOR)) ?? '';
    await recordChoice(node.deps, 'own1', YES, ACTOR);
    now = new Date('2036-03-05T15:00:00Z');
    expect(await recordRequest(node.deps, 'own1', id, ACTOR)).toBe('asked');
    expect(await of('own1', 'C2')).toMatchObject([{ state: 'open', due: '2036-03-10 23:59:59.999' }]);
    // and where the duty would be due later than a week from the request
    await sql`update exchange.deadline set due_at = due_at + interval '10 days' where member_id = 'own1' and kind = 'C2'`;
    now = new Date('2036-03-06T15:00:00Z');
    await recordRequest(node.deps, 'own1', id, ACTOR);
    expect(await of('own1', 'C2')).toMatchObject([{ state: 'open', due: '2036-03-13 23:59:59.999' }]);
  } finally {
    now = before;
    await sql`delete from exchange.member_request where member_id = 'own1'`;
    await sql`delete from exchange.other_coverage where member_id = 'own1'`;
  }
});

test('accepted before the coverage begins, the week runs from the beginning; a payer known before the opt-in, from the opt-in (C06, C07)', async () => {
  const before = now;
  try {
    now = new Date('2037-03-02T15:00:00Z');
    await addMember('c06', '2037-03-10', { accepted: '2037-03-01' });
    await keepClocks(node.deps);
    expect(await of('c06', 'C1-offer')).toMatchObject([{ due: '2037-03-17 23:59:59.999' }]);
    await recordPayer(node.deps, 'c06', { payer: 'Old Plan', memberNumber: 'C06', starts: null, ends: null }, ACTOR);
    expect(await of('c06', 'C2')).toEqual([]);
    now = new Date('2037-03-20T15:00:00Z');
    await recordChoice(node.deps, 'c06', YES, ACTOR);
    expect(await of('c06', 'C2')).toMatchObject([{ state: 'open', due: '2037-03-27 23:59:59.999' }]);
  } finally {
    now = before;
    await node.deps.database.sql`delete from exchange.other_coverage where member_id = 'c06'`;
  }
});
