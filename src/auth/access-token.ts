// Our access tokens: JWT of RFC 9068, 300 seconds, bound to client and audience; `epoch` revokes them at once.
import { createLocalJWKSet, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';

export const TOKEN_SECONDS = 300;

export type TokenClaims = {
  clientId: string;
  scope: string;
  epoch: number;
  /** what the token is bound to, RFC 7800: a certificate or a DPoP key */
  cnf?: Record<string, unknown>;
};

export async function signAccessToken(
  key: JWK & { kid: string; alg: string },
  claims: TokenClaims & { issuer: string; audience: string; now: Date },
): Promise<string> {
  const seconds = Math.floor(claims.now.getTime() / 1000);
  return new SignJWT({
    client_id: claims.clientId,
    scope: claims.scope,
    epoch: claims.epoch,
    ...(claims.cnf === undefined ? {} : { cnf: claims.cnf }),
  })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt' })
    .setIssuer(claims.issuer)
    .setSubject(claims.clientId)
    .setAudience(claims.audience)
    .setJti(crypto.randomUUID())
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + TOKEN_SECONDS)
    .sign(await importJWK(key, key.alg));
}

/** Claims of a token of ours that is good now for this audience; undefined for anything else. */
export async function verifyAccessToken(
  token: string,
  keys: readonly JWK[],
  expected: { issuer: string; audience: string; now: Date },
): Promise<TokenClaims | undefined> {
  if (token.length > 8192) return undefined;
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys] }), {
      issuer: expected.issuer,
      audience: expected.audience,
      algorithms: ['ES384', 'RS384'],
      typ: 'at+jwt',
      currentDate: expected.now,
      clockTolerance: 0,
    });
    const { client_id, scope, epoch, cnf } = payload;
    if (typeof client_id !== 'string' || typeof scope !== 'string' || typeof epoch !== 'number') return undefined;
    if (cnf !== undefined && (typeof cnf !== 'object' || cnf === null)) return undefined;
    return { clientId: client_id, scope, epoch, ...(cnf === undefined ? {} : { cnf: { ...cnf } }) };
  } catch {
    return undefined;
  }
}
