// What the identity provider tells of people who have signed out there. Anybody may send it: nothing is asked of the provider for what it cannot
// have signed, and little for the rest. https://openid.net/specs/openid-connect-backchannel-1_0.html
import { decodeJwt, decodeProtectedHeader, type JSONWebKeySet, type JWTPayload } from 'jose';
import type { Deps } from '../deps.ts';
import { isObject, type Json } from '../fhir/resource.ts';
import {
  ALGORITHMS,
  discoverProvider,
  isSubject,
  providerKeys,
  SignInRefused,
  signedClaims,
  TOKEN_AGE,
} from './staff-oidc.ts';

/** `jti`: a token is good once, and is not taken any more `until`. */
export type Logout = { subject: string; issuer: string; jti: string; until: Date };

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** Is it one by its words? A nonce is what an ID token has. */
function isLogout(claims: JWTPayload): claims is JWTPayload & { sub: string; jti: string; iat: number } {
  const events = claims['events'] as Json | undefined;
  const { jti, iat } = claims;
  return (
    isSubject(claims.sub) &&
    typeof iat === 'number' &&
    typeof jti === 'string' &&
    jti !== '' &&
    jti.length <= 256 &&
    claims['nonce'] === undefined &&
    isObject(events) &&
    isObject(events[EVENT])
  );
}

/** Could it be one of our provider, for us and of now, if it were signed by it? The kid of its key then; says nothing about who wrote it. */
function couldBe(deps: Pick<Deps, 'config' | 'clock'>, jwt: string): { kid: string | undefined } | undefined {
  try {
    const { alg, kid } = decodeProtectedHeader(jwt);
    const claims = decodeJwt(jwt);
    const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    const age = deps.clock().getTime() / 1000 - (claims.iat ?? 0);
    const fits =
      isLogout(claims) &&
      ALGORITHMS.includes(alg ?? '') &&
      typeof claims.iss === 'string' &&
      claims.iss.replace(/\/+$/, '') === deps.config.staffOidcIssuer &&
      audience.includes(deps.config.staffOidcClientId) &&
      Math.abs(age) <= TOKEN_AGE.most + TOKEN_AGE.tolerance;
    return fits ? { kid } : undefined;
  } catch {
    return undefined;
  }
}

type Kept = { issuer: string; keys: JSONWebKeySet } | { fault: SignInRefused };
/** What the provider publishes, or why it could not be read, and when that was. Plain data, which requests of Workers may share. */
const kept = new Map<string, { at: number; is: Kept }>();
const MOST_KEPT = 100;
/** A key that is not in a copy older than this is looked for, and a provider that was away asked again. */
const FRESH_MS = 30_000;
const AWAY_MS = 5000;
const LONGEST_MS = 300_000;
/** Under way, by dependencies: on Workers those are of one request, which shares no promise with another. */
const underWay = new WeakMap<object, Promise<Kept>>();

async function ask(deps: Deps): Promise<Kept> {
  try {
    const provider = await discoverProvider(deps);
    return { issuer: provider.issuer, keys: await providerKeys(deps, provider) };
  } catch (error) {
    if (error instanceof SignInRefused) return { fault: error };
    throw error;
  }
}

/** The provider's keys: asked for once in five minutes, and once in half a minute at most for a key that is not among them. */
async function keysFor(deps: Deps, kid: string | undefined): Promise<Kept> {
  const place = deps.config.staffOidcIssuer ?? '';
  const now = deps.clock().getTime();
  const copy = kept.get(place);
  const has = copy && 'keys' in copy.is && (kid === undefined || copy.is.keys.keys.some((k) => k.kid === kid));
  const goodMs = has ? LONGEST_MS : copy && 'fault' in copy.is ? AWAY_MS : FRESH_MS;
  if (copy && Math.abs(now - copy.at) < goodMs) return copy.is;
  const joined = underWay.get(deps);
  if (joined) return joined;
  const asking = ask(deps)
    .then((is) => {
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(place, { at: deps.clock().getTime(), is });
      return is;
    })
    .finally(() => underWay.delete(deps));
  underWay.set(deps, asking);
  return asking;
}

/**
 * Who has signed out at the provider, as it tells us: `issuer|sub`, as sessions name people.
 * @throws SignInRefused
 */
export async function readLogout(deps: Deps, logoutToken: string): Promise<Logout> {
  const could = couldBe(deps, logoutToken);
  if (!could) throw new SignInRefused('id-token');
  const known = await keysFor(deps, could.kid);
  if ('fault' in known) throw known.fault;
  const claims = await signedClaims(deps, known.issuer, known.keys, logoutToken);
  if (!isLogout(claims)) throw new SignInRefused('id-token');
  return {
    subject: `${known.issuer}|${claims.sub}`,
    issuer: known.issuer,
    jti: claims.jti,
    until: new Date((claims.iat + TOKEN_AGE.most + TOKEN_AGE.tolerance) * 1000),
  };
}
