// POST /exchange/auth/token: SMART Backend Services. The order of the checks is part of the contract: scope errors come
// before the assertion is used up, and an unknown client costs the same as a wrong key.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { signAccessToken, TOKEN_SECONDS } from '../../src/auth/access-token.ts';
import { ASSERTION_TYPE, chooseKey, peekAssertion, verifyAssertion } from '../../src/auth/client-assertion.ts';
import { grantScopes } from '../../src/auth/scopes.ts';
import type { Deps } from '../../src/deps.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { addresses } from '../plan.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { findPeerByClient, type Peer, useAssertion } from '../store/peer.ts';
import { EXPORT_ORDER } from '../transform/record-types.ts';
import { peerKeys } from './peer-keys.ts';
import { boundedText } from './request-body.ts';

type OAuthError = 'invalid_request' | 'invalid_client' | 'invalid_scope' | 'unsupported_grant_type';
const TEXT: Record<OAuthError, string> = {
  invalid_request: 'The request is missing a parameter, repeats one, or is malformed.',
  invalid_client: 'Client authentication failed.',
  invalid_scope: 'None of the requested scopes can be granted.',
  unsupported_grant_type: 'Only client_credentials is supported.',
};
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };
const MAX_BODY = 64 * 1024;

export const GRANTABLE_TYPES: readonly string[] = ['Group', ...EXPORT_ORDER];

let decoy: Promise<JWK> | undefined;
/** A key that no client has: verified against for unknown clients, so that they take as long as known ones. */
const decoyKey = (): Promise<JWK> => {
  decoy ??= generateKeyPair('ES384', { extractable: true }).then((k) => exportJWK(k.publicKey));
  return decoy;
};

export function token(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/auth/token');
    const refuse = (
      error: OAuthError,
      why: string,
      status: 400 | 401 = error === 'invalid_client' ? 401 : 400,
    ): Response => {
      c.get('logged')['reason'] = why;
      deps.metrics.count('token_requests_total', { result: error });
      return c.json({ error, error_description: TEXT[error] }, status, {
        ...NO_STORE,
        ...(status === 401 ? { 'www-authenticate': 'Bearer realm="token"' } : {}),
      });
    };
    const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
    if (
      type !== 'application/x-www-form-urlencoded' ||
      c.req.header('authorization') !== undefined ||
      new URL(c.req.url).search !== ''
    )
      return refuse('invalid_request', 'form');
    const body = await boundedText(c, MAX_BODY);
    if (body === undefined) return refuse('invalid_request', 'size');
    const form = new URLSearchParams(body);
    const names = [...form.keys()];
    if (new Set(names).size !== names.length || form.has('client_secret'))
      return refuse('invalid_request', 'parameters');
    const grant = form.get('grant_type');
    if (grant === null) return refuse('invalid_request', 'grant_type');
    if (grant !== 'client_credentials') return refuse('unsupported_grant_type', 'grant_type');
    const assertion = form.get('client_assertion');
    if (form.get('client_assertion_type') !== ASSERTION_TYPE || assertion === null)
      return refuse('invalid_request', 'assertion');
    const peeked = peekAssertion(assertion);
    if (!peeked.ok) return refuse(peeked.fault === 'malformed' ? 'invalid_request' : 'invalid_client', peeked.fault);

    const { header, issuer } = peeked.value;
    const here = addresses(deps.config);
    const now = deps.clock();
    const found = await findPeerByClient(deps.database.sql, issuer);
    const client = found?.state === 'active' ? found : undefined;
    const given = form.get('client_id');
    const key = client && (given === null || given === issuer) ? await keyOf(deps, client, header) : undefined;
    const verified = await verifyAssertion(assertion, key ?? (await decoyKey()), {
      clientId: issuer,
      alg: key ? header.alg : 'ES384',
      audiences: [here.token, here.issuer],
      now,
    });
    if (!client || !key) return refuse('invalid_client', client ? 'key' : 'unknown-client');
    if (!verified.ok) return refuse('invalid_client', verified.fault);

    const requested = form.get('scope') ?? '';
    const granted =
      requested.length > 32_768 || requested.split(' ').length > 500
        ? []
        : grantScopes(requested, client.scopes, GRANTABLE_TYPES);
    if (granted.length === 0) return refuse('invalid_scope', 'scope');
    const scope = granted.join(' ');

    const hash = createHash('sha256').update(`${issuer}\0${verified.value.jti}`).digest('hex');
    const isFresh = await deps.database.sql.begin(async (tx) => {
      const fresh = await useAssertion(tx, hash, verified.value.expiresAt);
      await writeAudit(tx, [
        auditRow({
          at: now,
          actorKind: 'peer',
          actor: client.id,
          action: 'token',
          peerId: client.id,
          outcome: fresh ? 'ok' : 'refused',
          reason: fresh ? '' : 'replay',
          requestId: c.get('requestId'),
        }),
      ]);
      return fresh;
    });
    if (!isFresh) return refuse('invalid_client', 'replay');
    c.get('logged')['peer'] = client.id;
    deps.metrics.count('token_requests_total', { result: 'ok' });
    const signed = await signAccessToken(await deps.keys.signing('token'), {
      clientId: issuer,
      scope,
      epoch: client.epoch,
      issuer: here.issuer,
      audience: here.fhir,
      now,
    });
    return c.json({ access_token: signed, token_type: 'bearer', expires_in: TOKEN_SECONDS, scope }, 200, NO_STORE);
  };
}

async function keyOf(
  deps: Deps,
  client: Peer,
  header: { alg: string; kid: string; jku: string | undefined },
): Promise<JWK | undefined> {
  if (header.jku !== undefined && header.jku !== client.jwksUrl) return undefined;
  const keys = await peerKeys(deps, client, header.kid);
  return keys && chooseKey(keys, header);
}
