// What the report of a period tells of what left, against the same reported row by row from the rules: random exports, fetches, choices and matches.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowsBehind } from '../../../exchange/compliance/report/drill-down-rows.ts';
import { type GivenRows, givenRows } from '../../../exchange/compliance/report/report-disclosed.ts';
import type { Sql } from '../../../src/db/database.ts';
import { freshDb } from '../../support/db.ts';
import { numbers } from '../../support/numbers.ts';

const HOUR = 3_600_000;
const START = Date.parse('2027-03-01T05:00:00Z');
const TYPES = ['Organization', 'Patient', 'Observation', 'Goal', ''];
type Row = { id: string; at: number; member: string; peer: string; action: string; object: string; types: string[] };
type Fetch = { object: string; type: string; at: number };
type Choice = { member: string; isYes: boolean; day: number; given: number };
type Match = { member: string; peer: string; at: number; from: number; to: number };

let db: Awaited<ReturnType<typeof freshDb>>;
let sql: Sql;
beforeAll(async () => {
  db = await freshDb();
  sql = db.sql;
});
afterAll(() => db.close());

const next = numbers(20_271);
const upTo = (n: number) => Math.floor(next() * n);
const oneOf = <T>(of: readonly T[]): T => of[upTo(of.length)] as T;
/** Days of the plan, which is five hours behind and keeps to it (no summer time within these weeks). */
const dayOf = (at: number) => Math.floor((at - 5 * HOUR) / (24 * HOUR));
const dateOf = (day: number) => new Date(day * 24 * HOUR).toISOString().slice(0, 10);

function plan() {
  const members = Array.from({ length: 12 }, (_, i) => `m${i}`);
  const peers = ['a', 'b'];
  const rows: Row[] = [];
  const fetches: Fetch[] = [];
  for (let e = 0; e < 60; e++) {
    const [object, made, peer] = [`export/${e}`, START - 5 * 24 * HOUR + upTo(9 * 24) * HOUR, oneOf(peers)];
    for (const member of members.filter(() => next() < 0.4))
      rows.push({
        id: '',
        at: made,
        member,
        peer,
        action: 'export-member',
        object,
        types: TYPES.slice(0, 4).filter(() => next() < 0.5),
      });
    for (let f = upTo(6); f > 0; f--) fetches.push({ object, type: oneOf(TYPES), at: made + upTo(4 * 24) * HOUR + f });
  }
  for (let r = 0; r < 60; r++)
    rows.push({
      id: '',
      at: START - 48 * HOUR + upTo(144) * HOUR,
      member: oneOf(members),
      peer: oneOf(peers),
      action: oneOf(['read', 'search']),
      object: `Observation/${r}`,
      types: ['Observation'],
    });
  const choices: Choice[] = members.flatMap((member) =>
    Array.from({ length: upTo(4) }, () => {
      const given = START - 40 * 24 * HOUR + upTo(44 * 24) * HOUR + upTo(HOUR);
      return { member, isYes: next() < 0.5, day: dayOf(given), given };
    }),
  );
  const matches: Match[] = Array.from({ length: 60 }, () => {
    const at = START - 30 * 24 * HOUR + upTo(33 * 24) * HOUR;
    return { member: oneOf(members), peer: oneOf(peers), at, from: dayOf(at) - upTo(20), to: dayOf(at) + upTo(40) };
  });
  const former = new Map([
    ['m1', 'm0'],
    ['m3', 'm2'],
  ]);
  return { members, peers, rows: rows.filter((r) => r.types.length > 0), fetches, choices, matches, former };
}
type Plan = ReturnType<typeof plan>;

async function write(p: Plan): Promise<void> {
  await sql`insert into exchange.peer ${sql(p.peers.map((id) => ({ id, name: `Payer ${id}`, state: 'active', added_by: 'x', added_at: new Date(START), scopes: [], origins: [] })))}`;
  await sql`insert into exchange.member ${sql(p.members.map((id) => ({ id, umb: id })))}`;
  for (const [formerId, id] of p.former)
    await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason) values (${formerId}, ${id}, ${formerId}, now(), 'staff', 'x', 'x')`;
  for (const [i, c] of p.choices.entries())
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at, given_at) values (${`c${i}`}, ${c.member}, ${c.isYes ? 'opt-in' : 'withdraw'}, 'regular', ${dateOf(c.day)}, 'x', ${new Date(c.given)}, ${new Date(c.given)})`;
  for (const [i, m] of p.matches.entries()) {
    const days = [dateOf(m.from), dateOf(m.to)] as const;
    if (i % 2 === 0)
      await sql`insert into exchange.match_single (id, peer_id, at, outcome, reason, member_id, consent_from, consent_to) values (${`s${i}`}, ${m.peer}, ${new Date(m.at)}, 'match', 'matched', ${m.member}, ${days[0]}, ${days[1]})`;
    else {
      await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at) values (${`j${i}`}, 'match', ${m.peer}, 'complete', '', '{}', ${new Date(m.at)}, ${new Date(m.at)})`;
      await sql`insert into exchange.match_group (id, job_id, peer_id, code, created_at, resource) values (${`g${i}`}, ${`j${i}`}, ${m.peer}, 'match', ${new Date(m.at)}, '')`;
      await sql`insert into exchange.match_member (job_id, position, submitted_id, outcome, reason, member_id, group_id, consent_from, consent_to) values (${`j${i}`}, 0, 's', 'match', 'matched', ${m.member}, ${`g${i}`}, ${days[0]}, ${days[1]})`;
    }
  }
  const audit = [
    ...p.rows.map((r) => ({
      at: r.at,
      action: r.action,
      object: r.object,
      member_id: r.member,
      peer_id: r.peer,
      detail: { types: Object.fromEntries(r.types.map((t) => [t, 1])) },
    })),
    ...p.fetches.map((f, i) => ({
      at: f.at,
      action: 'file',
      object: `${f.object}/${i}`,
      member_id: null,
      peer_id: null,
      detail: { type: f.type },
    })),
  ];
  for (const a of audit)
    await sql`insert into exchange.audit (at, actor_kind, actor, action, object, member_id, peer_id, outcome, reason, request_id, detail, hash) values (${new Date(a.at)}, 'peer', 'a', ${a.action}, ${a.object}, ${a.member_id}, ${a.peer_id}, 'ok', '', '', ${JSON.stringify(a.detail)}::text::jsonb, '')`;
}

/** The same from the rules, each row for itself. */
function told(p: Plan, from: number, to: number, peer: string | null) {
  const isIn = (at: number | undefined) => at !== undefined && at >= from && at < to;
  const held = (r: Row, at: number) => {
    const said = p.choices
      .filter((c) => c.member === r.member && c.given <= at)
      .sort((x, y) => y.day - x.day || y.given - x.given)[0];
    return p.matches.some(
      (m) =>
        m.member === r.member &&
        m.peer === r.peer &&
        m.at <= at &&
        m.from <= dayOf(at) &&
        dayOf(at) <= m.to &&
        !(said && !said.isYes && said.day >= m.from),
    );
  };
  const all = p.rows
    .filter((r) => peer === null || r.peer === peer)
    .map((r) => {
      const times = p.fetches
        .filter((f) => f.object === r.object && (f.type === '' || r.types.includes(f.type)))
        .map((f) => f.at);
      const at = r.action === 'export-member' ? (times.length > 0 ? Math.min(...times) : undefined) : r.at;
      return { ...r, made: r.at, at, person: p.former.get(r.member) ?? r.member };
    });
  const left = all.filter((r) => isIn(r.at)).map((r) => ({ ...r, at: r.at ?? 0 }));
  const groups = Map.groupBy(
    all.filter((r) => isIn(r.at) || isIn(r.made)),
    (r) => `Payer ${r.peer} ${r.action}`,
  );
  return {
    disclosures: [...groups]
      .sort(([x], [y]) => (x < y ? -1 : 1))
      .map(([who, rs]) => {
        const times = rs.filter((r) => isIn(r.at)).map((r) => r.at ?? 0);
        return [
          who,
          times.length,
          new Set(rs.filter((r) => isIn(r.at)).map((r) => r.person)).size,
          rs.filter((r) => isIn(r.made) && !(r.at !== undefined && r.at < to)).length,
          ...(times.length > 0 ? [Math.min(...times), Math.max(...times)] : [null, null]),
        ];
      }),
    disclosed: new Set(left.map((r) => r.person)).size,
    held: p.peers
      .map((id) => left.filter((r) => r.peer === id))
      .filter((rs) => rs.length > 0)
      .map((rs) => [rs.length, rs.filter((r) => held(r, r.at)).length]),
    missed: left
      .filter((r) => !held(r, r.at))
      .map((r) => `${r.at} ${r.person} ${r.object}`)
      .sort(),
  };
}
const time = (v: unknown) => (v instanceof Date ? v.getTime() : null);
const shape = (g: GivenRows) => ({
  disclosures: g.disclosures.map((r) => [
    [r['payer'], r['action']].join(' '),
    r['rows'],
    r['members'],
    r['ready'],
    time(r['first']),
    time(r['last']),
  ]),
  disclosed: g.disclosed,
  held: g.consents.map((r) => [r['n'], r['held']]),
  missed: g.consentsMissed.map((r) => [time(r['at']), r['memberId'], r['object']].join(' ')).sort(),
});

test('what left in a period, by whom and under which consents, is what the rows say one by one', async () => {
  const p = plan();
  await write(p);
  let [seen, without] = [0, 0];
  for (const [days, peer] of [
    [1, null],
    [1, 'b'],
    [3, null],
  ] as const)
    for (let day = -1; day < 6; day++) {
      const [from, to] = [START + day * 24 * HOUR, START + (day + days) * 24 * HOUR];
      const scope = {
        from: new Date(from),
        to: new Date(to),
        now: new Date(to),
        peerId: peer,
        lob: null,
        timeZone: 'Etc/GMT+5',
      };
      const is = await givenRows(sql, scope);
      for (const r of is.disclosures) {
        const of = { ...scope, peerId: String(r['peer']), first: String(r['action']) };
        const members = await rowsBehind(sql, 'given', 'all', of);
        const ready = await rowsBehind(sql, 'given', 'ready', of);
        const sum = (rows: typeof ready, key: string) => rows.reduce((n, m) => n + Number(m[key]), 0);
        expect([members.length, sum(members, 'times'), sum(ready, 'ready')]).toEqual([
          r['members'],
          r['rows'],
          r['ready'],
        ]);
        expect(new Set(members.map((m) => m['memberId'])).size).toBe(members.length);
      }
      const should = told(p, from, to, peer);
      expect(shape(is)).toEqual(should);
      seen += should.held.reduce((n, [all = 0]) => n + all, 0);
      without += should.missed.length;
    }
  // both kinds are among them
  expect([seen - without > 50, without > 50]).toEqual([true, true]);
});

test('what was asked by the choice of one of two members, who are one since, is not under the no of the other', async () => {
  const at = (days: number) => new Date(START + days * 24 * HOUR);
  await sql`insert into exchange.member ${sql(['stays', 'former'].map((id) => ({ id, umb: id })))}`;
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason) values ('one', 'stays', 'former', ${at(22.5)}, 'staff', 'x', 'x')`;
  const choices = [
    ['no', 'stays', 'decline', 20],
    ['yes', 'former', 'opt-in', 18],
    // as they are one: said again, as it was given
    ['again', 'stays', 'opt-in', 18],
  ] as const;
  for (const [id, member, choice, day] of choices)
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at, given_at) values (${id}, ${member}, ${choice}, 'regular', ${dateOf(dayOf(at(day).getTime()))}, 'x', ${at(day)}, ${at(day)})`;
  for (const [id, consent] of [
    ['by-the-yes', 'yes'],
    ['by-the-no', 'no'],
  ] as const) {
    await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, kicked_off_at) values (${id}, 'a', 'done', 'opt-in', ${at(22)}, ${at(22)}, ${at(22)}, ${at(22)})`;
    await sql`insert into exchange.pull_event (pull_id, at, state) values (${id}, ${at(22)}, 'matching')`;
    await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome) values (${id}, 's', 'stays', ${consent}, 'regular', 'matched')`;
  }
  const given = await givenRows(sql, {
    from: at(21),
    to: at(23),
    now: at(23),
    peerId: null,
    lob: null,
    timeZone: 'Etc/GMT+5',
  });
  expect(given.consentsMissed.map((r) => r['object'])).toEqual(['pull/by-the-no']);
  expect(given.consents.filter((r) => r['direction'] === 'request').map((r) => [r['n'], r['held']])).toEqual([[2, 1]]);
});

test('what was asked by the choice of one, before another one who had said no was merged with this one, was under that choice', async () => {
  const at = (days: number) => new Date(START + days * 24 * HOUR);
  await sql`insert into exchange.member ${sql(['asked', 'refused'].map((id) => ({ id, umb: id })))}`;
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason) values ('later', 'asked', 'refused', ${at(45)}, 'staff', 'test', 'test')`;
  for (const [id, member, choice, day, source] of [
    ['own-yes', 'asked', 'opt-in', 38, 'x'],
    ['other-no', 'refused', 'decline', 40, 'x'],
    [null, 'asked', 'decline', 40, 'x, as another member'],
  ] as const)
    await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at, given_at) values (coalesce(${id}, md5('later' || 'other-no')), ${member}, ${choice}, 'regular', ${dateOf(dayOf(at(day).getTime()))}, ${source}, ${at(day)}, ${at(day)})`;
  // one while they were two, and one since they are one
  for (const day of [42, 47]) {
    await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, kicked_off_at) values (${`day-${day}`}, 'a', 'done', 'opt-in', ${at(day)}, ${at(day)}, ${at(day)}, ${at(day)})`;
    await sql`insert into exchange.pull_event (pull_id, at, state) values (${`day-${day}`}, ${at(day)}, 'matching')`;
    await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome) values (${`day-${day}`}, 's', 'asked', 'own-yes', 'regular', 'matched')`;
  }
  const given = await givenRows(sql, {
    from: at(41),
    to: at(48),
    now: at(48),
    peerId: null,
    lob: null,
    timeZone: 'Etc/GMT+5',
  });
  expect(given.consentsMissed.filter((r) => r['direction'] === 'request').map((r) => r['object'])).toEqual([
    'pull/day-47',
  ]);
});
