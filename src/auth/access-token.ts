// Our access tokens: JWT of RFC 9068, 300 seconds, bound to client and audience; `epoch` revokes them at once.
import { hash } from 'node:crypto';
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

type Expected = { issuer: string; audience: string; now: Date };
type Verified = { claims: TokenClaims; kid: string | undefined; expiresAt: number };

/** Undefined for all that is no token of ours, good now for this audience. */
async function verified(token: string, keys: readonly JWK[], expected: Expected): Promise<Verified | undefined> {
  if (token.length > 8192) return undefined;
  try {
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys] }), {
      issuer: expected.issuer,
      audience: expected.audience,
      algorithms: ['ES384', 'RS384'],
      typ: 'at+jwt',
      currentDate: expected.now,
      clockTolerance: 0,
    });
    const { client_id, scope, epoch, cnf, exp } = payload;
    if (typeof client_id !== 'string' || typeof scope !== 'string' || typeof epoch !== 'number') return undefined;
    if (exp === undefined) return undefined;
    if (cnf !== undefined && (typeof cnf !== 'object' || cnf === null)) return undefined;
    const claims = { clientId: client_id, scope, epoch, ...(cnf === undefined ? {} : { cnf: { ...cnf } }) };
    return { claims, kid: protectedHeader.kid, expiresAt: exp * 1000 };
  } catch {
    return undefined;
  }
}

const MOST_KNOWN = 2000;

/**
 * Tokens whose signature was verified already, by their SHA-256: a client sends the same one for five minutes, and verifying
 * costs more than all else that a short request does. What can change is looked at each time: the time, and whether the key
 * is still ours (a stolen one is withdrawn).
 */
export class KnownTokens {
  readonly #known = new Map<string, Verified>();

  /** Claims of a token of ours that is good now for this audience; undefined for anything else. */
  async verify(token: string, keys: readonly JWK[], expected: Expected): Promise<TokenClaims | undefined> {
    const name = hash('sha256', `${expected.issuer}\0${expected.audience}\0${token}`, 'base64');
    const known = this.#known.get(name);
    if (known) {
      if (known.expiresAt > expected.now.getTime() && keys.some((k) => k.kid === known.kid)) return known.claims;
      this.#known.delete(name);
    }
    const found = await verified(token, keys, expected);
    if (!found) return undefined;
    const [oldest] = this.#known.size >= MOST_KNOWN ? this.#known.keys() : [];
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(name, found);
    return found.claims;
  }
}
