// Who asks, and may they? Bearer tokens of ours, checked at every request against the peer as it is now.
import type { Context } from 'hono';
import { KnownTokens, type TokenClaims } from '../../src/auth/access-token.ts';
import { type Permission, type Permitted, permissionsOf, SCOPE_OF } from '../../src/auth/scopes.ts';
import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { gather } from '../../src/http/gather.ts';
import { KnownPeers, lockPeer, type Peer } from '../peers/peer.ts';
import { addresses } from '../plan.ts';
import { bookAccess, Waiting } from './access-limit.ts';
import { refusedObject } from './refused-object.ts';
import { markAnswered } from './refused-request.ts';

export type Caller = {
  peer: Peer;
  permissions: ReadonlySet<Permission>;
  types: ReadonlySet<string>;
  /** types of which single records may be read, and searched; `*` for all */
  reads: ReadonlySet<string>;
  searches: ReadonlySet<string>;
};

type Doorkeeper = {
  tokens: KnownTokens;
  waiting: Waiting;
  peers: KnownPeers;
  peerOf: (clientId: string) => Promise<Peer | undefined>;
};
/** One for each set of dependencies: on Workers that is one for each request, which shares nothing with others. */
const doorkeepers = new WeakMap<Deps, Doorkeeper>();

function doorkeeperOf(deps: Deps): Doorkeeper {
  const known = doorkeepers.get(deps);
  if (known) return known;
  const peers = new KnownPeers();
  const made = {
    tokens: new KnownTokens(),
    waiting: new Waiting(),
    peers,
    // asked at each request, never trusted from memory: a peer that is suspended is out at once
    peerOf: gather((ids: readonly string[]) => peers.find(deps.database.sql, ids), { most: 64, slots: 4 }),
  };
  doorkeepers.set(deps, made);
  return made;
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3 @param scope that a token needs for this request */
const challenge = (error?: string, scope?: string) => {
  const more = [error && `error="${error}"`, scope && `scope="${scope}"`].filter(Boolean);
  return { headers: { 'www-authenticate': ['Bearer realm="fhir"', ...more].join(', ') } };
};

/**
 * The peer behind a request. What a known peer is refused is written to the audit.
 * @param needed any of them will do
 * @throws Outcome 401 without a good token, 403 when its scopes permit nothing that is needed, 429 when it was refused too often
 */
export async function authorize(c: Context<FhirEnv>, deps: Deps, ...needed: Permission[]): Promise<Caller> {
  return admit(c, deps, await signedIn(c, deps), needed);
}

/**
 * The same for who asks something that may be begun before it is certain: as long as the peer was let in before, it is taken for who it
 * was, and `confirmed` asks. Nothing may be disclosed or kept before that is known.
 */
export async function authorizeAhead(
  c: Context<FhirEnv>,
  deps: Deps,
  needed: Permission,
): Promise<{ caller: Caller; confirmed: () => Promise<Caller> }> {
  const claims = await signedIn(c, deps);
  const { peers, waiting } = doorkeeperOf(deps);
  const peer = peers.remembered(claims.clientId);
  if (peer && isCurrent(peer, claims) && waiting.of(peer.id, deps.clock()) === 0) {
    const caller = callerOf(peer, claims);
    if (caller.permissions.has(needed)) return { caller, confirmed: () => admit(c, deps, claims, [needed]) };
  }
  const caller = await admit(c, deps, claims, [needed]);
  return { caller, confirmed: async () => caller };
}

/** @throws Outcome 401 without a token of ours that is good now */
async function signedIn(c: Context<FhirEnv>, deps: Deps): Promise<TokenClaims> {
  const header = c.req.header('authorization');
  if (header === undefined) throw new Outcome('not-signed-in', undefined, challenge());
  const token = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(header)?.[1];
  const here = addresses(deps.config);
  const claims =
    token === undefined
      ? undefined
      : await doorkeeperOf(deps).tokens.verify(token, await deps.keys.published('token'), {
          issuer: here.issuer,
          audience: here.fhir,
          now: deps.clock(),
        });
  if (!claims) throw new Outcome('not-signed-in', undefined, challenge('invalid_token'));
  return claims;
}

async function admit(
  c: Context<FhirEnv>,
  deps: Deps,
  claims: TokenClaims,
  needed: readonly Permission[],
): Promise<Caller> {
  const doorkeeper = doorkeeperOf(deps);
  const peer = await doorkeeper.peerOf(claims.clientId);
  if (!peer) throw new Outcome('not-signed-in', undefined, challenge('invalid_token'));
  const wait = doorkeeper.waiting.of(peer.id, deps.clock());
  if (wait > 0) throw new Outcome('throttled', undefined, { retryAfter: wait });
  if (!isCurrent(peer, claims)) {
    await recordRefusal(c, deps, peer, 'token-void');
    throw new Outcome('not-signed-in', undefined, challenge('invalid_token'));
  }
  const caller = callerOf(peer, claims);
  c.get('logged')['peer'] = peer.id;
  const [first] = needed;
  if (first !== undefined && !needed.some((p) => caller.permissions.has(p)))
    return insufficientScope(c, deps, caller, SCOPE_OF[first]);
  return caller;
}

const isCurrent = (peer: Peer, claims: TokenClaims): boolean =>
  peer.state === 'active' && peer.epoch === claims.epoch && provesPossession(claims);

/**
 * What scopes permit, by the claims: those of a token that comes again are the same object, and void when the peer is
 * registered for others.
 */
const permitted = new WeakMap<TokenClaims, Permitted>();

function callerOf(peer: Peer, claims: TokenClaims): Caller {
  const known = permitted.get(claims) ?? permissionsOf(claims.scope, peer.scopes);
  permitted.set(claims, known);
  return { peer, ...known };
}

/**
 * Does the request prove the key that its token is bound to? Tokens are bound to nothing yet, so one that says it is bound
 * cannot be proved. Here mTLS (RFC 8705) and DPoP (RFC 9449) will look at the certificate or the proof.
 */
function provesPossession(claims: TokenClaims): boolean {
  return claims.cnf === undefined;
}

/**
 * For what a peer starts, in the transaction that stores it: the peer is held, one kick-off after the other, so that no number of them at
 * once passes a limit.
 * @throws Outcome 401 when it was suspended since it was let in: what is stored after that no one would end
 */
export async function holdCaller(tx: Queryable, caller: Caller): Promise<void> {
  if (!(await lockPeer(tx, caller.peer))) throw new Outcome('not-signed-in', undefined, challenge('invalid_token'));
}

/**
 * @param scope that the request needs: of several ways to be allowed it, one
 * @throws Outcome 403, after it is recorded
 */
export async function insufficientScope(
  c: Context<FhirEnv>,
  deps: Deps,
  caller: Caller,
  scope: string,
): Promise<never> {
  await recordRefusal(c, deps, caller.peer, 'insufficient-scope');
  const text = `The access token does not cover this request. It needs the scope ${scope}, which a client is granted as far as it is registered for it.`;
  throw new Outcome('insufficient-scope', text, challenge('insufficient_scope', scope));
}

/**
 * Records that a peer was refused something. `object` names what it asked for, as far as the audit keeps that (refused-object.ts).
 * @throws Outcome 429 when it was refused too often: then it is not recorded
 */
export async function recordRefusal(
  c: Context<FhirEnv>,
  deps: Deps,
  peer: Peer,
  reason: 'token-void' | 'insufficient-scope' | 'not-granted',
  object = '',
): Promise<void> {
  markAnswered(c);
  const at = deps.clock();
  const wait = await bookAccess(deps, {
    at,
    actorKind: 'peer',
    actor: peer.id,
    action: 'access',
    object: await refusedObject(deps, object),
    peerId: peer.id,
    outcome: 'refused',
    reason,
    requestId: c.get('requestId'),
    detail: { route: c.get('route') ?? 'other' },
  });
  if (wait === 0) return;
  doorkeeperOf(deps).waiting.set(peer.id, wait, at);
  throw new Outcome('throttled', undefined, { retryAfter: wait });
}

/** Does a caller's scope cover a resource type? */
export function covers(caller: Caller, type: string): boolean {
  return caller.types.has('*') || caller.types.has(type);
}
