// Cases of incidents: opened from what was seen, assessed, reported and closed by people; by when, who is informed that it is due, and what the files hold.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keepAlerts } from '../../../exchange/alerts/update-alerts.ts';
import { evidenceRows, inSnapshot } from '../../../exchange/compliance/evidence/evidence-rows.ts';
import { addToCase, type CASE_FAULTS, findCase, openCase } from '../../../exchange/compliance/incidents/cases.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { fieldOf, Visitor } from './support.ts';

const DAY = 86_400_000;
const NOW = new Date('2027-03-15T16:00:00Z');
const who = { session: { subject: 'ada', development: false }, requestId: 'r' };
let now = NOW;
let node: TestNode;
let reviewer: Visitor;
let viewer: Visitor;
let password: string;
beforeAll(async () => {
  node = await startNode({ SANDBOX: 'on', PLAN_TIME_ZONE: 'America/New_York' }, { clock: () => now });
  const account = developmentAccount(node.deps.config);
  const app = createStaff(node.deps, { development: account });
  [reviewer, viewer] = [new Visitor(app, node.base), new Visitor(app, node.base)];
  password = account?.password ?? '';
  await reviewer.signIn('dev-reviewer', password);
  await viewer.signIn('dev-viewer', password);
});
afterAll(() => node.close());
beforeEach(() => {
  now = NOW;
});

const typed = {
  kind: 'misdirected',
  title: 'A file went astray',
  discovered: '2027-03-01',
  words: 'It went to another payer.',
};
const opened = async (more: Record<string, string> = {}): Promise<number> => {
  const done = await openCase(node.deps, { ...typed, ...more }, who);
  if ('fault' in done) throw new Error(done.fault);
  return done.number;
};
const add = (number: number, what: string, more: Record<string, string> = {}) =>
  addToCase(node.deps, number, { what, words: 'as it was', ...more }, who);
const breach = { verdict: 'breach', affected: '3', state: '2' };

test('a case is opened, assessed, reported and closed on its pages; every step is in the trail, and nothing of it can be changed', async () => {
  const { sql } = node.deps.database;
  const csrf = fieldOf(await (await reviewer.get('/staff/cases')).text(), 'csrf');
  const sent = await reviewer.post('/staff/cases', { csrf, ...typed, title: 'A <b>file</b>' });
  const path = sent.headers.get('location') ?? '';
  expect([sent.status, /^\/staff\/cases\/\d+$/.test(path)]).toEqual([303, true]);
  const step = async (fields: Record<string, string>) =>
    (await reviewer.post(path, { csrf, words: 'as it was', ...fields })).status;
  expect(await step({ what: 'closed' })).toBe(400);
  expect(await step({ what: 'assessed', ...breach })).toBe(303);
  expect(await step({ what: 'told-people', on: '2027-03-10' })).toBe(303);
  expect(await step({ what: 'closed' })).toBe(400);
  expect(await step({ what: 'told-hhs', on: '2027-03-10' })).toBe(303);
  const page = await (await reviewer.get(path)).text();
  expect([page.includes('<b>file'), page.includes('Close it')]).toEqual([false, true]);
  expect(await step({ what: 'closed' })).toBe(303);
  expect(await step({ what: 'note' })).toBe(409);
  expect(await step({ what: 'reopened' })).toBe(303);
  expect(await step({ what: 'reopened' })).toBe(409);
  const trail =
    await sql`select action, detail->>'what' as what from exchange.audit where object = ${path.replace('/staff/cases', 'case')} and action <> 'view' order by seq`;
  expect(trail.map((r) => r['what'] ?? r['action'])).toEqual([
    'case-opened',
    'assessed',
    'told-people',
    'told-hhs',
    'closed',
    'reopened',
  ]);
  await expect(sql`update exchange.incident_entry set words = 'x'`).rejects.toThrow();
  await expect(sql`delete from exchange.incident_case`).rejects.toThrow();
  const { tables } = (await (await reviewer.get(`${path}?format=json`)).json()) as {
    tables: Record<string, Record<string, unknown>[]>;
  };
  expect(tables['entries']?.map((e) => e['what'])).toEqual([
    'note',
    'assessed',
    'told-people',
    'told-hhs',
    'closed',
    'reopened',
  ]);
  expect(tables['duties']).toMatchObject([
    { what: 'people', due: '2027-04-30', done: '2027-03-10', state: 'met' },
    { what: 'hhs', due: '2028-02-29', done: '2027-03-10', state: 'met' },
  ]);
});

test('everybody signed in sees which cases there are; what stands in one, and its forms, are for reviewers and administrators', async () => {
  const number = await opened();
  const list = await viewer.get('/staff/cases');
  const text = await list.text();
  expect([
    list.status,
    text.includes(typed.title),
    text.includes('name="discovered"'),
    text.includes(`href="/staff/cases/${number}"`),
  ]).toEqual([200, true, false, false]);
  expect((await viewer.get(`/staff/cases/${number}`)).status).toBe(403);
  const csrf = fieldOf(await (await viewer.get('/staff')).text(), 'csrf');
  expect((await viewer.post('/staff/cases', { csrf, ...typed })).status).toBe(403);
  expect((await viewer.post(`/staff/cases/${number}`, { csrf, what: 'note', words: 'x y z' })).status).toBe(403);
  expect((await reviewer.get('/staff/cases/999999')).status).toBe(404);
  expect((await reviewer.get('/staff/cases/x')).status).toBe(404);
});

describe('what cannot be taken is reported in a sentence, and nothing is written', () => {
  test.each<[keyof typeof CASE_FAULTS, Record<string, string>]>([
    ['kind', { kind: 'toString' }],
    ['title', { title: ' ab ' }],
    ['title', { title: 'x'.repeat(201) }],
    ['discovered', { discovered: '2027-03-16' }],
    ['discovered', { discovered: '2027-02-30' }],
    ['discovered', { discovered: '1 March' }],
    ['words', { words: ' ' }],
    ['words', { words: 'x'.repeat(4001) }],
    ['origin', { origin: 'event/99999999' }],
    ['origin', { origin: 'event/x' }],
    ['origin', { origin: 'peer/a' }],
    ['origin', { origin: 'nothing' }],
  ])('%s at the opening', async (fault, more) => {
    const count = async () => (await node.deps.database.sql`select 1 from exchange.incident_case`).length;
    const before = await count();
    expect(await openCase(node.deps, { ...typed, ...more }, who)).toEqual({ fault });
    expect(await count()).toBe(before);
  });

  test.each<[keyof typeof CASE_FAULTS, string, Record<string, string>]>([
    ['what', 'toString', {}],
    ['words', 'note', { words: 'x' }],
    ['day', 'told-people', {}],
    ['day', 'told-people', { on: '2027-02-28' }],
    ['day', 'told-hhs', { on: '2027-03-16' }],
    ['until', 'delayed', { on: '2027-03-01' }],
    ['verdict', 'assessed', { verdict: 'perhaps', affected: '1', state: '1' }],
    ['affected', 'assessed', { verdict: 'breach', affected: '0', state: '0' }],
    ['affected', 'assessed', { verdict: 'breach', affected: '3', state: '4' }],
    ['affected', 'assessed', { verdict: 'no-breach', affected: '-1', state: '0' }],
    ['affected', 'assessed', { verdict: 'breach', affected: '1e3', state: '0' }],
    ['owed', 'closed', {}],
    ['open', 'reopened', {}],
  ])('%s of an entry (%s)', async (fault, what, more) => {
    const number = await opened();
    expect(await add(number, what, more)).toBe(fault);
    expect((await findCase(node.deps, number))?.entries).toHaveLength(1);
    expect(await add(999_999, what, more)).toBe('unknown');
  });
});

test('a case is opened from what was seen, and found by it', async () => {
  const { sql } = node.deps.database;
  const [event] = await sql<{ seq: string }[]>`
    insert into exchange.audit (at, actor_kind, actor, action, object, outcome, reason, request_id, detail, hash)
    values (${NOW}, 'peer', 'x', 'token', '', 'refused', 'bad-signature', '', '{}', '') returning seq::text as seq`;
  const from = `event/${event?.seq}`;
  expect(await (await reviewer.get('/staff/events')).text()).toContain(`/staff/cases?from=${encodeURIComponent(from)}`);
  const page = await (await reviewer.get(`/staff/cases?from=${from}`)).text();
  expect([page.includes('No case was opened of it'), fieldOf(page, 'origin')]).toEqual([true, from]);
  const number = await opened({ origin: from });
  const found = (await (await viewer.get(`/staff/cases?from=${from}&format=json`)).json()) as {
    tables: { cases: { number: number; origin: string }[] };
  };
  expect(found.tables.cases).toMatchObject([{ number, origin: from }]);
  expect((await viewer.get('/staff/cases?from=event/1x')).status).toBe(404);
});

test('an alert stands from two weeks before someone has to be notified, and another one when it is late', async () => {
  const { sql } = node.deps.database;
  const number = await opened();
  const standing = async (day: string) => {
    now = new Date(`${day}T16:00:00Z`);
    await keepAlerts(node.deps);
    const rows = await sql<{ kind: string; amount: number }[]>`
      select kind, amount from exchange.alert where subject = ${String(number)} and kind in ('case-due', 'case-overdue') and cleared_at is null`;
    return rows.map((r) => `${r.kind} ${r.amount}`);
  };
  expect(await standing('2027-04-15')).toEqual([]);
  expect(await standing('2027-04-16')).toEqual(['case-due 14']);
  expect(await standing('2027-04-30')).toEqual(['case-due 0']);
  expect(await standing('2027-05-01')).toEqual(['case-overdue 1']);
  // the sessions of weeks ago are over
  await reviewer.signIn('dev-reviewer', password);
  expect(await (await reviewer.get('/staff')).text()).toContain(`href="/staff/cases/${number}">Case No. ${number}<`);
  now = new Date(NOW.getTime() + 5 * DAY);
  expect(await add(number, 'assessed', { verdict: 'low-risk', affected: '1', state: '1' })).toBeUndefined();
  expect(await standing('2027-05-01')).toEqual([]);
  expect(await add(number, 'closed')).toBeUndefined();
});

test('the report of a period, the pack and the files hold them', async () => {
  await viewer.signIn('dev-viewer', password);
  const number = await opened({ title: '=SUM(1)' });
  await add(number, 'assessed', breach);
  const csv = await (await viewer.get('/staff/cases?format=csv')).text();
  expect(csv).toContain("'=SUM(1)");
  const reader = node.deps.database.dedicated('work');
  const inPack = async (from: string, to: string) =>
    inSnapshot(reader, async (tx) => {
      const lines: string[] = [];
      for await (const part of evidenceRows(tx, 'cases.jsonl', {
        from: new Date(from),
        to: new Date(to),
        timeZone: 'UTC',
      }))
        lines.push(...part);
      return lines.map((l) => JSON.parse(l) as { number: number; entries: { what: string }[] });
    });
  const packed = async (from: string, to: string) => (await inPack(from, to)).find((l) => l.number === number);
  expect((await packed('2027-01-01', '2027-04-01'))?.entries.map((e) => e.what)).toEqual(['note', 'assessed']);
  expect(await packed('2027-01-01', '2027-03-01')).toBeUndefined();
  const done = await opened();
  await add(done, 'assessed', { ...breach, verdict: 'no-breach' });
  await add(done, 'closed');
  const again = await opened();
  await add(again, 'assessed', { ...breach, verdict: 'no-breach' });
  await add(again, 'closed');
  await add(again, 'reopened');
  const open = await inPack('2029-01-01', '2029-04-01');
  expect([number, done, again].map((n) => open.some((l) => l.number === n))).toEqual([true, false, true]);
  // it is open still
  expect((await packed('2029-01-01', '2029-04-01'))?.number).toBe(number);
  await reader.end();
  type Report = { tables: { cases: Record<string, unknown>[] } };
  const report = (await (await viewer.get('/staff/compliance?period=2027-Q1&format=json')).json()) as Report;
  expect(report.tables.cases.find((r) => r['number'] === number)).toMatchObject({
    state: 'open',
    breach: 'breach',
    people: 3,
    discovered: '2027-03-01',
  });
  const before = (await (await viewer.get('/staff/compliance?period=2026-Q4&format=json')).json()) as Report;
  expect(before.tables.cases).toEqual([]);
});
