// What the identity provider publishes, kept for some minutes: anyone may begin to sign in and tell that someone has signed out, and the provider
// is to be asked by none of them.
import type { JSONWebKeySet, JWTPayload } from 'jose';
import {
  discoverProvider,
  type Needs,
  type Provider,
  providerKeys,
  SignInRefused,
  signedClaims,
} from './staff-oidc.ts';

export type Known = Provider & { keys: JSONWebKeySet };
type Kept = Known | { fault: SignInRefused };

/** Or why it could not be read. `at`: when that was; `askedAt`: when it was last asked for. Plain data, which requests of Workers may share. */
const kept = new Map<string, { at: number; askedAt: number; is: Kept }>();
const MOST_KEPT = 100;
/** Keys are looked for again, when anyone says that there are others, and a provider that was away is asked again, after so long. */
const FRESH_MS = 30_000;
const AWAY_MS = 5000;
const LONGEST_MS = 300_000;
/** Under way, by dependencies: on Workers those are of one request, which shares no promise with another. */
const underWay = new WeakMap<object, Promise<Kept>>();

async function ask(deps: Needs): Promise<Kept> {
  try {
    const provider = await discoverProvider(deps);
    return { ...provider, keys: await providerKeys(deps, provider) };
  } catch (error) {
    if (error instanceof SignInRefused) return { fault: error };
    throw error;
  }
}

const placeOf = (deps: Needs): string => deps.config.staffOidcIssuer ?? '';

const orThrow = (is: Kept): Known => {
  if ('fault' in is) throw is.fault;
  return is;
};

/** Asks now. What is known stays known when the provider is away, as long as it is good. */
async function renew(deps: Needs): Promise<Known> {
  const joined = underWay.get(deps);
  if (joined) return orThrow(await joined);
  const place = placeOf(deps);
  const asking = ask(deps)
    .then((is) => {
      const now = deps.clock().getTime();
      const copy = kept.get(place);
      if (kept.size >= MOST_KEPT) kept.clear();
      const isGood = copy && 'keys' in copy.is && Math.abs(now - copy.at) < LONGEST_MS;
      kept.set(place, 'fault' in is && isGood ? { ...copy, askedAt: now } : { at: now, askedAt: now, is });
      return is;
    })
    .finally(() => underWay.delete(deps));
  underWay.set(deps, asking);
  return orThrow(await asking);
}

/**
 * The provider and its keys, asked for once in five minutes.
 * @throws SignInRefused
 */
export async function knownProvider(deps: Needs): Promise<Known> {
  const copy = kept.get(placeOf(deps));
  const goodMs = copy && 'fault' in copy.is ? AWAY_MS : LONGEST_MS;
  return copy && Math.abs(deps.clock().getTime() - copy.at) < goodMs ? orThrow(copy.is) : renew(deps);
}

/**
 * The claims of what the provider has signed for us a moment ago. What the keys that are kept do not verify may be signed with one that it took
 * since, under another name, the same one or none: it is asked again.
 * @param from `provider`: its own answer to us, for which it is asked at once; `anyone`: who could have it asked for ever, so not twice in half a minute
 * @throws SignInRefused
 */
export async function claimsOf(
  deps: Needs,
  jwt: string,
  from: 'provider' | 'anyone',
): Promise<{ issuer: string; claims: JWTPayload }> {
  const known = await knownProvider(deps);
  try {
    return { issuer: known.issuer, claims: await signedClaims(deps, known, jwt) };
  } catch (error) {
    const askedAt = kept.get(placeOf(deps))?.askedAt ?? 0;
    const isTooSoon = from === 'anyone' && Math.abs(deps.clock().getTime() - askedAt) < FRESH_MS;
    if (!(error instanceof SignInRefused) || isTooSoon) throw error;
  }
  const now = await renew(deps);
  return { issuer: now.issuer, claims: await signedClaims(deps, now, jwt) };
}
