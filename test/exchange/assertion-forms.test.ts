// Forms of assertions that attackers have sent to others: algorithms that are close, signatures out of range, keys and times that are none.
import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';

let node: TestNode;
let peer: Client;
let other: Client;
let ec: KeyObject;
let rsa: KeyObject;
beforeAll(async () => {
  node = await startNode();
  const pairs = [
    await generateKeyPair('ES384', { extractable: true }),
    await generateKeyPair('RS384', { extractable: true }),
  ] as const;
  const jwks = await Promise.all(pairs.map((p) => exportJWK(p.publicKey)));
  const [ecKey, rsaKey] = await Promise.all(
    pairs.map(async (p) => createPrivateKey({ key: await exportJWK(p.privateKey), format: 'jwk' })),
  );
  if (!ecKey || !rsaKey) throw new Error('no keys');
  [ec, rsa] = [ecKey, rsaKey];
  const extraKeys = jwks.map((jwk, i) => ({ ...jwk, kid: i === 0 ? 'own-ec' : 'own-rsa' }));
  peer = await client(node, 'a', { extraKeys });
  other = await client(node, 'b');
});
afterAll(() => node.close());

const b64 = (part: object | string) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
const claims = (more: object = {}) => {
  const seconds = Math.floor(Date.now() / 1000);
  const { clientId, endpoint } = peer;
  return { iss: clientId, sub: clientId, aud: endpoint, exp: seconds + 200, jti: crypto.randomUUID(), ...more };
};
const es384 = (data: Buffer) => sign('sha384', data, { key: ec, dsaEncoding: 'ieee-p1363' });
const signed = (header: object, payload: object | string, by: (data: Buffer) => Buffer = es384): string => {
  const text = `${b64(header)}.${b64(payload)}`;
  return `${text}.${by(Buffer.from(text)).toString('base64url')}`;
};
const HEADER = { alg: 'ES384', kid: 'own-ec' };
const answer = async (jwt: string, more: Record<string, string> = {}) => {
  const got = await peer.post(await peer.form({ client_assertion: jwt, ...more }));
  return [got.status, ((await got.json()) as { error?: string }).error];
};
const REFUSED = [401, 'invalid_client'];

test('one that is signed as it should be is taken', async () => {
  expect(await answer(signed(HEADER, claims()))).toEqual([200, undefined]);
  const rs384 = (data: Buffer) => sign('sha384', data, rsa);
  expect(await answer(signed({ alg: 'RS384', kid: 'own-rsa' }, claims(), rs384))).toEqual([200, undefined]);
});

describe('is refused:', () => {
  test.each(['HS256', 'HS384', 'HS512'])('%s keyed with the public key as PEM, DER or JWK', async (alg) => {
    const key = createPublicKey(ec);
    const forms = [
      key.export({ type: 'spki', format: 'pem' }),
      key.export({ type: 'spki', format: 'der' }),
      JSON.stringify(key.export({ format: 'jwk' })),
    ];
    for (const secret of forms) {
      const hmac = (data: Buffer) =>
        createHmac(`sha${alg.slice(2)}`, secret)
          .update(data)
          .digest();
      expect(await answer(signed({ ...HEADER, alg }, claims(), hmac))).toEqual(REFUSED);
    }
  });

  const order = Buffer.from(
    'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    'hex',
  );
  test.each<[string, () => Buffer]>([
    ['zero for r and s', () => Buffer.alloc(96)],
    ['the order of the curve for r and s', () => Buffer.concat([order, order])],
    ['more than the order', () => Buffer.alloc(96, 255)],
    ['a byte too few', () => Buffer.alloc(95, 1)],
    ['a byte too many', () => Buffer.alloc(97, 1)],
  ])('%s', async (_, made) => {
    expect(await answer(signed(HEADER, claims(), made))).toEqual(REFUSED);
  });
  test('a signature in DER', async () => {
    expect(await answer(signed(HEADER, claims(), (data) => sign('sha384', data, ec)))).toEqual(REFUSED);
  });
  test('RS256, where RS384 is taken', async () => {
    const rs256 = (data: Buffer) => sign('sha256', data, rsa);
    expect(await answer(signed({ alg: 'RS256', kid: 'own-rsa' }, claims(), rs256))).toEqual(REFUSED);
  });

  test.each<object>([
    { alg: 'None' },
    { alg: 'NONE' },
    { alg: 'rs384' },
    { alg: 'es384' },
    { alg: ['ES384'] },
    { alg: 'ES384', b64: false },
    { alg: 'ES384', b64: false, crit: ['b64'] },
    { alg: 'ES384', crit: [] },
    { alg: 'ES384', kid: 5 },
    { alg: 'ES384', kid: ['own-ec'] },
    { alg: 'ES384', kid: '__proto__' },
    { alg: 'ES384', kid: 'own-rsa' },
    { alg: 'ES384', typ: 5 },
    { alg: 'ES384', jku: 5 },
  ])('a header %j', async (header) => {
    expect(await answer(signed({ kid: 'own-ec', ...header }, claims()))).toEqual(REFUSED);
  });
  test('a kid of a megabyte, before it is looked at', async () => {
    expect(await answer(signed({ ...HEADER, kid: 'k'.repeat(1_000_000) }, claims()))).toEqual([400, 'invalid_request']);
  });
  test('the key of one client for another, by the same kid', async () => {
    const { clientId } = other;
    const theirs = await peer.assertion({ iss: clientId, sub: clientId });
    expect(await answer(theirs)).toEqual(REFUSED);
  });

  test.each<[string, () => object]>([
    ['exp 1e300', () => ({ exp: 1e300 })],
    ['exp a second ago', () => ({ exp: Math.floor(Date.now() / 1000) - 1 })],
    ['exp in six minutes', () => ({ exp: Math.floor(Date.now() / 1000) + 361 })],
    ['exp null', () => ({ exp: null })],
    ['exp an object', () => ({ exp: {} })],
    ['iat null', () => ({ iat: null })],
    ['nbf as text', () => ({ nbf: 'now' })],
    ['jti a number', () => ({ jti: 5 })],
    ['iss and sub lists', () => ({ iss: [peer.clientId], sub: [peer.clientId] })],
    ['aud of another scheme', () => ({ aud: peer.endpoint.replace('http:', 'https:') })],
    ['aud in capitals', () => ({ aud: peer.endpoint.toUpperCase() })],
    ['aud an object', () => ({ aud: {} })],
  ])('%s', async (_, more) => {
    expect(await answer(signed(HEADER, claims(more())))).toEqual(REFUSED);
  });
  test.each(['{"iss":"client-a","exp":NaN}', 'exp', `{"a":${'['.repeat(5500)}${']'.repeat(5500)}}`])(
    'a payload that is no object of a JWT, as malformed: %.40s',
    async (payload) => {
      expect(await answer(signed(HEADER, payload))).toEqual([400, 'invalid_request']);
    },
  );
});

test.each([
  ['*/*.*', 'invalid_scope'],
  ['patient/*.rs', 'invalid_scope'],
  ['system/Patient.c system/Patient.u', 'invalid_scope'],
  ['ｓｙｓｔｅｍ/Patient.rs', 'invalid_scope'],
  ['system/Ｐatient.rs', 'invalid_scope'],
  ['system/*.rs\tsystem/Patient.rs', 'invalid_scope'],
  ['system/__proto__.rs', 'invalid_scope'],
  // more than the form may be
  ['system/Patient.rs '.repeat(5600), 'invalid_request'],
])('nothing is granted for %.30s', async (scope, error) => {
  expect(await answer(signed(HEADER, claims()), { scope })).toEqual([400, error]);
});
test('everything that is asked of all types is what may be read of them', async () => {
  const got = await peer.post(
    await peer.form({ client_assertion: signed(HEADER, claims()), scope: `system/*.cruds ${BULK_MATCH}` }),
  );
  expect(((await got.json()) as { scope: string }).scope).toBe(`system/*.rs ${BULK_MATCH}`);
});
