// What the compliance report reads, and how often: of large plans it is what makes its pages slow. What it tells is held against plain rules.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complianceReport } from '../../../exchange/compliance/report/compliance.ts';
import { readPeriod } from '../../../exchange/compliance/report/period.ts';
import { complianceRows, type Scope } from '../../../exchange/compliance/report/report-figures.ts';
import { askedLongAgo } from '../../../exchange/requester/concurrent-rows.ts';
import type { Sql } from '../../../src/db/database.ts';
import { freshDb } from '../../support/db.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { numbers } from '../../support/numbers.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
let sql: Sql;
beforeAll(async () => {
  db = await freshDb();
  sql = db.sql;
  await sql`insert into exchange.peer (id, name, state, added_by) values ('a', 'A', 'active', 'x'), ('b', 'B', 'active', 'x')`;
});
afterAll(() => db.close());

const next = numbers(6);
const upTo = (n: number) => Math.floor(next() * n);
const oneOf = <T>(of: readonly T[]): T => of[upTo(of.length)] as T;
const ZONE = 'America/New_York';
const SCOPE: Scope = {
  from: new Date('2027-04-01T04:00:00Z'),
  to: new Date('2027-07-01T04:00:00Z'),
  now: new Date('2027-08-01T12:00:00Z'),
  peerId: null,
  lob: null,
  timeZone: ZONE,
};

async function member(id: string): Promise<void> {
  await sql`insert into exchange.member (id, umb, created_at) values (${id}, ${id}, '2027-01-01')`;
}
async function pull(id: string, peer: string, at: string): Promise<void> {
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at)
    values (${id}, ${peer}, 'review', 'command', ${at}, ${at}, ${at}, ${at})`;
}

test('lines of a line of business: those of its members and of who goes on as one of them; no line is looked up by itself', async () => {
  const LOBS = ['ma', 'qhp'];
  const of = new Map<string, string>();
  for (let i = 0; i < 60; i++) {
    await member(`l${i}`);
    const lob = oneOf(LOBS);
    if (next() < 0.8) {
      of.set(`l${i}`, lob);
      // within the period, or over before it; an older one of the other line changes nothing
      const isOver = next() < 0.3;
      await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends, lob)
        values (${`l${i}`}, ${`N${i}`}, 'p', '2026-01-01', ${isOver ? '2026-12-31' : null}, ${lob})`;
      if (next() < 0.5)
        await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends, lob)
          values (${`l${i}`}, ${`N${i}o`}, 'p', '2025-01-01', '2025-06-30', ${oneOf(LOBS)})`;
    }
  }
  const goesOnAs = new Map<string, string>();
  for (let i = 0; i < 60; i += 3) {
    const [former, stays, undone] = [`l${i}`, `l${oneOf([i + 1, i + 2])}`, next() < 0.3];
    if (!undone) goesOnAs.set(former, stays);
    await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason, undone_at)
      values (${`g${i}`}, ${stays}, ${former}, '2027-04-02', 'staff', 'x', 'x', ${undone ? '2027-04-03' : null})`;
  }
  await pull('lines', 'a', '2027-05-01T12:00:00Z');
  const counted: Record<string, number> = { ma: 0, qhp: 0 };
  const received: Record<string, Set<string>> = { ma: new Set(), qhp: new Set() };
  const lines = Array.from({ length: 400 }, (_, n) => `l${n % 61 === 60 ? 0 : n % 60}`);
  await sql`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, type, source_id, member_id, local_id)
    select 'lines', 0, n::int, 0, 'created', 'Observation', 's' || n, m, 'o' || n
    from unnest(string_to_array(${lines.join(' ')}, ' ')) with ordinality u(m, n)`;
  for (const m of lines) {
    const person = goesOnAs.get(m) ?? m;
    const lob = of.get(person);
    if (lob === undefined) continue;
    counted[lob] = (counted[lob] ?? 0) + 1;
    received[lob]?.add(person);
  }
  expect(goesOnAs.size).toBeGreaterThan(5);
  for (const lob of LOBS) {
    const scope = { ...SCOPE, lob };
    const sum = (await complianceRows(sql, 'outcomes', scope)).reduce((n, r) => n + Number(r['n']), 0);
    expect([lob, sum]).toEqual([lob, counted[lob]]);
    expect((await complianceRows(sql, 'metrics', scope))[0]).toMatchObject({ received: received[lob]?.size });
  }
  const plans: unknown[] = [];
  const explained = {
    unsafe: async (text: string, values: string[]) => {
      const rows = await sql.unsafe(`explain (analyze, format json) ${text}`, values);
      plans.push(...rows);
      return [];
    },
  } as unknown as Sql;
  await complianceRows(explained, 'outcomes', { ...SCOPE, lob: 'ma' });
  // how often each reading of who is one person was begun
  const begun = (node: unknown): number[] =>
    typeof node !== 'object' || node === null
      ? []
      : [
          ...('Relation Name' in node && node['Relation Name'] === 'member_merge' && 'Actual Loops' in node
            ? [Number(node['Actual Loops'])]
            : []),
          ...Object.values(node).flatMap(begun),
        ];
  const loops = begun(plans);
  expect(loops.length).toBeGreaterThan(0);
  // a row of the tally is one member's: looked up one by one there are as many readings as rows
  const [tally] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.ledger_tally where pull_id = 'lines'`;
  expect(Math.max(...loops)).toBeLessThan(tally?.n ?? 0);
});

test('whether a payer was informed of records of others is looked up, not read out of the whole trail', async () => {
  const plans = await sql.begin(async (tx) => {
    // of a table of few rows all would be read whatever the indexes say
    await tx`set local enable_seqscan = off`;
    let told: unknown;
    const explained = {
      unsafe: async (text: string, values: string[]) => {
        told = await tx.unsafe(`explain (format json) ${text}`, values);
        return [];
      },
    } as unknown as Sql;
    await complianceRows(explained, 'incidents', SCOPE);
    return JSON.stringify(told);
  });
  expect(plans).toContain('audit_object');
});

/** Choices at the edges of days and periods: with an instant, by their day alone, and such as reached us on that day. */
test('a choice counts in the period in which it was given, to the instant', async () => {
  const edges = [SCOPE.from, SCOPE.to].flatMap((at) =>
    [-86_400_000, -3_600_000, -1, 0, 1, 3_600_000, 86_399_999, 86_400_000].map((d) => new Date(at.getTime() + d)),
  );
  const dayThere = (at: Date) => at.toLocaleDateString('sv-SE', { timeZone: ZONE });
  let expected = 0;
  let n = 0;
  for (const [i, given] of edges.entries())
    for (const [k, created] of [
      ...edges,
      new Date('2027-01-01T12:00:00Z'),
      new Date('2027-12-01T12:00:00Z'),
    ].entries()) {
      const isBare = (i + k) % 2 === 0;
      const id = `e${n++}`;
      await member(id);
      const day = dayThere(given);
      await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at, given_at)
        values (${id}, ${id}, 'decline', 'regular', ${day}, 'x', ${created}, ${isBare ? null : given})`;
      const starts = new Date(`${day}T04:00:00Z`).getTime();
      // a day in summer; none of the edges lies in winter
      const at = isBare ? Math.max(starts, Math.min(created.getTime(), starts + 86_399_999)) : given.getTime();
      if (at >= SCOPE.from.getTime() && at < SCOPE.to.getTime()) expected++;
    }
  const [optIn] = await complianceRows(sql, 'optIn', SCOPE);
  expect([optIn?.['declined'], expected > 50, n - expected > 50]).toEqual([expected, true, true]);
});

test('who was last asked long ago: as the rules say it, of random members', async () => {
  const now = new Date('2027-09-10T16:00:00Z');
  const today = '2027-09-10';
  const monthsAgo = '2027-06-10';
  const expected: string[] = [];
  const days = ['2027-05-01', '2027-06-09', '2027-06-10', '2027-06-11', '2027-08-01'];
  for (const [p, peer] of ['a', 'b'].entries())
    for (const [d, day] of days.entries()) await pull(`c${p}-${d}`, peer, `${day}T15:00:00Z`);
  for (let i = 0; i < 120; i++) {
    const id = `c${String(i).padStart(2, '0')}`;
    await member(id);
    const isOver = next() < 0.15;
    if (next() < 0.8)
      await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends, lob)
        values (${id}, ${`C${i}`}, 'p', '2026-01-01', ${isOver ? '2027-01-31' : null}, 'ma')`;
    const [enrolled] = await sql<
      { n: number }[]
    >`select count(*)::int as n from exchange.enrolment where member_id = ${id}`;
    const choices = Array.from({ length: 1 + upTo(2) }, (_, n) => ({
      choice: oneOf(['opt-in', 'opt-in', 'opt-in', 'withdraw']),
      payers: oneOf(['both', 'concurrent', 'previous']),
      on: `2027-0${n + 2}-01`,
    }));
    for (const [n, c] of choices.entries())
      await sql`insert into exchange.consent (id, member_id, choice, policy, payers, recorded_on, source)
        values (${`${id}-${n}`}, ${id}, ${c.choice}, 'regular', ${c.payers}, ${c.on}, 'x')`;
    const newest = choices.at(-1);
    if (newest === undefined) continue;
    const listed = new Map<string, { at: string; id: string }>();
    for (let o = upTo(4); o > 0; o--) {
      const [peer, ends, other] = [upTo(2), oneOf([null, null, today, '2027-09-09']), `${id}-o${o}`];
      const isWrong = next() < 0.1;
      await sql`insert into exchange.other_coverage (id, member_id, payer, peer_id, member_number, starts, ends, known_at, reported_by, in_error_at)
        values (${other}, ${id}, 'x', ${'ab'[peer] ?? 'a'}, ${`X${o}`}, '2020-01-01', ${ends}, '2027-01-01', 'x', ${isWrong ? now : null})`;
      let last = '';
      for (const [d, day] of days.entries()) {
        if (next() < 0.8) continue;
        const outcome = oneOf(['matched', 'matched', 'not-matched', null]);
        await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, other_coverage_id, consent_id, policy, outcome)
          values (${`c${peer}-${d}`}, ${other}, ${id}, ${other}, ${`${id}-0`}, 'regular', ${outcome})`;
        if (outcome !== null) last = day;
      }
      const isOld = last !== '' && last < monthsAgo;
      const goesOn = ends === null || ends >= today;
      const isNamed = newest.choice === 'opt-in' && newest.payers !== 'previous' && !isWrong;
      if (!isOld || !goesOn || !isNamed || (isOver && (enrolled?.n ?? 0) > 0)) continue;
      const had = listed.get(String(peer));
      if (had === undefined || last < had.at || (last === had.at && other < had.id))
        listed.set(String(peer), { at: last, id: other });
    }
    expected.push(...[...listed.values()].map((l) => `${l.at} ${l.id}`));
  }
  const told = (await askedLongAgo(sql, now, ZONE, 20_000)).map((r) => {
    const { id } = r as unknown as { id: string };
    return `${r.askedAt.toISOString().slice(0, 10)} ${id}`;
  });
  expect(expected.length).toBeGreaterThan(5);
  expect(told).toEqual(expected.sort());
  const [first] = await askedLongAgo(sql, now, ZONE, 2);
  expect(first?.ofAll).toBe(expected.length);
});

test('a report reads over three connections at most, and what changed reads each period once', async () => {
  let node: TestNode | undefined;
  try {
    node = await startNode();
    let running = 0;
    let most = 0;
    let statements = 0;
    const counting = {
      unsafe: async () => {
        statements++;
        most = Math.max(most, ++running);
        await new Promise((r) => setTimeout(r, 1));
        running--;
        return [];
      },
    } as unknown as Sql;
    const period = readPeriod('2027-Q2');
    if (!period) throw new Error('no period');
    const deps = { ...node.deps, database: { sql: counting } };
    await complianceReport(deps, { period });
    const whole = statements;
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    statements = 0;
    await complianceReport(deps, { period }, true);
    // without the eight statements of the figures of the period before
    expect(whole - statements).toBe(8);
  } finally {
    await node?.close();
  }
});
