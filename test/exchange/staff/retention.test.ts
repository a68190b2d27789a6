// Received files go when their time is over, with their hashes kept, and never while a legal hold is about them or someone has to decide. The page of both.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { standingConditions } from '../../../exchange/alerts/alert.ts';
import { HOLD_FAULTS, liftHold, placeHold } from '../../../exchange/compliance/retention/holds.ts';
import { removeFiles } from '../../../exchange/compliance/retention/remove-files.ts';
import { retentionReport } from '../../../exchange/compliance/retention/retention-report.ts';
import { LINES_OF_BUSINESS } from '../../../exchange/members/deadlines/rules.ts';
import { noteGone } from '../../../exchange/records/attachment.ts';
import { countPastFiles, pastFiles } from '../../../exchange/requester/past-files.ts';
import { removeDocuments } from '../../../exchange/requester/remove-documents.ts';
import { pastRequests } from '../../../exchange/responder/match/match-request.ts';
import { readConfig } from '../../../src/config.ts';
import { fieldOf, HAND, type StaffNode, startStaff, Visitor } from './support.ts';

const DAY = 86_400_000;
const TEN_YEARS = 3653;
const WHO = { kind: 'command', subject: 'ada', requestId: '' } as const;
let node: StaffNode;
let admin: Visitor;
let viewer: Visitor;
beforeAll(async () => {
  node = await startStaff();
  [admin, viewer] = [new Visitor(node.app, node.ours.base), new Visitor(node.app, node.ours.base)];
  await admin.signIn('dev-admin', node.account.password);
  await viewer.signIn('dev-viewer', node.account.password);
});
afterAll(() => node?.close());

const after = (days: number) => ({ ...node.ours.deps, clock: () => new Date(Date.now() + days * DAY) });
const removed = async (days: number) => (await removeFiles(after(days))).removed;
const files = (pull: string) => node.ours.deps.blobs.list(`pulls/${pull === HAND ? 'hand' : pull}/`);
type Tables = Record<string, Record<string, string | null>[]>;
const page = async (who: Visitor): Promise<Tables> => {
  const { tables } = (await (await who.get('/staff/retention?format=json')).json()) as { tables: Tables };
  return tables;
};

test('a hold of its payer, of a member, or of everything keeps a file beyond its time', async () => {
  const { deps } = node.ours;
  const { sql } = deps.database;
  const [pull] = await sql<{ peer: string }[]>`select peer_id as peer from exchange.pull where id = ${HAND}`;
  const about: { member: string; peer: string; everything?: boolean }[] = [
    { member: '', peer: pull?.peer ?? '' },
    { member: node.memberId, peer: '' },
    { member: '', peer: '', everything: true },
  ];
  for (const of of about) {
    const placed = await placeHold(deps, { ...of, reason: 'matter 17' }, WHO);
    expect(placed).toHaveProperty('id');
    expect(await removed(TEN_YEARS + 400)).toBe(0);
    expect(await files(HAND)).toHaveLength(1);
    // what was kept is not reported to have gone
    expect(await sql`select from exchange.audit where action = 'pull-files-removed'`).toEqual([]);
    const id = 'id' in placed ? placed.id : '';
    expect(await liftHold(deps, { id, reason: 'matter closed' }, WHO)).toBeUndefined();
    expect(await liftHold(deps, { id, reason: 'matter closed' }, WHO)).toBe('unknown');
  }
  const deeds = await sql<{ n: number }[]>`
    select count(*)::int as n from exchange.audit where action in ('hold-placed', 'hold-lifted') group by action`;
  expect(deeds.map((d) => d.n)).toEqual([3, 3]);
});

test('a hold of who goes on as another one keeps what was asked for under either', async () => {
  const { sql } = node.ours.deps.database;
  await sql`insert into exchange.member (id, umb) values ('former', 'U-former')`;
  const placed = await placeHold(node.ours.deps, { member: 'former', peer: '', reason: 'matter 18' }, WHO);
  const id = 'id' in placed ? placed.id : '';
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason)
    values ('mm', ${node.memberId}, 'former', now(), 'staff', 'ada', 'one person')`;
  expect(await removed(TEN_YEARS + 400)).toBe(0);
  await sql`update exchange.member_merge set undone_at = now(), undone_by = 'ada', undo_reason = 'two' where id = 'mm'`;
  expect(await liftHold(node.ours.deps, { id, reason: 'done with' }, WHO)).toBeUndefined();
});

test('a line of business may have a time of its own, and what is about several stays for the longest', async () => {
  const { sql } = node.ours.deps.database;
  expect(
    Object.keys(LINES_OF_BUSINESS).map((lob) => readConfig({ RAW_FILE_KEEP_DAYS: `${lob}=90` }).rawFileKeepDays.byLob),
  ).toEqual(Object.keys(LINES_OF_BUSINESS).map((lob) => ({ [lob]: 90 })));
  for (const wrong of ['ma', 'ma=89', 'none=400', 'ma=400,ma=500', 'ma=4e3', 'ma=99999', '89', '400,500'])
    expect(() => readConfig({ RAW_FILE_KEEP_DAYS: wrong }), wrong).toThrow('RAW_FILE_KEEP_DAYS');
  const goes = async (days: number, byLob: Record<string, number>) => {
    const at = new Date(Date.now() + days * DAY);
    const keep = { days: TEN_YEARS, byLob };
    const [past, counts] = [await pastFiles(sql, at, keep, 100), await countPastFiles(sql, at, keep)];
    const [pull] = await sql<{ at: Date }[]>`select finished_at as at from exchange.pull where id = ${HAND}`;
    return [past.some((p) => p.id === HAND), Math.round(((counts.nextAt?.getTime() ?? 0) - Number(pull?.at)) / DAY)];
  };
  expect(await goes(401, {})).toEqual([false, TEN_YEARS]);
  expect(await goes(401, { ma: 400 })).toEqual([true, 400]);
  // its member is of another line
  expect(await goes(401, { qhp: 400 })).toEqual([false, TEN_YEARS]);
  await sql`insert into exchange.enrolment (member_id, member_number, plan, starts, ends, lob) values (${node.memberId}, 'Q1', 'p', '2019-01-01', '2019-12-31', 'qhp')`;
  expect(await goes(401, { ma: 400, qhp: 900 })).toEqual([false, 900]);
  expect(await goes(901, { ma: 400, qhp: 900 })).toEqual([true, 900]);
  // the other line has the time of all
  expect(await goes(901, { ma: 400 })).toEqual([false, TEN_YEARS]);
  await sql`delete from exchange.enrolment where member_number = 'Q1'`;
  const config = { ...node.ours.deps.config, rawFileKeepDays: { days: TEN_YEARS, byLob: { ma: 800 } } };
  const { kept } = await retentionReport({ ...node.ours.deps, config });
  expect(kept.map((k) => k.time).join()).toContain('; Medicare Advantage 2 years (800 days): of members');
});

test('a request for a match stays as long as the longest that a member found in it asks for', async () => {
  const { sql } = node.ours.deps.database;
  const now = new Date('2030-01-01T00:00:00Z');
  const done = new Date(now.getTime() - 500 * DAY);
  await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, received_at, due_at, completed_at, body_key, parameters)
    values ('asked', 'match', 'prior', 'complete', 'u', ${done}, ${done}, ${done}, 'k', '{}')`;
  await sql`insert into exchange.match_member (job_id, position, submitted_id, outcome, reason, member_id) values
    ('asked', 0, 's0', 'nomatch', 'no-member', null), ('asked', 1, 's1', 'match', 'matched', ${node.memberId})`;
  const past = async (days: number, byLob: Record<string, number>) =>
    (await pastRequests(sql, now, { days, byLob }, 10)).map((r) => r.id);
  expect(await past(400, {})).toEqual(['asked']);
  expect(await past(600, {})).toEqual([]);
  expect(await past(600, { ma: 400 })).toEqual(['asked']);
  expect(await past(400, { ma: 600 })).toEqual([]);
  // about no one of ours, or someone of no line: the time of all
  await sql`update exchange.match_member set member_id = null where job_id = 'asked'`;
  expect([await past(400, { ma: 600 }), await past(600, { ma: 400 })]).toEqual([['asked'], []]);
  // who goes on as another one has the lines of that one, which has got theirs
  await sql`insert into exchange.member (id, umb) values ('went-on', 'U-went-on')`;
  await sql`insert into exchange.member_merge (id, member_id, former_id, at, by_kind, by_subject, reason)
    values ('gone-on', ${node.memberId}, 'went-on', ${done}, 'staff', 'ada', 'one person')`;
  await sql`update exchange.match_member set member_id = 'went-on' where job_id = 'asked' and position = 1`;
  expect(await past(400, { ma: 600 })).toEqual([]);
  expect(await past(600, { ma: 400 })).toEqual(['asked']);
  await sql`update exchange.member_merge set undone_at = ${now}, undone_by = 'ada', undo_reason = 'two' where id = 'gone-on'`;
  expect([await past(400, { ma: 600 }), await past(600, { ma: 400 })]).toEqual([['asked'], []]);
  await sql`update exchange.match_member set member_id = ${node.memberId} where job_id = 'asked' and position = 1`;
  // the alert goes by the same, and tells of what should have gone a day ago
  const kept = async (ma: number) =>
    (
      await standingConditions(sql, now, {
        quarantine: 1e6,
        keep: { days: 600, byLob: { ma } },
        today: '2030-01-01',
        drillDays: 0,
      })
    ).filter((c) => c.kind === 'request-kept');
  expect([(await kept(498)).length, (await kept(500)).length]).toEqual([1, 0]);
  await sql`delete from exchange.match_member where job_id = 'asked'`;
  await sql`delete from exchange.bulk_job where id = 'asked'`;
});

test('what nothing keeps goes with its hash reported, once, and the pages say so', async () => {
  const { deps } = node.ours;
  const { sql } = deps.database;
  const [file] = await sql<{ sha: string }[]>`select sha256 as sha from exchange.pull_file where pull_id = ${HAND}`;
  // too early, and stuck: it is reported, and tried again
  expect(await removed(1)).toBe(0);
  const told: unknown[] = [];
  const stuck = { ...deps.blobs, delete: () => Promise.reject(Object.assign(new Error('x'), { code: 'EROFS' })) };
  const log = (_: unknown, event: string, more?: object) => void told.push([event, more]);
  expect(await removeFiles({ ...after(TEN_YEARS), blobs: stuck, log })).toEqual({ removed: 0, more: false });
  expect(told).toEqual([
    ['received files not removed', { pull: HAND, error: expect.stringContaining('EROFS'), count: 1 }],
  ]);
  // and not reported to have gone before it has
  expect(await sql`select from exchange.audit where action = 'pull-files-removed'`).toEqual([]);
  // the pull that just ended has still its time, and what someone has to decide about
  expect([await removed(TEN_YEARS - 1), await files(HAND)]).toEqual([1, []]);
  expect(await removed(TEN_YEARS - 1)).toBe(0);
  const rows = await sql<{ detail: unknown }[]>`
    select detail from exchange.audit where action = 'pull-files-removed' and object = ${`pull/${HAND}`}`;
  expect(rows.map((r) => r.detail)).toEqual([{ files: [{ file: 0, sha256: file?.sha, bytes: expect.any(Number) }] }]);
  expect(await (await viewer.get(`/staff/pulls/${HAND}`)).text()).toContain('as their time was over');
  const reviewer = new Visitor(node.app, node.ours.base);
  await reviewer.signIn('dev-reviewer', node.account.password);
  const record = await (await reviewer.get(`/staff/pulls/${HAND}/lines/0/1/0`)).text();
  expect(record).toContain(`its time was over. Its SHA-256 was ${file?.sha}`);

  await sql`update exchange.review_item set state = 'decided' where id = (select id from exchange.review_item where state = 'open' and pull_id = ${node.pullId} order by id limit 1)`;
  const [open] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.review_item where state = 'open' and pull_id = ${node.pullId}`;
  expect(open?.n).toBeGreaterThan(0);
  expect(await removed(TEN_YEARS + 1)).toBe(0);
  await sql`update exchange.review_item set state = 'decided' where state = 'open'`;
  expect((await files(node.pullId)).length).toBeGreaterThan(0);
  expect([await removed(TEN_YEARS + 1), await files(node.pullId)]).toEqual([1, []]);
});

test('documents that nothing names stay while any hold stands', async () => {
  const { deps } = node.ours;
  const sha = 'ab'.repeat(32);
  await noteGone(deps.database.sql, [sha], new Date(Date.now() - DAY));
  const placed = await placeHold(deps, { member: node.memberId, peer: '', reason: 'matter 19' }, WHO);
  expect(await removeDocuments(after(4000))).toBe(0);
  await liftHold(deps, { id: 'id' in placed ? placed.id : '', reason: 'done with' }, WHO);
  expect(await removeDocuments(after(4000))).toBe(1);
});

test('administrators place and lift holds on the page; wrong input is a sentence', async () => {
  const csrf = fieldOf(await (await admin.get('/staff/retention')).text(), 'csrf');
  const place = (fields: Record<string, string>) => admin.post('/staff/retention/place', { csrf, ...fields });
  const wrong: [Record<string, string>, string][] = [
    [{ member: 'nobody', peer: '', reason: 'matter 20' }, HOLD_FAULTS.member],
    [{ member: '', peer: 'nobody', reason: 'matter 20' }, HOLD_FAULTS.peer],
    [{ member: node.memberId, peer: 'nobody', reason: 'matter 20' }, HOLD_FAULTS.about],
    // no one typed a member: that is not everything
    [{ member: ' ', peer: '', reason: 'matter 20' }, HOLD_FAULTS.about],
    [{ member: node.memberId, peer: '', everything: 'yes', reason: 'matter 20' }, HOLD_FAULTS.about],
    [{ member: node.memberId, peer: '', reason: ' x ' }, HOLD_FAULTS.reason],
  ];
  for (const [fields, sentence] of wrong) {
    const answer = await place(fields);
    expect([answer.status, (await answer.text()).includes(sentence)]).toEqual([400, true]);
  }
  const before = (await page(viewer)).holds?.length;
  expect((await place({ member: node.memberId, peer: '', reason: 'matter 20' })).status).toBe(303);
  const { holds = [], times = [], files: counts = [] } = await page(viewer);
  expect(holds).toHaveLength((before ?? 0) + 1);
  expect(holds[0]).toMatchObject({ state: 'stands', reason: 'matter 20', placed_by: 'dev|dev-admin' });
  // by key: no name, and no id of a member
  expect(holds[0]?.['about']).toMatch(/^M-[0-9a-f]{10}$/);
  expect(times.map((t) => t['setting'])).toContain('RAW_FILE_KEEP_DAYS');
  expect(counts.map((c) => c['n'])).toEqual([0, 2, 0, 0, null]);

  const html = await (await admin.get('/staff/retention')).text();
  expect(await (await viewer.get('/staff/retention')).text()).not.toContain('<textarea');
  const hold = holds[0]?.['hold'] ?? '';
  expect(html).toContain(`value="${hold}"`);
  expect((await viewer.post('/staff/retention/lift', { csrf, hold, reason: 'mine' })).status).toBe(403);
  const lift = (id: string, reason: string) => admin.post('/staff/retention/lift', { csrf, hold: id, reason });
  expect((await lift('nothing', 'matter closed')).status).toBe(404);
  expect((await lift(hold, '')).status).toBe(400);
  expect((await lift(hold, 'matter closed')).status).toBe(303);
  expect((await page(viewer)).holds?.find((h) => h['hold'] === hold)).toMatchObject({
    state: 'lifted',
    lift_reason: 'matter closed',
  });
});
