// What the identity provider tells of people who have signed out there. Anyone may send it: nothing is asked of the provider for what it cannot
// have signed, and little for the rest. https://openid.net/specs/openid-connect-backchannel-1_0.html
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import type { Deps } from '../deps.ts';
import { isObject, type Json } from '../fhir/resource.ts';
import { ALGORITHMS, isSubject, SignInRefused, TOKEN_AGE } from './staff-oidc.ts';
import { claimsOf } from './staff-provider.ts';

/** Of all sessions of a person, or of the one session that the provider names. `jti`: a token is good once, and is not taken any more `until`. */
export type Logout = {
  of: { subject: string } | { issuer: string; sid: string };
  issuer: string;
  jti: string;
  until: Date;
};

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Is it one by its words? It tells of a person, of a session or of both (2.4). A nonce is what an ID token has. */
function isLogout(
  claims: JWTPayload,
): claims is JWTPayload & { jti: string; iat: number } & ({ sub: string } | { sub?: never; sid: string }) {
  const events = claims['events'] as Json | undefined;
  const { jti, iat } = claims;
  return (
    (claims.sub === undefined ? isSubject(claims['sid']) : isSubject(claims.sub)) &&
    typeof iat === 'number' &&
    typeof jti === 'string' &&
    jti !== '' &&
    jti.length <= 256 &&
    claims['nonce'] === undefined &&
    isObject(events) &&
    isObject(events[EVENT])
  );
}

/** Could it be one of our provider, for us and of now, if it were signed by it? Says nothing about who wrote it. */
function couldBe(deps: Pick<Deps, 'config' | 'clock'>, jwt: string): boolean {
  try {
    const { alg } = decodeProtectedHeader(jwt);
    const claims = decodeJwt(jwt);
    const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    const age = deps.clock().getTime() / 1000 - (claims.iat ?? 0);
    return (
      isLogout(claims) &&
      ALGORITHMS.includes(alg ?? '') &&
      typeof claims.iss === 'string' &&
      claims.iss.replace(/\/+$/, '') === deps.config.staffOidcIssuer &&
      audience.includes(deps.config.staffOidcClientId) &&
      Math.abs(age) <= TOKEN_AGE.most + TOKEN_AGE.tolerance
    );
  } catch {
    return false;
  }
}

/**
 * Who has signed out at the provider, as it tells us: `issuer|sub`, as sessions name people.
 * @throws SignInRefused
 */
export async function readLogout(deps: Deps, logoutToken: string): Promise<Logout> {
  if (!couldBe(deps, logoutToken)) throw new SignInRefused('id-token');
  const { issuer, claims } = await claimsOf(deps, logoutToken, 'anyone');
  if (!isLogout(claims)) throw new SignInRefused('id-token');
  return {
    // anyone who names both may mean the one session: the person is signed out of all, and signs in again
    of: claims.sub === undefined ? { issuer, sid: claims.sid } : { subject: `${issuer}|${claims.sub}` },
    issuer,
    jti: claims.jti,
    until: new Date((claims.iat + TOKEN_AGE.most + TOKEN_AGE.tolerance) * 1000),
  };
}
