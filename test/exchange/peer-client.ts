// A client of our token endpoint with keys of its own, for tests that speak to a node over HTTP.
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import type { TestNode } from '../support/node.ts';

export const BULK_MATCH = 'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch';
type Keys = { privateKey: CryptoKey; jwk: JWK };

async function newKey(alg: 'ES384' | 'RS384', kid: string): Promise<Keys> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { privateKey: pair.privateKey, jwk: { ...(await exportJWK(pair.publicKey)), kid, use: 'sig', alg } };
}

export type Claims = Record<string, unknown>;
export type Client = Awaited<ReturnType<typeof client>>;

/** Registers an active peer with inline keys (`ec` and `rsa`) and returns its side. */
export async function client(
  node: TestNode,
  id: string,
  options: { scopes?: string[]; npi?: string; extraKeys?: JWK[]; jwksUrl?: string } = {},
) {
  const ec = await newKey('ES384', 'ec');
  const rsa = await newKey('RS384', 'rsa');
  const { sql } = node.deps.database;
  await addPeer(
    sql,
    {
      id,
      name: `Payer ${id}`,
      npi: options.npi ?? '9000000004',
      clientIdHere: `client-${id}`,
      ...(options.jwksUrl === undefined
        ? { jwks: { keys: [ec.jwk, rsa.jwk, ...(options.extraKeys ?? [])] as JsonWebKey[] } }
        : { jwksUrl: options.jwksUrl }),
      scopes: options.scopes ?? [BULK_MATCH, 'system/*.rs'],
    },
    'test',
    new Date(),
  );
  await setPeerState(sql, id, 'active', 'test', new Date());
  const clientId = `client-${id}`;
  const endpoint = `${node.base}/exchange/auth/token`;

  /** An assertion that is good, but for what is overridden; `undefined` removes a claim. */
  async function assertion(
    claims: Claims = {},
    header: Claims = {},
    key: CryptoKey | Uint8Array = ec.privateKey,
  ): Promise<string> {
    const seconds = Math.floor(Date.now() / 1000);
    const all: Claims = {
      iss: clientId,
      sub: clientId,
      aud: endpoint,
      exp: seconds + 200,
      iat: seconds,
      jti: crypto.randomUUID(),
      ...claims,
    };
    const set = (o: Claims) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));
    return new SignJWT(set(all))
      .setProtectedHeader(set({ alg: 'ES384', kid: 'ec', typ: 'JWT', ...header }) as { alg: string })
      .sign(key);
  }
  const form = async (more: Record<string, string | undefined> = {}): Promise<URLSearchParams> => {
    const all = {
      grant_type: 'client_credentials',
      scope: `${BULK_MATCH} system/*.rs`,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion(),
      ...more,
    };
    return new URLSearchParams(Object.entries(all).filter((e): e is [string, string] => e[1] !== undefined));
  };
  const post = (
    body: URLSearchParams | string,
    init: { headers?: Record<string, string>; query?: string; method?: string } = {},
  ) =>
    fetch(`${endpoint}${init.query ?? ''}`, {
      method: init.method ?? 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...init.headers },
      ...(init.method === 'GET' ? {} : { body: String(body) }),
    });
  const token = async (scope?: string): Promise<string> => {
    const answer = await post(await form(scope === undefined ? {} : { scope }));
    const body = (await answer.json()) as { access_token: string };
    if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${JSON.stringify(body)}`);
    return body.access_token;
  };
  return { id, clientId, endpoint, ec, rsa, assertion, form, post, token };
}
