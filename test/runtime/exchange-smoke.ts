// The same questions to the exchange on Node and in workerd: discovery, a token, and what it opens.

import { exportJWK, generateKeyPair } from 'jose';
import { expect } from 'vitest';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { ASSERTION_TYPE, signAssertion } from '../../src/auth/client-assertion.ts';
import { BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import type { Sql } from '../../src/db/database.ts';

type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

/** A registered client with its private key. */
export async function registerClient(sql: Sql): Promise<JsonWebKey & { kid: string; alg: string }> {
  const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'smoke', alg: 'ES384' } as JsonWebKey & {
    kid: string;
    alg: string;
  };
  const published = { ...(await exportJWK(publicKey)), kid: 'smoke', alg: 'ES384' } as JsonWebKey;
  await addPeer(
    sql,
    {
      id: 'smoke',
      name: 'Smoke Health',
      npi: '9000000012',
      clientIdHere: 'smoke-client',
      jwks: { keys: [published] },
      scopes: [BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE, 'system/*.rs'],
    },
    'test',
    new Date(),
  );
  await setPeerState(sql, 'smoke', 'active', 'test', new Date());
  return key;
}

export async function exchangeSmoke(
  ask: Fetch,
  base: string,
  key: JsonWebKey & { kid: string; alg: string },
): Promise<void> {
  const metadata = await ask('/exchange/fhir/metadata');
  expect(metadata.status).toBe(200);
  expect(await metadata.json()).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });

  const smart = (await (await ask('/exchange/fhir/.well-known/smart-configuration')).json()) as {
    token_endpoint: string;
  };
  expect(smart.token_endpoint).toBe(`${base}/exchange/auth/token`);

  const assertion = await signAssertion(key, {
    clientId: 'smoke-client',
    audience: smart.token_endpoint,
    now: new Date(),
  });
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: `${SINGLE_MATCH_SCOPE} system/*.rs`,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
  }).toString();
  const post = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body };
  const answer = await ask('/exchange/auth/token', post);
  expect(answer.status).toBe(200);
  const token = (await answer.json()) as { access_token: string; token_type: string };
  expect(token.token_type).toBe('bearer');
  const replay = await ask('/exchange/auth/token', post);
  expect(replay.status).toBe(401);
  expect(await replay.json()).toMatchObject({ error: 'invalid_client' });

  const groups = await ask('/exchange/fhir/Group', { headers: { authorization: `Bearer ${token.access_token}` } });
  expect(groups.status).toBe(200);
  expect(await groups.json()).toMatchObject({ resourceType: 'Bundle', type: 'searchset', total: 0 });
  expect((await ask('/exchange/fhir/Group')).status).toBe(401);

  const stranger = await ask('/exchange/fhir/Patient/$member-match', {
    method: 'POST',
    headers: { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/fhir+json' },
    body: JSON.stringify({
      resourceType: 'Parameters',
      parameter: [
        {
          name: 'MemberPatient',
          resource: {
            resourceType: 'Patient',
            id: 'm',
            name: [{ family: 'Nobody', given: ['No'] }],
            birthDate: '1980-01-01',
          },
        },
        { name: 'CoverageToMatch', resource: { resourceType: 'Coverage', id: 'c', subscriberId: 'X1' } },
      ],
    }),
  });
  expect([stranger.status, (await stranger.text()).trim()]).toEqual([422, expect.any(String)]);
}
