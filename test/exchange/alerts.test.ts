// Alerts: begin, end, are reported once each, again and again until it is heard; nothing of a member in them.
import { createHmac } from 'node:crypto';
import { HttpResponse } from 'msw';
import { http } from 'msw/http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { auditRow, writeAudit } from '../../exchange/compliance/audit/audit.ts';
import { sealAll } from '../../exchange/compliance/audit/run-seal.ts';
import { volumeDays } from '../../exchange/peers/peer-volume.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { pageClocks } from '../../exchange/staff/data/list-rows.ts';
import { prometheus } from '../../src/runtime/metrics.ts';
import { network } from '../support/msw.ts';
import { startNode, type TestNode } from '../support/node.ts';

const SECRET = `whsec_${Buffer.from('a shared secret of the plan').toString('base64')}`;
let node: TestNode;
let now = new Date('2027-03-10T15:00:00Z');
let status = 204;
const told: { body: string; headers: Headers }[] = [];
/** who the plan has reported to be called; nothing else is reached */
const receiver = network(
  http.post('https://alerts.example/hook', async ({ request }) => {
    told.push({ body: await request.text(), headers: request.headers });
    return new HttpResponse(null, { status });
  }),
);

beforeAll(async () => {
  node = await startNode(
    { ALERT_WEBHOOK_URL: 'https://alerts.example/hook', ALERT_WEBHOOK_SECRET: SECRET },
    { clock: () => now, fetch },
    { alertQuarantine: 0 },
  );
  receiver.enable();
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, state, added_by) values ('old-plan', 'Old Plan', 'active', 'test')`;
});
afterAll(async () => {
  receiver.disable();
  await node.close();
});
const after = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000);
};
const sent = () =>
  told
    .splice(0)
    .map((t) => JSON.parse(t.body) as { type: string; data: { kind: string; subject: string; amount: number } });

test('nothing stands: no one is reported', async () => {
  await keepAlerts(node.deps);
  expect(sent()).toEqual([]);
});

test('the figures of late clocks and of open pulls go up, and back to nothing when there is none', async () => {
  const { sql } = node.deps.database;
  const metrics = prometheus();
  const figures = async () => {
    await keepClocks({ ...node.deps, metrics, fetch: async () => new Response(null, { status: 204 }) });
    const text = await metrics.text();
    return ['clocks_overdue{kind="C3-match"}', 'pulls_open{state="due"}', 'pulls_open{state="partial"}'].map(
      (name) => text.split(`payer_node_${name} `)[1]?.split('\n')[0],
    );
  };
  expect(await figures()).toEqual(['0', '0', '0']);
  await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state) values ('g', 'C3-match', 'm', ${now}, ${new Date(now.getTime() - 1)}, 'open')`;
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at) values ('g', 'old-plan', 'partial', 'command', ${now}, ${now}, ${now})`;
  expect(await figures()).toEqual(['1', '0', '1']);
  await sql`update exchange.deadline set state = 'met-late', closed_at = ${now} where id = 'g'`;
  await sql`update exchange.pull set state = 'due' where id = 'g'`;
  expect(await figures()).toEqual(['0', '1', '0']);
  await sql`delete from exchange.pull where id = 'g'`;
  expect(await figures()).toEqual(['0', '0', '0']);
  // anyone who is reported in the tests below is reported again
  await sql`delete from exchange.alert`;
});

test('a clock that is late is reported once, signed, and again when it is met', async () => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state) values ('k', 'C3-export', 'j', ${now}, ${new Date(now.getTime() - 1)}, 'open')`;
  await keepAlerts(node.deps);
  const [first] = told;
  const { headers, body } = first ?? { headers: new Headers(), body: '' };
  const [version, mac] = (headers.get('webhook-signature') ?? '').split(',');
  expect(version).toBe('v1');
  expect(mac).toBe(
    createHmac('sha256', 'a shared secret of the plan')
      .update(`${headers.get('webhook-id')}.${headers.get('webhook-timestamp')}.${body}`)
      .digest('base64'),
  );
  expect(sent()).toMatchObject([
    { type: 'alert.standing', data: { kind: 'clocks-overdue', subject: 'C3-export', amount: 1 } },
  ]);
  after(60);
  await keepAlerts(node.deps);
  expect(sent()).toEqual([]);
  await sql`update exchange.deadline set state = 'met-late', closed_at = ${now} where id = 'k'`;
  await keepAlerts(node.deps);
  expect(sent()).toMatchObject([{ type: 'alert.cleared' }]);
});

test('what began without an address is reported when there is one, if it stands still', async () => {
  const { sql } = node.deps.database;
  const silent = { ...node.deps, config: { ...node.deps.config, alertWebhookUrl: undefined } };
  const late = (id: string, kind: string) =>
    sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state) values (${id}, ${kind}, 'j', ${now}, ${new Date(now.getTime() - 1)}, 'open')`;
  await late('s1', 'C3-match');
  await late('s2', 'C2');
  await keepAlerts(silent);
  await sql`update exchange.deadline set state = 'met-late', closed_at = ${now} where id = 's2'`;
  after(60);
  await keepAlerts(silent);
  expect(sent()).toEqual([]);
  await keepAlerts(node.deps);
  expect(sent()).toMatchObject([{ type: 'alert.standing', data: { subject: 'C3-match' } }]);
  await sql`update exchange.deadline set state = 'met-late', closed_at = ${now} where id = 's1'`;
  await keepAlerts(node.deps);
  expect(sent()).toMatchObject([{ type: 'alert.cleared' }]);
});

test('a receiver that fails is tried again with growing pauses', async () => {
  const { sql } = node.deps.database;
  status = 500;
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at) values ('p', 'old-plan', 'unbalanced', 'test', ${now}, ${now}, ${now})`;
  await keepAlerts(node.deps);
  expect(sent()).toHaveLength(1);
  after(10);
  await keepAlerts(node.deps);
  expect(sent()).toEqual([]);
  after(25);
  await keepAlerts(node.deps);
  expect(sent()).toHaveLength(1);
  after(35);
  await keepAlerts(node.deps);
  expect(sent()).toEqual([]);
  status = 200;
  after(30);
  await keepAlerts(node.deps);
  expect(sent()).toMatchObject([{ data: { kind: 'pull-waits', subject: 'p' } }]);
  await keepAlerts(node.deps);
  expect(sent()).toEqual([]);
});

test('failing payers, records of others, a full quarantine', async () => {
  const { sql } = node.deps.database;
  for (const id of ['f1', 'f2', 'f3'])
    await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at) values (${id}, 'old-plan', 'failed', 'test', ${now}, ${now}, ${now})`;
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at) values ('w', 'old-plan', 'review', 'test', ${now}, ${now}, ${now}, ${now})`;
  await sql`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, reason, type, source_id) values ('w', 0, 1, 0, 'quarantined', 'wrong-patient', 'Condition', 'c')`;
  await sql`insert into exchange.identity (peer_id, type, source_id, local_id, state, first_pull, last_pull) values ('old-plan', 'Condition', 'c', 'x', 'quarantined', 'w', 'w')`;
  await sql`insert into exchange.review_item (id, kind, weight, type, b_type, peer_id, pull_id, file, line, entry, rule, detail, opened_at)
    values (md5('held|old-plan|Condition|c'), 'wrong-patient', 3, 'Condition', 'Condition', 'old-plan', 'w', 0, 1, 0, 'inbound v1', '', ${now})`;
  await keepAlerts(node.deps);
  expect(
    sent()
      .map((t) => `${t.data.kind} ${t.data.subject} ${t.data.amount}`)
      .toSorted(),
  ).toEqual(['peer-failing old-plan 3', 'pull-waits w 1', 'quarantine-full all 1', 'wrong-patient w 1']);
  // as long as no one has decided it, however long that takes
  const today = now;
  after(8 * 86_400);
  await keepAlerts(node.deps);
  expect(
    await sql`select subject from exchange.alert where kind = 'wrong-patient' and cleared_at is null`,
  ).toHaveLength(1);
  await sql`update exchange.review_item set state = 'decided', decision = 'report-to-peer'`;
  await keepAlerts(node.deps);
  expect(
    await sql`select subject from exchange.alert where kind = 'wrong-patient' and cleared_at is null`,
  ).toHaveLength(0);
  now = today;
  await sql`update exchange.review_item set state = 'open', decision = null`;
  await keepAlerts(node.deps);
  sent();
  // discarded, it stays where it is, and the quarantine is full no longer
  const standing = () => sql`select amount from exchange.alert where kind = 'quarantine-full' and cleared_at is null`;
  expect(await standing()).toHaveLength(1);
  // the same record in the next pull of the payer is nothing new
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at) values ('w2', 'old-plan', 'done', 'test', ${new Date(now.getTime() + 1)}, ${now}, ${now}, ${new Date(now.getTime() + 1)})`;
  await sql`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, reason, type, source_id) values ('w2', 0, 1, 0, 'quarantined', 'wrong-patient', 'Condition', 'c'), ('w2', 0, 2, 0, 'quarantined', 'wrong-patient', 'Condition', null)`;
  await keepAlerts(node.deps);
  expect(sent().map((t) => `${t.data.kind} ${t.data.subject} ${t.data.amount}`)).toContain('wrong-patient w2 1');
  await sql`update exchange.review_item set state = 'decided', decision = 'discard'`;
  await keepAlerts(node.deps);
  expect(await standing()).toHaveLength(0);
  // and what was found in the first pull is dealt with
  const wrong = await sql`select subject from exchange.alert where kind = 'wrong-patient' and cleared_at is null`;
  expect(wrong.map((w) => w['subject'])).toEqual(['w2']);
});

test('one person of a payer for two of our members is informed of for a week, and no more once the two are one', async () => {
  const { sql } = node.deps.database;
  const standing = () =>
    sql`select subject, amount from exchange.alert where kind = 'one-for-two' and cleared_at is null order by 1`;
  await sql`insert into exchange.member (id, umb) select m, m from unnest('{one,two,three,four}'::text[]) m`;
  await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
    select m, m, 'opt-in', 'regular', '2026-01-01', 'test' from unnest('{one,two,three,four}'::text[]) m`;
  for (const [id, ...members] of [
    ['of-12', 'one', 'two'],
    ['of-34', 'three', 'four'],
  ] as const) {
    await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at) values (${id}, 'old-plan', 'failed', 'test', ${now}, ${now}, ${now}, ${now})`;
    for (const m of members)
      await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome) values (${id}, ${m}, ${m}, ${m}, 'regular', 'conflict')`;
  }
  await keepAlerts(node.deps);
  expect(await standing()).toEqual([
    { subject: 'of-12', amount: 2 },
    { subject: 'of-34', amount: 2 },
  ]);
  after(86_400);
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason) values ('m', 'two', 'one', ${now}, 'staff', 'test', 'two cards')`;
  await keepAlerts(node.deps);
  expect(await standing()).toEqual([{ subject: 'of-34', amount: 2 }]);
  after(6 * 86_400);
  await keepAlerts(node.deps);
  expect(await standing()).toEqual([]);
  sent();
});

test('a payer that tries cards is informed of until a week after; one that asks for many who are not here for a day', async () => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, state, added_by) values ('tries', 'Tries', 'active', 'test'), ('misses', 'Misses', 'active', 'test')`;
  const standing = async () => [
    ...(await sql`select kind, subject, amount from exchange.alert where cleared_at is null and kind in ('card-trying', 'match-misses') order by 1, 2`),
  ];
  const batch = async (id: string, peer: string, counts: Record<string, number>) => {
    await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at, completed_at, counts)
      values (${id}, 'match', ${peer}, 'complete', '', '{}', ${now}, ${now}, ${now}, ${JSON.stringify(counts)}::text::jsonb)`;
  };
  const question = (id: string, peer: string, outcome: string, reason: string) =>
    sql`insert into exchange.match_single (id, peer_id, at, outcome, reason) values (${id}, ${peer}, ${now}, ${outcome}, ${reason})`;
  // what was asked in vain two days ago is over
  await sql`insert into exchange.match_single (id, peer_id, at, outcome, reason)
    select 'over-' || i, 'misses', ${new Date(now.getTime() - 2 * 86_400_000)}, 'nomatch', 'no-match' from generate_series(1, 300) i`;
  await batch('few', 'misses', { match: 100, nomatch: 99, consentconstraint: 0 });
  await batch('good', 'tries', { match: 120, nomatch: 80, consentconstraint: 0 });
  await keepAlerts(node.deps);
  // two in five, and no more
  expect(await standing()).toEqual([]);
  await question('q1', 'tries', 'nomatch', 'no-match');
  await keepAlerts(node.deps);
  expect(await standing()).toEqual([{ kind: 'match-misses', subject: 'tries', amount: 81 }]);
  // two of a batch, and one alone
  await sql`insert into exchange.match_member (job_id, position, submitted_id, outcome, reason)
    values ('good', 1, 'a', 'nomatch', 'throttled'), ('good', 2, 'b', 'nomatch', 'throttled'), ('good', 3, 'c', 'nomatch', 'no-match')`;
  await question('q2', 'tries', 'nomatch', 'throttled');
  // what was asked alone counts with the batches of its day
  await question('q3', 'misses', 'nomatch', 'no-match');
  await keepAlerts(node.deps);
  expect(await standing()).toEqual([
    { kind: 'card-trying', subject: 'tries', amount: 3 },
    { kind: 'match-misses', subject: 'misses', amount: 100 },
    { kind: 'match-misses', subject: 'tries', amount: 82 },
  ]);
  after(86_400);
  // of a day on which many are found, one batch of whom too few are
  await batch('bad', 'misses', { match: 100, nomatch: 90, consentconstraint: 10 });
  await batch('well', 'misses', { match: 900, nomatch: 0, consentconstraint: 0 });
  await keepAlerts(node.deps);
  expect(await standing()).toEqual([
    { kind: 'card-trying', subject: 'tries', amount: 3 },
    { kind: 'match-misses', subject: 'misses', amount: 90 },
  ]);
  after(6 * 86_400);
  await keepAlerts(node.deps);
  expect(await standing()).toEqual([]);
});

test('a payer that asks for many times more in a day than is usual for it, or takes so much, is reported once, for a week, with the figures', async () => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, state, added_by) values ('steady', 'Steady', 'active', 'test'), ('young', 'Young', 'active', 'test')`;
  type Given = {
    peer: string;
    at: Date;
    members?: number;
    files?: { object?: string; detail: Record<string, unknown> }[];
  };
  const happened = async ({ peer, at, members = 0, files = [] }: Given) => {
    const by = { at, actorKind: 'peer', actor: peer, peerId: peer } as const;
    await writeAudit(sql, [
      ...Array.from({ length: members }, (_, i) =>
        auditRow({ ...by, action: 'match', outcome: 'refused', object: `match/j/${i}` }),
      ),
      ...files.map(({ object = 'export/j/1', detail }) => auditRow({ ...by, action: 'file', object, detail })),
    ]);
    await sealAll(node.deps);
  };
  const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);
  for (const days of [30, 23, 16, 9, 2])
    await happened({
      peer: 'steady',
      at: ago(days),
      members: 20,
      files: [{ detail: { type: 'Condition', lines: 2000 } }],
    });
  for (const days of [30, 23, 16, 9]) await happened({ peer: 'young', at: ago(days), members: 20 });
  // who has asked on four days has no usual amount yet
  await happened({ peer: 'young', at: now, members: 500 });
  await happened({
    peer: 'steady',
    at: now,
    members: 100,
    files: [
      { detail: { type: 'Condition', lines: 9000 } },
      // half of a file, what tells of deletions, and a Group are no further 9,000 each
      { detail: { type: 'Condition', lines: 2000, records: 1000 } },
      { detail: { type: 'Bundle', lines: 9000 } },
      { object: 'match/j/1', detail: { type: 'Bundle', lines: 9000 } },
      { object: 'match/j/2', detail: { type: 'Group', lines: 9000 } },
    ],
  });
  // nor is a file that was refused, or what was usual more than a year ago
  const refused = { actorKind: 'peer', actor: 'steady', peerId: 'steady', action: 'file', outcome: 'refused' } as const;
  await writeAudit(sql, [
    auditRow({ ...refused, at: now, object: 'export/j/3', detail: { type: 'Condition', lines: 9000 } }),
  ]);
  for (const days of [400, 410, 420, 430, 440, 450, 460])
    await sql`insert into exchange.peer_volume (peer_id, day, members, records) values ('steady', ${ago(days)}::date, 100000, 1000000)`;
  await keepClocks(node.deps);
  const unusual = () =>
    sent()
      .filter((t) => t.data.kind.startsWith('unusual'))
      .map((t) => `${t.type} ${t.data.kind} ${t.data.subject} ${t.data.amount}`);
  // five times as much, and no more
  expect(unusual()).toEqual([]);
  // a record that is read counts as one in a file does
  const read = { actorKind: 'peer', actor: 'steady', peerId: 'steady', action: 'read' } as const;
  await writeAudit(sql, [auditRow({ ...read, at: now, object: 'Condition/c', detail: { types: { Condition: 1 } } })]);
  await happened({ peer: 'steady', at: now, members: 1 });
  await keepClocks(node.deps);
  expect(unusual().toSorted()).toEqual([
    'alert.standing unusual-members steady 101',
    'alert.standing unusual-records steady 10001',
  ]);
  const day = (await volumeDays(sql, 'steady', 1))[0];
  expect(day).toMatchObject({ members: 101, usualMembers: 20, records: 10_001, usualRecords: 2000, isUnusual: true });
  // it is one event, however much more follows
  await happened({ peer: 'steady', at: now, members: 50 });
  after(60);
  await keepClocks(node.deps);
  expect(unusual()).toEqual([]);
  const events = await sql<{ outcome: string; reason: string; detail: object }[]>`
    select outcome, reason, detail from exchange.audit where action = 'volume' order by reason`;
  expect(events).toMatchObject([
    { outcome: 'noted', reason: 'unusual-members', detail: { count: 101, usual: 20 } },
    { outcome: 'noted', reason: 'unusual-records', detail: { count: 10_001, usual: 2000 } },
  ]);
  after(6 * 86_400 - 60);
  await keepClocks(node.deps);
  expect(unusual()).toEqual([]);
  after(86_400 + 60);
  await keepClocks(node.deps);
  expect(
    unusual()
      .map((t) => t.split(' ').slice(0, 3).join(' '))
      .toSorted(),
  ).toEqual(['alert.cleared unusual-members steady', 'alert.cleared unusual-records steady']);
});

test('a payer that asks for all its members once a quarter, and takes their records, does what it is owed; again, or for others, it is reported', async () => {
  const { sql } = node.deps.database;
  const N = 120;
  const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);
  await sql`insert into exchange.member (id, umb) select 'owed-' || i, 'owed-' || i from generate_series(1, ${2 * N}) i`;
  for (const peer of ['quarterly', 'stranger']) {
    await sql`insert into exchange.peer (id, name, state, added_by) values (${peer}, ${peer}, 'active', 'test')`;
    for (const days of [75, 60, 45, 30, 15])
      await sql`insert into exchange.peer_volume (peer_id, day, members, records) values (${peer}, ${ago(days)}::date, 2, 20)`;
  }
  let jobs = 0;
  const job = async (peer: string, kind: 'match' | 'export', at: Date): Promise<string> => {
    const id = `owed-job-${jobs++}`;
    await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, received_at, due_at, completed_at, parameters)
      values (${id}, ${kind}, ${peer}, 'complete', 'u', ${at}, ${at}, ${at}, '{}')`;
    return id;
  };
  const asks = async (peer: string, at: Date, from: number) => {
    const id = await job(peer, 'match', at);
    await sql`insert into exchange.match_member (job_id, position, submitted_id, outcome, reason, member_id)
      select ${id}, i, i::text, 'match', 'matched', 'owed-' || (${from}::int + i) from generate_series(1, ${N}) i`;
    const by = { at, actorKind: 'peer', actor: peer, peerId: peer, action: 'match' } as const;
    await writeAudit(
      sql,
      Array.from({ length: N }, (_, i) =>
        auditRow({ ...by, memberId: `owed-${from + i + 1}`, object: `match/${id}/${i}` }),
      ),
    );
    await sealAll(node.deps);
  };
  const takes = async (peer: string, at: Date) => {
    const id = await job(peer, 'export', at);
    const by = { at, actorKind: 'peer', actor: peer, peerId: peer } as const;
    await writeAudit(sql, [
      ...Array.from({ length: N }, (_, i) =>
        auditRow({
          ...by,
          action: 'export-member',
          memberId: `owed-${i + 1}`,
          object: `export/${id}`,
          detail: { types: { Condition: 100 } },
        }),
      ),
      auditRow({ ...by, action: 'file', object: `export/${id}/f`, detail: { type: 'Condition', lines: 100 * N } }),
    ]);
    await sealAll(node.deps);
  };
  const told = async () => {
    await keepClocks(node.deps);
    const rows = await sql<{ what: string }[]>`
      select concat_ws(' ', peer_id, reason, detail->>'count', detail->>'owed') as what from exchange.audit
      where action = 'volume' and peer_id in ('quarterly', 'stranger') order by seq`;
    return rows.map((r) => r.what);
  };
  await asks('quarterly', ago(90), 0);
  await takes('quarterly', ago(90));
  // that another payer had them is nothing to one that asks for the first time
  await asks('stranger', now, 0);
  await takes('stranger', now);
  const first = await told();
  expect(first).toEqual([`stranger unusual-members ${N}`, `stranger unusual-records ${100 * N}`]);
  await asks('quarterly', now, 0);
  await takes('quarterly', now);
  expect(await told()).toEqual(first);
  expect((await volumeDays(sql, 'quarterly', 1))[0]).toMatchObject({
    members: N,
    owedMembers: N,
    records: 100 * N,
    owedRecords: 100 * N,
    isUnusual: false,
  });
  // for others
  await asks('quarterly', now, N);
  expect((await told()).slice(2)).toEqual([`quarterly unusual-members ${2 * N} ${N}`]);
  // again within the quarter
  after(86_400);
  await asks('quarterly', now, 0);
  await takes('quarterly', now);
  expect((await told()).slice(3)).toEqual([`quarterly unusual-members ${N}`, `quarterly unusual-records ${100 * N}`]);
});

test('what will be late soon is reported before it is, answers to payers two hours before, the rest in the last fifth of its time', async () => {
  const { sql } = node.deps.database;
  await sql`delete from exchange.deadline`;
  const hour = 3_600_000;
  const open = (id: string, kind: string, hours: number) => sql`
    insert into exchange.deadline (id, kind, subject, starts_at, due_at, state) values (${id}, ${kind}, ${id}, ${now}, ${new Date(now.getTime() + hours * hour)}, 'open')`;
  const listed = async () => (await pageClocks(sql, 'soon', now, 10)).map((c) => c.id);
  const told = async () => {
    await keepAlerts(node.deps);
    return sent()
      .filter((t) => t.data.kind.startsWith('clocks-'))
      .map((t) => `${t.type} ${t.data.kind} ${t.data.subject}`)
      .toSorted();
  };
  await open('answer', 'C3-match', 40);
  await open('offer', 'C1-offer', 168);
  await open('quarter', 'C4', 2160);
  after(37 * 3600);
  expect([await listed(), await told()]).toEqual([[], []]);
  after(2 * 3600);
  expect([await listed(), await told()]).toEqual([['answer'], ['alert.standing clocks-due-soon C3-match']]);
  await sql`update exchange.deadline set state = 'met', closed_at = ${now} where id = 'answer'`;
  after((134 - 39) * 3600);
  expect([await listed(), await told()]).toEqual([[], ['alert.cleared clocks-due-soon C3-match']]);
  after(3600);
  expect([await listed(), await told()]).toEqual([['offer'], ['alert.standing clocks-due-soon C1-offer']]);
  // when it is late, that is another thing to tell
  after(34 * 3600);
  expect([await listed(), await told()]).toEqual([
    [],
    ['alert.cleared clocks-due-soon C1-offer', 'alert.standing clocks-overdue C1-offer'],
  ]);
  // three months are no reason to tell it for weeks
  after((2160 - 169 - 49) * 3600);
  expect(await listed()).toEqual([]);
  after(2 * 3600);
  expect(await listed()).toEqual(['quarter']);
});

test('a person who has numbers shown of very many members in a day is informed of, once a day; what is usual for the person is not', async () => {
  const { sql } = node.deps.database;
  // what stood before is reported by now
  await keepClocks(node.deps);
  sent();
  const saw = (subject: string, at: Date, members: number, purpose: string | undefined = 'member') =>
    writeAudit(
      sql,
      Array.from({ length: members }, (_, i) =>
        auditRow({
          at,
          actorKind: 'staff',
          actor: subject,
          action: 'view',
          object: 'any page',
          memberId: `m${i}`,
          detail: purpose === '' ? {} : { purpose },
        }),
      ),
    );
  const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);
  // who takes calls all day, who is new, who is curious, who sees the same twice, and who looks at what is hidden
  for (const days of [1, 2, 3, 6, 7]) {
    await saw('busy', ago(days), 140);
    await saw('curious', ago(days), 20);
  }
  await saw('busy', now, 400);
  await saw('new', now, 149);
  await saw('new', now, 149);
  await saw('hidden', now, 500, '');
  await saw('curious', now, 150);
  const unusual = () =>
    sent()
      .filter((t) => t.data.kind === 'unusual-looks')
      .map((t) => `${t.type} ${t.data.subject} ${t.data.amount}`);
  await keepClocks(node.deps);
  expect(unusual()).toEqual(['alert.standing curious 150']);
  await saw('new', now, 150);
  await saw('curious', now, 300);
  after(60);
  await keepClocks(node.deps);
  expect(unusual()).toEqual(['alert.standing new 150']);
  const events =
    await sql`select actor_kind, actor, outcome, detail from exchange.audit where reason = 'unusual-looks' order by seq`;
  expect(events).toMatchObject([
    { actor_kind: 'staff', actor: 'curious', outcome: 'noted', detail: { count: 150, usual: 20 } },
    { actor_kind: 'staff', actor: 'new', outcome: 'noted', detail: { count: 150 } },
  ]);
  after(7 * 86_400);
  await keepClocks(node.deps);
  expect(
    unusual()
      .map((t) => t.split(' ').slice(0, 2).join(' '))
      .toSorted(),
  ).toEqual(['alert.cleared curious', 'alert.cleared new']);
});
