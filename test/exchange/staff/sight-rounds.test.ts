// Ways round what is hidden: the other one of two, days that are reported differently, words in the address, a page that is named by hand.
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditRow, writeAudit } from '../../../exchange/compliance/audit/audit.ts';
import { makeOne, makeTwo } from '../../../exchange/members/merge/merge-members.ts';
import { onePersonReport } from '../../../exchange/members/merge/merge-report.ts';
import { openTwoCards } from '../../../exchange/responder/match/duplicate-member-items.ts';
import { fieldOf, giveReason, type StaffNode, startStaff, Visitor } from './support.ts';

let node: StaffNode;
const sql = () => node.ours.deps.database.sql;
const reviewer = async (): Promise<Visitor> => {
  const visitor = new Visitor(node.app, node.ours.base);
  await visitor.signIn('dev-reviewer', node.account.password);
  return visitor;
};
const text = async (visitor: Visitor, path: string) => (await visitor.get(path)).text();
const FORM = 'action="/staff/reason"';
const AT = new Date('2026-05-04T15:00:00.000Z');

let first = '';
let second = '';
const bornOf = async (id: string) => {
  const [row] =
    await sql()`select body from exchange.resource where member_id = ${id} and type = 'Patient' and id = ${id}`;
  return (JSON.parse(String(row?.['body'])) as { birthDate: string }).birthDate;
};
const inWords = (day: string) =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString('en-US', {
    timeZone: 'UTC',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
  });

beforeAll(async () => {
  node = await startStaff();
  [first = '', second = ''] = (await sql()`select id from exchange.member order by id limit 2`).map((m) =>
    String(m['id']),
  );
});
afterAll(() => node?.close());

test('of two who may be one person both are looked at, both are hidden, and both are shown for one reason', async () => {
  await openTwoCards(sql(), [{ memberId: first, formerId: second }], AT);
  const [item] = await sql()`select id from exchange.review_item where kind = 'two-cards'`;
  const path = `/staff/conflicts/${String(item?.['id'])}`;
  const [a, b] = [await bornOf(first), await bornOf(second)];
  const days = [a, b, inWords(a), inWords(b)];
  const visitor = await reviewer();
  const page = await text(visitor, path);
  expect(days.filter((d) => page.includes(d))).toEqual([]);
  const looks =
    await sql()`select member_id from exchange.audit where action = 'view' and object = ${`item/${String(item?.['id'])}`}`;
  expect(looks.map((l) => l['member_id']).sort()).toEqual([first, second].sort());
  await giveReason(visitor, path);
  const after = await text(visitor, path);
  expect(days.slice(2).filter((d) => after.includes(d))).toHaveLength(2);
  const given = await sql()`select member_id from exchange.audit where action = 'reason-given'`;
  expect(given.map((l) => l['member_id']).sort()).toEqual([first, second].sort());
});

test('a purpose in the address of a page is not kept as what someone said', async () => {
  const visitor = await reviewer();
  const last = async () =>
    (await sql()`select detail from exchange.audit where action = 'view' order by seq desc limit 1`)[0]?.['detail'];
  await text(visitor, `/staff/members/${first}?purpose=care`);
  expect(await last()).not.toHaveProperty('purpose');
  await giveReason(visitor, `/staff/members/${first}`);
  await text(visitor, `/staff/members/${first}?purpose=care`);
  expect(await last()).toMatchObject({ purpose: 'member' });
});

test('what is no member and no page that asks opens nothing: not the record of a member under its other name, nor a list of who was found', async () => {
  const visitor = await reviewer();
  const path = `/staff/members/${first}`;
  const csrf = fieldOf(await text(visitor, path), 'csrf');
  for (const about of [`Patient/${first}`, 'members/found', 'clocks', 'nothing/x', 'items/x']) {
    const answer = await visitor.post('/staff/reason', { csrf, about, purpose: 'audit', words: '', back: path });
    expect([about, answer.status]).toEqual([about, 400]);
  }
  expect(await text(visitor, path)).toContain(FORM);
});

test('of a record that is too long to be shown whole, what differs from ours is hidden as well', async () => {
  const theirs = {
    resourceType: 'Patient',
    id: 'p-77123',
    birthDate: '1940-01-31',
    identifier: [{ value: 'THEIRS-55512' }],
    note: 'x'.repeat(250_000),
  };
  const key = 'pulls/long/0.ndjson.gz';
  const blob = await node.ours.deps.blobs.put(key, Readable.from([gzipSync(`${JSON.stringify(theirs)}\n`)]));
  await sql()`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at) values ('long', 'prior', 'done', 'command', ${AT}, ${AT}, ${AT}, ${AT})`;
  await sql()`insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state, blob_key, bytes, sha256, units)
    values ('long', 0, 'output', 'Patient', 'https://prior.example/f', 1, 'staged', ${key}, ${blob.bytes}, ${blob.sha256}, 1)`;
  await sql()`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, type, source_id, member_id, local_id)
    values ('long', 0, 1, 0, 'updated', 'Patient', ${theirs.id}, ${first}, ${first})`;
  const visitor = await reviewer();
  const path = '/staff/pulls/long/lines/0/1/0';
  const stand = (page: string) => ['1940-01-31', 'Jan 31, 1940', 'THEIRS-55512'].filter((v) => page.includes(v));
  const page = await text(visitor, path);
  expect([page.includes('birthDate'), stand(page)]).toEqual([true, []]);
  await giveReason(visitor, path);
  expect(stand(await text(visitor, path)).length).toBeGreaterThan(1);
});

test('who looked is reported with what was looked at: the sensitive records, a line, a file', async () => {
  const visitor = await reviewer();
  const path = `/staff/members/${second}`;
  await text(visitor, `${path}/record?sensitive=show`);
  await text(visitor, `/staff/disclosures/${second}?format=csv`);
  const told = await text(visitor, `${path}/looks`);
  expect(told).toContain('the merged record, with sensitive records');
  expect(told).toContain('what was disclosed, as CSV');
  const { tables } = (await (await visitor.get(`${path}/looks?format=json`)).json()) as {
    tables: { looks: Record<string, unknown>[] };
  };
  expect(tables.looks.filter((l) => l['action'] === 'view').map((l) => l['page'])).toEqual(
    expect.arrayContaining(['record-sensitive', 'disclosures.csv', 'looks', 'conflict']),
  );
});

test('what a payer was refused of a person is not read by number, as page or file', async () => {
  const refused = {
    at: AT,
    actorKind: 'peer',
    actor: 'prior',
    peerId: 'prior',
    action: 'access',
    outcome: 'refused',
  } as const;
  await writeAudit(sql(), [
    auditRow({ ...refused, object: 'Patient/ME77110099', reason: 'not-granted' }),
    auditRow({ ...refused, object: 'Group/g-1', reason: 'not-granted' }),
    auditRow({ ...refused, object: 'Patient/~mark', reason: 'not-granted' }),
  ]);
  for (const user of ['dev-viewer', 'dev-reviewer'])
    for (const format of ['html', 'csv', 'json']) {
      const visitor = new Visitor(node.app, node.ours.base);
      await visitor.signIn(user, node.account.password);
      const table = format === 'csv' ? '&table=events' : '';
      const page = await text(visitor, `/staff/events?reason=not-granted&format=${format}${table}`);
      expect([user, format, page.includes('ME77110099')]).toEqual([user, format, false]);
      for (const shown of ['0099', 'Group/g-1', 'Patient/~mark']) expect(page).toContain(shown);
    }
});

test('a reason holds for a person under both ids, as long as the two are one: two again, it holds for the one that it was about', async () => {
  const { deps } = node.ours;
  const who = { kind: 'staff', subject: 'dev|dev-reviewer', requestId: 'r' } as const;
  const { doubts } = await onePersonReport(deps, first, second);
  const said = { memberId: first, formerId: second, reason: 'two cards', seen: doubts.map((d) => d.code) };
  expect(await makeOne(deps, said, who)).not.toHaveProperty('refused');
  const visitor = await reviewer();
  const [one, former] = [`/staff/members/${first}`, `/staff/members/${second}`];
  const asks = async () => [(await text(visitor, one)).includes(FORM), (await text(visitor, former)).includes(FORM)];
  await giveReason(visitor, one);
  expect(await asks()).toEqual([false, false]);
  expect(await makeTwo(deps, { formerId: second, reason: 'they are two' }, who)).not.toHaveProperty('refused');
  expect(await asks()).toEqual([false, true]);
  // hidden again, from the page of either
  await giveReason(visitor, former);
  expect(await makeOne(deps, said, who)).not.toHaveProperty('refused');
  const csrf = fieldOf(await text(visitor, one), 'csrf');
  await visitor.post('/staff/reason/end', { csrf, about: `member/${second}`, back: former });
  expect(await asks()).toEqual([true, true]);
});
