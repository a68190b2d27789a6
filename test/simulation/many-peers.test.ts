// One night: fifty payers, good, slow, away for hours, lying and dead, a thousand members, two workers on one database. Time
// is moved by hand whenever nothing is due.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { OPEN_STATES } from '../../exchange/requester/pull.ts';
import { PullWorker } from '../../exchange/requester/run.ts';
import { enrol, type Person } from '../exchange/plan-fixture.ts';
import { lab } from '../exchange/reconcile/reconcile-pull.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { groupOf } from '../support/scripted-peer.ts';

const PEERS = 50;
/** of each payer; 200 make the ten thousand of a large plan's night */
const MEMBERS = Number(process.env['SIMULATION_MEMBERS'] ?? 20);
const RECORDS = 3;
const HOUR = 3_600_000;
type Manner = 'good' | 'slow' | 'away' | 'lies' | 'strangers' | 'dead';
const manner = (n: number): Manner =>
  (['good', 'good', 'good', 'good', 'slow', 'slow', 'away', 'lies', 'strangers', 'dead'] as const)[n % 10] ?? 'good';
const EXPECTED: Record<Manner, [string, string | null]> = {
  good: ['done', null],
  slow: ['done', null],
  away: ['done', null],
  lies: ['unbalanced', 'count-mismatch'],
  strangers: ['partial', 'too-many-held'],
  dead: ['failed', 'unreachable'],
};

const two = (n: number): string => String(n).padStart(2, '0');
const people = (n: number): Person[] =>
  Array.from({ length: MEMBERS }, (_, i) => ({
    number: `N${n}-${i}`,
    family: `Family${String.fromCharCode(65 + (i % 26))}`,
    given: 'Kim',
    born: `19${50 + (n % 40)}-${two(1 + (Math.floor(i / 28) % 12))}-${two(1 + (i % 28))}`,
    prior: `Plan ${n}`,
  }));

let node: TestNode;
let server: Server;
let base: string;
let skew = 0;
let begun = 0;
const hits = new Map<string, number>();
const groups = new Map<number, string>();
const polls = new Map<number, number>();

function answer(request: IncomingMessage, a: ServerResponse, body: string): void {
  const [, which = '', path = ''] = /^\/p(\d+)(\/[^?]*)/.exec(request.url ?? '') ?? [];
  const n = Number(which);
  const is = manner(n);
  hits.set(is, (hits.get(is) ?? 0) + 1);
  const at = `${base}/p${n}`;
  const json = (what: unknown, headers: Record<string, string> = {}) =>
    a.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(what));
  const later = (seconds: number) => a.writeHead(202, { 'retry-after': String(seconds) }).end();
  const manifest = (...output: object[]) =>
    json({ transactionTime: '2026-01-05T00:00:00Z', requiresAccessToken: true, output, error: [] });
  if (is === 'dead') return void a.destroy();
  if (is === 'away' && Date.now() + skew - begun < 3 * HOUR) return void a.writeHead(503).end();
  if (path.endsWith('smart-configuration')) return void json({ token_endpoint: `${at}/token` });
  if (path === '/fhir/metadata') return void json({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
  if (path === '/token') return void json({ access_token: 't', token_type: 'bearer', expires_in: 300 });
  if (request.method === 'DELETE') return void a.writeHead(202).end();
  if (path.endsWith('bulk-member-match')) {
    const ids = [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"birthDate":"([^"]+)"/g)];
    const mine = people(n);
    const who = ids.map((m) => mine.find((p) => p.born === m[2]));
    groups.set(
      n,
      JSON.stringify(
        groupOf(
          ids.map((m, i) => [m[1] ?? '', `p${who[i]?.number}`]),
          who as Person[],
        ),
      ),
    );
    return void a.writeHead(202, { 'content-location': `${at}/status/match` }).end();
  }
  if (path === '/status/match') return void manifest({ type: 'Group', url: `${at}/f/group` });
  if (path === '/f/group')
    return void a.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).end(groups.get(n));
  if (path.endsWith('davinci-data-export'))
    return void a.writeHead(202, { 'content-location': `${at}/status/export` }).end();
  if (path === '/status/export') {
    const asked = (polls.get(n) ?? 0) + 1;
    polls.set(n, asked);
    if (is === 'slow' && asked < 8) return void later(1800);
    return void manifest({ type: 'Observation', url: `${at}/f/1`, count: MEMBERS * RECORDS + (is === 'lies' ? 1 : 0) });
  }
  const subject = (i: number) => ({ reference: is === 'strangers' ? `Patient/other${i}` : `Patient/pN${n}-${i}` });
  const lines = Array.from({ length: MEMBERS * RECORDS }, (_, i) =>
    JSON.stringify(
      lab(`o${i}`, {
        subject: subject(i % MEMBERS),
        effectiveDateTime: `2026-01-01T0${Math.floor(i / MEMBERS)}:00:00Z`,
      }),
    ),
  );
  return void a.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).end(`${lines.join('\n')}\n`);
}

beforeAll(async () => {
  server = createServer((request, a) => {
    const parts: Buffer[] = [];
    request.on('data', (p: Buffer) => parts.push(p));
    request.on('end', () => answer(request, a, Buffer.concat(parts).toString()));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  node = await startNode(
    { PLAN_NPI: '9000000004', PLAN_NAME: 'New Plan' },
    { clock: () => new Date(Date.now() + skew) },
  );
  const { sql } = node.deps.database;
  for (let n = 0; n < PEERS; n++) {
    const id = `p${n}`;
    await addPeer(
      sql,
      { id, name: `Plan ${n}`, fhirBase: `${base}/p${n}/fhir`, clientIdThere: 'c' },
      'test',
      new Date(),
    );
    await setPeerState(sql, id, 'active', 'test', new Date());
  }
  await enrol(node.deps, Array.from({ length: PEERS }, (_, n) => people(n)).flat());
}, 240_000);
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await node.close();
});

test('each pull rests where it must, nobody waits for another, and nothing is there twice', async () => {
  const { sql } = node.deps.database;
  begun = Date.now();
  expect(await planPulls(node.deps, { cause: 'opt-in' })).toHaveLength(PEERS);
  const workers = [new PullWorker(node.deps), new PullWorker(node.deps)];
  const lane = async (w: PullWorker) => {
    while (await w.step());
  };
  let finishedGood = 0;
  for (let rounds = 0; rounds < 2000; rounds++) {
    await Promise.all(workers.flatMap((w) => [lane(w), lane(w), lane(w)]));
    const [open] = await sql<{ n: number; at: Date | null; good: number }[]>`
      select count(*)::int as n, min(greatest(q.next_at, coalesce(p.paused_until, q.next_at))) as at,
        count(*) filter (where substr(p.id, 2)::int % 10 < 4)::int as good
      from exchange.pull q join exchange.peer p on p.id = q.peer_id where q.state = any(${[...OPEN_STATES]}::text[])`;
    if (open?.good === 0 && finishedGood === 0) finishedGood = Date.now() + skew - begun;
    if (!open || open.n === 0) break;
    skew += Math.max(1, (open.at?.getTime() ?? 0) - node.deps.clock().getTime() + 1);
  }
  const rested = await sql<{ peer: string; state: string; reason: string | null }[]>`
    select peer_id as peer, state, reason from exchange.pull order by created_at`;
  expect(rested).toHaveLength(PEERS);
  for (const r of rested) {
    const n = Number(r.peer.slice(1));
    expect([r.peer, r.state, r.reason]).toEqual([r.peer, ...EXPECTED[manner(n)]]);
  }
  // good ones do not wait for bad ones
  expect(finishedGood).toBeLessThan(HOUR);
  const answering = Array.from({ length: PEERS }, (_, n) => manner(n)).filter((m) => EXPECTED[m][0] === 'done').length;
  const [held] = await sql`
    select count(*)::int as records, count(distinct member_id)::int as members from exchange.resource where origin <> 'own' and type = 'Observation'`;
  expect(held).toEqual({ records: answering * MEMBERS * RECORDS, members: answering * MEMBERS });
  const ledger = await sql`select outcome, count(*)::int as n from exchange.ledger group by outcome`;
  expect([...ledger]).toEqual([{ outcome: 'created', n: answering * MEMBERS * RECORDS }]);
  // a dead peer is not hammered: paused for up to an hour, a day long, five peers
  expect(hits.get('dead')).toBeLessThan(5 * 45);
  const [dead] = await sql`select failures, failure from exchange.peer where id = 'p9'`;
  expect(dead?.['failures']).toBeGreaterThan(5);
  expect(dead?.['failure']).toBe('unreachable');
}, 240_000);
