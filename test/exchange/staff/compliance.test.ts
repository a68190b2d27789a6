// The compliance report: figures are the sums of their rows, periods are those of the plan's zone, files say the same as pages.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkAuditDaily } from '../../../exchange/compliance/audit/check.ts';
import { checkDocuments, checkDocumentsDaily } from '../../../exchange/compliance/documents/documents.ts';
import { complianceChanges } from '../../../exchange/compliance/report/compliance-changes.ts';
import { share } from '../../../exchange/compliance/report/compliance-figures.ts';
import { instantsOf, periodBefore, readPeriod } from '../../../exchange/compliance/report/period.ts';
import { peerStatement } from '../../../exchange/compliance/report/statement.ts';
import { keepClocks } from '../../../exchange/schedule.ts';
import type { Table } from '../../../src/ui/table.ts';
import { type StaffNode, startStaff, Visitor } from './support.ts';

let s: StaffNode;
let reviewer: Visitor;
type Rows = Record<string, string | number | null>[];
let tables: Record<string, Rows>;
const figure = (id: string) => tables['figures']?.find((f) => f['figure'] === id);

beforeAll(async () => {
  s = await startStaff();
  await keepClocks(s.ours.deps);
  reviewer = new Visitor(s.app, s.ours.base);
  await reviewer.signIn('dev-reviewer', s.account.password);
  const year = new Date().getUTCFullYear();
  tables = (await (await reviewer.get(`/staff/compliance?period=${year}-01-01/${year + 1}-12-31&format=json`)).json())
    .tables;
});
afterAll(() => s.close());

test('periods', () => {
  expect(readPeriod('2027-Q1')).toMatchObject({ first: '2027-01-01', last: '2027-03-31' });
  expect(readPeriod('2028-02')).toMatchObject({ last: '2028-02-29' });
  expect(readPeriod('2027-02-30')).toBeUndefined();
  expect(readPeriod('2027-13')).toBeUndefined();
  expect(readPeriod('2027-03-02/2027-03-01')).toBeUndefined();
  const q = readPeriod('2027-Q1');
  if (!q) throw new Error('no quarter');
  expect(periodBefore(q).name).toBe('2026-Q4');
  expect(periodBefore({ name: 'x', first: '2027-03-03', last: '2027-03-04' })).toMatchObject({
    first: '2027-03-01',
    last: '2027-03-02',
  });
  const { from, to } = instantsOf(q, 'America/New_York');
  expect([from.toISOString(), to.toISOString()]).toEqual(['2027-01-01T05:00:00.000Z', '2027-04-01T04:00:00.000Z']);
  expect([share(0, 0), share(1, 3)]).toEqual(['n/a', '33.3 %']);
});

test('the files of an answer have the same hashes in the statements of who gave it and who got it, packed or not', async () => {
  const year = new Date().getUTCFullYear();
  const period = readPeriod(`${year - 1}-01-01/${year + 1}-12-31`);
  if (!period) throw new Error('no period');
  const hashesOf = async ({ deps }: StaffNode['ours'], kind: string, isMine: (id: string) => boolean) => {
    const [peer] = await deps.database.sql<{ id: string }[]>`select id from exchange.peer order by added_at limit 1`;
    const told = await peerStatement(deps, peer?.id ?? '', period);
    const column = (key: string) => told?.table.columns.findIndex((c) => c.key === key) ?? -1;
    return (told?.table.rows ?? [])
      .filter((r) => r[column('kind')]?.value === kind && isMine(String(r[column('id')]?.value)))
      .map((r) => String(r[column('sha256')]?.value).split(' ').sort());
  };
  const got = await hashesOf(s.ours, 'pull', (id) => id === s.pullId);
  expect(got[0]?.length).toBeGreaterThan(1);
  expect(await hashesOf(s.prior, 'export', () => true)).toEqual(got);
});

test('figures are what the rows say', async () => {
  const { sql } = s.ours.deps.database;
  const [l] = await sql<{ all: number; used: number }[]>`
    select count(*)::int as all, count(*) filter (where outcome not in ('quarantined', 'rejected', 'retracted'))::int as used
    from exchange.ledger l join exchange.pull p on p.id = l.pull_id where p.finished_at > now() - interval '1 year'`;
  expect(figure('F12')).toMatchObject({ denominator: l?.all, numerator: l?.used });
  const lines = tables['reconciliation'] ?? [];
  expect(lines.reduce((a, r) => a + Number(r['sum']), 0)).toBe(l?.all);
  for (const row of lines)
    expect(
      [
        'created',
        'updated',
        'unchanged',
        'linked-duplicate',
        'echo',
        'shared',
        'retracted',
        'quarantined',
        'rejected',
      ].reduce((a, o) => a + Number(row[o] ?? 0), 0),
    ).toBe(row['sum']);
  const [c] = await sql<{ due: number; met: number }[]>`
    select count(*) filter (where state not in ('withdrawn', 'not-applicable') and not (state in ('open', 'attempted', 'blocked') and due_at > now()))::int as due, count(*) filter (where state = 'met')::int as met from exchange.deadline where kind = 'C2'`;
  expect(figure('F4')).toMatchObject({ denominator: c?.due, numerator: c?.met });
  expect(Number(figure('F4')?.['numerator'])).toBeGreaterThan(0);
  expect(figure('F8')).toMatchObject({ value: 'n/a', denominator: 0 });
  const [asked] = await sql<{ all: number; matched: number }[]>`
    select count(distinct (p.peer_id, m.member_id))::int as all, count(distinct (p.peer_id, m.member_id)) filter (where m.outcome = 'matched')::int as matched
    from exchange.pull p join exchange.pull_member m on m.pull_id = p.id where m.outcome is not null`;
  const [times] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.pull_member where outcome is not null`;
  expect(times?.n).toBeGreaterThan(asked?.all ?? 0);
  expect(figure('F9')).toMatchObject({ denominator: asked?.all, numerator: asked?.matched });
  expect(figure('F14')).toMatchObject({ numerator: 2, denominator: 3 });
  const [m] = await sql<{ requested: number; received: number }[]>`
    select (select count(distinct member_id)::int from exchange.pull_member where outcome is not null or statement is not null) as requested,
      (select count(distinct l.member_id)::int from exchange.ledger l join exchange.pull p on p.id = l.pull_id where p.finished_at is not null) as received`;
  expect(tables['metrics']?.[0]).toMatchObject({ requested: m?.requested, received: m?.received, disclosed: 0 });
  const consents = (tables['consents'] ?? []).filter((r) => r['direction'] === 'request');
  expect(consents).toHaveLength(1);
  expect(consents[0]?.['n']).toBe(consents[0]?.['held']);
  // who is not known there was asked for as well
  const [of] = await sql<{ n: number; unmatched: number }[]>`
    select count(*)::int as n, count(*) filter (where m.outcome <> 'matched')::int as unmatched from exchange.pull_member m
    where m.outcome is not null and exists (select from exchange.pull_event e where e.pull_id = m.pull_id and e.state = 'matched')`;
  expect(of?.unmatched).toBeGreaterThan(0);
  expect(consents[0]?.['n']).toBe(of?.n);
});

test('a request that was sent and refused was one, too: was the choice in force then?', async () => {
  const { sql } = s.ours.deps.database;
  const report = async () => (await (await reviewer.get('/staff/compliance?format=json')).json()).tables;
  const requests = async (): Promise<Record<string, number>> =>
    (await report()).consents.find((r: { direction: string }) => r.direction === 'request');
  const before = await requests();
  const made = (await report())['we-asked'][0];
  await sql`
    insert into exchange.pull (id, peer_id, state, reason, cause, created_at, due_at, next_at, finished_at)
    values ('sent', 'prior', 'refused', 'forbidden', 'test', now(), now(), now(), now())`;
  await sql`insert into exchange.pull_event (pull_id, at, state) values ('sent', now(), 'authorized'), ('sent', now(), 'refused')`;
  await sql`
    insert into exchange.pull_member (pull_id, submitted_id, member_id, other_coverage_id, consent_id, policy, statement)
    select 'sent', 's' || n, member_id, other_coverage_id, consent_id, policy, case when n = 1 then 'a.b.c' end
    from (select *, row_number() over () as n from exchange.pull_member limit 2) m`;
  const after = await requests();
  // of the other one nothing had been signed yet
  expect([after['n'], after['held']]).toEqual([(before['n'] ?? 0) + 1, (before['held'] ?? 0) + 1]);
  expect((await report()).consentsMissed).toEqual([]);
  // one who never chose
  await sql`insert into exchange.member (id, umb) values ('never-chose', 'never-chose')`;
  await sql`update exchange.pull_member set member_id = 'never-chose' where pull_id = 'sent' and statement is not null`;
  expect(await requests()).toMatchObject({ n: after['n'], held: before['held'] });
  const missed = (await report()).consentsMissed;
  expect(missed).toMatchObject([{ direction: 'request', object: 'pull/sent' }]);
  expect(missed[0].member).toMatch(/^M-/);
  // and stands beside its payer, among those of whom it said nothing
  expect((await report())['we-asked'][0]).toMatchObject({
    submitted: made['submitted'] + 1,
    unanswered: made['unanswered'] + 1,
    matched: made['matched'],
  });
  const list = await (await reviewer.get('/staff/compliance/rows/asked?show=unanswered&format=json')).json();
  expect(list.tables.asked).toMatchObject([{ answer: 'unanswered' }]);
  // who waits to be asked for was not asked for yet
  const { requested } = (await report()).metrics[0];
  await sql`update exchange.pull_member set statement = null where member_id = 'never-chose'`;
  expect((await report()).metrics[0].requested).toBe(requested - 1);
  await sql`delete from exchange.pull_member where pull_id = 'sent'`;
  await sql`delete from exchange.member where id = 'never-chose'`;
  await sql`delete from exchange.pull_event where pull_id = 'sent'`;
  await sql`delete from exchange.pull where id = 'sent'`;
});

test('a choice of which only the day is known counts in the period of that day, by the plan’s zone', async () => {
  const { sql } = s.ours.deps.database;
  const choices = async (period: string) =>
    (await (await reviewer.get(`/staff/compliance?period=${period}&format=json`)).json()).tables['opt-in'][0];
  await sql`insert into exchange.member (id, umb) values ('chose-first', 'chose-first')`;
  await sql`insert into exchange.contact (id, member_id, kind, at, channel, recorded_by, recorded_at) values ('first', 'chose-first', 'offer', '2019-12-01', 'mail', 'test', '2019-12-01')`;
  await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
    values ('first', 'chose-first', 'opt-in', 'regular', '2020-01-01', 'test'), ('last', 'chose-first', 'decline', 'regular', '2020-03-31', 'test')`;
  expect(await choices('2020-Q1')).toMatchObject({ optedIn: 1, afterOffer: 1, declined: 1 });
  expect(await choices('2019-Q4')).toMatchObject({ optedIn: 0, afterOffer: 0, declined: 0 });
  expect(await choices('2020-Q2')).toMatchObject({ optedIn: 0, declined: 0 });
});

test('a report of a past period that a paper changes says how many choices came after its end', async () => {
  const { sql } = s.ours.deps.database;
  const choices = async (period: string) =>
    (await (await reviewer.get(`/staff/compliance?period=${period}&format=json`)).json()).tables['opt-in'][0];
  await sql`insert into exchange.member (id, umb) values ('on-paper', 'on-paper')`;
  const said = (id: string, choice: string, on: string, at: string) => sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at) values (${id}, 'on-paper', ${choice}, 'regular', ${on}, 'test', ${at})`;
  await said('paper-1', 'opt-in', '2021-11-02', '2021-11-02T15:00:00Z');
  expect(await choices('2021')).toMatchObject({ optedIn: 1, withdrew: 0, later: 0 });
  // given on the last day of the year, noted three days later
  await said('paper-2', 'withdraw', '2021-12-31', '2022-01-03T15:00:00Z');
  for (const period of ['2021', '2021-Q4', '2021-12', '2021-12-31'])
    expect(await choices(period)).toMatchObject({ withdrew: 1, later: 1 });
  // by the plan's midnight, not that of UTC
  await said('paper-3', 'opt-in', '2022-01-31', '2022-02-01T04:30:00Z');
  await said('paper-4', 'decline', '2022-02-28', '2022-03-01T05:00:00Z');
  expect(await choices('2022-01')).toMatchObject({ optedIn: 1, withdrew: 0, later: 0 });
  expect(await choices('2022-02')).toMatchObject({ declined: 1, later: 1 });
  expect(await choices('2022')).toMatchObject({ later: 0 });
});

test('a list that is too long for a file is refused as one, and says of how many it has the first', async () => {
  const { sql } = s.ours.deps.database;
  await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state, closed_at)
    select 'long-' || i, 'C4', 'long-' || i, '2019-05-01', '2019-05-08', 'met-late', '2019-05-09' from generate_series(1, 20001) i`;
  try {
    const at = '/staff/compliance?period=2019-05';
    const csv = await reviewer.get(`${at}&format=csv&table=not-in-time`);
    expect(csv.status).toBe(413);
    expect(await csv.text()).toContain('only a part of these rows');
    const json = await (await reviewer.get(`${at}&format=json&table=not-in-time`)).json();
    expect([json.tables['not-in-time'].length, json.ofAll]).toEqual([20_000, { 'not-in-time': 20_001 }]);
    expect(await (await reviewer.get(at)).text()).toContain(
      'The first 500 of 20,001 rows; too many for one file: the first 20,000 as <a',
    );
  } finally {
    await sql`delete from exchange.deadline where id like 'long-%'`;
  }
});

test('an export counts as faulty for faults of the payer, not for what two sources tell differently', async () => {
  const { sql } = s.ours.deps.database;
  const faulty = async () =>
    (await (await reviewer.get('/staff/compliance?format=json')).json()).tables.figures.find(
      (f: { figure: string }) => f.figure === 'F15',
    );
  const kinds = await sql`select distinct kind from exchange.finding where pull_id = ${s.pullId}`;
  expect(kinds.map((k) => k['kind'])).toContain('value-mismatch');
  expect(await faulty()).toMatchObject({ numerator: 1 });
  const theirs =
    await sql`delete from exchange.finding where pull_id = ${s.pullId} and kind = 'profile-violation' returning kind, type, amount`;
  expect(theirs.length).toBeGreaterThan(0);
  expect(await faulty()).toMatchObject({ numerator: 0, denominator: 1 });
  // what a person has to decide about before anything of it is taken in
  await sql`update exchange.pull set state = 'partial' where id = ${s.pullId}`;
  expect(await faulty()).toMatchObject({ numerator: 1, denominator: 1 });
  await sql`update exchange.pull set state = 'done' where id = ${s.pullId}`;
  for (const { kind, type, amount } of theirs)
    await sql`insert into exchange.finding (pull_id, kind, type, amount) values (${s.pullId}, ${kind}, ${type}, ${amount})`;
});

test('a request that was overdue when a withdrawal ended it was not met in time; one that was not is left out', async () => {
  const { sql } = s.ours.deps.database;
  const year = new Date().getUTCFullYear();
  const seen = async () => {
    const path = `/staff/compliance?period=${year - 1}-01-01/${year + 1}-12-31&format=json`;
    const found = (await (await reviewer.get(path)).json()).tables;
    const late = (await (await reviewer.get('/staff/clocks?show=late&format=json')).json()).tables.clocks;
    return {
      of: Number(found.figures.find((f: { figure: string }) => f.figure === 'F4').denominator),
      listed: found['not-in-time'].filter((r: { reason: string }) => r.reason === 'member-withdrew').length,
      late: late.filter((r: { reason: string }) => r.reason === 'member-withdrew').length,
    };
  };
  const before = await seen();
  await sql`
    insert into exchange.deadline select (jsonb_populate_record(c, '{"id":"ended","subject":"ended","state":"withdrawn","reason":"member-withdrew"}')).*
    from exchange.deadline c where kind = 'C2' limit 1`;
  const endedAfter = async (hours: number) => {
    await sql`update exchange.deadline set starts_at = now() - interval '9 days', due_at = now() - interval '2 days', closed_at = now() - interval '2 days' + ${hours} * interval '1 hour' where id = 'ended'`;
    return await seen();
  };
  expect(await endedAfter(-1)).toEqual(before);
  expect(await endedAfter(1)).toEqual({ of: before.of + 1, listed: before.listed + 1, late: before.late + 1 });
  const page = await (await reviewer.get('/staff/clocks/ended')).text();
  expect(page).toContain('when it was late by 1 hour');
  expect(page).toContain('Why it was late');
  // what still has time is not reported as late
  await sql`update exchange.deadline set state = 'open', closed_at = null, due_at = now() + interval '1 day' where id = 'ended'`;
  expect(await (await reviewer.get('/staff/clocks/ended')).text()).not.toContain('Why it was late');
  await sql`update exchange.deadline set state = 'withdrawn' where id = 'ended'`;
  await endedAfter(1);
  await sql`insert into exchange.deadline_note (deadline_id, at, by, reason, corrective_action, words) values ('ended', now(), 'x', 'our-outage', 'CAPA-1', '')`;
  const noted = (await (await reviewer.get('/staff/clocks?show=late&format=json')).json()).tables.clocks;
  expect(noted).toContainEqual(expect.objectContaining({ reason: 'our-outage', action: 'CAPA-1' }));
  await sql`alter table exchange.deadline_note disable trigger all`;
  await sql`delete from exchange.deadline_note where deadline_id = 'ended'`;
  await sql`alter table exchange.deadline_note enable trigger all`;
  await sql`delete from exchange.deadline where id = 'ended'`;
});

test('a request that the payer cancelled is not one that was answered late, and is distinguished', async () => {
  const { sql } = s.ours.deps.database;
  const asked = async () => {
    const all = (await (await reviewer.get('/staff/compliance?format=json')).json()).tables;
    return {
      F5: all.figures.find((f: { figure: string }) => f.figure === 'F5'),
      row: all['they-asked'].find((r: { kind: string }) => r.kind === 'export'),
    };
  };
  const before = await asked();
  await sql`
    insert into exchange.deadline select (jsonb_populate_record(c, '{"id":"cancelled","kind":"C3-export","subject":"cancelled","state":"withdrawn"}')).*
    from exchange.deadline c where kind = 'C2' limit 1`;
  await sql`
    insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at, completed_at)
    select 'cancelled', 'export', id, 'cancelled', 'x', '{}', now(), now() + interval '1 day', now() from exchange.peer limit 1`;
  const after = await asked();
  expect(after.F5).toEqual(before.F5);
  // the statement tells it as one that was not answered
  const [peer] = await sql<{ id: string }[]>`select peer_id as id from exchange.bulk_job where id = 'cancelled'`;
  const told = (await (await reviewer.get(`/staff/peers/${peer?.id}/statement?format=json`)).json()).tables.statement;
  expect(told.find((r: { id: string }) => r.id === 'cancelled')).toMatchObject({ answered: null, inTime: null });
  // what broke is reported by its cause, not by a place in the program
  for (const [failure, reason] of [
    ['Error at runMatch (dist/main.mjs:1:2)', 'an error of ours'],
    ['ENOSPC at write (dist/main.mjs:1:2)', 'there was no room for files under BLOBS_DIR'],
    ['consent-changed', 'consent-changed'],
  ] as const) {
    await sql`update exchange.bulk_job set failure = ${failure} where id = 'cancelled'`;
    const { tables } = await (await reviewer.get(`/staff/peers/${peer?.id}/statement?format=json`)).json();
    expect(tables.statement.find((r: { id: string }) => r.id === 'cancelled').reason).toBe(reason);
  }
  await sql`update exchange.bulk_job set failure = null where id = 'cancelled'`;
  // nor one that ended with the payer; one that was late before it was cancelled is late
  const [due] = [Number(before.F5.denominator)];
  for (const [state, hours, denominator] of [
    ['not-applicable', -1, due],
    ['not-applicable', 1, due + 1],
    ['withdrawn', 1, due + 1],
  ] as const) {
    await sql`update exchange.deadline set state = ${state}, closed_at = due_at + ${hours} * interval '1 hour' where id = 'cancelled'`;
    expect(Number((await asked()).F5.denominator)).toBe(denominator);
  }
  expect(after.row).toMatchObject({ received: 1, answered: 0, inTime: 0, cancelled: 1, overdue: 0 });
  await sql`delete from exchange.deadline where id = 'cancelled'`;
  await sql`delete from exchange.bulk_job where id = 'cancelled'`;
});

test('members who were asked for one by one count as asked, answered and refused', async () => {
  const { sql } = s.ours.deps.database;
  const told = async () => {
    const all = (await (await reviewer.get('/staff/compliance?format=json')).json()).tables;
    const [F11] = all.figures.filter((f: { figure: string }) => f.figure === 'F11');
    const single = all['they-asked'].find((r: { kind: string }) => r.kind === 'single');
    const statement = (await (await reviewer.get('/staff/peers/prior/statement?format=json')).json()).tables.statement;
    return {
      F11: [F11.numerator, F11.denominator],
      single: single && [single.received, single.answered, single.inTime],
      asked: [all.metrics[0].asked, all.metrics[0].inTime],
      said: statement.flatMap((r: Record<string, unknown>) =>
        r['kind'] === 'single' ? [[r['members'], r['outcome']]] : [],
      ),
    };
  };
  const before = await told();
  expect([before.single, before.said]).toEqual([undefined, []]);
  await sql`
    insert into exchange.match_single (id, peer_id, at, outcome, reason, request_id, sent)
    select 'one-' || o, 'prior', now(), o, 'no-match', 'r', '{}' from unnest(array['match', 'nomatch']) o`;
  const after = await told();
  await sql`delete from exchange.match_single where id like 'one-%'`;
  expect(after).toEqual({
    F11: [before.F11[0] + 1, before.F11[1] + 2],
    single: [2, 2, 2],
    asked: before.asked.map((n: number) => n + 2),
    said: [[2, '1 matched, 1 not matched']],
  });
  // the evening and the night of one day of the plan, which are two of UTC
  await sql`insert into exchange.match_single (id, peer_id, at, outcome, reason, request_id, sent)
    select 'one-' || n, 'prior', (current_date - 10 + n * interval '8 hours' + interval '6 hours') at time zone ${s.ours.deps.config.timeZone}, 'match', 'rule-1', 'r', '{}'
    from generate_series(0, 2) n`;
  const years = `${new Date().getUTCFullYear() - 1}-01-01/${new Date().getUTCFullYear() + 1}-12-31`;
  const rows = (await (await reviewer.get(`/staff/peers/prior/statement?period=${years}&format=json`)).json()).tables;
  await sql`delete from exchange.match_single where id like 'one-%'`;
  expect(
    rows.statement.flatMap((r: Record<string, unknown>) =>
      r['kind'] === 'single'
        ? [[r['members'], r['outcome'], Date.parse(String(r['answered'])) - Date.parse(String(r['received']))]]
        : [],
    ),
  ).toEqual([[3, '3 matched', 16 * 3_600_000]]);
});

test('page, CSV and statement; no person in any; wrong periods are said', async () => {
  const page = await (await reviewer.get('/staff/compliance')).text();
  for (const name of Object.keys(tables)) expect(page).toContain(`id="t-${name}"`);
  const people = await s.ours.deps.database.sql<
    { family: string }[]
  >`select unnest(family) as family from exchange.member_profile`;
  for (const { family } of people) expect(page.toUpperCase()).not.toContain(`>${family}<`);
  expect((await reviewer.get('/staff/compliance?period=soon')).status).toBe(400);
  expect((await reviewer.get('/staff/compliance?lob=x')).status).toBe(404);
  expect((await (await reviewer.get('/staff/compliance?format=csv&table=figures')).text()).split('\r\n')[0]).toContain(
    'figure',
  );
  const statement = await (await reviewer.get('/staff/peers/prior/statement?format=json')).json();
  const pulls = statement.tables.statement.filter((r: { kind: string }) => r.kind === 'pull');
  expect(pulls.length).toBeGreaterThan(0);
  for (const { id, outcome, bytes, members } of pulls) {
    const [came] = await s.ours.deps.database.sql<{ lines: number; bytes: number; matched: number }[]>`
      select sum(units) filter (where f.kind <> 'error')::int as lines, sum(f.bytes)::int as bytes,
        (select count(*)::int from exchange.pull_member m where m.pull_id = ${id} and m.outcome = 'matched') as matched
      from exchange.pull_file f where f.pull_id = ${id}`;
    expect(outcome).toContain(`${came?.matched} matched`);
    expect(outcome).toContain(`${came?.lines.toLocaleString('en-US')} lines received`);
    expect([bytes, members >= (came?.matched ?? 0)]).toEqual([came?.bytes, true]);
  }
  expect((await reviewer.get('/staff/peers/nobody/statement')).status).toBe(404);
  expect((await reviewer.get('/staff/questions')).status).toBe(200);
});

test('which public documents were online on a day; one that is not is said to be', async () => {
  const { sql } = s.ours.deps.database;
  const seen = await checkDocuments(s.ours.deps);
  expect(seen.map((d) => [d.status, d.fault])).toEqual(seen.map(() => [200, null]));
  const openapi = await (await fetch(`${s.ours.base}/exchange/openapi.json`)).arrayBuffer();
  expect(seen.find((d) => d.url.endsWith('/openapi.json'))?.sha256).toBe(
    createHash('sha256').update(Buffer.from(openapi)).digest('hex'),
  );
  const tomorrow = { ...s.ours.deps, clock: () => new Date(Date.now() + 90_000_000) };
  const gone = { ...tomorrow, log: () => {}, fetch: () => Promise.reject(new Error('away')) };
  // within the day nothing is asked
  await checkDocumentsDaily({ ...gone, clock: () => new Date() });
  await checkDocumentsDaily(gone);
  const rows = await sql`select fault, sha256 is null as none from exchange.document_check order by id`;
  expect([...rows].slice(0, seen.length)).toEqual(seen.map(() => ({ fault: null, none: false })));
  expect([...rows].slice(seen.length)).toEqual(seen.map(() => ({ fault: 'unreachable', none: true })));
  const today = new Date().toISOString().slice(0, 10);
  const shown = async (day: string) =>
    (await (await reviewer.get(`/staff/documents?day=${day}&format=json`)).json()).tables.documents as unknown[];
  expect(await shown('2020-01-01')).toEqual([]);
  expect((await shown(new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10))).length).toBe(2 * seen.length);
  expect((await reviewer.get(`/staff/documents?day=${today}`)).status).toBe(200);
  expect((await reviewer.get('/staff/documents?day=soon')).status).toBe(400);
  await expect(sql`delete from exchange.document_check`.execute()).rejects.toMatchObject({ code: '42501' });
});

test('of one line of business: no line of members of another', async () => {
  const { sql } = s.ours.deps.database;
  const year = new Date().getUTCFullYear();
  const of = async (lob: string): Promise<Record<string, Rows>> =>
    (
      await (
        await reviewer.get(`/staff/compliance?period=${year}-01-01/${year + 1}-12-31&format=json&lob=${lob}`)
      ).json()
    ).tables;
  const sum = (t: Record<string, Rows>) => (t['reconciliation'] ?? []).reduce((a, r) => a + Number(r['sum']), 0);
  await sql`update exchange.enrolment set lob = 'ma'`;
  const none = await of('qhp');
  expect([sum(none), none['consents']?.length, none['incidents']?.length]).toEqual([0, 0, 0]);
  const [own] = await sql<{ n: number }[]>`
    select count(*)::int as n from exchange.ledger l join exchange.pull p on p.id = l.pull_id
    where p.finished_at > now() - interval '1 year' and l.member_id in (select member_id from exchange.enrolment)`;
  expect(sum(await of('ma'))).toBe(own?.n);
  expect(own?.n).toBeGreaterThan(0);
});

test('what may still be met in time is not counted as late; what was refused is not what people did', async () => {
  const { sql } = s.ours.deps.database;
  const [k] = await sql<{ id: string; due: Date }[]>`
    update exchange.deadline set state = 'blocked', due_at = now() + interval '1 day' where id =
      (select id from exchange.deadline where kind = 'C2' and state = 'met' order by id limit 1) returning id, due_at as due`;
  const year = new Date().getUTCFullYear();
  const read = async () =>
    (await (await reviewer.get(`/staff/compliance?period=${year}-01-01/${year + 1}-12-31&format=json`)).json()).tables;
  const f4 = (t: Record<string, Rows>) => t['figures']?.find((f) => f['figure'] === 'F4');
  const before = Number(figure('F4')?.['denominator']);
  expect(k).toBeDefined();
  expect(f4(await read())).toMatchObject({ denominator: before - 1 });
  await sql`update exchange.deadline set due_at = now() - interval '1 minute' where id = ${k?.id ?? ''}`;
  const late = await read();
  expect(f4(late)).toMatchObject({ denominator: before, numerator: Number(figure('F4')?.['numerator']) - 1 });
  expect(late['not-in-time']).toHaveLength((tables['not-in-time'] ?? []).length + 1);
  // what was overdue when the member withdrew is late; how it is without, as others define the share, is reported beside it
  await sql`update exchange.deadline set state = 'withdrawn', closed_at = now() where id = ${k?.id ?? ''}`;
  const met = Number(figure('F4')?.['numerator']) - 1;
  const ended = f4(await read());
  expect(ended).toMatchObject({ denominator: before, numerator: met });
  expect(ended?.['means']).toContain(`(${met} of ${before - 1})`);
  const viewer = new Visitor(s.app, s.ours.base);
  await viewer.signIn('dev-viewer', s.account.password);
  expect((await viewer.post('/staff/members/nobody/choice', { csrf: 'x' })).status).toBe(403);
  const [refused] = await sql`select 1 from exchange.audit where action = 'accept' and outcome = 'refused'`;
  expect(refused).toBeDefined();
  const did = ((await read())['decisions'] ?? []).filter((r: Rows[number]) => r['who'] === 'dev|dev-viewer');
  expect(did).toHaveLength(0);
});

test('records of another person: how many are still held back, and for how long', async () => {
  const { sql } = s.ours.deps.database;
  // the ledger is insert-only: one more line of the pull, about a record that it has
  const [l] = await sql<{ peer: string; type: string; source: string }[]>`
    insert into exchange.ledger_unit
    select (jsonb_populate_record(l, '{"line": 999999, "outcome": "quarantined", "reason": "wrong-patient"}')).* from exchange.ledger_unit l
    join exchange.pull p on p.id = l.pull_id join exchange.identity i on i.peer_id = p.peer_id and i.type = l.type and i.source_id = l.source_id
    where l.pull_id = ${s.pullId} and l.outcome = 'created' order by l.file, l.line, l.entry limit 1
    returning 'prior' as peer, type, source_id as source`;
  const read = async () => {
    const year = new Date().getUTCFullYear();
    const page = await reviewer.get(`/staff/compliance?period=${year - 1}-01-01/${year + 1}-12-31&format=json`);
    return (await page.json()).tables['incidents'].filter((r: Rows[number]) => r['pull'] === s.pullId);
  };
  const state = (to: string) =>
    sql`update exchange.identity set state = ${to} where peer_id = ${l?.peer ?? ''} and type = ${l?.type ?? ''} and source_id = ${l?.source ?? ''}`;
  await state('quarantined');
  await sql`update exchange.pull set finished_at = now() - interval '50 hours' where id = ${s.pullId}`;
  expect(await read()).toMatchObject([{ n: 1, held: 1, days: 2 }]);
  await state('visible');
  expect(await read()).toMatchObject([{ n: 1, held: 0, days: 0 }]);
  // what was in quarantine is reported as of the end of the period, whatever became of it since
  const inQuarantine = async (until: number) => {
    const day = new Date(Date.now() + until * 86_400_000).toISOString().slice(0, 10);
    const page = await reviewer.get(`/staff/compliance?period=2020-01-01/${day}&format=json`);
    const rows: Rows = (await page.json()).tables['quarantine'];
    return rows.filter((r) => r['reason'] === 'wrong-patient').reduce((n, r) => n + Number(r['n']), 0);
  };
  await sql`insert into exchange.unit_revision (pull_id, file, line, entry, outcome_before, outcome, cause, rules, by, at)
    select pull_id, file, line, entry, 'quarantined', 'created', 'release', 1, 'pat', now() from exchange.ledger where pull_id = ${s.pullId} and line = 999999`;
  // two days: the plan's yesterday lasts until five in the morning of ours
  expect([await inQuarantine(-2), await inQuarantine(1)]).toEqual([1, 0]);
});

test('the last verification of the audit trail is on a page', async () => {
  expect(await (await reviewer.get('/staff/trail')).text()).toContain('has not been verified yet');
  await checkAuditDaily(s.ours.deps);
  const page = await (await reviewer.get('/staff/trail')).text();
  expect(page).toContain('Audit trail: verified, no changes');
  const { tables: shown } = await (await reviewer.get('/staff/trail?format=json')).json();
  expect(shown.checks).toMatchObject([{ result: 'stands', by: 'the node, daily' }]);
});

test('a request without a choice in force shows, whatever the payer answered', async () => {
  const { sql } = s.ours.deps.database;
  const held = async () =>
    (await (await reviewer.get('/staff/compliance?format=json')).json()).tables.consents.find(
      (r: { direction: string }) => r.direction === 'request',
    );
  const before = await held();
  const [asked] = await sql`
    select m.member_id as id, count(*)::int as n from exchange.pull_member m join exchange.pull_event e on e.pull_id = m.pull_id and e.state = 'matched'
    where m.outcome = 'not-matched' group by 1 limit 1`;
  await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, given_at, source)
    values ('withdrawn-before', ${String(asked?.['id'])}, 'withdraw', 'regular', '2099-01-01', '2020-01-01', 'test')`;
  const after = await held();
  expect([after.n, after.held]).toEqual([before.n, before.held - Number(asked?.['n'])]);
});

test('rows of the same words are numbered, however many they are', () => {
  const many = (n: number): Table[] => [
    {
      name: 'not-in-time',
      caption: 'Late',
      columns: [{ key: 'duty', label: 'Duty' }],
      rows: Array.from({ length: n }, () => [{ value: 'C3-export' }]),
      empty: '',
    },
  ];
  expect(complianceChanges(many(20_000), many(20_001), ['A', 'B']).rows).toHaveLength(1);
  // the first of them are reported, and how many more there are
  const rows = complianceChanges([], many(20_000), ['A', 'B']).rows;
  expect([rows.length, rows.at(-1)?.[1]?.value]).toEqual([201, '19800 more: open the two reports']);
});

test('what changed between two reports is one table: numbers of the same row, rows of one alone, nothing that is the same', () => {
  const table = (rows: Table['rows'], more: Table['rows'] = []): Table[] => [
    {
      name: 'figures',
      caption: 'Figures',
      columns: [
        { key: 'figure', label: 'No.', kind: 'head' },
        { key: 'value', label: 'Value', kind: 'number' },
        { key: 'before', label: 'x', kind: 'number' },
      ],
      rows,
      empty: '',
    },
    {
      name: 'list',
      caption: 'List',
      columns: [
        { key: 'who', label: 'Who' },
        { key: 'at', label: 'At' },
      ],
      rows: more,
      empty: '',
    },
  ];
  const changes = complianceChanges(
    table(
      [
        [{ value: 'F1' }, { value: 1 }, { value: 7 }],
        [{ value: 'F2' }, { value: 2 }, { value: 2 }],
      ],
      [
        [{ value: 'a' }, { value: 'b' }],
        [{ value: 'gone' }, { value: null }],
      ],
    ),
    table(
      [
        [{ value: 'F1' }, { value: 3 }, { value: 1 }],
        [{ value: 'F2' }, { value: 2 }, { value: 9 }],
        [{ value: 'F3' }, { value: 0 }, { value: 0 }],
      ],
      [
        [{ value: 'a' }, { value: 'b' }],
        [{ value: 'a' }, { value: 'b' }],
      ],
    ),
    ['2026', '2027'],
  );
  expect(changes.rows.map((r) => r.map((c) => c.value))).toEqual([
    ['figures', 'F1', 'Value', 1, 3],
    ['list', 'a · b', 'this row', null, 'there'],
    ['list', 'gone', 'this row', 'there', null],
  ]);
});

test('the page of what changed tells what the two reports tell', async () => {
  const year = new Date().getUTCFullYear();
  const page = `/staff/compliance/changes?period=${year}&with=${year - 3}`;
  expect((await reviewer.get(page)).status).toBe(200);
  const told: Rows = (await (await reviewer.get(`${page}&format=json`)).json()).tables.changes;
  const f12 = told.find(
    (r) => r['table'] === 'figures' && String(r['row']).startsWith('F12') && r['what'] === 'Denominator',
  );
  expect(Number(f12?.['now'])).toBeGreaterThan(0);
  expect((await reviewer.get('/staff/compliance/changes?period=2026&with=x')).status).toBe(400);
  expect((await reviewer.get('/staff/compliance/changes?peer=nobody')).status).toBe(404);
});
