// POST /exchange/auth/token, every row of the specification's tables of assertion, audience, order of checks and scopes.
import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { addPeer, findPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { setPeerLimit } from '../../exchange/peers/peer-health.ts';
import { peerKeys, slowestFetchMs } from '../../exchange/peers/peer-keys.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Claims, type Client, client } from './peer-client.ts';

let node: TestNode;
let peer: Client;
const now = () => Math.floor(Date.now() / 1000);
const b64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

beforeAll(async () => {
  node = await startNode();
  peer = await client(node, 'a');
});
afterAll(() => node.close());

async function ask(more: Record<string, string | undefined>, by: Client = peer) {
  const answer = await by.post(await by.form(more));
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
}
const withAssertion = async (claims: Claims, header: Claims = {}, key?: CryptoKey | Uint8Array) =>
  ask({ client_assertion: await peer.assertion(claims, header, key) });

describe('a good request', () => {
  test('is answered with a bearer token, its scope and nothing to cache', async () => {
    const { status, headers, body } = await ask({});
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: 'bearer', expires_in: 300, scope: `${BULK_MATCH} system/*.rs` });
    expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    const [head = '', claims = ''] = String(body['access_token'])
      .split('.')
      .map((p) => Buffer.from(p, 'base64url').toString());
    expect(JSON.parse(head)).toMatchObject({ typ: 'at+jwt', alg: 'ES384' });
    expect(JSON.parse(claims)).toMatchObject({
      iss: `${node.base}/exchange/auth`,
      sub: peer.clientId,
      aud: `${node.base}/exchange/fhir`,
    });
  });

  test.each<[string, Claims, Claims]>([
    ['RS384', {}, { alg: 'RS384', kid: 'rsa' }],
    ['typ absent', {}, { typ: undefined }],
    ['typ jwt', {}, { typ: 'jwt' }],
    ['typ of rfc7523bis', {}, { typ: 'client-authentication+jwt' }],
    ['issuer as audience', { aud: 'ISSUER' }, {}],
    ['no iat', { iat: undefined }, {}],
    ['key sources that are ignored', {}, { jwk: { kty: 'EC' }, x5u: 'https://evil.example', x5c: ['AAAA'] }],
    ['exp at the edge', { exp: Math.floor(Date.now() / 1000) + 320 }, {}],
  ])('%s', async (_, claims, header) => {
    const aud = claims['aud'] === 'ISSUER' ? { aud: `${node.base}/exchange/auth` } : {};
    const key = header['alg'] === 'RS384' ? peer.rsa.privateKey : peer.ec.privateKey;
    expect((await withAssertion({ ...claims, ...aud }, header, key)).status).toBe(200);
  });
});

describe('an assertion that must not pass is invalid_client', () => {
  const cases: [string, () => Promise<string>][] = [
    [
      'alg none',
      async () =>
        `${b64({ alg: 'none', kid: 'ec' })}.${b64({ iss: peer.clientId, sub: peer.clientId, aud: peer.endpoint, exp: now() + 100, jti: 'x' })}.AA`,
    ],
    [
      'alg none without a signature',
      async () =>
        `${b64({ alg: 'none', kid: 'ec' })}.${b64({ iss: peer.clientId, sub: peer.clientId, aud: peer.endpoint, exp: now() + 100, jti: 'x' })}.`,
    ],
    ['no signature', async () => (await peer.assertion()).replace(/[^.]+$/, '')],
    [
      'alg HS384',
      () =>
        peer.assertion(
          {},
          { alg: 'HS384' },
          new TextEncoder().encode('a secret of at least forty-eight bytes, which is long'),
        ),
    ],
    ['alg ES256', async () => peer.assertion({}, { alg: 'ES256' }, (await generateKeyPair('ES256')).privateKey)],
    ['alg in lower case', async () => (await peer.assertion()).replace(/^[^.]+/, b64({ alg: 'es384', kid: 'ec' }))],
    ['no kid', () => peer.assertion({}, { kid: undefined })],
    ['kid of 257 characters', () => peer.assertion({}, { kid: 'k'.repeat(257) })],
    ['unknown kid', () => peer.assertion({}, { kid: 'other' })],
    ['kid of the other family', () => peer.assertion({}, { kid: 'rsa' })],
    ['another typ', () => peer.assertion({}, { typ: 'at+jwt' })],
    [
      'typ that is no string',
      async () => (await peer.assertion()).replace(/^[^.]+/, b64({ alg: 'ES384', kid: 'ec', typ: ['JWT'] })),
    ],
    ['jku with inline keys', () => peer.assertion({}, { jku: 'https://evil.example/jwks' })],
    ['crit', async () => (await peer.assertion()).replace(/^[^.]+/, b64({ alg: 'ES384', kid: 'ec', crit: ['exp'] }))],
    ['wrong key', async () => peer.assertion({}, {}, (await generateKeyPair('ES384')).privateKey)],
    [
      'changed payload',
      async () => (await peer.assertion()).replace(/\.[^.]+\./, `.${b64({ iss: peer.clientId, sub: peer.clientId })}.`),
    ],
    ['unknown client', () => peer.assertion({ iss: 'nobody', sub: 'nobody' })],
    ['sub differs', () => peer.assertion({ sub: 'someone' })],
    ['no iss', () => peer.assertion({ iss: undefined })],
    ['aud an array', () => peer.assertion({ aud: [peer.endpoint] })],
    ['aud another server', () => peer.assertion({ aud: 'https://other.example/token' })],
    ['aud with a slash more', () => peer.assertion({ aud: `${peer.endpoint}/` })],
    ['aud absent', () => peer.assertion({ aud: undefined })],
    ['exp absent', () => peer.assertion({ exp: undefined })],
    ['exp now', () => peer.assertion({ exp: now() })],
    ['exp too far', () => peer.assertion({ exp: now() + 400 })],
    ['exp text', () => peer.assertion({ exp: String(now() + 100) as unknown as number })],
    ['iat in the future', () => peer.assertion({ iat: now() + 90 })],
    ['iat old', () => peer.assertion({ iat: now() - 700 })],
    ['nbf in the future', () => peer.assertion({ nbf: now() + 90 })],
    ['jti absent', () => peer.assertion({ jti: undefined })],
    ['jti empty', () => peer.assertion({ jti: '' })],
    ['jti of 257 characters', () => peer.assertion({ jti: 'j'.repeat(257) })],
  ];
  test.each(cases)('%s', async (_, make) => {
    const { status, headers, body } = await ask({ client_assertion: await make() });
    expect([status, body['error']]).toEqual([401, 'invalid_client']);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="token"');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('unknown client and wrong key are answered with the same bytes', async () => {
    const text = async (jwt: string) => (await peer.post(await peer.form({ client_assertion: jwt }))).text();
    const wrongKey = await text(await peer.assertion({}, {}, (await generateKeyPair('ES384')).privateKey));
    expect(await text(await peer.assertion({ iss: 'nobody', sub: 'nobody' }))).toBe(wrongKey);
    expect(await text(await peer.assertion({ aud: 'https://other.example' }))).toBe(wrongKey);
  });

  test('a list of us alone passes where staff allow it, and no other list', async () => {
    const { sql } = node.deps.database;
    const status = async (aud: unknown) => (await withAssertion({ aud })).status;
    const lists = [
      [peer.endpoint],
      [`${node.base}/exchange/auth`],
      [peer.endpoint, peer.endpoint],
      [peer.endpoint, 'https://other.example/token'],
      ['https://other.example/token'],
      [[peer.endpoint]],
      [],
    ];
    const told = async () =>
      (await sql`select from exchange.audit where action = 'token' and reason = 'audience-list'`).length;
    const toldBefore = await told();
    const before = [];
    for (const aud of lists) before.push(await status(aud));
    expect(before).toEqual(lists.map(() => 401));
    await setPeerLimit(sql, peer.id, 'audienceList', 1);
    const after = [];
    for (const aud of lists) after.push(await status(aud));
    expect(after).toEqual([200, 200, 401, 401, 401, 401, 401]);
    expect(await status(peer.endpoint)).toBe(200);
    await setPeerLimit(sql, peer.id, 'audienceList', undefined);
    expect((await told()) - toldBefore).toBe(2);
  });
  test('client_id beside it must be its issuer', async () => {
    expect((await ask({ client_id: 'someone' })).status).toBe(401);
    expect((await ask({ client_id: peer.clientId })).status).toBe(200);
  });

  test('of two keys with the same kid, none is used', async () => {
    const twin = await generateKeyPair('ES384', { extractable: true });
    const { exportJWK } = await import('jose');
    const doubled = await client(node, 'twins', { extraKeys: [{ ...(await exportJWK(twin.publicKey)), kid: 'ec' }] });
    expect((await ask({}, doubled)).status).toBe(401);
    expect(
      (
        await ask(
          { client_assertion: await doubled.assertion({}, { alg: 'RS384', kid: 'rsa' }, doubled.rsa.privateKey) },
          doubled,
        )
      ).status,
    ).toBe(200);
  });

  test('a key set with a private member is not trusted at all', async () => {
    const { exportJWK } = await import('jose');
    const pair = await generateKeyPair('ES384', { extractable: true });
    const leaky = await client(node, 'leaky', { extraKeys: [{ ...(await exportJWK(pair.privateKey)), kid: 'other' }] });
    expect((await ask({}, leaky)).status).toBe(401);
  });
});

describe('replay', () => {
  test('an assertion is good once; refused for its scope it is not used up', async () => {
    const jwt = await peer.assertion();
    expect((await ask({ client_assertion: jwt, scope: 'patient/*.rs' })).body['error']).toBe('invalid_scope');
    expect((await ask({ client_assertion: jwt })).status).toBe(200);
    expect((await ask({ client_assertion: jwt })).body['error']).toBe('invalid_client');
  });

  test('of ten at once, one passes', async () => {
    const jwt = await peer.assertion();
    const all = await Promise.all(Array.from({ length: 10 }, () => ask({ client_assertion: jwt })));
    expect(all.filter((a) => a.status === 200)).toHaveLength(1);
    expect(all.filter((a) => a.status === 401)).toHaveLength(9);
  });
});

describe('the form', () => {
  test.each<[string, number, string, () => Promise<Response>]>([
    ['no grant', 400, 'invalid_request', async () => peer.post(await peer.form({ grant_type: undefined }))],
    [
      'another grant',
      400,
      'unsupported_grant_type',
      async () => peer.post(await peer.form({ grant_type: 'authorization_code' })),
    ],
    [
      'no assertion type',
      400,
      'invalid_request',
      async () => peer.post(await peer.form({ client_assertion_type: undefined })),
    ],
    ['no assertion', 400, 'invalid_request', async () => peer.post(await peer.form({ client_assertion: undefined }))],
    ['not a JWS', 400, 'invalid_request', async () => peer.post(await peer.form({ client_assertion: 'a.b' }))],
    [
      'a JWS of 20 kB',
      400,
      'invalid_request',
      async () => peer.post(await peer.form({ client_assertion: await peer.assertion({ x: 'y'.repeat(20_000) }) })),
    ],
    [
      'a member named twice',
      400,
      'invalid_request',
      async () =>
        peer.post(
          await peer.form({
            client_assertion: (await peer.assertion()).replace(/\.[^.]+\./, `.${b64('{"iss":"x","iss":"y"}')}.`),
          }),
        ),
    ],
    ['a parameter twice', 400, 'invalid_request', async () => peer.post(`${await peer.form()}&scope=system/*.rs`)],
    [
      'a parameter in the query',
      400,
      'invalid_request',
      async () => peer.post(await peer.form(), { query: '?scope=system/*.rs' }),
    ],
    [
      'an Authorization header',
      400,
      'invalid_request',
      async () => peer.post(await peer.form(), { headers: { authorization: 'Basic eDp5' } }),
    ],
    ['a client secret', 400, 'invalid_request', async () => peer.post(await peer.form({ client_secret: 'x' }))],
    [
      'JSON',
      400,
      'invalid_request',
      async () => peer.post(await peer.form(), { headers: { 'content-type': 'application/json' } }),
    ],
    [
      'packed',
      400,
      'invalid_request',
      async () => peer.post(await peer.form(), { headers: { 'content-encoding': 'gzip' } }),
    ],
    ['70 kB', 400, 'invalid_request', async () => peer.post(await peer.form({ x: 'y'.repeat(70_000) }))],
    ['GET', 405, 'invalid_request', async () => peer.post('', { method: 'GET' })],
  ])('%s', async (_, status, error, send) => {
    const answer = await send();
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([status, error]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    if (status === 405) expect(answer.headers.get('allow')).toBe('POST');
  });

  test('parameters that mean nothing are ignored', async () => {
    expect((await ask({ udap: '1', resource: 'x' })).status).toBe(200);
  });
});

describe('scopes', () => {
  let narrow: Client;
  beforeAll(async () => {
    narrow = await client(node, 'narrow', { scopes: ['system/Patient.rs', 'system/Coverage.r', BULK_MATCH] });
  });
  test.each<[string, string | undefined]>([
    ['system/Patient.rs', 'system/Patient.rs'],
    ['system/Patient.cruds', 'system/Patient.rs'],
    ['system/Patient.r', 'system/Patient.r'],
    ['system/Patient.read', 'system/Patient.read'],
    ['system/Patient.*', 'system/Patient.read'],
    ['system/*.rs', 'system/Patient.rs system/Coverage.r'],
    ['system/Coverage.rs', 'system/Coverage.r'],
    ['system/Coverage.s', undefined],
    ['system/Patient.rs system/Patient.rs', 'system/Patient.rs'],
    ['system/Observation.rs', undefined],
    ['system/Practitioner.rs system/Patient.s', 'system/Patient.s'],
    ['system/Patient.write', undefined],
    ['system/Patient.cud', undefined],
    ['system/Patient.sr', undefined],
    ['system/Patient.Read', undefined],
    ['system/patient.rs', undefined],
    ['system/Patient.rs?_id=1', undefined],
    ['patient/Patient.rs openid offline_access launch', undefined],
    ['', undefined],
    [
      'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/bulk-member-match',
      'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/bulk-member-match',
    ],
    ['http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match', undefined],
    [Array(501).fill('system/Patient.rs').join(' '), undefined],
  ])('%.40s', async (scope, granted) => {
    const { status, body } = await ask({ scope }, narrow);
    if (granted === undefined) expect([status, body['error']]).toEqual([400, 'invalid_scope']);
    else expect([status, body['scope']]).toEqual([200, granted]);
  });
  test('what was asked for and not given stands in the audit, beside what was; what is no scope as such', async () => {
    const { sql } = node.deps.database;
    const newest = async () =>
      (
        await sql`select detail from exchange.audit where action = 'token' and peer_id = 'narrow' order by seq desc limit 1`
      )[0]?.['detail'];
    await ask({ scope: 'system/Patient.rs system/Coverage.rs system/Observation.rs Ana%20Rivera|1974' }, narrow);
    expect(await newest()).toMatchObject({
      scope: 'system/Patient.rs system/Coverage.r',
      left: 'system/Coverage.rs system/Observation.rs other',
    });
    await ask({ scope: 'system/Patient.rs' }, narrow);
    expect(await newest()).not.toHaveProperty('left');
  });

  test('the malformed spelling of the guide is returned as it is, when the client may have it', async () => {
    const scope = 'system.Group.u?code=http://hl7.org/fhir/us/davinci-pdex/ValueSet/PDexMultiMemberMatchResultVS|match';
    const odd = await client(node, 'odd', { scopes: [scope] });
    expect((await ask({ scope }, odd)).body['scope']).toBe(scope);
    expect((await ask({ scope }, narrow)).body['error']).toBe('invalid_scope');
  });
});

test('a suspended peer gets no token, and those it holds are void at once', async () => {
  const gone = await client(node, 'gone');
  const token = await gone.token();
  const groups = () => fetch(`${node.base}/exchange/fhir/Group`, { headers: { authorization: `Bearer ${token}` } });
  expect((await groups()).status).toBe(200);
  await setPeerState(node.deps.database.sql, 'gone', 'suspended', 'test', new Date());
  const after = await groups();
  expect(after.status).toBe(401);
  expect(after.headers.get('www-authenticate')).toContain('error="invalid_token"');
  expect((await ask({}, gone)).body['error']).toBe('invalid_client');
  await setPeerState(node.deps.database.sql, 'gone', 'active', 'test', new Date());
  expect((await groups()).status).toBe(401);
});

test('refusals wait as long as the slowest fetch of keys did, and no longer than one may take, whatever held it up', async () => {
  const { deps } = node;
  const slow = { id: 'slow', name: 'Slow', clientIdHere: 'slow', jwksUrl: 'https://slow.example/jwks.json' };
  await addPeer(deps.database.sql, slow, 'test', new Date());
  const keyed = await findPeer(deps.database.sql, 'slow');
  if (!keyed) throw new Error('no peer');
  let at = performance.now() + 10 * 3_600_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => at);
  const fetched = async (ms: number) => {
    const fetching = async () => {
      at += ms;
      return new Response('{"keys":[]}', { headers: { 'cache-control': 'no-store' } });
    };
    await peerKeys({ ...deps, fetch: fetching as typeof fetch }, keyed, 'some');
    return slowestFetchMs();
  };
  try {
    expect(await fetched(800)).toBe(800);
    expect(await fetched(300)).toBe(800);
    expect(await fetched(90_000)).toBe(5000);
    at += 3_600_000;
    // nothing of it is left for other tests
    expect(await fetched(0)).toBe(0);
  } finally {
    clock.mockRestore();
  }
});

test('a token at an address from which the payer has not asked for ninety days is reported, and one at a known address is not', async () => {
  const other = await client(node, 'moving');
  const { sql } = node.deps.database;
  const asked = async (address: string) => {
    const answer = await other.post(await other.form(), { headers: { 'x-test-address': address } });
    expect(answer.status).toBe(200);
  };
  const told = async () =>
    (
      await sql<{ outcome: string; reason: string }[]>`
        select outcome, reason from exchange.audit where peer_id = 'moving' and action = 'token' order by seq`
    ).map((r) => `${r.outcome} ${r.reason}`.trim());
  // the first one of all is no other one
  for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.2', '192.0.2.1']) await asked(address);
  expect(await told()).toEqual(['ok', 'ok', 'noted new-address', 'ok', 'ok']);
  const [first] = await sql<{ mark: string }[]>`
    select mark from exchange.peer_address where peer_id = 'moving' order by first_at limit 1`;
  expect(first?.mark).not.toContain('192.0.2');
  await sql`update exchange.peer_address set last_at = now() - interval '91 days' where peer_id = 'moving' and mark = ${first?.mark ?? ''}`;
  await asked('192.0.2.1');
  await asked('192.0.2.1');
  expect((await told()).slice(5)).toEqual(['noted new-address', 'ok']);
});
