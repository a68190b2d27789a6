// Payers that send a file hardly faster than they must keep no one else waiting: what waits on its payer leaves its slot. They are as many
// as there are slots, and one more is quick.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { findPull } from '../../exchange/requester/pull.ts';
import { PullWorker } from '../../exchange/requester/run.ts';
import { DetachedWork } from '../../exchange/requester/worker-slot.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { good, groupOf, json, ndjson, sends } from '../support/scripted-peer.ts';
import { enrol, type Person } from './plan-fixture.ts';

const LANES = 4;
const SLOT_MS = 150;
const people: Person[] = Array.from({ length: LANES + 1 }, (_, i) => ({
  number: `N${i}`,
  family: `Rivera${i}`,
  given: 'Ana',
  born: `197${i}-12-25`,
  prior: i === LANES ? 'Quick Plan' : `Slow Plan ${i}`,
}));

let node: TestNode;
const servers: Server[] = [];
/** Answers of slow payers that have begun, and their ends. */
const begun: ServerResponse[] = [];
let mayEnd = false;

/** A payer whose member is `p9` there. */
async function payer(isSlow: boolean, who: Person): Promise<string> {
  let base = '';
  let submitted = '';
  const file = (path: string, type: string) => ({ type, url: `${base}${path}` });
  const manifest = (...output: object[]) => ({
    transactionTime: '2026-01-05T00:00:00Z',
    request: base,
    requiresAccessToken: true,
    output,
    error: [],
  });
  const body = ndjson(good('a'), good('b'));
  const trickle = (a: ServerResponse) => {
    a.writeHead(200, { 'content-type': 'application/fhir+ndjson', 'content-length': String(body.length) });
    begun.push(a);
    let at = 0;
    const drop = setInterval(() => {
      if (mayEnd) {
        clearInterval(drop);
        a.end(body.slice(at));
      } else if (at < body.length - 1) a.write(body[at++]);
    }, 20);
    a.on('close', () => clearInterval(drop));
  };
  const server = createServer((request, a) => {
    const parts: Buffer[] = [];
    request.on('data', (p: Buffer) => parts.push(p));
    request.on('end', () => {
      const path = decodeURIComponent(request.url ?? '');
      if (path === '/fhir/.well-known/smart-configuration') return json(a, { token_endpoint: `${base}/token` });
      if (path === '/fhir/metadata') return json(a, { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
      if (path === '/token') return json(a, { access_token: 't', token_type: 'Bearer', expires_in: 300 });
      if (path === '/fhir/Group/$bulk-member-match') {
        submitted = /"id":"(m-[^"]+)"/.exec(Buffer.concat(parts).toString())?.[1] ?? '';
        return void a.writeHead(202, { 'content-location': `${base}/status/match` }).end();
      }
      if (path === '/status/match') return json(a, manifest(file('/f/group', 'Group')));
      if (path === '/f/group') return sends(JSON.stringify(groupOf([[submitted, 'p9']], [who])))(request, a, '');
      if (path === '/fhir/Group/g1/$davinci-data-export')
        return void a.writeHead(202, { 'content-location': `${base}/status/export` }).end();
      if (path === '/status/export') return json(a, manifest(file('/f/1', 'Observation')));
      if (path === '/f/1') return isSlow ? trickle(a) : sends(body)(request, a, '');
      // a document of a slow payer never comes to its end
      if (path === '/doc' && isSlow)
        return void a.writeHead(200, { 'content-type': 'text/plain' }).write('x', () => begun.push(a));
      if (path === '/doc') return void a.writeHead(200, { 'content-type': 'text/plain' }).end('a letter');
      return json(a, {}, request.method === 'DELETE' ? 202 : 404);
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return base;
}

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: '9000000004', PLAN_NAME: 'New Plan', PULL_CONCURRENCY: String(LANES) });
  const { sql } = node.deps.database;
  for (const [i, who] of people.entries()) {
    const id = i === LANES ? 'quick' : `slow-${i}`;
    const fhirBase = `${await payer(i < LANES, who)}/fhir`;
    await addPeer(sql, { id, name: who.prior ?? '', fhirBase, clientIdThere: 'c' }, 'test', node.deps.clock());
    await setPeerState(sql, id, 'active', 'test', node.deps.clock());
  }
  await enrol(node.deps, people);
});
afterAll(async () => {
  for (const s of servers) {
    s.closeAllConnections();
    s.close();
  }
  await node.close();
});

const until = async (what: () => Promise<boolean> | boolean): Promise<boolean> => {
  for (let tries = 0; tries < 1600; tries++) {
    if (await what()) return true;
    await new Promise((r) => setTimeout(r, 25));
  }
  return false;
};

test('as many slow payers as there are lanes: a quick one is had meanwhile, and they come to their end beside the slots', async () => {
  const { sql } = node.deps.database;
  const worker = new PullWorker(node.deps, SLOT_MS);
  const ending = new AbortController();
  const lanes = Array.from({ length: LANES }, async () => {
    while (!ending.signal.aborted) if (!(await worker.step())) await new Promise((r) => setTimeout(r, 25));
  });
  const slow: string[] = [];
  for (let i = 0; i < LANES; i++) slow.push(...(await planPulls(node.deps, { cause: 'command', peerId: `slow-${i}` })));
  expect(slow).toHaveLength(LANES);
  expect(await until(() => begun.length === LANES)).toBe(true);
  const [quick = ''] = await planPulls(node.deps, { cause: 'command', peerId: 'quick' });
  const stateOf = async (id: string) => (await findPull(sql, id))?.state;
  expect(await until(async () => (await stateOf(quick)) === 'done')).toBe(true);
  // none of them was broken off, nor asked for again
  expect(await Promise.all(slow.map(stateOf))).toEqual(slow.map(() => 'downloading'));
  expect(begun).toHaveLength(LANES);
  mayEnd = true;
  expect(await until(async () => (await Promise.all(slow.map(stateOf))).every((s) => s === 'done'))).toBe(true);
  ending.abort();
  await Promise.all(lanes);
  await worker.over();
  const [held] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.resource where origin <> 'own' and type = 'Observation'`;
  expect(held?.n).toBe(2 * (LANES + 1));
}, 60_000);

test('documents of a payer from which they come slowly keep those of others waiting no longer than a slot is held', async () => {
  const { sql } = node.deps.database;
  begun.length = 0;
  const worker = new PullWorker(node.deps, SLOT_MS);
  // the slow payer has waited longer
  for (const [peer, at] of [
    ['slow-0', '2026-01-01'],
    ['quick', '2026-01-02'],
  ] as const)
    await sql`
      insert into exchange.attachment (member_id, type, record_id, document_id, peer_id, pull_id, url, written, media, state, next_at)
      select r.member_id, r.type, r.id, 'doc-' || n, p.id, q.id, replace(p.fhir_base, '/fhir', '/doc'), '"url":"x"', 'text/plain', 'due', ${at}::timestamptz
      from exchange.peer p join exchange.pull q on q.peer_id = p.id cross join generate_series(1, 20) n
      cross join lateral (select member_id, type, id from exchange.resource where origin = p.id and type = 'Observation' limit 1) r
      where p.id = ${peer}`;
  const kept = async () =>
    Number(
      (await sql`select count(*) as n from exchange.attachment where peer_id = 'quick' and state = 'kept'`)[0]?.['n'],
    );
  const ending = new AbortController();
  const lane = (async () => {
    while (!ending.signal.aborted)
      if (!(await worker.attachmentsOfOthers())) await new Promise((r) => setTimeout(r, 25));
  })();
  expect(await until(async () => (await kept()) === 20)).toBe(true);
  // four at once of the slow one, and no more of it meanwhile
  expect(begun).toHaveLength(4);
  ending.abort();
  await sql`update exchange.attachment set url = 'none' where peer_id = 'slow-0'`;
  await lane;
  for (const a of begun) a.destroy();
  const closing = setInterval(() => {
    for (const a of begun) a.destroy();
  }, 20);
  await worker.over();
  clearInterval(closing);
}, 60_000);

test('work that has left its slot is informed of when it breaks, and work without a name, or more of it than goes beside, holds its slot', async () => {
  const told: unknown[] = [];
  const beside = new DetachedWork<string>(1, (error) => told.push(error), 5);
  const going = Array.from({ length: 17 }, () => Promise.withResolvers<boolean>());
  const held = going.slice(0, 16).map((g, i) => beside.hold(g.promise, () => `p${i}`));
  expect(await Promise.all(held)).toEqual(held.map(() => true));
  expect(beside.names).toHaveLength(16);
  let isOver = false;
  const last = beside.hold(going[16]?.promise ?? Promise.resolve(true), () => 'p16').finally(() => (isOver = true));
  await new Promise((r) => setTimeout(r, 25));
  expect(isOver).toBe(false);
  going[16]?.resolve(false);
  expect(await last).toBe(false);
  const nameless = beside.hold(
    new Promise<boolean>((_, fail) => setTimeout(() => fail(new Error('x')), 20)),
    () => undefined,
  );
  await expect(nameless).rejects.toThrow('x');
  going[0]?.reject(new Error('broke'));
  for (const g of going.slice(1)) g.resolve(true);
  await beside.over();
  expect(told).toHaveLength(1);
  expect(beside.names).toEqual([]);
});
