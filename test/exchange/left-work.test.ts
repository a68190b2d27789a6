// Work that its process has lost without knowing, or that broke with the database away: who goes on with it neither waits nor loses anything.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { failureText } from '../../exchange/responder/request-texts.ts';
import { findRequest } from '../../exchange/staff/data/lists.ts';
import { takeJob } from '../../exchange/work.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, type Manifest } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, PEOPLE, US } from './plan-fixture.ts';

const { rivera } = PEOPLE;
let node: TestNode;
let them: ExportClient;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera]);
});
afterAll(() => node.close());

test.each(['the folder', 'what it holds of it'])(
  'a process that slept beyond its lease, before it looked at %s, removes nothing of who has done the export since',
  async (before) => {
    const { database, blobs } = node.deps;
    const kick = await them.kick(`Group/${await them.group([card(rivera)])}/$export`);
    const place = kick.header('content-location') ?? '';
    const id = place.split('/').at(-1) ?? '';
    const asleep = Promise.withResolvers<void>();
    const awake = Promise.withResolvers<void>();
    const sleep = () => {
      asleep.resolve();
      return awake.promise;
    };
    const list = async (folder: string) => {
      if (before === 'the folder') await sleep();
      const found = await blobs.list(folder);
      if (before !== 'the folder') await sleep();
      return found;
    };
    const late = takeJob({ ...node.deps, blobs: { ...blobs, list } }, 'slept');
    await asleep.promise;
    await database.sql`update exchange.bulk_job set lease_until = now() - interval '1 minute' where id = ${id}`;
    expect(await takeJob(node.deps, 'other')).toBe(true);
    const files = await blobs.list(`bulk/${id}/`);
    awake.resolve();
    await late;
    expect(files.length).toBeGreaterThan(0);
    expect(await blobs.list(`bulk/${id}/`)).toEqual(files);
    const answer = await them.call(place);
    expect(answer.status).toBe(200);
    for (const { url } of (answer.json() as Manifest).output) expect((await them.call(url)).status).toBe(200);
  },
);

test.each([
  ['attachments that were taken when the database went away are taken as soon as it is back', '57P01', true],
  ['those that broke for another reason, and would again, are waited for', 'P0001', false],
])('%s', async (_name, code, isTaken) => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, state, added_by) values ('asked', 'Asked', 'active', 'test') on conflict do nothing`;
  await sql`
    insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at) values (${code}, 'asked', 'done', 'test', now(), now(), now())`;
  // of no record that is held: it is settled without being asked for
  await sql`
    insert into exchange.attachment (member_id, type, record_id, document_id, peer_id, pull_id, url, written, state, next_at)
    select id, 'DocumentReference', 'none', ${code}, 'asked', ${code}, 'https://asked.example/a', '', 'due', now() - interval '1 second' from exchange.member limit 1`;
  await sql.unsafe(
    `create function exchange.away() returns trigger language plpgsql as $$ begin raise 'away' using errcode = '${code}'; end $$;
     create trigger away before update on exchange.attachment for each row when (old.lease_owner is not null) execute function exchange.away()`,
  );
  await expect(node.worker.attachments()).rejects.toThrow('away');
  await sql`drop trigger away on exchange.attachment`;
  await sql`drop function exchange.away()`;
  expect(await node.worker.attachments()).toBe(isTaken);
  const [row] = await sql`select state, reason from exchange.attachment where pull_id = ${code}`;
  expect(row).toEqual(isTaken ? { state: 'not-fetched', reason: 'record-gone' } : { state: 'due', reason: null });
});

test('an answer for which there is no room is reported to people while it waits, and no longer', async () => {
  const { sql } = node.deps.database;
  const { blobs } = node.deps;
  const kick = await them.kick(`Group/${await them.group([card(rivera)])}/$export`);
  const id = (kick.header('content-location') ?? '').split('/').at(-1) ?? '';
  const full = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  const told = async () => {
    await keepAlerts(node.deps);
    const alerts =
      await sql`select amount from exchange.alert where kind = 'request-waits' and subject = ${id} and cleared_at is null`;
    const request = await findRequest(sql, id);
    return [alerts.map((a) => a['amount']), request && failureText(request, 'UTC')?.includes('BLOBS_DIR')];
  };
  const seen = [await told()];
  for (let n = 0; n < 4; n++) {
    await sql`update exchange.bulk_job set lease_until = null where id = ${id}`;
    await takeJob({ ...node.deps, blobs: { ...blobs, put: full } }, 'full');
    seen.push(await told());
  }
  // a disk may be full for a moment
  expect(seen).toEqual([
    [[], undefined],
    [[], true],
    [[], true],
    [[], true],
    [[4], true],
  ]);
  await sql`update exchange.bulk_job set lease_until = null where id = ${id}`;
  expect(await takeJob(node.deps, 'room')).toBe(true);
  expect(await told()).toEqual([[], undefined]);
});

test('an answer that takes its process down each time is reported, too', async () => {
  const { sql } = node.deps.database;
  const kick = await them.kick(`Group/${await them.group([card(rivera)])}/$export`);
  const id = (kick.header('content-location') ?? '').split('/').at(-1) ?? '';
  const told = async () => {
    await keepAlerts(node.deps);
    const alerts =
      await sql`select from exchange.alert where kind = 'request-waits' and subject = ${id} and cleared_at is null`;
    const request = await findRequest(sql, id);
    return [alerts.length, request && failureText(request, 'UTC') !== undefined];
  };
  const seen = [];
  for (const attempts of [1, 2, 4]) {
    await sql`update exchange.bulk_job set state = 'running', lease_owner = 'killed', lease_until = now() - interval '1 second', attempts = ${attempts} where id = ${id}`;
    seen.push(await told());
  }
  expect(seen).toEqual([
    [0, false],
    [0, true],
    [1, true],
  ]);
  expect(await takeJob(node.deps, 'next')).toBe(true);
  expect(await told()).toEqual([0, false]);
});

test.each([
  ['failed', 'Error ENOSPC ', false],
  ['queued', 'Error 57P01 ', true],
  ['queued', 'TypeError x (exchange/a.ts)', true],
])('of an answer that is %s after %s its page says whether it is tried again', (state, failure, isAgain) => {
  const text = failureText({ state, failure, attempts: 2, nextAt: new Date() }, 'UTC');
  expect(text?.includes('not tried again')).toBe(!isAgain);
});
test.each([
  ['queued', null, 1],
  ['complete', null, 2],
  ['queued', 'consent-changed', 2],
  ['complete', 'Error ENOSPC ', 2],
])('nothing of a failure is said of one that is %s after %s', (state, failure, attempts) => {
  expect(failureText({ state, failure, attempts, nextAt: null }, 'UTC')).toBeUndefined();
});
