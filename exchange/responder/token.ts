// POST /exchange/auth/token: SMART Backend Services. The order of the checks is part of the contract: scope errors come
// before the assertion is used up, and an unknown client costs the same as a wrong key.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { JWK } from 'jose';
import { signAccessToken, TOKEN_SECONDS } from '../../src/auth/access-token.ts';
import {
  ASSERTION_TYPE,
  type AssertionFault,
  chooseKey,
  peekAssertion,
  verifyAssertion,
} from '../../src/auth/client-assertion.ts';
import { decoyKey } from '../../src/auth/decoy.ts';
import { grantScopes, OPERATION_SCOPES } from '../../src/auth/scopes.ts';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { boundedText } from '../../src/http/body.ts';
import { type AddressOf, type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { findPeerByClient, type Peer, useAssertion } from '../peers/peer.ts';
import { isNewAddress } from '../peers/peer-address.ts';
import { type KeyFault, peerKeys, slowestFetchMs } from '../peers/peer-keys.ts';
import { addresses } from '../plan.ts';
import { EXPORT_ORDER } from '../records/facts/record-types.ts';
import type { LimitName } from '../requester/client/limits.ts';
import { untilFloor } from './constant-time.ts';
import { type Asker, askerAt, bookRefusal, mustWait, withClient } from './token-limits.ts';

type OAuthError = 'invalid_request' | 'invalid_client' | 'invalid_scope' | 'unsupported_grant_type';
const TEXT: Record<OAuthError, string> = {
  invalid_request:
    'Send a form (application/x-www-form-urlencoded) with grant_type, scope, client_assertion_type and client_assertion, each once, in the body. No Authorization header, no client_secret, nothing in the address.',
  // the same whatever was wrong: who is no client must not learn who is one
  invalid_client:
    'Client authentication failed. An assertion needs iss and sub with your client id, aud with this token endpoint or issuer as one text, exp at most five minutes ahead, a jti that was never used, and a kid of your registered keys.',
  invalid_scope: 'None of the requested scopes can be granted. smart-configuration lists those that there are.',
  unsupported_grant_type: 'Only client_credentials is supported.',
};
const TOO_MANY = 'Too many requests were refused. Wait as Retry-After says.';
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };
/** For a peer whose library cannot be changed. */
const TAKES_LIST: LimitName = 'audienceList';
const MAX_BODY = 64 * 1024;
const MOST_LEFT = 20;
const IS_SCOPE = /^[a-z*]{1,10}\/[A-Za-z*]{1,40}\.[a-z*]{1,10}$/;
const MAX_SCOPE = { length: 32_768, tokens: 500 };

export const GRANTABLE_TYPES: readonly string[] = ['Group', ...EXPORT_ORDER];

/** Why a request is refused: for the log and the audit, never for the client. `wait`: in seconds, 429. */
type Refused = {
  error: OAuthError;
  reason: string;
  asker: Asker;
  peer?: Peer | undefined;
  wait?: number;
  /** it is in the audit already, or came too often to be written down */
  isBooked?: boolean;
};
/** `left`: scopes that it asked for and was not given, or not as a whole. */
type Good = { client: Peer; jti: string; expiresAt: Date; scope: string; left: readonly string[]; asker: Asker };

export function token(deps: Deps, addressOf: AddressOf) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/auth/token');
    const started = performance.now();
    const requestId = c.get('requestId');
    const judged = await judge(c, deps, await askerAt(deps, addressOf(c)));
    if ('error' in judged) return refuse(c, deps, judged, started);

    const { client, scope, asker } = judged;
    const now = deps.clock();
    const hash = createHash('sha256').update(`${client.clientIdHere}\0${judged.jti}`).digest('hex');
    const here = addresses(deps.config);
    // signed before it is recorded: a row says that a token was handed out only when there is one
    const signed = await signAccessToken(await deps.keys.signing('token'), {
      clientId: client.clientIdHere ?? '',
      scope,
      epoch: client.epoch,
      issuer: here.issuer,
      audience: here.fhir,
      now,
    });
    const usedAt = await deps.database.sql.begin(async (tx) => {
      const before = await useAssertion(tx, hash, judged.expiresAt, now);
      const mark = asker.address.slice('address '.length);
      const isNew = !before && (await isNewAddress(tx, client.id, mark, now));
      await writeAudit(tx, [
        auditRow({
          at: now,
          actorKind: 'peer',
          actor: client.id,
          action: 'token',
          peerId: client.id,
          outcome: before ? 'refused' : isNew ? 'noted' : 'ok',
          reason: before ? 'replay' : isNew ? 'new-address' : '',
          requestId,
          detail: {
            address: mark,
            // what was cut, beside what was given
            ...(judged.left.length === 0 ? {} : { left: judged.left.join(' '), scope }),
            ...(before ? { secondsBetween: Math.round((now.getTime() - before.getTime()) / 1000) } : {}),
          },
        }),
      ]);
      return before;
    });
    if (usedAt)
      return refuse(
        c,
        deps,
        { error: 'invalid_client', reason: 'replay', asker, peer: client, isBooked: true },
        started,
      );
    c.get('logged')['peer'] = client.id;
    deps.metrics.count('token_requests_total', { result: 'ok' });
    return c.json({ access_token: signed, token_type: 'bearer', expires_in: TOKEN_SECONDS, scope }, 200, NO_STORE);
  };
}

/** Everything up to the atomic use of the assertion, in the order of the specification. */
async function judge(c: Context<FhirEnv>, deps: Deps, asker: Asker): Promise<Good | Refused> {
  const malformed = (reason: string): Refused => ({ error: 'invalid_request', reason, asker });
  const form = await readForm(c);
  const addressWait = await mustWait(deps, asker);
  if (typeof form === 'string') return { ...malformed(form), isBooked: addressWait > 0 };
  if (addressWait > 0) return { ...malformed('throttled'), wait: addressWait };
  const grant = form.get('grant_type');
  if (grant === null) return malformed('grant_type');
  if (grant !== 'client_credentials') return { error: 'unsupported_grant_type', reason: 'grant_type', asker };
  const assertion = form.get('client_assertion');
  if (form.get('client_assertion_type') !== ASSERTION_TYPE || assertion === null) return malformed('assertion');
  const peeked = peekAssertion(assertion);
  if (!peeked.ok) {
    const error = peeked.fault === 'malformed' ? 'invalid_request' : 'invalid_client';
    return { error, reason: peeked.fault, asker };
  }

  const { header, issuer } = peeked.value;
  const asking = await withClient(deps, asker, issuer);
  const found = await findPeerByClient(deps.database.sql, issuer);
  const clientWait = await mustWait(deps, asking);
  if (clientWait > 0)
    return { error: 'invalid_request', reason: 'throttled', asker: asking, peer: found, wait: clientWait };
  const here = addresses(deps.config);
  const key = await keyFor(deps, found, header, form.get('client_id') ?? issuer, issuer);
  const verified = await verifyAssertion(assertion, 'fault' in key ? decoyKey(header.alg) : key.key, {
    clientId: issuer,
    alg: header.alg,
    audiences: [here.token, here.issuer],
    takesList: found?.limits[TAKES_LIST] === 1,
    now: deps.clock(),
  });
  const unknown = (reason: string): Refused => ({ error: 'invalid_client', reason, asker: asking, peer: found });
  if ('fault' in key) return unknown(key.fault);
  if (!verified.ok) return unknown(verified.fault);

  const scope = scopeFor(form.get('scope') ?? '', key.client.scopes);
  if (scope === '') return { error: 'invalid_scope', reason: 'scope', asker: asking, peer: found };
  const { jti, expiresAt } = verified.value;
  return { client: key.client, jti, expiresAt, scope, left: leftOut(form.get('scope') ?? '', scope), asker: asking };
}

/** What was asked for and is not in the token word for word; what is no scope stands as `other`: anyone may write anything there. */
const leftOut = (asked: string, given: string): string[] => {
  const granted = new Set(given.split(' '));
  const left = asked.split(' ').filter((s) => s !== '' && !granted.has(s));
  return [...new Set(left.map((s) => (IS_SCOPE.test(s) || OPERATION_SCOPES.includes(s) ? s : 'other')))].slice(
    0,
    MOST_LEFT,
  );
};

/** The form, or what is wrong with it. */
async function readForm(c: Context<FhirEnv>): Promise<URLSearchParams | string> {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return 'content-type';
  if (c.req.header('authorization') !== undefined) return 'authorization-header';
  if (new URL(c.req.url).search !== '') return 'query';
  const body = await boundedText(c, MAX_BODY).catch((error: unknown) => {
    // packed, or not in UTF-8: who asks for a token reads OAuth errors
    if (error instanceof Outcome) return error;
    throw error;
  });
  if (body === undefined) return 'size';
  if (body instanceof Outcome) return 'encoding';
  const form = new URLSearchParams(body);
  const names = [...form.keys()];
  return new Set(names).size !== names.length || form.has('client_secret') ? 'parameters' : form;
}

type KeyReason = AssertionFault | KeyFault | 'client-suspended' | 'client-id' | 'jku' | 'blocked-key';

async function keyFor(
  deps: Deps,
  found: Peer | undefined,
  header: { alg: string; kid: string; jku: string | undefined },
  clientId: string,
  issuer: string,
): Promise<{ client: Peer; key: JWK } | { fault: KeyReason }> {
  if (!found) return { fault: 'unknown-client' };
  if (found.state !== 'active') return { fault: 'client-suspended' };
  if (clientId !== issuer) return { fault: 'client-id' };
  if (header.jku !== undefined && header.jku !== found.jwksUrl) return { fault: 'jku' };
  if (found.blockedKids.includes(header.kid)) return { fault: 'blocked-key' };
  const keys = await peerKeys(deps, found, header.kid);
  if ('fault' in keys) return keys;
  const key = chooseKey(keys.keys, header);
  return key ? { client: found, key } : { fault: 'key' };
}

function scopeFor(requested: string, allowed: readonly string[]): string {
  const isTooLong = requested.length > MAX_SCOPE.length || requested.split(' ').length > MAX_SCOPE.tokens;
  return isTooLong ? '' : grantScopes(requested, allowed, GRANTABLE_TYPES).join(' ');
}

/** @param started when the request came, by `performance.now()` */
async function refuse(c: Context<FhirEnv>, deps: Deps, r: Refused, started: number): Promise<Response> {
  const logged = c.get('logged');
  logged['reason'] = r.reason;
  if (r.peer) logged['peer'] = r.peer.id;
  deps.metrics.count('token_requests_total', { result: r.wait === undefined ? r.error : 'throttled' });
  if (r.wait !== undefined)
    return c.json({ error: r.error, error_description: TOO_MANY }, 429, { ...NO_STORE, 'retry-after': String(r.wait) });
  if (r.isBooked !== true)
    await bookRefusal(deps, r.asker, { reason: r.reason, peer: r.peer, requestId: c.get('requestId') });
  const status = r.error === 'invalid_client' ? 401 : 400;
  // the key set of a known client may have to be fetched: who is unknown, or has a wrong key, waits as long
  const { tokenMinLatencyMs } = deps.config;
  if (status === 401 && tokenMinLatencyMs > 0) await untilFloor(started, Math.max(tokenMinLatencyMs, slowestFetchMs()));
  return c.json({ error: r.error, error_description: TEXT[r.error] }, status, {
    ...NO_STORE,
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="token"' } : {}),
  });
}
