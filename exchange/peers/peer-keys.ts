// Key sets of peers: inline, or fetched from the pinned URL and kept no longer than its Cache-Control allows.
import { calculateJwkThumbprint, type JWK } from 'jose';
import { holdsPrivateKey } from '../../src/auth/client-assertion.ts';
import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { isObject, type Json, objects } from '../../src/fhir/resource.ts';
import { readBounded } from '../../src/net/read-bounded.ts';
import { type AuditEntry, auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { revokeOfPeer } from '../responder/export/revoke.ts';
import { takeCall } from '../responder/match/attempt-rows.ts';
import { type Peer, setPeerState } from './peer.ts';
import { addPeerChange, type PeerChange, recordKeysSeen } from './peer-change.ts';

const MAX_BYTES = 64 * 1024;
const MAX_KEYS = 100;
const MAX_DEPTH = 8;
const DEFAULT_SECONDS = 300;
const LONGEST_SECONDS = 600;
/** A key that is not in a copy older than this is looked for at once. */
const FRESH_MS = 30_000;
/** Fetches a minute and client, over all processes; twice as many at once. */
const FETCHES_PER_MINUTE = 5;

export type KeyFault = 'keys-unreadable' | 'keys-throttled' | 'private-key';
type Fetched = { keys: JWK[] } | { fault: KeyFault };
type Kept = { keys: JWK[]; fetchedAt: number; until: number };

/** Plain data per process; on Workers an isolate may hold it for a while, never longer than `until`. */
const kept = new Map<string, Kept>();
const MAX_KEPT = 10_000;
/** Fetches under way. By dependencies, which are one object per process on Node and per request on Workers: a promise may
 *  not be shared between requests there. */
const underWay = new WeakMap<Deps, Map<string, Promise<Fetched>>>();

/** A fetch ends after so long. */
const FETCH_MS = 5000;

/** The slowest fetch of the last while, in milliseconds of a monotonic clock: a number, so that requests of Workers may share it. */
const slowest = { ms: 0, at: 0 };
const REMEMBER_MS = 3_600_000;

/** No longer than a fetch may take: what else held this process up, a database that was away say, was no fetch. */
function noteSlowness(began: number): void {
  const at = performance.now();
  const ms = Math.min(at - began, FETCH_MS);
  if (ms < slowest.ms && at - slowest.at < REMEMBER_MS) return;
  slowest.ms = ms;
  slowest.at = at;
}

/** What a fetch of a key set took at most in the last hour, in milliseconds: anyone who is refused without one waits as long. */
export const slowestFetchMs = (): number => (performance.now() - slowest.at < REMEMBER_MS ? slowest.ms : 0);

/**
 * How long an answer may be kept, in seconds; what a cache on the way had kept it for counts
 * (https://www.rfc-editor.org/rfc/rfc9111#section-4.2).
 */
function cacheSeconds(headers: Headers): number {
  const cacheControl = headers.get('cache-control');
  if (cacheControl === null) return DEFAULT_SECONDS;
  if (/no-store|no-cache/i.test(cacheControl)) return 0;
  const longest = /max-age=(\d+)/i.exec(cacheControl)?.[1];
  if (longest === undefined) return DEFAULT_SECONDS;
  const age = /^\d+$/.exec(headers.get('age') ?? '')?.[0] ?? '0';
  return Math.min(Math.max(0, Number(longest) - Number(age)), LONGEST_SECONDS);
}

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

/** Usable keys of a set; a fault when it cannot be trusted. Symmetric keys are ignored, private ones are not. */
function readKeySet(body: Json): Fetched {
  if (!isObject(body) || !Array.isArray(body['keys'])) return { fault: 'keys-unreadable' };
  if (body['keys'].length > MAX_KEYS || depthOf(body) > MAX_DEPTH) return { fault: 'keys-unreadable' };
  const keys = objects(body['keys']).filter((k) => k['kty'] !== 'oct') as JWK[];
  return holdsPrivateKey(keys) ? { fault: 'private-key' } : { keys };
}

/**
 * Keys of a peer; fetched again when the wanted key is not among those that are older than 30 seconds. A change of the peer's
 * record (its epoch) makes every process fetch again.
 */
export async function peerKeys(deps: Deps, peer: Peer, kid: string): Promise<Fetched> {
  if (peer.jwks) return judged(deps, peer, readKeySet(peer.jwks as unknown as Json));
  if (peer.jwksUrl === null) return { fault: 'keys-unreadable' };
  const now = deps.clock().getTime();
  const place = `${peer.id}|${peer.epoch}|${peer.jwksUrl}`;
  const copy = kept.get(place);
  const have = copy && now < copy.until ? copy : undefined;
  if (have && (have.keys.some((k) => k.kid === kid) || now - have.fetchedAt < FRESH_MS)) return { keys: have.keys };
  const mine = underWay.get(deps) ?? new Map<string, Promise<Fetched>>();
  underWay.set(deps, mine);
  const joined = mine.get(place);
  if (joined) return joined;
  const began = performance.now();
  const fetching = fetchKeys(deps, peer, peer.jwksUrl, place)
    // anyone may ask with a kid that is in no set: what is good keeps good when there is no newer one
    .then((found) => ('fault' in found && found.fault !== 'private-key' && have ? { keys: have.keys } : found))
    .finally(() => {
      mine.delete(place);
      noteSlowness(began);
    });
  mine.set(place, fetching);
  return fetching;
}

async function fetchKeys(deps: Deps, peer: Peer, url: string, place: string): Promise<Fetched> {
  const at = deps.clock();
  if ((await takeCall(deps.database.sql, peer.id, 'jwks', FETCHES_PER_MINUTE, at)) > 0)
    return { fault: 'keys-throttled' };
  const now = at.getTime();
  let found: Fetched;
  let seconds = 0;
  try {
    const response = await deps.fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      credentials: 'omit',
      signal: AbortSignal.timeout(FETCH_MS),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    found = readKeySet(JSON.parse(await readBounded(response, MAX_BYTES)) as Json);
    seconds = cacheSeconds(response.headers);
  } catch (error) {
    deps.log('warn', 'peer keys not readable', {
      peer: peer.id,
      error: error instanceof Error ? error.name : 'unknown',
    });
    return { fault: 'keys-unreadable' };
  }
  const result = await judged(deps, peer, found);
  if ('fault' in result) {
    if (result.fault === 'private-key') kept.delete(place);
    return result;
  }
  kept.delete(place);
  await noteKeys(deps, peer, result.keys, at);
  if (kept.size >= MAX_KEPT) kept.clear();
  if (seconds > 0) kept.set(place, { keys: result.keys, fetchedAt: now, until: now + seconds * 1000 });
  return result;
}

/** A client that publishes its private key is no one in particular: it is suspended at once, and staff are informed. */
async function judged(deps: Deps, peer: Peer, found: Fetched): Promise<Fetched> {
  if (!('fault' in found) || found.fault !== 'private-key') return found;
  const at = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    if (!(await setPeerState(tx, peer.id, 'suspended', 'system', at))) return;
    await revokeOfPeer(tx, peer.id, at);
    const after = { state: 'suspended', reason: 'private-key' };
    await record(
      tx,
      peer,
      at,
      { what: 'state', before: { state: peer.state }, after },
      {
        action: 'peer-suspended',
        outcome: 'refused',
        reason: 'private-key',
      },
    );
  });
  deps.log('error', 'peer publishes a private key', { peer: peer.id });
  return found;
}

/** Keeps what the set holds; a change is reported to staff: it is legal, and it is how a taken-over peer looks. */
async function noteKeys(deps: Deps, peer: Peer, keys: readonly JWK[], at: Date): Promise<void> {
  const prints = (
    await Promise.all(keys.map((k) => calculateJwkThumbprint(k).catch(() => `unusable-${k.kty}`)))
  ).sort();
  const seen = [...new Set(prints)];
  if (peer.keysSeen?.join() === seen.join()) return;
  await deps.database.sql.begin(async (tx) => {
    const before = await recordKeysSeen(tx, peer.id, seen, at);
    if (before === undefined) return;
    const detail = {
      added: seen.filter((k) => !before.includes(k)).length,
      removed: before.filter((k) => !seen.includes(k)).length,
    };
    const change = { what: 'key-set', before: { keys: before }, after: { keys: seen } } as const;
    await record(tx, peer, at, change, {
      action: 'peer-keys-changed',
      outcome: 'noted',
      reason: 'keys-changed',
      detail,
    });
  });
}

/** What the node itself changed of a peer, in its record and in the audit trail. */
async function record(
  tx: Queryable,
  peer: Peer,
  at: Date,
  change: Pick<PeerChange, 'what' | 'before' | 'after'>,
  entry: Pick<AuditEntry, 'action' | 'outcome' | 'reason' | 'detail'>,
): Promise<void> {
  await addPeerChange(tx, { peerId: peer.id, ...change, byKind: 'system', by: 'token', at, state: 'applied' });
  await writeAudit(tx, [
    auditRow({ at, actorKind: 'system', actor: 'token', object: `peer/${peer.id}`, peerId: peer.id, ...entry }),
  ]);
}
