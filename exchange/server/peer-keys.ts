// Key sets of peers: inline, or fetched from the pinned URL and kept no longer than its Cache-Control allows.
import type { JWK } from 'jose';
import { holdsPrivateKey } from '../../src/auth/client-assertion.ts';
import type { Deps } from '../../src/deps.ts';
import { isObject, type Json, objects } from '../../src/fhir/resource.ts';
import { readBounded } from '../../src/net/read-bounded.ts';
import type { Peer } from '../store/peer.ts';

const MAX_BYTES = 64 * 1024;
const MAX_KEYS = 100;
const DEFAULT_SECONDS = 300;
const LONGEST_SECONDS = 600;

type Kept = { keys: JWK[]; fetchedAt: number; until: number };
/** Plain data per process; on Workers an isolate may hold it for a while, never longer than `until`. */
const kept = new Map<string, Kept>();

/** How long an answer may be kept, in seconds. */
export function cacheSeconds(cacheControl: string | null): number {
  if (cacheControl === null) return DEFAULT_SECONDS;
  if (/no-store|no-cache/i.test(cacheControl)) return 0;
  const age = /max-age=(\d+)/i.exec(cacheControl)?.[1];
  return age === undefined ? DEFAULT_SECONDS : Math.min(Number(age), LONGEST_SECONDS);
}

/** Usable keys of a set; undefined when it cannot be trusted. */
export function readKeySet(body: Json): JWK[] | undefined {
  if (!isObject(body) || !Array.isArray(body['keys'])) return undefined;
  const keys = objects(body['keys']).filter((k) => k['kty'] !== 'oct') as JWK[];
  return keys.length > MAX_KEYS || holdsPrivateKey(keys) ? undefined : keys;
}

/** Keys of a peer; fetched anew when the wanted key is not among those that are older than 30 seconds. */
export async function peerKeys(deps: Deps, peer: Peer, kid: string): Promise<JWK[] | undefined> {
  if (peer.jwks) return readKeySet(peer.jwks as unknown as Json);
  if (peer.jwksUrl === null) return undefined;
  const now = deps.clock().getTime();
  const have = kept.get(peer.jwksUrl);
  if (have && now < have.until && (have.keys.some((k) => k.kid === kid) || now - have.fetchedAt < 30_000))
    return have.keys;
  try {
    const response = await deps.fetch(peer.jwksUrl, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(5000),
    });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    const keys = readKeySet(JSON.parse(await readBounded(response, MAX_BYTES)) as Json);
    if (!keys) throw new Error('unusable');
    const seconds = cacheSeconds(response.headers.get('cache-control'));
    kept.set(peer.jwksUrl, { keys, fetchedAt: now, until: now + seconds * 1000 });
    return keys;
  } catch (error) {
    kept.delete(peer.jwksUrl);
    deps.log('warn', 'peer keys not readable', {
      peer: peer.id,
      error: error instanceof Error ? error.name : 'unknown',
    });
    return undefined;
  }
}
