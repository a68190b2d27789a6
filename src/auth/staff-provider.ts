// What the identity provider publishes, kept for some minutes: anybody may begin to sign in and tell that somebody has signed out, and the provider
// is to be asked by none of them.
import type { JSONWebKeySet } from 'jose';
import { discoverProvider, type Needs, type Provider, providerKeys, SignInRefused } from './staff-oidc.ts';

export type Known = Provider & { keys: JSONWebKeySet };
type Kept = Known | { fault: SignInRefused };

/** Or why it could not be read, and when that was. Plain data, which requests of Workers may share. */
const kept = new Map<string, { at: number; is: Kept }>();
const MOST_KEPT = 100;
/** A key that is not in a copy older than this is looked for, and a provider that was away asked again. */
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

const orThrow = (is: Kept): Known => {
  if ('fault' in is) throw is.fault;
  return is;
};

/**
 * The provider and its keys: asked for once in five minutes, and once in half a minute at most for a key that is not among them.
 * @param kid of the key that is looked for; undefined where none is, or any may be it
 * @throws SignInRefused
 */
export async function knownProvider(deps: Needs, kid?: string): Promise<Known> {
  const place = deps.config.staffOidcIssuer ?? '';
  const now = deps.clock().getTime();
  const copy = kept.get(place);
  const has = copy && 'keys' in copy.is && (kid === undefined || copy.is.keys.keys.some((k) => k.kid === kid));
  const goodMs = has ? LONGEST_MS : copy && 'fault' in copy.is ? AWAY_MS : FRESH_MS;
  if (copy && Math.abs(now - copy.at) < goodMs) return orThrow(copy.is);
  const joined = underWay.get(deps);
  if (joined) return orThrow(await joined);
  const asking = ask(deps)
    .then((is) => {
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(place, { at: deps.clock().getTime(), is });
      return is;
    })
    .finally(() => underWay.delete(deps));
  underWay.set(deps, asking);
  return orThrow(await asking);
}
