// A peer that is suspended loses all that it has asked for, whatever state it is in: nothing is made for it any more, nothing leaves.
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { findPeer } from '../../exchange/peers/peer.ts';
import { movePeer } from '../../exchange/peers/registry.ts';
import { removeExpired } from '../../exchange/responder/export/remove-expired.ts';
import { takeJob } from '../../exchange/work.ts';
import type { Blobs } from '../../src/deps.ts';
import { whileAllowed } from '../../src/http/break-off.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { undo } from '../support/undo.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, matchBody, PEOPLE, parts, planDay, US } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
let node: TestNode;
let them: ExportClient;
let place: string;
const by = { kind: 'staff', name: 'somebody' } as const;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, PEER_DUAL_APPROVAL: 'off' });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera, robert]);
  place = `Group/${await them.group([card(rivera), card(robert)])}/$export`;
});
afterAll(() => node.close());

const move = async (state: 'suspended' | 'active') => expect(await movePeer(node.deps, 'a', state, by)).toBe('ok');
afterEach(async () => {
  const peer = await findPeer(node.deps.database.sql, 'a');
  if (peer?.state !== 'active') await move('active');
  await them.signIn();
});
const idIn = (address: string | undefined): string => address?.split('/').at(-1) ?? '';
const kicked = async () => idIn((await them.kick(place)).header('content-location'));
const jobOf = async (id: string) => {
  const [job] = await node.deps.database.sql`
    select j.state, j.failure, k.state as clock, k.reason, k.closed_at is not null as closed from exchange.bulk_job j
    left join exchange.deadline k on k.subject = j.id where j.id = ${id}`;
  return job;
};
const ENDED = { state: 'revoked', failure: 'peer-ended' };
const NOT_OWED = { clock: 'not-applicable', reason: 'peer-ended', closed: true };

test('what waits is not made, what is there is gone, and stays so when the peer is let in again', async () => {
  const { status, manifest } = await them.finished(await them.kick(place));
  const url = manifest.output[0]?.url ?? '';
  const waiting = await kicked();
  const match = await them.call('/Group/$bulk-member-match', {
    method: 'POST',
    body: matchBody(parts({ id: 'm', ...card(rivera) })),
    headers: { 'content-type': 'application/fhir+json', prefer: 'respond-async' },
  });
  await move('suspended');
  expect((await them.call(url)).status).toBe(401);
  await node.work();
  expect(await jobOf(waiting)).toEqual({ ...ENDED, ...NOT_OWED });
  expect(await jobOf(idIn(match.header('content-location')))).toEqual({ ...ENDED, ...NOT_OWED });
  expect(await jobOf(idIn(status))).toEqual({ ...ENDED, clock: 'met', reason: null, closed: true });
  const told = await node.deps.database.sql`
    select action, object from exchange.audit where reason = 'peer-ended' order by action, object`;
  expect(told.map((t) => t['action'])).toEqual(expect.arrayContaining(['export-revoked', 'match-revoked']));
  expect(told.map((t) => t['object'])).toContain(`export/${idIn(status)}`);
  await removeExpired(node.deps);
  expect(await node.deps.blobs.list(`bulk/${idIn(status)}/`)).toEqual([]);
  await move('active');
  await them.signIn();
  expect((await them.call(status)).status).toBe(404);
  expect((await them.call(url)).status).toBe(404);
});

test('a file that cannot be removed keeps none of the others, and is tried again', async () => {
  const { status } = await them.finished(await them.kick(place));
  const { blobs, database } = node.deps;
  const folder = `bulk/${idIn(status)}/`;
  const files = await blobs.list(folder);
  expect(files.length).toBeGreaterThan(1);
  await move('suspended');
  const remove = vi.spyOn(blobs, 'delete').mockRejectedValueOnce(new Error('busy'));
  await expect(removeExpired(node.deps)).rejects.toThrow('busy');
  expect(await blobs.list(folder)).toHaveLength(1);
  const rows = () =>
    database.sql`select 1 from exchange.bulk_file where job_id = ${idIn(status)} and removed_at is null`;
  expect(await rows()).toHaveLength(1);
  remove.mockRestore();
  await removeExpired(node.deps);
  expect([await blobs.list(folder), [...(await rows())]]).toEqual([[], []]);
});

test('what is being made stops, and leaves no file', async () => {
  const job = await kicked();
  const { blobs } = node.deps;
  // the first thing that a worker does with a job that it has taken
  const list = vi.spyOn(blobs, 'list').mockImplementationOnce(async () => {
    await move('suspended');
    return [];
  });
  expect(await takeJob(node.deps, 'worker')).toBe(true);
  expect(list).toHaveBeenCalledTimes(1);
  list.mockRestore();
  expect(await jobOf(job)).toEqual({ ...ENDED, ...NOT_OWED });
  expect(await blobs.list(`bulk/${job}/`)).toEqual([]);
});

test('what was let in before and is stored after it is refused', async () => {
  const { sql } = node.deps.database;
  const begin = sql.begin.bind(sql);
  const suspended = vi.spyOn(sql, 'begin').mockImplementationOnce((async (...given: Parameters<typeof begin>) => {
    await move('suspended');
    return begin(...given);
  }) as unknown as typeof begin);
  const answer = await them.kick(place);
  expect(suspended).toHaveBeenCalled();
  suspended.mockRestore();
  expect(answer.status).toBe(401);
  expect(await sql`select from exchange.bulk_job where state in ('queued', 'running')`).toHaveLength(0);
});

test('a client that publishes its private key has nothing left either', async () => {
  const exposed = new ExportClient(node, await client(node, 'exposed', { npi: ASKER.npi }));
  await exposed.signIn();
  const group = await exposed.group([card(rivera)]);
  const job = idIn((await exposed.kick(`Group/${group}/$export`)).header('content-location'));
  const { sql } = node.deps.database;
  await sql`update exchange.peer set jwks = jsonb_set(jwks, '{keys,0,d}', '"x"') where id = 'exposed'`;
  expect((await exposed.peer.post(await exposed.peer.form())).status).toBe(401);
  expect(await jobOf(job)).toEqual({ ...ENDED, ...NOT_OWED });
});

/** A download that stands still in its midst while something happens, and then goes on. */
async function halted(url: string, encoding: string, meanwhile: () => Promise<unknown>): Promise<Buffer> {
  const { blobs } = node.deps;
  const get = blobs.get.bind(blobs);
  const rest = Promise.withResolvers<void>();
  const open = vi.spyOn(blobs, 'get').mockImplementation((async (...given: Parameters<Blobs['get']>) => {
    const stream = await get(...given);
    return (async function* () {
      for await (const chunk of stream ?? []) {
        yield chunk.subarray(0, 100);
        await rest.promise;
        yield chunk.subarray(100);
      }
    })();
  }) as Blobs['get']);
  let ahead = 0;
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + ahead);
  try {
    const headers = { authorization: `Bearer ${await them.signIn()}`, 'accept-encoding': encoding };
    const answer = await request(url, { headers });
    expect(answer.statusCode).toBe(200);
    await meanwhile();
    ahead = 6000;
    rest.resolve();
    return Buffer.from(await answer.body.arrayBuffer());
  } finally {
    open.mockRestore();
    clock.mockRestore();
  }
}

test.each(['gzip', 'identity'])('a slow download is broken off when it may not go on, %s', async (encoding) => {
  const { sql } = node.deps.database;
  const stack = vi.spyOn(console, 'error');
  const { manifest } = await them.finished(await them.kick(place));
  const url = manifest.output.find((f) => f.type === 'Patient')?.url ?? '';
  const whole = await halted(url, encoding, async () => {});
  const text = encoding === 'gzip' ? gunzipSync(whole) : whole;
  expect(text.toString().trim().split('\n')).toHaveLength(2);
  const withdrawn = halted(
    url,
    encoding,
    () => sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
      values ('w', ${idOf(robert)}, 'withdraw', 'regular', ${planDay()}::date, 'test')`,
  );
  await expect(withdrawn).rejects.toThrow();
  // a line of ours tells of it, and no stack of the server
  expect(stack).not.toHaveBeenCalled();
  await undo(sql, sql`delete from exchange.consent where id = 'w'`);
  const again = await them.finished(await them.kick(place));
  const next = again.manifest.output.find((f) => f.type === 'Patient')?.url ?? '';
  await expect(halted(next, encoding, () => move('suspended'))).rejects.toThrow();
  expect(stack).not.toHaveBeenCalled();
  stack.mockRestore();
});

/** A download that is asked about every 10 ms and given up after `patienceMs`, and what became of its connection. */
function download(mayGoOn: () => Promise<boolean>, patienceMs = 60, isTcp = true) {
  const ends: string[] = [];
  const over = Promise.withResolvers<void>();
  const end = (how: string) => {
    ends.push(how);
    over.resolve();
  };
  const socket = {
    resetAndDestroy() {
      if (!isTcp) throw new Error('not TCP');
      end('reset');
    },
    destroy: () => end('closed'),
  };
  const c = { env: { outgoing: { destroy: () => {}, socket } } } as unknown as Parameters<typeof whileAllowed>[0];
  const source = (async function* () {
    for (;;) yield Buffer.from('x');
  })();
  return { going: whileAllowed(c, source, mayGoOn, { everyMs: 10, patienceMs }), ends, over: over.promise };
}
const aWhile = () => new Promise((done) => setTimeout(done, 50));

test.each([
  ['not allowed', async () => false, true, /may not leave/],
  ['no one who could be asked', () => Promise.reject(new Error('away')), true, /away/],
  ['no answer', () => new Promise<boolean>(() => {}), true, /no one says/],
  ['not allowed, over a connection that cannot be reset', async () => false, false, /may not leave/],
])('while a client takes nothing it is looked at all the same: %s', async (_, mayGoOn, isTcp, says) => {
  // where an answer is expected, a slow machine may take its time
  const { going, ends, over } = download(mayGoOn, says.source === 'may not leave' ? 60_000 : 60, isTcp);
  expect(String((await going.next()).value)).toBe('x');
  // nothing is read, and what the system holds back goes with the connection
  await over;
  await expect(going.next()).rejects.toThrow(says);
  await aWhile();
  expect(ends).toEqual([isTcp ? 'reset' : 'closed']);
});

test('a database that is away or slow for a while holds a download up, with one question at a time, and breaks none off', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<boolean>();
  const { going, ends } = download(() => (++asked === 1 ? Promise.reject(new Error('away')) : answer.promise), 10_000);
  await going.next();
  await aWhile();
  let left = 0;
  const next = going.next().then(() => left++);
  await aWhile();
  expect([asked, left]).toEqual([2, 0]);
  answer.resolve(true);
  await next;
  expect([left, ends]).toEqual([1, []]);
  await going.return(undefined);
});
