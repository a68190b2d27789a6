// We sign in both families of SMART: a payer that lists RS384 alone is asked with an RSA key of ours, which is published beside the other.
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { clientKey } from '../../exchange/requester/client/signing-key.ts';
import type { Talk } from '../../exchange/requester/client/talk.ts';
import { type Handler, json, type ScriptedPeer, scriptedPeer } from '../support/scripted-peer.ts';

let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
});
beforeEach(() => peer.record({}));
afterAll(() => peer.close());

const published = async () =>
  (await (await fetch(`${peer.node.base}/exchange/auth/client-jwks.json`)).json()) as JSONWebKeySet;
const lists =
  (algorithms?: string[]): Handler =>
  (_, a) =>
    json(a, {
      token_endpoint: `${peer.base}/token`,
      ...(algorithms ? { token_endpoint_auth_signing_alg_values_supported: algorithms } : {}),
    });
/** A token for an assertion in this family, checked against what we publish. */
const takes =
  (alg: string): Handler =>
  async (_, a, body) => {
    const jwt = new URLSearchParams(body).get('client_assertion') ?? '';
    const isGood = await jwtVerify(jwt, createLocalJWKSet(await published()), {
      algorithms: [alg],
      issuer: 'c1',
      audience: `${peer.base}/token`,
      currentDate: peer.node.deps.clock(),
    }).then(
      () => true,
      () => false,
    );
    json(
      a,
      isGood ? { access_token: 't', token_type: 'Bearer', expires_in: 300 } : { error: 'invalid_client' },
      isGood ? 200 : 401,
    );
  };
const statementsOf = (body: string): string[] =>
  [...body.matchAll(/"contentType":"application\/jose","data":"([^"]+)"/g)].map((m) =>
    Buffer.from(m[1] ?? '', 'base64').toString(),
  );

test.each([
  ['RS384 alone', ['RS384'], 'RS384'],
  ['RS384 and one that we do not have', ['RS256', 'RS384'], 'RS384'],
  ['both', ['RS384', 'ES384'], 'ES384'],
  ['nothing', undefined, 'ES384'],
  ['none of ours', ['ES256'], 'ES384'],
])('a payer that lists %s', async (_, algorithms, alg) => {
  const done = await peer.pull({
    'GET /fhir/.well-known/smart-configuration': lists(algorithms),
    'POST /token': takes(alg),
  });
  expect([done.state, done.reason]).toEqual(['done', null]);
  const sent = peer.seen.find((s) => s.path.endsWith('bulk-member-match'))?.body ?? '';
  const statements = statementsOf(sent);
  expect(statements).toHaveLength(1);
  expect(decodeProtectedHeader(statements[0] ?? '')).toMatchObject({ alg });
});

test('one that changes what it takes is asked as it says since', async () => {
  for (const alg of ['ES384', 'RS384', 'ES384']) {
    const done = await peer.pull({
      'GET /fhir/.well-known/smart-configuration': lists([alg]),
      'POST /token': takes(alg),
    });
    expect([alg, done.state]).toEqual([alg, 'done']);
  }
});

test('both are published, and of neither what is secret', async () => {
  const { keys } = await published();
  expect(keys.map((k) => [k.kty, k.alg, k.use])).toEqual([
    ['EC', 'ES384', 'sig'],
    ['RSA', 'RS384', 'sig'],
  ]);
  expect(new Set(keys.flatMap((k) => Object.keys(k)))).toEqual(
    new Set(['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use']),
  );
});

test('a node that has no RSA key tries the other', async () => {
  const keys = {
    signing: async (use: string) => ({ kid: use, alg: 'ES384' }),
    published: async () => [],
  };
  const talk = { deps: { keys }, peer: { abilities: { rsaOnly: true } } } as unknown as Talk;
  expect((await clientKey(talk)).kid).toBe('client');
});
