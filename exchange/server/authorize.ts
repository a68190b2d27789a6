// Who asks, and may they? Bearer tokens of ours, checked at every request against the peer as it is now.
import type { Context } from 'hono';
import { verifyAccessToken } from '../../src/auth/access-token.ts';
import { type Permission, permissionsOf } from '../../src/auth/scopes.ts';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { addresses } from '../plan.ts';
import { findPeerByClient, type Peer } from '../store/peer.ts';

export type Caller = { peer: Peer; permissions: ReadonlySet<Permission>; types: ReadonlySet<string> };

const challenge = (error?: string) => ({
  headers: { 'www-authenticate': `Bearer realm="fhir"${error === undefined ? '' : `, error="${error}"`}` },
});

/**
 * The peer behind a request.
 * @throws Outcome 401 without a good token, 403 when its scopes do not permit `needed`
 */
export async function authorize(c: Context<FhirEnv>, deps: Deps, needed: Permission): Promise<Caller> {
  const header = c.req.header('authorization');
  if (header === undefined) throw new Outcome('not-signed-in', undefined, challenge());
  const token = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(header)?.[1];
  const here = addresses(deps.config);
  const claims =
    token === undefined
      ? undefined
      : await verifyAccessToken(token, await deps.keys.published('token'), {
          issuer: here.issuer,
          audience: here.fhir,
          now: deps.clock(),
        });
  const peer = claims && (await findPeerByClient(deps.database.sql, claims.clientId));
  if (!claims || !peer || peer.state !== 'active' || peer.epoch !== claims.epoch)
    throw new Outcome('not-signed-in', undefined, challenge('invalid_token'));
  const { permissions, types } = permissionsOf(claims.scope);
  c.get('logged')['peer'] = peer.id;
  if (!permissions.has(needed)) throw new Outcome('insufficient-scope', undefined, challenge('insufficient_scope'));
  return { peer, permissions, types };
}

/** Does a caller's scope cover a resource type? */
export function covers(caller: Caller, type: string): boolean {
  return caller.types.has('*') || caller.types.has(type);
}
