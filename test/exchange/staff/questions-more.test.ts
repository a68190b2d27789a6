// The other half of the questions that auditors ask; see questions.test.ts.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answered, answered, type Rows } from './question-answers.ts';
import { id } from './question-people.ts';

let a: Answered;
beforeAll(async () => {
  a = await answered();
}, 60_000);
afterAll(() => a.close());

test('10: by which rule and calendar something was due', async () => {
  const own = await a.sql<{ id: string; due: string; calendar: string }[]>`
    select id, due_at::text as due, calendar_version as calendar from exchange.deadline where kind = 'C3-export' order by starts_at`;
  const versions = ['us-federal/1', 'us-federal/1+2027-02-17'];
  expect(own.map((o) => o.calendar)).toEqual(versions);
  for (const [i, k] of own.entries()) {
    const told = Object.fromEntries(
      (await a.answer(`/staff/clocks/${k.id}`, 'clock')).map((r) => [r['what'], r['value']]),
    );
    expect(told).toMatchObject({
      'Version of the rules': 'cms-0057-f/1',
      'Version of the calendar': versions[i],
      'Time zone': 'America/New_York',
    });
    expect(a.pack['clocks.jsonl']?.find((c) => c['id'] === k.id)).toMatchObject({
      calendar_version: versions[i],
      rule_version: 'cms-0057-f/1',
    });
  }
});

test('11: every decision of a person, with the versions seen', async () => {
  const expected = ['report-to-peer', 'undo', 'discard'];
  const deeds = (await a.member('ana', 'deeds')).filter((d) => d['action'] === 'decide');
  expect(deeds.map((d) => d['reason']).reverse()).toEqual(expected);
  const packed = a.pack['decisions.jsonl'] ?? [];
  const own = packed.filter((d) => d['member_id'] === id('ana'));
  expect(own.map((d) => (d['undoes'] === null ? d['decision'] : 'undo'))).toEqual(expected);
  const [seen] = await a.sql<{ hash: string }[]>`
    select encode(hash, 'hex') as hash from exchange.ledger_unit where source_id = 'not-asked'`;
  expect(new Set(own.map((d) => d['b_sha256']))).toEqual(new Set([seen?.hash]));
  expect(packed).toHaveLength(4);
});

test('12: what changed between two reports', async () => {
  const rows = await a.answer('/staff/compliance/changes?period=2027-02&with=2027-01', 'changes');
  const figures = async (period: string) => {
    const { tables } = (await (await a.reviewer.get(`/staff/compliance?period=${period}&format=json`)).json()) as {
      tables: Record<string, Rows>;
    };
    return new Map(tables['figures']?.map((f) => [f['figure'], f]));
  };
  const [then, now] = [await figures('2027-01'), await figures('2027-02')];
  const own = [...now].flatMap(([f, is]) =>
    (['value', 'numerator', 'denominator'] as const).flatMap((k) =>
      is[k] === then.get(f)?.[k] ? [] : [[then.get(f)?.[k], is[k]]],
    ),
  );
  expect(own.length).toBeGreaterThan(5);
  expect(rows.filter((r) => r['table'] === 'figures').map((r) => [r['before'], r['now']])).toEqual(own);
});

test('13: was the choice in force at each request and each disclosure', async () => {
  const told = (await a.compliance('consents')).map((r) => [r['direction'], r['n'], r['held']]);
  // four were asked for; one had said no on paper the day before, which came two weeks later
  expect(told).toEqual([
    ['request', 4, 3],
    ['disclosure', 3, 3],
  ]);
  const missed = await a.compliance('consentsMissed');
  expect(missed).toMatchObject([{ member: a.keyOf(id('eva')), learned: '2027-01-20T14:00:00.000Z' }]);
  expect(a.tables['consentsMissed']).toMatchObject([{ member: a.keyOf(id('eva')) }]);
  expect(a.figure('F16')).toMatchObject({ numerator: 1, denominator: 2 });
  expect(a.figure('F16')?.['means']).toContain('Of the others 1 became known here only after the request');
});

test('14: who was affected by an outage', async () => {
  const rows = await a.answer('/staff/clocks?during=2027-02-17/2027-02-19', 'clocks');
  const own = await a.sql<{ kind: string; id: string | null }[]>`
    select kind, member_id as id from exchange.deadline where starts_at < '2027-02-20 00:00 America/New_York' and (closed_at is null or closed_at >= '2027-02-17 00:00 America/New_York')`;
  const of = (list: (string | null | undefined)[][]) => list.map((l) => l.join(' ')).sort();
  expect(of(rows.map((r) => [String(r['kind']), r['member'] as string | null]))).toEqual(
    of(own.map((o) => [o.kind, o.id && a.keyOf(o.id)])),
  );
  expect(rows.find((r) => r['kind'] === 'C3-export')).toMatchObject({ reason: 'our-outage', action: 'CAPA-7' });
  const [late] = await a.sql`select id from exchange.deadline where kind = 'C3-export' and state = 'met-late'`;
  const page = await a.answer(`/staff/clocks/${late?.['id']}`, 'clock');
  expect(page.find((r) => r['what'] === 'Reason')).toMatchObject({ value: 'our-outage' });
  expect(a.tables['not-in-time']?.find((r) => r['kind'] === 'C3-export')).toMatchObject({
    reason: 'our-outage',
    action: 'CAPA-7',
  });
  expect(
    JSON.stringify(a.pack['clocks.jsonl']?.find((k) => k['calendar_version'] === 'us-federal/1+2027-02-17')),
  ).toContain('CAPA-7');
});

test('15: records of the wrong person, who was informed, days open', async () => {
  const [row, ...others] = await a.compliance('incidents');
  expect(others).toEqual([]);
  // from the morning of 5 January to the evening of 30 March
  expect(row).toMatchObject({ reason: 'wrong-patient', n: 1, held: 1, open: 0, days: 84 });
  expect(String(row?.['told']).slice(0, 16)).toBe('2027-03-31T02:00');
  const said = await a.answer('/staff/peers/scripted/to-tell?period=2027-Q1', 'records');
  expect(said.map((r) => r['record'])).toEqual(['Observation/stranger']);
  expect(a.tables['incidents']).toMatchObject([{ n: 1, days: 84 }]);
});

test('16: who looked at a member', async () => {
  const before = await a.answer(`/staff/members/${id('april')}/looks`, 'looks');
  await a.reviewer.get(`/staff/members/${id('april')}`);
  await a.reviewer.get(`/staff/disclosures/${id('april')}?format=csv`);
  const after = await a.answer(`/staff/members/${id('april')}/looks`, 'looks');
  const looks = after.filter((l) => l['action'] === 'view');
  // two pages, and each look at the list itself: three forms before, two since, of which the last is yet to be reported
  expect(looks.length - before.filter((l) => l['action'] === 'view').length).toBe(2 + 3);
  expect(new Set(looks.map((l) => l['actor']))).toEqual(new Set(['dev|dev-reviewer']));
  const viewer = await a.plan.as('dev-viewer');
  expect((await viewer.get(`/staff/members/${id('april')}`)).status).toBe(403);
  const page = await (await viewer.get('/staff/clocks?show=unmet')).text();
  for (const word of [id('april'), 'Rivera', 'Never']) expect(page).not.toContain(word);
  expect(page).toContain(a.keyOf(id('never')));
  const [seen] =
    await a.sql`select 1 from exchange.audit where actor = 'dev|dev-viewer' and action = 'view' and object = 'clocks'`;
  expect(seen).toBeDefined();
});

test('17: which documents were online on a day', async () => {
  const rows = await a.answer('/staff/documents?day=2027-02-21', 'documents');
  const ofDay = rows.filter((r) => String(r['at']) >= '2027-02-21T05' && String(r['at']) < '2027-02-22T05');
  const openapi = await (await fetch(`${a.plan.peer.node.base}/exchange/openapi.json`)).text();
  expect([rows.length, ofDay.length]).toEqual([8, 4]);
  expect(ofDay.find((r) => String(r['document']).endsWith('/openapi.json'))).toMatchObject({
    result: 'online',
    sha256: createHash('sha256').update(openapi).digest('hex'),
  });
  expect(await a.answer('/staff/documents?day=2027-02-20', 'documents')).toHaveLength(4);
  expect(a.pack['documents.jsonl']).toHaveLength(8);
});

test('18: does the chain verify', async () => {
  const [run] = await a.answer('/staff/trail', 'checks');
  // what was written before the run, by the order of the trail
  const [own] = await a.sql<{ n: number }[]>`
    select count(*)::int as n from exchange.audit where seq < (select max(seq) from exchange.audit where action = 'audit-verify')`;
  expect(run).toMatchObject({ by: 'auditor', result: 'stands', faults: '' });
  expect(Number(run?.['rows']) + Number(run?.['waiting'])).toBe(own?.n);
  const sealed = a.pack['audit-seals.jsonl']?.flatMap((s) => s['seqs'] as unknown as number[]);
  expect(a.pack['audit-rows.jsonl']).toHaveLength(sealed?.length ?? 0);
});

test('the report twice is the same bytes but for when it was made; its parts are its sums (C14, C18, C22)', async () => {
  const read = async () => {
    const json = (await (await a.reviewer.get('/staff/compliance?period=2027-Q1&format=json')).json()) as Record<
      string,
      unknown
    >;
    return JSON.stringify({ ...json, generatedAt: '', sha256: '', signature: '' });
  };
  // what stands in a report as late goes on with the clock: it is asked in one moment
  const at = a.plan.peer.node.deps.clock();
  a.plan.peer.at(at);
  const first = await read();
  a.plan.peer.at(at);
  expect(await read()).toBe(first);
  const USED = ['created', 'updated', 'unchanged', 'linked-duplicate', 'echo', 'shared'];
  const [ledger] = await a.sql<{ used: number; all: number }[]>`
    select count(*) filter (where outcome = any(${USED}))::int as used, count(*)::int as all from exchange.ledger_unit`;
  expect(a.figure('F12')).toMatchObject({ numerator: ledger?.used, denominator: ledger?.all });
  const parts = a.tables['reconciliation']?.reduce((n, r) => n + USED.reduce((m, o) => m + Number(r[o]), 0), 0);
  expect(parts).toBe(ledger?.used);
  expect(a.figure('F8')).toMatchObject({ value: 'n/a', denominator: 0 });
});
