// The loops of a worker: none waits for another.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { auditRow, writeAudit } from '../../exchange/compliance/audit/audit.ts';
import { PullWorker } from '../../exchange/requester/run.ts';
import { clearDelivered } from '../../exchange/responder/export/delivered.ts';
import { removeOrphanedFiles } from '../../exchange/responder/export/remove-orphaned-files.ts';
import { removeRequests } from '../../exchange/responder/match/remove-requests.ts';
import { startWork, takeJob } from '../../exchange/work.ts';
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

test('while an export is made the audit is sealed and what is past its time is removed', async () => {
  const { sql } = node.deps.database;
  const place = `Group/${await them.group([card(rivera)])}/$export`;
  const over = (await them.finished(await them.kick(place))).status.split('/').at(-1) ?? '';
  await sql`update exchange.bulk_job set expires_at = now() - interval '1 minute' where id = ${over}`;
  const kick = await them.kick(place);
  const { blobs } = node.deps;
  const gate = Promise.withResolvers<string[]>();
  const begun = Promise.withResolvers<void>();
  // the first thing that a worker does with an export
  const list = vi.spyOn(blobs, 'list').mockImplementationOnce(() => {
    begun.resolve();
    return gate.promise;
  });
  const worker = startWork(node.deps, { plans: false });
  try {
    await begun.promise;
    worker.wake();
    await vi.waitFor(
      async () => {
        expect(await sql`select from exchange.audit_unsealed`).toHaveLength(0);
        expect(await sql`select from exchange.bulk_file where job_id = ${over} and removed_at is null`).toHaveLength(0);
      },
      { timeout: 20_000, interval: 100 },
    );
    expect((await them.call(kick.header('content-location') ?? '')).status).toBe(202);
  } finally {
    list.mockRestore();
    gate.resolve([]);
    await worker.stop();
  }
  expect((await them.call(kick.header('content-location') ?? '')).status).toBe(200);
});

test('a worker that ends seals what was written, also while work at hand keeps it from ending', async () => {
  const { sql } = node.deps.database;
  const gate = Promise.withResolvers<void>();
  const over = vi.spyOn(PullWorker.prototype, 'over').mockImplementation(() => gate.promise);
  const worker = startWork(node.deps, { plans: false });
  const write = () =>
    writeAudit(sql, [
      auditRow({ at: node.deps.clock(), actorKind: 'system', actor: 'test', action: 'test', object: 'test' }),
    ]);
  let hasEnded = false;
  await write();
  const ended = worker.stop().then(() => {
    hasEnded = true;
  });
  try {
    for (let i = 0; i < 2; i++) {
      await vi.waitFor(async () => expect(await sql`select from exchange.audit_unsealed`).toHaveLength(0), {
        timeout: 10_000,
        interval: 50,
      });
      expect(hasEnded).toBe(false);
      // what the work at hand writes meanwhile
      await write();
    }
  } finally {
    gate.resolve();
    await ended;
    over.mockRestore();
  }
  expect(await sql`select from exchange.audit_unsealed`).toHaveLength(0);
});

test('who asks about one member does not wait for another person’s thousands', async () => {
  const { sql } = node.deps.database;
  const other = new ExportClient(node, await client(node, 'b', { npi: ASKER.npi }));
  await other.signIn();
  const place = `Group/${await them.group([card(rivera)])}/$export`;
  const others = `Group/${await other.group([card(rivera)])}/$export`;
  const large = (await them.kick(place)).header('content-location') ?? '';
  await sql`
    update exchange.bulk_job set parameters = jsonb_set(parameters, '{members}', '5000') where id = ${large.split('/').at(-1) ?? ''}`;
  const { blobs } = node.deps;
  const gate = Promise.withResolvers<string[]>();
  const begun = Promise.withResolvers<void>();
  const list = vi.spyOn(blobs, 'list').mockImplementationOnce(() => {
    begun.resolve();
    return gate.promise;
  });
  const worker = startWork(node.deps, { plans: false });
  try {
    await begun.promise;
    const small = (await other.kick(others)).header('content-location') ?? '';
    await vi.waitFor(async () => expect((await other.call(small)).status).toBe(200), {
      timeout: 20_000,
      interval: 300,
    });
    expect((await them.call(large)).status).toBe(202);
  } finally {
    list.mockRestore();
    gate.resolve([]);
    await worker.stop();
  }
  expect((await them.call(large)).status).toBe(200);
});

test('a file that cannot be removed keeps nothing else that is past its time', async () => {
  const { sql } = node.deps.database;
  const { blobs } = node.deps;
  const place = `Group/${await them.group([card(rivera)])}/$export`;
  const over = (await them.finished(await them.kick(place))).status.split('/').at(-1) ?? '';
  await sql`update exchange.bulk_job set expires_at = now() - interval '1 minute' where id = ${over}`;
  const [match] = await sql`
    update exchange.bulk_job set completed_at = now() - interval '800 days'
    where id = (select id from exchange.bulk_job where body_key is not null and state = 'complete' limit 1) returning id`;
  const isKept = async () => (await sql`select body_key as key from exchange.bulk_job where id = ${match?.['id']}`)[0];
  const remove = blobs.delete.bind(blobs);
  const stuck = vi
    .spyOn(blobs, 'delete')
    .mockImplementation((key) => (key.includes(over) ? Promise.reject(new Error('held')) : remove(key)));
  const worker = startWork(node.deps, { plans: false });
  try {
    worker.wake();
    await vi.waitFor(async () => expect(await isKept()).toEqual({ key: null }), { timeout: 20_000, interval: 100 });
  } finally {
    stuck.mockRestore();
    await worker.stop();
  }
  expect(await sql`select from exchange.bulk_file where job_id = ${over} and removed_at is null`).not.toHaveLength(0);
});

test('files that no answer names go when they are found a second time', async () => {
  const { blobs, database } = node.deps;
  const group = await them.group([card(rivera)]);
  const { status } = await them.finished(await them.kick(`Group/${group}/$export`));
  const job = status.split('/').at(-1) ?? '';
  const open = (await them.kick(`Group/${group}/$export`)).header('content-location')?.split('/').at(-1) ?? '';
  const put = (key: string) => blobs.put(key, Readable.from([Buffer.from('x')]) as AsyncIterable<Uint8Array>);
  // a request that no one answered for, half of one, what a worker that died left of a finished answer, and of one that is being made
  const strays = ['bulk/never/request.json', 'bulk/never/request.json.1.part', `bulk/${job}/left.ndjson.gz`];
  for (const key of [...strays, `bulk/${open}/left.ndjson.gz`]) await put(key);
  const all = new Set(await blobs.list('bulk/'));

  const found = await removeOrphanedFiles(node.deps, new Set());
  expect([...found].filter((key) => strays.includes(key)).sort()).toEqual([...strays].sort());
  expect(new Set(await blobs.list('bulk/'))).toEqual(all);
  // one that was named since stays
  await database.sql`
    insert into exchange.bulk_file (job_id, id, position, kind, type, blob_key, lines, bytes, stored_bytes, sha256)
    select job_id, ${'0'.repeat(32)}, 99, kind, type, ${strays[2] ?? ''}, lines, bytes, stored_bytes, sha256 from exchange.bulk_file where job_id = ${job} limit 1`;
  await removeOrphanedFiles(node.deps, found);
  const left = new Set(await blobs.list('bulk/'));
  expect([...all].filter((key) => !left.has(key)).sort()).toEqual(strays.slice(0, 2).sort());
  await database.sql`delete from exchange.bulk_file where job_id = ${job} and position = 99`;
  // one that cannot be removed keeps none behind it, and is tried again
  const stuck = 'bulk/held/request.json';
  await put(stuck);
  const remove = blobs.delete.bind(blobs);
  const held = vi
    .spyOn(blobs, 'delete')
    .mockImplementation((key) => (key === stuck ? Promise.reject(new Error('held')) : remove(key)));
  const again = await removeOrphanedFiles(node.deps, new Set([stuck, ...found]));
  held.mockRestore();
  expect(await blobs.list('bulk/')).not.toContain(strays[2]);
  expect([...again]).toEqual([stuck]);
  expect([...(await removeOrphanedFiles(node.deps, again))]).toEqual([]);
  expect(await blobs.list('bulk/')).not.toContain(stuck);
  await node.work();
});

test('what one loop has lost another one takes as another person, and nothing of it is lost', async () => {
  const { sql } = node.deps.database;
  const kick = await them.kick(`Group/${await them.group([card(rivera)])}/$export`);
  const place = kick.header('content-location') ?? '';
  const id = place.split('/').at(-1) ?? '';
  const { blobs } = node.deps;
  const gate = Promise.withResolvers<string[]>();
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const list = vi.spyOn(blobs, 'list');
  for (const one of begun)
    list.mockImplementationOnce(() => {
      one.resolve();
      return gate.promise;
    });
  const holder = async () =>
    (await sql`select lease_owner from exchange.bulk_job where id = ${id}`)[0]?.['lease_owner'];
  const worker = startWork(node.deps, { plans: false });
  try {
    await begun[0]?.promise;
    const first = await holder();
    // as after a pause of the whole process
    await sql`update exchange.bulk_job set lease_until = now() - interval '1 minute' where id = ${id}`;
    worker.wake();
    await begun[1]?.promise;
    expect(first).toEqual(expect.any(String));
    expect(await holder()).not.toBe(first);
  } finally {
    list.mockRestore();
    gate.resolve([]);
    await worker.stop();
  }
  const answer = await them.call(place);
  expect(answer.status).toBe(200);
  for (const { url } of (answer.json() as Manifest).output) expect((await them.call(url)).status).toBe(200);
  // an attempt that ended late takes nothing of the finished one along
  await clearDelivered(sql, id, 'late');
  expect(await sql`select from exchange.delivered where job_id = ${id}`).toHaveLength(1);
  await sql`update exchange.bulk_job set state = 'cancelled', lease_owner = null where id = ${id}`;
  // nor when the peer, who has it, has deleted it meanwhile
  await clearDelivered(sql, id, 'late');
  expect(await sql`select from exchange.delivered where job_id = ${id}`).toHaveLength(1);
  await sql`update exchange.bulk_job set state = 'running', lease_owner = 'one' where id = ${id}`;
  await clearDelivered(sql, id, 'late');
  expect(await sql`select from exchange.delivered where job_id = ${id}`).toHaveLength(1);
  await clearDelivered(sql, id, 'one');
  expect(await sql`select from exchange.delivered where job_id = ${id}`).toHaveLength(0);
  await sql`update exchange.bulk_job set state = 'cancelled', lease_owner = null where id = ${id}`;
});

test('an export whose failure could not be written, as the database was away, is begun again as soon as it is back', async () => {
  const { database, blobs } = node.deps;
  const kick = await them.kick(`Group/${await them.group([card(rivera)])}/$export`);
  const id = (kick.header('content-location') ?? '').split('/').at(-1) ?? '';
  const away = () => Promise.reject(Object.assign(new Error('terminating connection'), { code: '57P01' }));
  let isAway = false;
  const sql = new Proxy(database.sql, {
    apply: (target, self, args) => (isAway ? away() : Reflect.apply(target, self, args)),
    get: (target, key) => (isAway && key === 'unsafe' ? away : Reflect.get(target, key)),
  });
  const list = () => {
    isAway = true;
    return away();
  };
  const deps = { ...node.deps, database: { ...database, sql } };
  await expect(takeJob({ ...deps, blobs: { ...blobs, list } }, 'one')).rejects.toMatchObject({ code: '57P01' });
  isAway = false;
  const state = async () =>
    (await database.sql`select state, attempts from exchange.bulk_job where id = ${id}`)[0] ?? {};
  expect(await state()).toEqual({ state: 'running', attempts: 1 });
  expect(await takeJob(deps, 'other')).toBe(false);
  expect(await takeJob(deps, 'one')).toBe(true);
  expect(await state()).toEqual({ state: 'complete', attempts: 2 });
});

test.each([
  ['so is a step of a pull, by another name', '57P01', true],
  ['one that broke for another reason, and would again, is waited for', 'P0001', false],
])('%s', async (_name, code, isTaken) => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.peer (id, name, state, added_by) values ('asked', 'Asked', 'active', 'test') on conflict do nothing`;
  // due for a while: the clocks of a node and of its database differ by a little
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at) values (${code}, 'asked', 'due', 'test', now(), now(), now() - interval '1 minute')`;
  const owner = async () => (await sql`select lease_owner from exchange.pull where id = ${code}`)[0]?.['lease_owner'];
  // it has no address that could be asked; what cannot be written is that
  await sql.unsafe(
    `create function exchange.away() returns trigger language plpgsql as $$ begin raise 'away' using errcode = '${code}'; end $$;
     create trigger away before update on exchange.pull for each row when (old.lease_owner is not null) execute function exchange.away()`,
  );
  await expect(node.worker.step()).rejects.toThrow('away');
  const first = await owner();
  await sql`drop trigger away on exchange.pull`;
  await sql`drop function exchange.away()`;
  expect(first).toBeTruthy();
  expect(await node.worker.step()).toBe(isTaken);
  expect((await owner()) !== first).toBe(isTaken);
});

test('an export for whose last file there is no room leaves none of the others', async () => {
  const { sql } = node.deps.database;
  const { blobs } = node.deps;
  const kick = await them.kick(`Group/${await them.group([card(rivera)])}/$export`);
  const id = (kick.header('content-location') ?? '').split('/').at(-1) ?? '';
  const kept: string[] = [];
  let begun = 0;
  const put: typeof blobs.put = async (key, content) => {
    const isSecond = ++begun === 2;
    const stored = await blobs.put(key, content);
    if (!isSecond) {
      kept.push(key);
      return stored;
    }
    await blobs.delete(key);
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  await takeJob({ ...node.deps, blobs: { ...blobs, put } }, 'full');
  expect(kept.length).toBeGreaterThan(0);
  expect(await blobs.list(`bulk/${id}/`)).toEqual([]);
  expect(await sql`select state from exchange.bulk_job where id = ${id}`).toEqual([{ state: 'queued' }]);
  await sql`update exchange.bulk_job set state = 'cancelled', lease_until = null where id = ${id}`;
});

test('requests of matches go when they were kept long enough, and leave their hash', async () => {
  const { sql } = node.deps.database;
  const { blobs } = node.deps;
  const requests = async () => (await blobs.list('bulk/')).filter((key) => key.endsWith('request.json'));
  const after = (days: number) => ({ ...node.deps, clock: () => new Date(Date.now() + days * 86_400_000) });
  const [key = ''] = await requests();
  const id = key.split('/')[1] ?? '';
  const hash = createHash('sha256');
  for await (const chunk of (await blobs.get(key)) ?? []) hash.update(chunk);
  await sql`update exchange.bulk_job set state = 'queued' where id = ${id}`;
  const all = (await requests()).length;
  expect(await removeRequests(after(729))).toBe(0);
  // one that waits is still to be read
  expect([await removeRequests(after(731)), await requests()]).toEqual([all - 1, [key]]);
  await sql`update exchange.bulk_job set state = 'cancelled' where id = ${id}`;
  // a file that cannot be removed is reported once, however often that is tried
  const stuck = { ...blobs, delete: () => Promise.reject(new Error('read-only')) };
  for (let i = 0; i < 2; i++) expect(await removeRequests({ ...after(731), blobs: stuck })).toBe(0);
  // ended as soon as the file is gone: what follows is done by who comes next
  const dying = {
    ...blobs,
    delete: (gone: string) => blobs.delete(gone).then(() => Promise.reject(new Error('ended'))),
  };
  expect(await removeRequests({ ...after(731), blobs: dying })).toBe(0);
  expect([await removeRequests(after(731)), await requests()]).toEqual([1, []]);
  expect(await removeRequests(after(731))).toBe(0);
  const told = await sql`
    select detail->>'sha256' as sha from exchange.audit where action = 'match-request-removed' and object = ${`match/${id}`}`;
  expect(told).toEqual([{ sha: hash.digest('hex') }]);
  expect(await sql`select from exchange.match_member where job_id = ${id}`).not.toHaveLength(0);
});

test('a request that cannot be read keeps none of the others, and is an alert as long as it is there', async () => {
  const { sql } = node.deps.database;
  const { blobs } = node.deps;
  const late = { ...node.deps, clock: () => new Date(Date.now() + 800 * 86_400_000) };
  const insert = async (id: string, age: number) => {
    await blobs.put(`bulk/${id}/request.json`, Readable.from([Buffer.from('{}')]));
    await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, body_key, received_at, due_at, completed_at)
      values (${id}, 'match', 'a', 'complete', '', '{}', ${`bulk/${id}/request.json`}, now() - ${age} * interval '1 second', now(), now())`;
  };
  await insert('poison', 10);
  await insert('poison-too', 9);
  await insert('behind', 5);
  const told: unknown[] = [];
  const broken = {
    ...late,
    log: (_: unknown, event: string, more?: object) => void told.push([event, more]),
    blobs: {
      ...blobs,
      get: (key: string) =>
        key.includes('poison') ? Promise.reject(Object.assign(new Error('x'), { code: 'EIO' })) : blobs.get(key),
    },
  };
  expect(await removeRequests(broken)).toBe(1);
  expect(told).toEqual([
    ['requests not removed', { match: 'poison', error: expect.stringContaining('EIO'), count: 2 }],
  ]);
  const alerts = async () => {
    await keepAlerts(late);
    return (
      await sql`select subject from exchange.alert where kind = 'request-kept' and cleared_at is null order by 1`
    ).map((r) => r['subject']);
  };
  expect(await alerts()).toEqual(['poison', 'poison-too']);
  expect(await removeRequests(late)).toBe(2);
  expect(await alerts()).toEqual([]);
});

test('a request that failed for good is an alert until its clock ends', async () => {
  const { sql } = node.deps.database;
  await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at, attempts)
    values ('lost', 'export', 'a', 'failed', '', '{}', now(), now(), 3)`;
  await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state) values ('lost', 'C3-export', 'lost', now(), now() + interval '1 day', 'open')`;
  const standing = async () => {
    await keepAlerts(node.deps);
    return [
      ...(await sql`select subject, amount from exchange.alert where kind = 'request-failed' and cleared_at is null`),
    ];
  };
  expect(await standing()).toEqual([{ subject: 'lost', amount: 3 }]);
  await sql`update exchange.deadline set state = 'not-applicable', closed_at = now() where id = 'lost'`;
  expect(await standing()).toEqual([]);
});

test('an export that failed for good is answered when the payer asks for the same once more and has it', async () => {
  const { sql } = node.deps.database;
  const place = `Group/${await them.group([card(rivera)])}/$export`;
  const other = `Group/${await them.group([card(rivera)])}/$export`;
  const first = (await them.finished(await them.kick(place))).status.split('/').at(-1) ?? '';
  await sql`update exchange.bulk_job set state = 'failed', attempts = 3 where id = ${first}`;
  await sql`update exchange.deadline set state = 'open', closed_at = null, stop_event = null where subject = ${first}`;
  const standing = async () => {
    await keepAlerts(node.deps);
    return (await sql`select subject from exchange.alert where kind = 'request-failed' and cleared_at is null`).map(
      (r) => r['subject'],
    );
  };
  expect(await standing()).toEqual([first]);
  await them.finished(await them.kick(other));
  expect(await standing()).toEqual([first]);
  await them.finished(await them.kick(place));
  expect(await standing()).toEqual([]);
  const [clock] = await sql`select state, stop_event from exchange.deadline where subject = ${first}`;
  expect(clock).toEqual({ state: 'met', stop_event: 'answered' });
});

test('a match that failed for good is answered when the payer has asked for all of its members again, in parts too', async () => {
  const { sql } = node.deps.database;
  await enrol(node.deps, [PEOPLE.robert]);
  await them.group([card(rivera), card(PEOPLE.robert)]);
  const [failed] = await sql<{ id: string }[]>`
    select id from exchange.bulk_job where kind = 'match' order by received_at desc limit 1`;
  const id = failed?.id ?? '';
  await sql`update exchange.bulk_job set state = 'failed', attempts = 3, transaction_time = null where id = ${id}`;
  await sql`update exchange.deadline set state = 'open', closed_at = null, stop_event = null where kind = 'C3-match' and subject = ${id}`;
  const clock = async () => (await sql`select state, stop_event from exchange.deadline where subject = ${id}`)[0];
  await them.group([card(rivera)]);
  expect(await clock()).toEqual({ state: 'open', stop_event: null });
  await them.group([card(PEOPLE.robert)]);
  expect(await clock()).toEqual({ state: 'met', stop_event: 'answered' });
});
