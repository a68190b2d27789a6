// Our client against a peer that does everything wrong: one scripted server, whole pulls, time moved by hand.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { addPeer, type Peer, setPeerState } from '../../exchange/peers/peer.ts';
import { keptText } from '../../exchange/reconcile/stage.ts';
import { correlate, groupsIn } from '../../exchange/requester/client/correlate.ts';
import { readKickOff, readManifest } from '../../exchange/requester/client/kick-off.ts';
import { limitsOf } from '../../exchange/requester/client/limits.ts';
import { readPages } from '../../exchange/requester/client/manifest.ts';
import { isPeerOrigin, PeerFault } from '../../exchange/requester/client/peer-fetch.ts';
import type { Talk } from '../../exchange/requester/client/talk.ts';
import { giveUpPull } from '../../exchange/requester/give-up.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import {
  findPull,
  LeaseLost,
  movePull,
  OPEN_STATES,
  type Pull,
  type PullState,
} from '../../exchange/requester/pull.ts';
import { pullReport } from '../../exchange/requester/report/pull-report.ts';
import { PullWorker } from '../../exchange/requester/run.ts';
import { bucketOf } from '../../exchange/responder/match/groups.ts';
import type { Blobs } from '../../src/deps.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { enrol, type Person } from './plan-fixture.ts';
import { lab } from './reconcile/reconcile-pull.ts';

type Seen = { method: string; path: string; token: string | undefined; headers: IncomingMessage['headers'] };
type Handler = (request: IncomingMessage, answer: ServerResponse, body: string) => void;

const person: Person = { number: 'N1', family: 'Rivera', given: 'Ana', born: '1974-12-25', prior: 'Scripted Plan' };
let node: TestNode;
let server: Server;
let foreign: Server;
let base: string;
let foreignBase: string;
let skew = 0;
let seen: Seen[] = [];
let strangers: Seen[] = [];
let script: Record<string, Handler> = {};
let submitted = '';

const json = (answer: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}) =>
  void answer
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
const see = (list: Seen[], r: IncomingMessage) =>
  list.push({ method: r.method ?? '', path: r.url ?? '', token: r.headers.authorization, headers: r.headers });
const manifest = (output: object[], more: object = {}) => ({
  transactionTime: '2026-01-05T00:00:00Z',
  request: `${base}/fhir/x`,
  requiresAccessToken: true,
  output,
  error: [],
  ...more,
});
const good = (id: string) => JSON.stringify(lab(id, { subject: { reference: 'Patient/p9' } }));
const file = (path = '/f/1', count?: number) => ({
  type: 'Observation',
  url: `${base}${path}`,
  ...(count === undefined ? {} : { count }),
});

/** What a peer does that does everything right. */
const NORMAL: Record<string, Handler> = {
  'GET /fhir/.well-known/smart-configuration': (_, a) =>
    json(a, { token_endpoint: `${base}/token`, token_endpoint_auth_methods_supported: ['private_key_jwt'] }),
  'GET /fhir/metadata': (_, a) => json(a, { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' }),
  'POST /token': (_, a) => json(a, { access_token: `t${seen.length}`, token_type: 'Bearer', expires_in: '300' }),
  'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
    submitted = /"id":"(m-[^"]+)"/.exec(body)?.[1] ?? '';
    a.writeHead(202, { 'content-location': '/status/match' }).end();
  },
  'GET /status/match': (_, a) => json(a, manifest([{ type: 'Group', url: `${base}/f/group`, count: 1 }])),
  'GET /f/group': (_, a) =>
    json(a, {
      resourceType: 'Group',
      id: 'g1',
      code: { coding: [{ code: 'match' }] },
      contained: [{ resourceType: 'Patient', id: submitted, name: [{ family: 'Rivera' }], birthDate: '1974-12-25' }],
      member: [
        {
          entity: {
            reference: 'Patient/p9',
            extension: [
              {
                url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters',
                valueReference: { reference: `#${submitted}` },
              },
            ],
          },
        },
      ],
    }),
  'POST /fhir/Group/g1/$davinci-data-export': (_, a) =>
    void a.writeHead(202, { 'content-location': `${base}/status/export` }).end(),
  'GET /status/export': (_, a) => json(a, manifest([file('/f/1', 2)])),
  'GET /f/1': (_, a) =>
    void a.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).end(`${good('a')}\n${good('b')}\n`),
  'DELETE /status/match': (_, a) => void a.writeHead(202).end(),
  'DELETE /status/export': (_, a) => void a.writeHead(202).end(),
};

const listen = async (made: Server): Promise<string> => {
  await new Promise<void>((done) => made.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(made.address() as { port: number }).port}`;
};

beforeAll(async () => {
  server = createServer((request, answer) => {
    see(seen, request);
    const parts: Buffer[] = [];
    request.on('data', (p: Buffer) => parts.push(p));
    request.on('end', () => {
      const key = `${request.method} ${(request.url ?? '').split('?')[0]}`;
      const handler = script[key] ?? NORMAL[key];
      if (handler) handler(request, answer, Buffer.concat(parts).toString());
      else json(answer, { resourceType: 'OperationOutcome' }, 404);
    });
  });
  foreign = createServer((request, answer) => {
    see(strangers, request);
    answer.end(`${good('evil')}\n`);
  });
  base = await listen(server);
  foreignBase = await listen(foreign);
  node = await startNode(
    { PLAN_NPI: '9000000004', PLAN_NAME: 'New Plan' },
    { clock: () => new Date(Date.now() + skew) },
  );
  const { sql } = node.deps.database;
  await addPeer(
    sql,
    { id: 'scripted', name: 'Scripted Plan', fhirBase: `${base}/fhir`, clientIdThere: 'c1' },
    'test',
    new Date(),
  );
  await setPeerState(sql, 'scripted', 'active', 'test', new Date());
  await enrol(node.deps, [person]);
});
afterEach(() => {
  script = {};
  seen = [];
  strangers = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  foreign.close();
  await node.close();
});

/** A whole new pull, to where it rests; waiting costs no time. */
async function pull(over: Record<string, Handler> = {}, full = true): Promise<Pull & { waited: number }> {
  script = over;
  const [id = ''] = await planPulls(node.deps, { cause: 'command', again: true, full });
  const started = skew;
  for (let steps = 0; steps < 200; steps++) {
    const found = await findPull(node.deps.database.sql, id);
    if (!found) throw new Error('no pull was planned');
    if (!(OPEN_STATES as readonly string[]).includes(found.state)) return { ...found, waited: skew - started };
    if ((await node.worker.drain()) === 0)
      skew += Math.max(1, found.nextAt.getTime() - node.deps.clock().getTime() + 1);
  }
  throw new Error('the pull does not come to rest');
}
const asked = (path: string) => seen.filter((s) => s.path === path);
/** Answers in turn; the last one stays. */
const turns = (...handlers: Handler[]): Handler => {
  let n = 0;
  return (request, answer, body) => handlers[Math.min(n++, handlers.length - 1)]?.(request, answer, body);
};
const later =
  (header?: string): Handler =>
  (_, a) =>
    void a.writeHead(202, header === undefined ? {} : { 'retry-after': header }).end();
/** A date by our clock, beside one that is none. */
const undated =
  (ms: number, date: string): Handler =>
  (_, a) =>
    void a.writeHead(202, { date, 'retry-after': new Date(Date.now() + skew + ms).toUTCString() }).end();
/** A date so long after what the peer's clock says, which may be another time than ours. */
const laterBy =
  (ms: number, ahead = 0): Handler =>
  (_, a) => {
    const theirs = Date.now() + skew + ahead;
    const [date, after] = [theirs, theirs + ms].map((t) => new Date(t).toUTCString());
    a.writeHead(202, { date, 'retry-after': after }).end();
  };
const normal = (key: string): Handler => NORMAL[key] as Handler;
const status =
  (code: number): Handler =>
  (_, a) =>
    json(a, { resourceType: 'OperationOutcome' }, code);

describe('a peer that does all right', () => {
  test('done; tokens go only where they belong; the job is released', async () => {
    const done = await pull();
    expect([done.state, done.reason]).toEqual(['done', null]);
    for (const s of seen.filter(
      (x) => x.path.startsWith('/fhir/.well-known') || x.path === '/fhir/metadata' || x.path === '/token',
    ))
      expect(s.token).toBeUndefined();
    for (const s of seen.filter((x) => x.path.startsWith('/f/') || x.path.startsWith('/status/')))
      expect(s.token).toMatch(/^Bearer t\d+$/);
    expect(seen.filter((s) => s.method === 'DELETE').map((s) => s.path)).toEqual(['/status/match', '/status/export']);
  });
});

const pointer = (id: string) => ({
  entity: {
    reference: `Patient/${id}`,
    extension: [
      {
        url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters',
        valueReference: { reference: `#${submitted}` },
      },
    ],
  },
});
const groupOf = (id: string, ...patients: string[]) => ({
  resourceType: 'Group',
  id,
  code: { coding: [{ code: 'match' }] },
  contained: [{ resourceType: 'Patient', id: submitted, name: [{ family: 'Rivera' }], birthDate: '1974-12-25' }],
  member: patients.map(pointer),
});
const lineOf = (id: string, patient: string) =>
  JSON.stringify(lab(id, { subject: { reference: `Patient/${patient}` }, effectiveDateTime: '2025-07-07T10:00:00Z' }));

describe('a member who is several Patients there', () => {
  const twofold: Record<string, Handler> = {
    'GET /f/group': (_, a) => json(a, groupOf('g1', 'p9', 'p10')),
    'GET /status/export': (_, a) => json(a, manifest([file('/f/1', 2)])),
    'GET /f/1': (_, a) => void a.end(`${lineOf('of-9', 'p9')}\n${lineOf('of-10', 'p10')}\n`),
  };
  const outcomes = async (id: string) =>
    (
      await node.deps.database.sql`
        select outcome || coalesce(' ' || reason, '') || ' ' || source_id as line from (
          select outcome, reason, source_id from exchange.ledger where pull_id = ${id}) l order by source_id desc`
    ).map((r) => r['line']);

  test('in one Group: the records of both are the member’s, also when the Group is asked again; later without one of them they are not', async () => {
    const done = await pull(twofold);
    expect(done.state).toBe('done');
    expect(await outcomes(done.id)).toEqual(['created of-9', 'created of-10']);
    script = twofold;
    const [again = ''] = await planPulls(node.deps, { cause: 'command', again: true });
    await node.worker.drain();
    expect(await outcomes(again)).toEqual(['unchanged of-9', 'unchanged of-10']);
    expect(asked('/status/match').filter((r) => r.method === 'GET')).toHaveLength(1);
    const one = await pull({ ...twofold, 'GET /f/group': (_, a) => json(a, groupOf('g1', 'p9')) });
    expect(await outcomes(one.id)).toEqual(['unchanged of-9', 'quarantined wrong-patient of-10']);
  });

  test('in two Groups, or with one who is another member’s: neither answer is trusted', async () => {
    const two = await pull({
      'GET /status/match': (_, a) =>
        json(a, manifest([1, 2].map((n) => ({ type: 'Group', url: `${base}/f/group${n}`, count: 1 })))),
      'GET /f/group1': (_, a) => json(a, groupOf('g1', 'p9')),
      'GET /f/group2': (_, a) => json(a, groupOf('g2', 'p10')),
    });
    const { sql } = node.deps.database;
    expect([
      ...(await sql`select outcome, further_patients as f from exchange.pull_member where pull_id = ${two.id}`),
    ]).toEqual([{ outcome: 'contradictory', f: [] }]);
    const asked = ['a', 'b'].map((submittedId) => ({
      submittedId,
      memberId: `of-${submittedId}`,
      family: 'Rivera',
      birthDate: '1974-12-25',
    }));
    submitted = 'a';
    const a = groupOf('g1', 'p9', 'p10');
    submitted = 'b';
    const b = groupOf('g1', 'p10');
    const outcomes = (submissions: typeof asked) =>
      correlate(
        [{ group: { ...a, contained: [...a.contained, ...b.contained], member: [...a.member, ...b.member] } }],
        submissions,
        `${base}/fhir`,
      ).members.map((m) => m.outcome);
    expect(outcomes(asked)).toEqual(['conflict', 'conflict']);
    // one member with two cards there is the one person
    expect(outcomes(asked.map((s) => ({ ...s, memberId: 'one' })))).toEqual(['matched', 'matched']);
  });
  test.each(['g\u0000', 'g\n1', '\ud800', undefined])(
    'a Group whose id is %j cannot be asked for, and is no fault of ours',
    async (id) => {
      const rested = await pull({
        'GET /f/group': (_, a) => void a.end(`${JSON.stringify({ ...groupOf('g1', 'p9'), id })}\n`),
      });
      expect([rested.state, rested.reason]).toEqual(['review', 'group-without-id']);
    },
  );
});

describe('waiting', () => {
  test('seconds, a date, something absurd and nothing are all waited for within limits', async () => {
    const done = await pull({
      'GET /status/export': turns(
        later('7'),
        laterBy(60_000),
        // by a clock that is two hours before ours, or behind it
        laterBy(60_000, 7_200_000),
        laterBy(60_000, -7_200_000),
        undated(60_000, '0'),
        undated(60_000, '2030-01-01'),
        later('1800000000'),
        later('soon'),
        later(),
        normal('GET /status/export'),
      ),
    });
    expect(done.state).toBe('done');
    expect(asked('/status/export').filter((s) => s.method === 'GET')).toHaveLength(10);
    expect(done.waited).toBeGreaterThan(3_890_000);
    expect(done.waited).toBeLessThan(4_020_000);
  });

  test('one failure after many polls is a first failure', async () => {
    const done = await pull({
      'GET /status/export': turns(
        ...Array.from({ length: 15 }, () => later('1')),
        status(503),
        normal('GET /status/export'),
      ),
    });
    expect([done.state, done.reason]).toEqual(['done', null]);
  });

  test('429 is waited for as it says', async () => {
    const done = await pull({
      'POST /fhir/Group/g1/$davinci-data-export': turns(
        (_, a) => json(a, {}, 429, { 'retry-after': '120' }),
        normal('POST /fhir/Group/g1/$davinci-data-export'),
      ),
    });
    expect(done.state).toBe('done');
    expect(done.waited).toBeGreaterThan(119_000);
  });

  test('a status that never ends ends the pull', async () => {
    const failed = await pull({ 'GET /status/export': later('3600') });
    expect([failed.state, failed.reason]).toEqual(['failed', 'peer-too-slow']);
  });

  test('a status that never ends is given up by a person, once; the job is deleted, and what was missing comes with the next request', async () => {
    script = { 'GET /status/export': later('3600') };
    const [id = ''] = await planPulls(node.deps, { cause: 'command', again: true, full: true });
    await node.worker.drain();
    const { sql } = node.deps.database;
    expect((await findPull(sql, id))?.state).toBe('exporting');
    const giveUp = (seen: PullState) =>
      giveUpPull(node.deps, { kind: 'command', subject: 'ann', name: 'Ann' }, { id, seen, note: 'it lost the job' });
    // who works on it meanwhile commits nothing more
    await sql`update exchange.pull set lease_owner = 'other', lease_until = now() + interval '1 hour' where id = ${id}`;
    expect([await giveUp('matching'), await giveUp('exporting'), await giveUp('exporting')]).toEqual([
      false,
      true,
      false,
    ]);
    await expect(movePull(sql, id, 'other', node.deps.clock(), 'downloading', {})).rejects.toThrow(LeaseLost);
    const ended = await findPull(sql, id);
    expect([ended?.state, ended?.reason]).toEqual(['failed', 'given-up']);
    const events = await sql`select detail from exchange.pull_event where pull_id = ${id} and state = 'failed'`;
    expect(events.map((e) => e['detail'])).toEqual(['given up by Ann: it lost the job']);
    const audit =
      await sql`select actor, reason from exchange.audit where action = 'give-up' and object = ${`pull/${id}`}`;
    expect([...audit]).toEqual([{ actor: 'ann', reason: 'exporting' }]);
    await node.worker.release();
    expect(asked('/status/export').filter((r) => r.method === 'DELETE')).toHaveLength(1);
    script = {};
    const [again = ''] = await planPulls(node.deps, { cause: 'command', again: true });
    await node.worker.drain();
    expect((await findPull(sql, again))?.state).toBe('done');
  });

  test('a pull that takes records in, or has ended, is not given up', async () => {
    const done = await pull();
    const by = { kind: 'command', subject: 'ann', name: 'Ann' } as const;
    for (const seen of ['done', 'reconciling'] as const) {
      await node.deps.database.sql`update exchange.pull set state = ${seen} where id = ${done.id}`;
      expect(await giveUpPull(node.deps, by, { id: done.id, seen, note: 'no' })).toBe(false);
    }
    await node.deps.database.sql`update exchange.pull set state = 'done' where id = ${done.id}`;
  });
});

describe('answers that are none', () => {
  test.each<[string, string, Handler, string, string]>([
    [
      'HTML with 200',
      'GET /status/export',
      (_, a) => void a.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'failed',
      'not-json',
    ],
    [
      'an OperationOutcome with 200',
      'GET /status/export',
      (_, a) => json(a, { resourceType: 'OperationOutcome' }),
      'failed',
      'job-failed',
    ],
    [
      'an OperationOutcome to the match',
      'GET /status/match',
      (_, a) => json(a, { resourceType: 'OperationOutcome' }),
      'failed',
      'job-failed',
    ],
    ['an empty object', 'GET /status/export', (_, a) => json(a, {}), 'failed', 'manifest-malformed'],
    [
      'a URL that is none',
      'GET /status/export',
      (_, a) => json(a, manifest([{ type: 'Observation', url: 'http://[' }])),
      'failed',
      'manifest-malformed',
    ],
    [
      'a count beyond all',
      'GET /status/export',
      (_, a) => json(a, manifest([file('/f/1', 1e15)])),
      'failed',
      'manifest-malformed',
    ],
    [
      'a synchronous answer',
      'POST /fhir/Group/g1/$davinci-data-export',
      (_, a) => json(a, { resourceType: 'Bundle' }),
      'failed',
      'sync-answer',
    ],
    [
      '202 without Content-Location',
      'POST /fhir/Group/g1/$davinci-data-export',
      (_, a) => void a.writeHead(202).end(),
      'failed',
      'no-content-location',
    ],
    [
      'Content-Location of another scheme',
      'POST /fhir/Group/g1/$davinci-data-export',
      (_, a) => void a.writeHead(202, { 'content-location': 'javascript:1' }).end(),
      'review',
      'foreign-origin',
    ],
    ['403', 'POST /fhir/Group/$bulk-member-match', status(403), 'refused', 'forbidden'],
    [
      'invalid_client',
      'POST /token',
      (_, a) => json(a, { error: 'invalid_client' }, 401),
      'refused',
      'token-invalid_client',
    ],
    [
      'pages that go round',
      'GET /status/export',
      (_, a) => json(a, manifest([], { link: [{ relation: 'next', url: `${base}/status/export` }] })),
      'failed',
      'manifest-loop',
    ],
  ])('%s', async (_, route, handler, state, reason) => {
    if (route === 'POST /token') skew += 400_000; // the token of the test before is over
    const rested = await pull({ [route]: handler });
    expect([rested.state, rested.reason]).toEqual([state, reason]);
  });
});

describe('origins', () => {
  test.each<[string, Record<string, Handler>]>([
    [
      'a file',
      { 'GET /status/export': (_, a) => json(a, manifest([{ type: 'Observation', url: `${foreignBase}/f` }])) },
    ],
    [
      'a file said to need no token',
      {
        'GET /status/export': (_, a) =>
          json(a, manifest([{ type: 'Observation', url: `${foreignBase}/f` }], { requiresAccessToken: false })),
      },
    ],
    [
      'a look-alike by userinfo',
      {
        'GET /status/export': (_, a) =>
          json(a, manifest([{ type: 'Observation', url: `http://${base.slice(7)}@${foreignBase.slice(7)}/f` }])),
      },
    ],
    [
      'the status',
      {
        'POST /fhir/Group/g1/$davinci-data-export': (_, a) =>
          void a.writeHead(202, { 'content-location': `${foreignBase}/s` }).end(),
      },
    ],
    [
      'a next page',
      {
        'GET /status/export': (_, a) =>
          json(a, manifest([], { link: [{ relation: 'next', url: `${foreignBase}/s` }] })),
      },
    ],
    ['a redirect', { 'GET /f/1': (_, a) => void a.writeHead(302, { location: `${foreignBase}/f` }).end() }],
    [
      'a redirect of the status',
      { 'GET /status/export': (_, a) => void a.writeHead(307, { location: `${foreignBase}/s` }).end() },
    ],
  ])('%s elsewhere is never asked, with or without token', async (_, over) => {
    const rested = await pull(over);
    expect(['review', 'partial']).toContain(rested.state);
    expect(strangers).toEqual([]);
  });

  test('a token endpoint that moved stops the pull before an assertion leaves', async () => {
    const rested = await pull({
      'GET /fhir/.well-known/smart-configuration': (_, a) => json(a, { token_endpoint: `${foreignBase}/token` }),
    });
    expect([rested.state, rested.reason]).toEqual(['review', 'discovery-changed']);
    expect([strangers.length, asked('/token').length]).toEqual([0, 0]);
  });

  test('a file that needs no token gets none', async () => {
    const done = await pull({
      'GET /status/export': (_, a) => json(a, manifest([file()], { requiresAccessToken: false })),
    });
    expect(done.state).toBe('done');
    expect(asked('/f/1')[0]?.token).toBeUndefined();
  });

  test.each([
    'https://peer.example.evil/',
    'https://peer.example:444/',
    'http://peer.example/',
    'https://peer.example@evil.example/',
  ])('%s is not the peer', (url) => {
    expect(isPeerOrigin(new URL(url), { fhirBase: 'https://peer.example/fhir', origins: [] })).toBe(false);
  });
});

describe('tokens', () => {
  test('401 once: a new token and the same request again; twice: the pull ends', async () => {
    const once = await pull({ 'GET /f/1': turns(status(401), normal('GET /f/1')) });
    expect(once.state).toBe('done');
    const [first, second] = asked('/f/1').map((s) => s.token);
    expect(second).not.toBe(first);
    const twice = await pull({ 'GET /f/1': status(401) });
    expect([twice.state, twice.reason]).toEqual(['failed', 'auth']);
    expect(asked('/f/1')).toHaveLength(4);
  });
});

describe('files', () => {
  const cut: Handler = (_, a) => {
    a.writeHead(200, { 'content-length': '100000' });
    a.write(`${good('a')}\n`);
    setTimeout(() => a.destroy(), 20);
  };
  test('a wrong count is fetched again once, then a person decides', async () => {
    const rested = await pull({ 'GET /status/export': (_, a) => json(a, manifest([file('/f/1', 3)])) });
    expect([rested.state, rested.reason]).toEqual(['unbalanced', 'count-mismatch']);
    expect(asked('/f/1')).toHaveLength(2);
  });
  test('a second look that is right ends done; a failure before it does not count as that look', async () => {
    const short: Handler = (_, a) => void a.writeHead(200).end(`${good('a')}\n`);
    const done = await pull({ 'GET /f/1': turns(status(503), short, status(503), normal('GET /f/1')) });
    expect([done.state, asked('/f/1').length]).toEqual(['done', 4]);
  });
  test('a cut file is never taken; fetched again it is', async () => {
    const done = await pull({ 'GET /f/1': turns(cut, normal('GET /f/1')) });
    expect(done.state).toBe('done');
    const never = await pull({ 'GET /f/1': cut });
    expect(never.state).toBe('partial');
  });
  test('404 leaves the pull to a person, and the watermark where it was', async () => {
    const rested = await pull({ 'GET /f/1': status(404) });
    expect([rested.state, rested.reason]).toEqual(['partial', 'file-failed']);
  });
  test('a job that is lost is begun again three times and no more', async () => {
    const done = await pull({
      'GET /status/export': turns(
        later('1'),
        later('1'),
        later('1'),
        later('1'),
        status(404),
        normal('GET /status/export'),
      ),
    });
    expect(done.state).toBe('done');
    const lost = await pull({ 'GET /status/export': status(404) });
    expect([lost.state, lost.reason]).toEqual(['failed', 'job-lost']);
    expect(seen.filter((s) => s.path.endsWith('$davinci-data-export'))).toHaveLength(2 + 4);
  });
  test('all pages of a manifest are taken', async () => {
    const { sql } = node.deps.database;
    const done = await pull({
      'GET /status/export': (request, a) =>
        json(
          a,
          request.url?.includes('page=2')
            ? manifest([file('/f/2', 1)])
            : manifest([file('/f/1', 2)], { link: [{ relation: 'Next', url: '/status/export?page=2' }] }),
        ),
      'GET /f/2': (_, a) => void a.end(`${good('c')}\n`),
    });
    expect(done.state).toBe('done');
    expect(await sql`select from exchange.ledger where pull_id = ${done.id}`).toHaveLength(3);
  });
  test.each([
    [undefined, null],
    [null, null],
    [[], new Date('2026-01-01T00:00:00Z')],
  ])('a manifest whose records are %j: nothing is taken for a whole history', async (output, time) => {
    const said = { ...manifest([]), transactionTime: '2026-01-01T00:00:00Z', output };
    const done = await pull({ 'GET /status/export': (_, a) => json(a, said) });
    expect([done.state, done.transactionTime]).toEqual(['done', time]);
    const kinds = (await pullReport(node.deps, done.id))?.findings.map((f) => f.kind) ?? [];
    const told = ['peer-incomplete', 'peer-manifest-types'];
    expect(kinds.filter((k) => told.includes(k))).toEqual(time === null ? told : []);
  });
  test('a payer that sends all of it though asked for what changed is informed of it the second time', async () => {
    const lines = (n: number) => Array.from({ length: n }, (_, i) => good(`s${i}`)).join('\n');
    let minutes = 0;
    const sends = (n: number, isTimed = true) => ({
      'GET /status/export': (_: IncomingMessage, a: ServerResponse) =>
        json(
          a,
          manifest([file()], {
            transactionTime: isTimed ? new Date(Date.UTC(2026, 0, 5, 0, ++minutes)).toISOString() : undefined,
          }),
        ),
      'GET /f/1': (_: IncomingMessage, a: ServerResponse) => void a.end(lines(n)),
    });
    const isTold = async (done: Pull) => {
      expect([done.state, done.since === null]).toEqual(['done', false]);
      return (await pullReport(node.deps, done.id))?.findings.some((f) => f.kind === 'peer-since');
    };
    await pull(sends(30));
    // one of which no time is kept is asked for the same each time, and sends it
    for (let n = 0; n < 3; n++) expect(await isTold(await pull(sends(30, false), false))).toBe(false);
    expect(await isTold(await pull(sends(30), false))).toBe(false);
    expect(await isTold(await pull(sends(30), false))).toBe(false);
    expect(await isTold(await pull(sends(30), false))).toBe(true);
    // a fault that comes once more than it should is none: the minute that a question reaches back may bring as many
    expect(await isTold(await pull(sends(19), false))).toBe(false);
    expect(await isTold(await pull(sends(30), false))).toBe(false);
    // a tenth of it is new
    expect(await isTold(await pull(sends(34), false))).toBe(false);
  });
  test('strangers’ lines are kept out, and a transactionTime ahead of time is no watermark', async () => {
    const { sql } = node.deps.database;
    const done = await pull({
      'GET /status/export': (_, a) => json(a, manifest([file()], { transactionTime: '2999-01-01T00:00:00Z' })),
      'GET /f/1': (_, a) =>
        void a.end(`${JSON.stringify(lab('x', { subject: { reference: 'Patient/p10' } }))}\n${good('a')}\n`),
    });
    expect([done.state, done.transactionTime]).toEqual(['done', null]);
    const rows = await sql`select outcome, reason from exchange.ledger where pull_id = ${done.id} order by line`;
    expect(rows[0]).toMatchObject({ outcome: 'quarantined', reason: 'wrong-patient' });
    expect(rows[1]).toMatchObject({ outcome: 'unchanged' });
  });
});

describe('judgements alone', () => {
  const peer = { fhirBase: 'https://peer.example/fhir', origins: [] } as unknown as Peer;
  const fault = async (what: () => unknown): Promise<string> => {
    try {
      await what();
      return 'none';
    } catch (error) {
      return error instanceof PeerFault ? error.reason : String(error);
    }
  };
  test('kick-off answers', async () => {
    const read = (code: number, location?: string) => () =>
      readKickOff(
        new Response(null, { status: code, headers: location === undefined ? {} : { 'content-location': location } }),
        'https://peer.example/fhir/x',
        peer,
      );
    expect(
      await Promise.all(
        [
          read(404),
          read(413),
          read(400),
          read(202),
          read(202, ' '),
          read(202, 'http://['),
          read(202, 'https://peer.example.evil/s'),
        ].map(fault),
      ),
    ).toEqual([
      'group-gone',
      'batch-too-large',
      'kick-off-400',
      'no-content-location',
      'no-content-location',
      'bad-url',
      'foreign-origin',
    ]);
    expect(await read(202, '../s')()).toBe('https://peer.example/s');
  });
  test('a page of a manifest that lists more than a call takes arguments is read whole', async () => {
    const list = Array.from({ length: 150_000 }, (_, i) => ({
      type: 'OperationOutcome',
      url: `https://peer.example/f/${i}`,
    }));
    const talk = {
      limits: limitsOf({}),
      note: () => {},
      peer: { id: 'p', origins: [], fhirBase: 'https://peer.example' },
      tokens: { get: async () => 't', drop: () => {}, scopes: () => [] },
      deps: { fetch: async () => Response.json({ output: [], error: list }) },
    } as unknown as Talk;
    const first = Response.json({ output: [], link: [{ relation: 'next', url: '/s/2' }] });
    const whole = await readPages(talk, 'https://peer.example/s/1', first);
    expect((whole as { error: object[] }).error).toHaveLength(list.length);
  });
  const SYSTEM = 'http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PdexMultiMemberMatchResultCS';
  const profiled = (name: string) => ({
    profile: [`http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/${name}|2.2.0`],
  });
  const coded = (...codings: [string | undefined, string][]) => ({
    coding: codings.map(([system, code]) => ({ ...(system === undefined ? {} : { system }), code })),
  });
  test.each([
    ['the code', { code: coded([undefined, 'nomatch']), meta: profiled('pdex-member-match-group') }, 'nomatch'],
    ['the guide’s system', { code: coded(['http://other.example', 'match'], [SYSTEM, 'nomatch']) }, 'nomatch'],
    ['two codes', { code: coded([SYSTEM, 'match'], [SYSTEM, 'nomatch']) }, undefined],
    ['a code of its own', { code: coded([SYSTEM, 'perhaps']), meta: profiled('pdex-member-match-group') }, undefined],
    ['the profile', { meta: profiled('pdex-member-match-group') }, 'match', 'NonMatchedMembers'],
    ['the profile of those who are none', { meta: profiled('pdex-member-no-match-group') }, 'nomatch'],
    [
      'that and the name',
      { meta: profiled('pdex-member-no-match-group') },
      'consentconstraint',
      'ConsentConstrainedMembers',
    ],
    ['the name', { meta: { profile: 'odd' } }, 'match', 'MatchedMembers'],
    ['nothing', {}, undefined, 'Members'],
  ])('what a Group says of its members is reported by %s', (_, group, bucket, parameter?: string) => {
    const answer = { resourceType: 'Parameters', parameter: [{ name: parameter ?? 'x', resource: group }] };
    const [answered] = groupsIn([answer]);
    expect(bucketOf(answered?.group ?? {}, answered?.parameter)).toBe(bucket);
  });
  test('manifests', () => {
    const read = (body: unknown) => readManifest(body, 'https://peer.example/s/1');
    expect(
      read({
        transactionTime: '2026-01-01T00:00:00Z',
        requiresAccessToken: 'false',
        outcome: [{ url: 'e' }],
        output: [
          { type: 'Patient\u0000', url: '/f', count: '3' },
          { type: 'Patient', url: '/f' },
        ],
      }),
    ).toEqual({
      transactionTime: new Date('2026-01-01T00:00:00Z'),
      requiresAccessToken: false,
      hasOutput: true,
      files: [
        { kind: 'output', type: '', url: 'https://peer.example/f', count: 3 },
        { kind: 'error', type: '', url: 'https://peer.example/s/e', count: undefined },
      ],
    });
  });
});

describe('a worker that slept beyond its lease while another one did its work', () => {
  /** A worker whose clock is ahead takes the pull over and ends it; then the first one goes on. What the pull left, before and after. */
  async function overtaken(slow: PullWorker, asleep: Promise<unknown>, go: () => void) {
    const { deps } = node;
    const { sql } = deps.database;
    const [id = ''] = await planPulls(deps, { cause: 'command', again: true, full: true });
    const first = slow.drain();
    await asleep;
    let ahead = 0;
    const fast = new PullWorker({ ...deps, clock: () => new Date(deps.clock().getTime() + ahead) });
    for (let turns = 0; turns < 2; turns++) {
      ahead += 1000 * (deps.config.leaseSeconds + 1);
      await fast.drain();
    }
    const left = async () => {
      const files = await sql<{ blob_key: string }[]>`select * from exchange.pull_file where pull_id = ${id}`;
      const kept: string[] = [];
      for (const f of files)
        kept.push(await new Response(keptText(await deps.blobs.get(f.blob_key)) as never).text().catch(String));
      const staged = await sql`select line from exchange.staging where pull_id = ${id}`;
      return { state: (await findPull(sql, id))?.state, files: [...files], kept, staged: [...staged] };
    };
    const before = await left();
    go();
    await first;
    return { before, after: await left() };
  }
  const two = `${good('a')}\n${good('b')}\n`;

  test.each([{ etag: '"v1"' }, {}])('writes over no file of it, and removes none %j', async (headers) => {
    const [asleep, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slowly: Handler = (_, a) => {
      const type = 'application/fhir+ndjson';
      a.writeHead(200, { 'content-type': type, 'content-length': String(Buffer.byteLength(two)), ...headers });
      a.write(two.slice(0, 100), () => asleep.resolve());
      void go.promise.then(() => a.destroy());
    };
    script = { 'GET /f/1': turns(slowly, normal('GET /f/1')) };
    const { before, after } = await overtaken(new PullWorker(node.deps), asleep.promise, go.resolve);
    expect(before).toMatchObject({ state: 'done', kept: [two] });
    expect(after).toEqual(before);
  });

  // known lines are not staged
  const fresh = `${good('fresh-1')}\n${good('fresh-2')}\n`;
  const gone = JSON.stringify({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ request: { method: 'DELETE', url: 'Observation/fresh-1' } }],
  });

  test.each([
    { place: 'output', first: '/0.p0', text: fresh, isMore: false },
    { place: 'deleted', first: '/1.p0', text: `${gone}\n`, isMore: true },
  ])('stages nothing of it: $place', async ({ first, text, isMore }) => {
    const [asleep, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { blobs } = node.deps;
    const sleepy: Blobs = Object.assign(Object.create(blobs) as Blobs, {
      get: async (...which: Parameters<Blobs['get']>) => {
        const got = await blobs.get(...which);
        if (got === undefined || !which[0].includes(first)) return got;
        return (async function* () {
          asleep.resolve();
          await go.promise;
          yield* got;
        })();
      },
    });
    const send =
      (body: string): Handler =>
      (_, a) =>
        void a.writeHead(200, { 'content-type': 'application/fhir+ndjson' }).end(body);
    script = isMore
      ? {
          'GET /status/export': (_, a) =>
            json(a, manifest([file('/f/1', 2)], { deleted: [{ type: 'Bundle', url: `${base}/f/deleted`, count: 1 }] })),
          'GET /f/deleted': send(text),
        }
      : { 'GET /f/1': send(text) };
    const slow = new PullWorker({ ...node.deps, blobs: sleepy });
    const { before, after } = await overtaken(slow, asleep.promise, go.resolve);
    expect(before).toMatchObject({ state: 'done', kept: isMore ? [two, text] : [text], staged: [] });
    expect(after).toEqual(before);
  });
});
