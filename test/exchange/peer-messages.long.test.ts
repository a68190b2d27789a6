// What a payer says about its own answer: reported on the report, read by those who may see names, and heeded when it says that something
// could not be given.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { localDay } from '../../exchange/members/deadlines/business-day.ts';
import { acceptLeft } from '../../exchange/requester/incomplete-pulls.ts';
import { readMessages } from '../../exchange/requester/messages.ts';
import { messageTexts, pullMessages } from '../../exchange/requester/report/messages.ts';
import { pullReport } from '../../exchange/requester/report/pull-report.ts';
import { renderReport } from '../../exchange/requester/report/render-report.ts';
import { json, ndjson, type Script, type ScriptedPeer, scriptedPeer, sends, status } from '../support/scripted-peer.ts';

let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
  await peer.record({});
});
afterAll(() => peer.close());

const issue = (severity: string, more: object = {}) =>
  JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity, code: 'incomplete', ...more }] });
const says = (...lines: string[]): Script => saysAsOf('2026-01-05T00:00:00Z', ...lines);
const saysAsOf = (transactionTime: string | undefined, ...lines: string[]): Script => ({
  'GET /status/export': (_, a) =>
    json(
      a,
      peer.manifest([peer.file()], {
        transactionTime,
        error: [{ type: 'OperationOutcome', url: `${peer.base}/f/messages` }],
      }),
    ),
  'GET /f/messages': sends(ndjson(...lines)),
});
const today = ({ clock, config }: ScriptedPeer['node']['deps']) => localDay(clock(), config.timeZone);
const since = async (id: string) =>
  (await peer.node.deps.database.sql`select since, transaction_time as at from exchange.pull where id = ${id}`)[0];

test('that it could not give something is reported, and the next request asks for everything again', async () => {
  const text = '<b>half</b> of the records of Ana Rivera';
  const first = await peer.pull(says(issue('error', { diagnostics: text }), issue('information'), 'no message'));
  expect(first.state).toBe('done');
  expect(Object.keys(await peer.findings(first.id)).sort()).toEqual(['peer-error-file', 'peer-incomplete']);
  expect((await since(first.id))?.['at']).toBeNull();

  const report = await pullReport(peer.node.deps, first.id);
  if (!report) throw new Error('no report');
  expect(report.messages).toEqual([
    { severity: 'error', code: 'incomplete', n: 1 },
    { severity: 'unreadable', code: 'unknown', n: 1 },
    { severity: 'information', code: 'incomplete', n: 1 },
  ]);
  expect(report.messageFiles).toMatchObject([{ position: 1, lines: 3 }]);
  // the words may name people: they are on a page of their own
  for (const format of ['html', 'csv', 'json'] as const) {
    const page = renderReport(report, format);
    expect(page).toContain(report.messageFiles[0]?.sha256);
    expect(page).toContain('records may be missing');
    expect(page).not.toContain('Rivera');
  }
  expect((await pullMessages(peer.node.deps, first.id))?.messages).toEqual([
    { file: 1, line: 1, severity: 'error', code: 'incomplete', text },
    { file: 1, line: 2, severity: 'information', code: 'incomplete', text: '' },
    { file: 1, line: 3, severity: 'unreadable', code: 'unknown', text: '' },
  ]);

  const second = await peer.pull(says(issue('warning'), issue('information')), { full: false });
  expect((await since(second.id))?.['since']).toBeNull();
  expect((await since(second.id))?.['at']).not.toBeNull();
  expect(Object.keys(await peer.findings(second.id))).toEqual(['peer-error-file']);
  const third = await peer.pull({}, { full: false });
  expect((await since(third.id))?.['since']).not.toBeNull();
});

test('notes alone are reported and are no fault of the payer', async () => {
  const { id } = await peer.pull(says(issue('information'), issue('information')));
  expect(await peer.findings(id)).toEqual({});
  expect((await pullReport(peer.node.deps, id))?.messages).toEqual([
    { severity: 'information', code: 'incomplete', n: 2 },
  ]);
});

test('what the messages say is reported where their file is not, and that the file is elsewhere', async () => {
  const { deps } = peer.node;
  const { id } = await peer.pull(says(issue('warning')));
  const elsewhere = { ...deps, blobs: { ...deps.blobs, get: () => Promise.resolve(undefined) } };
  expect((await pullReport(elsewhere, id))?.messages).toEqual([{ severity: 'warning', code: 'incomplete', n: 1 }]);
  const there = await pullMessages(elsewhere, id);
  expect(there).toMatchObject({ messages: [], isElsewhere: true });
  expect(messageTexts([], true).empty).toContain('not here');
  expect(await pullMessages(deps, id)).toMatchObject({ messages: [{ severity: 'warning' }], isElsewhere: false });
  // of a pull from before it was kept
  await deps.database.sql`update exchange.pull_file set said = null where pull_id = ${id}`;
  expect((await pullReport(deps, id))?.messages).toEqual([{ severity: 'warning', code: 'incomplete', n: 1 }]);
  const unknown = await pullReport(elsewhere, id);
  expect(unknown && renderReport(unknown, 'html')).toContain('It sent messages. Their file is not here');
});

test('when late claims are asked for no more, the last answer that lacks something waits for a person, who pulls again or takes it', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const ended = (days: number) =>
    sql`update exchange.other_coverage set ends = (now() at time zone 'America/New_York')::date - ${days}::int`;
  const waiting = async () => {
    await keepAlerts(deps);
    return (
      await sql`select subject from exchange.alert where kind = 'pull-incomplete' and cleared_at is null order by 1`
    ).map((r) => r['subject']);
  };
  const take = (id: string) =>
    sql.begin(
      async (tx) =>
        (await acceptLeft(tx, id, 'done', { subject: 'a', name: 'Ada' }, 'asked', deps.clock(), today(deps))) !==
        undefined,
    );
  const [before] = await sql`select ends from exchange.other_coverage`;
  const first = await peer.pull(says(issue('error')), { full: true });
  try {
    // it is asked again by itself
    await ended(89);
    expect([await waiting(), await take(first.id)]).toEqual([[], false]);
    await ended(91);
    expect(await waiting()).toEqual([first.id]);
    const report = await pullReport(deps, first.id);
    expect(report?.left).toBe('incomplete');
    expect(report && renderReport(report, 'html')).toContain('is not asked again by itself');
    const second = await peer.pull(says(issue('error')), { full: true });
    expect(await waiting()).toEqual([second.id]);
    const third = await peer.pull({}, { full: true });
    expect([third.state, await waiting()]).toEqual(['done', []]);
    const fourth = await peer.pull(says(issue('error')), { full: true });
    expect(await waiting()).toEqual([fourth.id]);
    expect([await take(fourth.id), await take(fourth.id), await waiting()]).toEqual([true, false, []]);
    const taken = await pullReport(deps, fourth.id);
    expect([taken?.accepted?.by, taken?.left, taken?.conservation.total.verdict]).toEqual(['a', undefined, 'holds']);
    expect(taken?.events.at(-1)).toMatchObject({ state: 'done', detail: 'accepted by Ada: asked' });
  } finally {
    await sql`update exchange.other_coverage set ends = ${before?.['ends'] ?? null}`;
  }
});

test('when late claims are asked for no more, the last pull that failed waits for a person, and for no one when the member withdraws', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const ended = (days: number) =>
    sql`update exchange.other_coverage set ends = (now() at time zone 'America/New_York')::date - ${days}::int`;
  const waiting = async () => {
    await keepAlerts(deps);
    const rows = await sql<{ alert: string }[]>`
      select kind || ' ' || subject as alert from exchange.alert where kind in ('pull-incomplete', 'pull-failed') and cleared_at is null order by 1`;
    return rows.map((r) => r.alert);
  };
  const take = (id: string, seen: string) =>
    sql.begin((tx) => acceptLeft(tx, id, seen, { subject: 'a', name: 'Ada' }, 'asked', deps.clock(), today(deps)));
  const fails: Script = { 'GET /status/export': status(400) };
  const [before] = await sql`select ends from exchange.other_coverage`;
  await peer.pull({}, { full: true });
  const first = await peer.pull(fails, { full: true });
  try {
    expect(first.state).toBe('failed');
    await ended(89);
    expect([await waiting(), await take(first.id, 'failed')]).toEqual([[], undefined]);
    await ended(91);
    expect(await waiting()).toEqual([`pull-failed ${first.id}`]);
    // one that was never asked for otherwise is asked for again by itself
    await sql`update exchange.pull set state = 'withdrawn' where state = 'done'`;
    expect(await waiting()).toEqual([]);
    await sql`update exchange.pull set state = 'done' where state = 'withdrawn'`;
    const second = await peer.pull(fails, { full: true });
    expect(await waiting()).toEqual([`pull-failed ${second.id}`]);
    const report = await pullReport(deps, second.id);
    expect(report?.left).toBe('failed');
    expect(report && renderReport(report, 'html')).toContain('is not asked again by itself');
    expect([
      await take(second.id, 'refused'),
      await take(second.id, 'failed'),
      await take(second.id, 'failed'),
    ]).toEqual([undefined, 'failed', undefined]);
    const taken = await pullReport(deps, second.id);
    expect([await waiting(), taken?.left, taken?.accepted?.by]).toEqual([[], undefined, 'a']);
    expect(taken?.events.at(-1)).toMatchObject({ state: 'failed', detail: 'accepted by Ada: asked' });

    const lacking = await peer.pull(says(issue('error')), { full: true });
    const third = await peer.pull(fails, { full: true });
    expect(await waiting()).toEqual([`pull-failed ${third.id}`, `pull-incomplete ${lacking.id}`]);
    // the coverage has ended: a choice of payers that go on leaves it out
    await sql`
      insert into exchange.consent (id, member_id, choice, policy, payers, recorded_on, source)
      select 'narrow', member_id, 'opt-in', 'regular', 'concurrent', (now() at time zone 'America/New_York')::date, 'test' from exchange.other_coverage`;
    expect(await waiting()).toEqual([]);
    await sql`
      insert into exchange.consent (id, member_id, choice, policy, payers, recorded_on, source, given_at, created_at)
      select 'wide', member_id, 'opt-in', 'regular', 'both', (now() at time zone 'America/New_York')::date, 'test', now(), now() + interval '1 second' from exchange.other_coverage`;
    expect(await waiting()).toHaveLength(2);
    // nothing is asked of who withdraws
    await sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at)
      select 'gone', member_id, 'withdraw', 'regular', (now() at time zone 'America/New_York')::date, 'test', now() + interval '2 seconds' from exchange.other_coverage`;
    expect([await waiting(), await take(third.id, 'failed'), await take(lacking.id, 'done')]).toEqual([
      [],
      undefined,
      undefined,
    ]);
    await sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, given_at, created_at)
      select 'again', member_id, 'opt-in', 'regular', (now() at time zone 'America/New_York')::date, 'test', now(), now() + interval '3 seconds' from exchange.other_coverage`;
    await peer.pull({}, { full: true });
    expect(await waiting()).toEqual([]);
  } finally {
    await sql`update exchange.other_coverage set ends = ${before?.['ends'] ?? null}`;
  }
});

test('what is missing of changes is asked for again from where they began; notes are no lack, however many', async () => {
  const began = (await since((await peer.pull({}, { full: true })).id))?.['at'];
  expect(began).not.toBeNull();
  const notes = Array.from({ length: 1200 }, () => issue('information'));
  const lacking = await peer.pull(says(...notes, issue('error')), { full: false });
  expect(Object.keys(await peer.findings(lacking.id)).sort()).toEqual(['peer-error-file', 'peer-incomplete']);
  const again = await peer.pull(says(...notes, issue('success')), { full: false });
  expect((await since(again.id))?.['since']).toEqual((await since(lacking.id))?.['since']);
  expect(Object.keys(await peer.findings(again.id))).toEqual([]);
  expect((await since(again.id))?.['at']).not.toBeNull();
});

test('a payer that says so each time is informed of at the third, and is asked for changes once a person takes what came', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const waiting = async () => {
    await keepAlerts(deps);
    const rows = await sql<{ alert: string }[]>`
      select kind || ' ' || subject as alert from exchange.alert where kind like 'pull-%' and cleared_at is null order by 1`;
    return rows.map((r) => r.alert);
  };
  const take = (id: string) =>
    sql.begin((tx) => acceptLeft(tx, id, 'done', { subject: 'a', name: 'Ada' }, 'asked', deps.clock(), today(deps)));
  const lacking = async (full = false) => {
    const pull = await peer.pull(saysAsOf('2026-01-06T00:00:00Z', issue('error')), { full });
    return { id: pull.id, from: (await since(pull.id))?.['since'] as Date | null };
  };
  // changes are asked for from a minute before the time of the last answer that was whole
  const [began, taken] = [new Date('2026-01-04T23:59:00Z'), new Date('2026-01-05T23:59:00Z')];
  await lacking();
  const second = await lacking();
  expect([second.from, await waiting(), await take(second.id)]).toEqual([began, [], undefined]);
  const third = await lacking();
  expect([third.from, await waiting()]).toEqual([began, [`pull-repeats ${third.id}`]]);
  const report = await pullReport(deps, third.id);
  expect(report?.left).toBe('repeats');
  expect(report && renderReport(report, 'html')).toContain('asked for the same each time');
  const fourth = await lacking();
  expect([fourth.from, await waiting()]).toEqual([began, [`pull-repeats ${fourth.id}`]]);
  expect([await take(third.id), await take(fourth.id), await waiting()]).toEqual([undefined, 'repeats', []]);
  expect((await lacking()).from).toEqual(taken);
  await lacking();
  expect(await waiting()).toEqual([]);
  const seventh = await lacking();
  expect([seventh.from, await waiting()]).toEqual([taken, [`pull-repeats ${seventh.id}`]]);
  await peer.pull({}, { full: false });
  expect(await waiting()).toEqual([]);
});

test('what is taken moves nothing where the payer does not say when its answer was made', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  await peer.pull({}, { full: true });
  for (const time of [undefined, '2999-01-01T00:00:00Z']) {
    const lacking = () => peer.pull(saysAsOf(time, issue('error')), { full: false });
    const from = (await since((await lacking()).id))?.['since'];
    await lacking();
    const third = await lacking();
    const taken = await sql.begin((tx) =>
      acceptLeft(tx, third.id, 'done', { subject: 'a', name: 'Ada' }, 'asked', deps.clock(), today(deps)),
    );
    expect([taken, (await since(third.id))?.['at'], (await since((await lacking()).id))?.['since']]).toEqual([
      'repeats',
      null,
      from,
    ]);
    await peer.pull({}, { full: true });
  }
});

test('no one has to look at what lacks something while the payer is not active, nor when the member is no longer ours', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const waiting = async () => {
    await keepAlerts(deps);
    const rows = await sql<{ kind: string }[]>`
      select kind from exchange.alert where kind like 'pull-%' and cleared_at is null order by 1`;
    return rows.map((r) => r.kind);
  };
  const [before] = await sql`select ends from exchange.other_coverage`;
  const [ours] = await sql`select ends from exchange.enrolment`;
  const lacking = () => peer.pull(says(issue('error')), { full: true });
  await lacking();
  await lacking();
  await lacking();
  expect(await waiting()).toEqual(['pull-repeats']);
  const suspended = async () => {
    await sql`update exchange.peer set state = 'suspended'`;
    const while_ = await waiting();
    await sql`update exchange.peer set state = 'active'`;
    return while_;
  };
  const left = async () => {
    await sql`update exchange.enrolment set ends = (now() at time zone 'America/New_York')::date - 1`;
    const then = await waiting();
    await sql`update exchange.enrolment set ends = ${ours?.['ends'] ?? null}`;
    return then;
  };
  expect([await suspended(), await left(), await waiting()]).toEqual([[], [], ['pull-repeats']]);
  try {
    await sql`update exchange.other_coverage set ends = (now() at time zone 'America/New_York')::date - 91`;
    expect([await suspended(), await left(), await waiting()]).toEqual([[], [], ['pull-incomplete']]);
    await peer.pull({ 'GET /status/export': status(400) }, { full: true });
    expect([await suspended(), await left()]).toEqual([[], []]);
    expect(await waiting()).toEqual(['pull-failed', 'pull-incomplete']);
  } finally {
    await sql`update exchange.other_coverage set ends = ${before?.['ends'] ?? null}`;
    await peer.pull({}, { full: true });
  }
});

test('a message is what FHIR says it is, and nothing else is shown', () => {
  const unreadable = [{ severity: 'unreadable', code: 'unknown', text: '' }];
  for (const line of [
    '',
    '[]',
    '5',
    '{"resourceType":"Patient","name":[{"family":"Lee"}]}',
    '{"resourceType":"OperationOutcome"}',
  ])
    expect(readMessages(line)).toEqual(unreadable);
  expect(
    readMessages(
      JSON.stringify({
        resourceType: 'OperationOutcome',
        issue: [
          { severity: 'worst', code: 'A b', diagnostics: `\ud800${'x'.repeat(5000)}` },
          { severity: 'warning', code: 'not-found', details: { text: 'none' } },
        ],
      }),
    ),
  ).toEqual([
    { severity: 'unreadable', code: 'unknown', text: `\ufffd${'x'.repeat(999)}` },
    { severity: 'warning', code: 'not-found', text: 'none' },
  ]);
});

test('a pull that rests is no alert once later answers brought everything of the same members', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const waits = async () => {
    await keepAlerts(deps);
    return sql`select from exchange.alert where kind = 'pull-waits' and subject = ${first.id} and cleared_at is null`;
  };
  const first = await peer.pull({}, { full: true });
  await sql`update exchange.pull set state = 'partial', reason = 'file-failed' where id = ${first.id}`;
  expect(await waits()).toHaveLength(1);
  // what lacks something, or has only what changed, makes nothing up for it
  await peer.pull(says(issue('error')), { full: true });
  await peer.pull({}, { full: false });
  expect(await waits()).toHaveLength(1);
  await peer.pull({}, { full: true });
  expect(await waits()).toEqual([]);
});

test('a request attests the coverage that there is, not one that begins some day', async () => {
  const { sql } = peer.node.deps.database;
  const [now] = await sql<{ starts: string }[]>`select starts::text from exchange.enrolment`;
  await sql`
    insert into exchange.enrolment (member_id, member_number, plan, starts)
    select member_id, 'later', plan, current_date + 700 from exchange.enrolment`;
  try {
    await peer.pull({}, { full: true });
    const asked = peer.seen.findLast((s) => s.path.endsWith('$bulk-member-match'));
    expect(asked?.body).toContain(`"period":{"start":"${now?.starts}"}`);
    expect(asked?.body).not.toContain('"later"');
  } finally {
    await sql`delete from exchange.enrolment where member_number = 'later'`;
  }
});
