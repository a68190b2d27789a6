// The attack list of the token endpoint: replay over two processes, keys from elsewhere, key sets that misbehave, trying,
// and what an observer of answers and times may learn.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { findPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { forgetBudgets } from '../../exchange/responder/call-budget.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';

let node: TestNode;
let peer: Client;
let now = new Date();
/** key sets by path, served on loopback */
let keyServer: Server;
let keyBase: string;
let served: Record<string, (answer: ServerResponse) => void> = {};
let asked: string[] = [];
const lines: string[] = [];

beforeAll(async () => {
  node = await startNode(
    {},
    {
      clock: () => now,
      log: (level, event, fields) => void lines.push(JSON.stringify({ level, event, ...fields })),
    },
  );
  peer = await client(node, 'a');
  keyServer = createServer((request, answer) => {
    asked.push(request.url ?? '');
    const serve = served[request.url ?? ''];
    if (serve) serve(answer);
    else answer.writeHead(404).end();
  });
  keyServer.listen(0, '127.0.0.1');
  await once(keyServer, 'listening');
  keyBase = `http://127.0.0.1:${(keyServer.address() as { port: number }).port}`;
});
afterEach(() => {
  now = new Date();
  served = {};
  asked = [];
});
afterAll(async () => {
  keyServer.closeAllConnections();
  keyServer.close();
  await node.close();
});

const events = async (reason: string) =>
  await node.deps.database.sql<{ peer_id: string | null; detail: Record<string, unknown> }[]>`
    select peer_id, detail from exchange.audit where outcome = 'refused' and reason = ${reason} order by seq`;
const json =
  (value: unknown, headers: Record<string, string> = {}) =>
  (answer: ServerResponse) =>
    void answer.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
const keysOf = (c: Client, ...more: object[]) => ({ keys: [c.ec.jwk, c.rsa.jwk, ...more] });
const statusOf = async (c: Client, jwt?: string) =>
  (await c.post(await c.form(jwt === undefined ? {} : { client_assertion: jwt }))).status;

describe('replay', () => {
  test('of fifty at once on two processes, exactly one passes, and each replay is an event', async () => {
    const before = (await events('replay')).length;
    const apps = [createExchange({ ...node.deps }), createExchange({ ...node.deps })];
    const body = String(await peer.form());
    const send = (i: number) =>
      Promise.resolve(
        apps[i % 2]?.request(peer.endpoint, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body,
        }),
      );
    const statuses = (await Promise.all(Array.from({ length: 50 }, (_, i) => send(i)))).map((a) => a?.status);
    expect(statuses.filter((s) => s === 200)).toHaveLength(1);
    expect(statuses.filter((s) => s === 401)).toHaveLength(49);
    const told = await events('replay');
    expect(told.length - before).toBe(49);
    expect(told.at(-1)).toMatchObject({ peer_id: 'a', detail: { secondsBetween: expect.any(Number) } });
  });
});

describe('keys from elsewhere', () => {
  test.each(['jku', 'x5u'])('%s is never asked', async (name) => {
    const evil = await generateKeyPair('ES384', { extractable: true });
    served['/evil'] = json({ keys: [{ ...(await exportJWK(evil.publicKey)), kid: 'ec' }] });
    expect(await statusOf(peer, await peer.assertion({}, { [name]: `${keyBase}/evil` }, evil.privateKey))).toBe(401);
    expect(asked).toEqual([]);
  });
  test('a key in the header does not verify', async () => {
    const evil = await generateKeyPair('ES384', { extractable: true });
    const jwk = await exportJWK(evil.publicKey);
    expect(await statusOf(peer, await peer.assertion({}, { jwk }, evil.privateKey))).toBe(401);
  });
  test('jku must be the registered URL, letter by letter', async () => {
    const url = `${keyBase}/jku`;
    const c = await client(node, 'jku', { jwksUrl: url });
    served['/jku'] = json(keysOf(c));
    expect(await statusOf(c, await c.assertion({}, { jku: url }))).toBe(200);
    for (const other of [`${url}/`, `${url}?x=1`, url.toUpperCase(), `${url}#a`])
      expect(await statusOf(c, await c.assertion({}, { jku: other })), other).toBe(401);
  });
  test.each(['HS256', 'HS384', 'HS512'])('%s keyed with the public key is refused', async (alg) => {
    const text = new TextEncoder().encode(JSON.stringify(peer.ec.jwk).padEnd(64, ' '));
    expect(await statusOf(peer, await peer.assertion({}, { alg }, text))).toBe(401);
  });
  test('a signature of zeros is refused', async () => {
    const [head, claims] = (await peer.assertion()).split('.');
    const zeros = Buffer.alloc(96).toString('base64url');
    expect(await statusOf(peer, `${head}.${claims}.${zeros}`)).toBe(401);
  });
  test.each(['../../etc/passwd', "' or 1=1 --", 'ec\0', 'k'.repeat(256)])(
    'kid %j is a name like any other',
    async (kid) => {
      expect(await statusOf(peer, await peer.assertion({}, { kid }))).toBe(401);
    },
  );
  test.each(['a\0', 'a\ud800', '', 'a\nb'])('issuer %j is no client', async (iss) => {
    expect(await statusOf(peer, await peer.assertion({ iss, sub: iss }))).toBe(401);
  });
  test('weak RSA keys are not used', async () => {
    const pair = await generateKeyPair('RS384', { extractable: true });
    const weak = { ...(await exportJWK(pair.publicKey)), kid: 'weak', e: 'Aw' } as JWK;
    const c = await client(node, 'weak', { extraKeys: [weak] });
    expect(await statusOf(c, await c.assertion({}, { alg: 'RS384', kid: 'weak' }, pair.privateKey))).toBe(401);
  });
});

describe('key sets by URL', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/jwks',
    'http://[::ffff:10.0.0.1]/jwks',
    'http://0x0a000001/jwks',
    'http://0.0.0.0:1/jwks',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'https://good.example@169.254.169.254/jwks',
  ])('%s is not asked', async (url) => {
    const c = await client(node, `ssrf-${Math.random().toString(36).slice(2)}`, { jwksUrl: url });
    expect(await statusOf(c)).toBe(401);
  });

  test('a redirect is not followed', async () => {
    const c = await client(node, 'moved', { jwksUrl: `${keyBase}/moved` });
    served['/moved'] = (answer) => void answer.writeHead(302, { location: `${keyBase}/there` }).end();
    served['/there'] = json(keysOf(c));
    expect(await statusOf(c)).toBe(401);
    expect(asked).toEqual(['/moved']);
  });

  test('no more than 64 KiB are read, nor more than a hundred keys', async () => {
    const big = await client(node, 'big', { jwksUrl: `${keyBase}/big` });
    served['/big'] = json({ ...keysOf(big), x: 'y'.repeat(70_000) });
    expect(await statusOf(big)).toBe(401);
    const many = await client(node, 'many', { jwksUrl: `${keyBase}/many` });
    served['/many'] = json(keysOf(many, ...Array.from({ length: 100 }, (_, i) => ({ kty: 'oct', kid: `${i}` }))));
    expect(await statusOf(many)).toBe(401);
  });

  test('an endless body is cut', async () => {
    const c = await client(node, 'endless', { jwksUrl: `${keyBase}/endless` });
    let sent = 0;
    served['/endless'] = (answer) => {
      answer.writeHead(200);
      const more = () => {
        while (!answer.destroyed && sent < 1e9 && answer.write('x'.repeat(16_384))) sent += 16_384;
      };
      answer.on('drain', more);
      more();
    };
    expect(await statusOf(c)).toBe(401);
    expect(sent).toBeLessThan(20_000_000);
  });

  test('a set that comes a byte a second is given up', async () => {
    const c = await client(node, 'slow-set', { jwksUrl: `${keyBase}/slow` });
    const text = JSON.stringify(keysOf(c));
    let sent = 0;
    let timer: NodeJS.Timeout | undefined;
    const left = new Promise<void>((resolve) => {
      served['/slow'] = (answer) => {
        answer.writeHead(200, { 'content-type': 'application/json' });
        timer = setInterval(() => void answer.write(text[sent++] ?? ' '), 1000);
        answer.on('close', resolve);
      };
    });
    expect(await statusOf(c)).toBe(401);
    await left;
    clearInterval(timer);
    expect(sent).toBeLessThan(20);
    expect((await events('keys-unreadable')).map((e) => e.peer_id)).toContain('slow-set');
  });

  test('a packed set is read like any, and no more of it than of any, whatever it unpacks to', async () => {
    const packed = (body: Buffer) => (answer: ServerResponse) =>
      void answer.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(body);
    const small = await client(node, 'packed', { jwksUrl: `${keyBase}/packed` });
    served['/packed'] = packed(gzipSync(JSON.stringify(keysOf(small))));
    expect(await statusOf(small)).toBe(200);
    const bomb = await client(node, 'bomb', { jwksUrl: `${keyBase}/bomb` });
    served['/bomb'] = packed(gzipSync(JSON.stringify({ ...keysOf(bomb), x: 'y'.repeat(200_000_000) })));
    expect(await statusOf(bomb)).toBe(401);
    const many = await client(node, 'hundred-thousand', { jwksUrl: `${keyBase}/hundred-thousand` });
    const keys = Array.from({ length: 100_000 }, (_, i) => ({ kty: 'oct', kid: `${i}` }));
    served['/hundred-thousand'] = packed(gzipSync(JSON.stringify(keysOf(many, ...keys))));
    expect(await statusOf(many)).toBe(401);
  });

  test('a private key in the set suspends the client and is an event', async () => {
    const c = await client(node, 'exposed', { jwksUrl: `${keyBase}/exposed` });
    const pair = await generateKeyPair('ES384', { extractable: true });
    served['/exposed'] = json(keysOf(c, { ...(await exportJWK(pair.privateKey)), kid: 'p' }));
    expect(await statusOf(c)).toBe(401);
    expect((await findPeer(node.deps.database.sql, 'exposed'))?.state).toBe('suspended');
    expect((await events('private-key')).map((e) => e.peer_id)).toContain('exposed');
  });

  test('is kept as long as it says and not longer; an unknown kid is looked for after thirty seconds', async () => {
    const c = await client(node, 'kept', { jwksUrl: `${keyBase}/kept` });
    served['/kept'] = json(keysOf(c), { 'cache-control': 'max-age=120' });
    const at = (seconds: number) => {
      now = new Date(now.getTime() + seconds * 1000);
    };
    expect(await statusOf(c)).toBe(200);
    expect(await statusOf(c)).toBe(200);
    expect(asked).toHaveLength(1);
    const fresh = await generateKeyPair('ES384', { extractable: true });
    served['/kept'] = json(keysOf(c, { ...(await exportJWK(fresh.publicKey)), kid: 'fresh' }));
    const byFresh = async () =>
      statusOf(
        c,
        await c.assertion(
          { exp: Math.floor(now.getTime() / 1000) + 100, iat: undefined },
          { kid: 'fresh' },
          fresh.privateKey,
        ),
      );
    expect(await byFresh()).toBe(401);
    expect(asked).toHaveLength(1);
    at(31);
    expect(await byFresh()).toBe(200);
    expect(asked).toHaveLength(2);
    const [change] = await node.deps.database.sql<{ detail: object; outcome: string }[]>`
      select detail, outcome from exchange.audit where action = 'peer-keys-changed' and peer_id = 'kept'`;
    // it is legal, and how a taken-over payer looks: it stands under Security
    expect(change).toEqual({ detail: { added: 1, removed: 0 }, outcome: 'noted' });
  });

  test('no-store is not kept; fetches at once are joined; there is an end to fetching', async () => {
    const c = await client(node, 'flood', { jwksUrl: `${keyBase}/flood` });
    served['/flood'] = (answer) => void setTimeout(() => json(keysOf(c), { 'cache-control': 'no-store' })(answer), 30);
    const first = await Promise.all(Array.from({ length: 8 }, () => statusOf(c)));
    expect(first).toEqual(Array(8).fill(200));
    expect(asked.length).toBeLessThan(8);
    const later = [];
    for (let i = 0; i < 14; i++) later.push(await statusOf(c));
    expect(asked.length).toBeLessThanOrEqual(10);
    expect(later.at(-1)).toBe(401);
    expect((await events('keys-throttled')).length).toBeGreaterThan(0);
  });

  test.each<[string, Record<string, string>]>([
    ['as it came', { 'cache-control': 'max-age=10' }],
    ['that a cache on the way had kept', { 'cache-control': 'max-age=100', age: '90' }],
  ])('an expired copy is not used when the set cannot be read: %s', async (_, headers) => {
    const id = headers['age'] === undefined ? 'away' : 'aged';
    const c = await client(node, id, { jwksUrl: `${keyBase}/away` });
    served['/away'] = json(keysOf(c), headers);
    expect(await statusOf(c)).toBe(200);
    served['/away'] = (answer) => void answer.writeHead(500).end();
    now = new Date(now.getTime() + 11_000);
    const jwt = await c.assertion({ exp: Math.floor(now.getTime() / 1000) + 100, iat: undefined });
    expect(await statusOf(c, jwt)).toBe(401);
  });

  test('a kid that is in no set does not cost a client its keys when the set cannot be read', async () => {
    const c = await client(node, 'steady', { jwksUrl: `${keyBase}/steady` });
    served['/steady'] = json(keysOf(c), { 'cache-control': 'max-age=120' });
    expect(await statusOf(c)).toBe(200);
    now = new Date(now.getTime() + 31_000);
    served['/steady'] = (answer) => void answer.writeHead(500).end();
    const later = { exp: Math.floor(now.getTime() / 1000) + 100, iat: undefined };
    expect(await statusOf(c, await c.assertion(later, { kid: 'nobodys' }))).toBe(401);
    expect(asked).toHaveLength(2);
    expect(await statusOf(c, await c.assertion(later))).toBe(200);
    expect(asked).toHaveLength(2);
    now = new Date(now.getTime() + 90_000);
    expect(await statusOf(c, await c.assertion({ ...later, exp: later.exp + 90 }))).toBe(401);
  });

  test('who is unknown waits as long as who has to be looked up', async () => {
    const slow = 250;
    const c = await client(node, 'slow', { jwksUrl: `${keyBase}/slow` });
    served['/slow'] = (answer) => void setTimeout(() => json(keysOf(c), { 'cache-control': 'no-store' })(answer), slow);
    Object.assign(node.deps.config, { tokenMinLatencyMs: 1 });
    try {
      const time = async (jwt: string) => {
        const started = performance.now();
        expect(await statusOf(peer, jwt)).toBe(401);
        return performance.now() - started;
      };
      expect(await time(await c.assertion({}, { kid: 'nobodys' }))).toBeGreaterThanOrEqual(slow - 5);
      expect(await time(await peer.assertion({ iss: 'nobody', sub: 'nobody' }))).toBeGreaterThanOrEqual(slow - 5);
      expect(await time(await peer.assertion({}, { kid: 'nobodys' }))).toBeGreaterThanOrEqual(slow - 5);
    } finally {
      Object.assign(node.deps.config, { tokenMinLatencyMs: 0 });
    }
  });

  test('a blocked key is refused at once, its tokens are void, the others go on', async () => {
    const c = await client(node, 'blocked');
    const { sql } = node.deps.database;
    const token = await c.token();
    await sql`update exchange.peer set blocked_kids = '{ec}', epoch = epoch + 1 where id = 'blocked'`;
    expect(await statusOf(c)).toBe(401);
    expect(await statusOf(c, await c.assertion({}, { alg: 'RS384', kid: 'rsa' }, c.rsa.privateKey))).toBe(200);
    const groups = await fetch(`${node.base}/exchange/fhir/Group`, { headers: { authorization: `Bearer ${token}` } });
    expect(groups.status).toBe(401);
    expect((await events('token-void')).map((e) => e.peer_id)).toContain('blocked');
  });
});

describe('trying', () => {
  const wrong = async (c: Client, address: string, iss = c.clientId) => {
    const { privateKey } = await generateKeyPair('ES384');
    const body = await c.form({ client_assertion: await c.assertion({ iss, sub: iss }, {}, privateKey) });
    return c.post(body, { headers: { 'x-test-address': address } });
  };
  beforeAll(() => void Object.assign(node.deps.config, { tokenFailuresPerMinute: 3 }));
  afterAll(() => void Object.assign(node.deps.config, { tokenFailuresPerMinute: 0 }));

  test.each(['a', 'nobody'])('ends with 429 for %s at that address, and for no one else', async (who) => {
    const iss = who === 'a' ? peer.clientId : who;
    const from = `tries-${who}`;
    const statuses: number[] = [];
    let last: Response | undefined;
    for (let i = 0; i < 9; i++) {
      last = await wrong(peer, from, iss);
      statuses.push(last.status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401, 429, 429, 429]);
    expect(last?.headers.get('cache-control')).toBe('no-store');
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(JSON.parse((await last?.text()) ?? '{}')).toMatchObject({ error: 'invalid_request' });
    // the same client from elsewhere, and another client from there, are served
    expect(await statusOf(peer)).toBe(200);
    const other = await client(node, `beside-${who}`);
    const good = await other.post(await other.form(), { headers: { 'x-test-address': from } });
    expect(good.status).toBe(200);
    now = new Date(now.getTime() + 60_000);
    expect((await wrong(peer, from, iss)).status).toBe(401);
    expect((await events('throttled')).length).toBeGreaterThan(0);
  });

  test('an address that tries many names is held back as a whole', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 40; i++) statuses.push((await wrong(peer, 'names', `name-${i}`)).status);
    expect(statuses.filter((s) => s === 401)).toHaveLength(36);
    expect(statuses.at(-1)).toBe(429);
  });

  test('budgets hold no address and no client id, and are forgotten', async () => {
    const rows = await node.deps.database.sql<{ peer_id: string }[]>`select peer_id from exchange.call_budget`;
    expect(rows.length).toBeGreaterThan(2);
    for (const r of rows) expect(r.peer_id).not.toMatch(/tries|names|nobody|client-a$/);
    await forgetBudgets(node.deps.database.sql, new Date(Date.now() + 7_200_000));
    expect(await node.deps.database.sql`select 1 from exchange.call_budget`).toHaveLength(0);
  });
});

test('the time of a refusal does not tell whether the client exists', async () => {
  const { privateKey } = await generateKeyPair('ES384');
  const app = createExchange({ ...node.deps });
  const time = async (iss: string): Promise<number> => {
    const body = String(await peer.form({ client_assertion: await peer.assertion({ iss, sub: iss }, {}, privateKey) }));
    const started = performance.now();
    const answer = await app.request(peer.endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });
    expect(answer.status).toBe(401);
    return performance.now() - started;
  };
  for (let i = 0; i < 20; i++) await time(i % 2 === 0 ? peer.clientId : 'nobody');
  const known: number[] = [];
  const unknown: number[] = [];
  for (let i = 0; i < 150; i++) {
    // in turn, so that whatever else the machine does meets both
    known.push(await time(peer.clientId));
    unknown.push(await time('nobody'));
  }
  // the chance that a refusal of a known client took longer than one of an unknown: one half when times tell nothing
  let longer = 0;
  for (const k of known) for (const u of unknown) longer += k > u ? 1 : k === u ? 0.5 : 0;
  const chance = longer / (known.length * unknown.length);
  expect(chance).toBeGreaterThan(0.3);
  expect(chance).toBeLessThan(0.7);
});

describe('tokens at the API', () => {
  const groups = (headers: Record<string, string>, query = '') =>
    fetch(`${node.base}/exchange/fhir/Group${query}`, { headers });
  const refused = async (answer: Response) => {
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="fhir"/);
    expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'login' }] });
  };

  test('in the query or a form, an assertion, an edited payload, another scheme: 401', async () => {
    const token = await peer.token();
    const [head, claims, signature] = token.split('.');
    const edited = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(claims ?? '', 'base64url').toString()), scope: 'system/*.cruds' }),
    ).toString('base64url');
    await refused(await groups({}, `?access_token=${token}`));
    await refused(await groups({ authorization: `Basic ${token}` }));
    await refused(await groups({ authorization: `Bearer ${await peer.assertion()}` }));
    await refused(await groups({ authorization: `Bearer ${head}.${edited}.${signature}` }));
    expect((await groups({ authorization: `Bearer ${token}` })).status).toBe(200);
    now = new Date(now.getTime() + 301_000);
    await refused(await groups({ authorization: `Bearer ${token}` }));
  });

  test('two Authorization headers: 401', async () => {
    const token = await peer.token();
    const { hostname, port } = new URL(node.base);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const header = `Authorization: Bearer ${token}\r\n`;
    socket.write(`GET /exchange/fhir/Group HTTP/1.1\r\nHost: x\r\n${header}${header}Connection: close\r\n\r\n`);
    let text = '';
    for await (const part of socket) text += String(part);
    expect(text).toMatch(/^HTTP\/1\.1 (400|401) /);
  });

  test('for another base, or bound to a key that is not shown: 401', async () => {
    const key = await node.deps.keys.signing('token');
    const { importJWK } = await import('jose');
    const made = async (aud: string, more: object) =>
      new SignJWT({ client_id: peer.clientId, scope: 'system/*.rs', epoch: 2, ...more })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt' })
        .setIssuer(`${node.base}/exchange/auth`)
        .setAudience(aud)
        .setExpirationTime('5m')
        .sign(await importJWK(key, key.alg));
    const bearer = async (aud: string, more: object = {}) =>
      groups({ authorization: `Bearer ${await made(aud, more)}` });
    expect((await bearer(`${node.base}/exchange/fhir`)).status).toBe(200);
    await refused(await bearer(`${node.base}/directory/fhir`));
    await refused(await bearer(`${node.base}/exchange/fhir`, { cnf: { 'x5t#S256': 'abc' } }));
    await refused(await bearer(`${node.base}/exchange/fhir`, { cnf: 'x' }));
    await refused(await bearer(`${node.base}/exchange/fhir`, { epoch: 1 }));
  });

  test('what a known peer is refused is an event', async () => {
    const narrow = await client(node, 'match-only', { scopes: [BULK_MATCH] });
    const token = await narrow.token();
    expect((await groups({ authorization: `Bearer ${token}` })).status).toBe(403);
    expect((await events('insufficient-scope')).map((e) => e.peer_id)).toContain('match-only');
    const foreign = await fetch(`${node.base}/exchange/fhir/Group/g-1`, {
      headers: { authorization: `Bearer ${await peer.token()}` },
    });
    expect(foreign.status).toBe(404);
    expect((await events('not-granted')).map((e) => e.peer_id)).toContain('a');
  });
});

describe('beside the token endpoint', () => {
  test('UDAP and registration are reserved; RFC 8414 says what SMART says', async () => {
    expect((await fetch(`${node.base}/exchange/fhir/.well-known/udap`)).status).toBe(404);
    const register = await fetch(`${node.base}/exchange/auth/register`, { method: 'POST', body: '{}' });
    expect(register.status).toBe(501);
    expect(await register.json()).toMatchObject({ error: 'unsupported_operation' });
    const read = async (path: string) => (await fetch(`${node.base}${path}`)).json();
    expect(await read('/.well-known/oauth-authorization-server/exchange/auth')).toEqual(
      await read('/exchange/fhir/.well-known/smart-configuration'),
    );
  });

  test('every refusal is in the audit, with a reason and no secret', async () => {
    await setPeerState(node.deps.database.sql, 'jku', 'suspended', 'test', now);
    const jku = { clientId: 'client-jku' };
    await peer.post(
      await peer.form({ client_assertion: await peer.assertion({ iss: jku.clientId, sub: jku.clientId }) }),
    );
    const reasons = await node.deps.database.sql<{ reason: string; n: number }[]>`
      select reason, count(*)::int as n from exchange.audit where action = 'token' and outcome = 'refused' group by 1`;
    expect(reasons.map((r) => r.reason)).toEqual(
      expect.arrayContaining([
        'replay',
        'signature',
        'unknown-client',
        'client-suspended',
        'key',
        'jku',
        'keys-unreadable',
      ]),
    );
    const all = `${lines.join('\n')} ${JSON.stringify(await node.deps.database.sql`select * from exchange.audit where action = 'token'`)}`;
    expect(all).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/);
    expect(all).not.toContain('tries-a');
  });
});
