// Access tokens of peers: kept in memory only, a new assertion for every attempt.
import { ASSERTION_TYPE, signAssertion } from '../../src/auth/client-assertion.ts';
import { BULK_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import type { Deps } from '../../src/deps.ts';
import { isObject, type Json, text } from '../../src/fhir/resource.ts';
import type { Peer } from '../store/peer.ts';
import { askPeer, PeerFault, readJson } from './peer-fetch.ts';

type Kept = { token: string; until: number };
const WANTED = [BULK_MATCH_SCOPE, 'system/*.rs', 'system/Group.rs'];

/** One per process and database; tokens never leave memory. */
export class PeerTokens {
  readonly #kept = new Map<string, Kept>();

  /** A token that is good for 30 seconds more. */
  async get(deps: Deps, peer: Peer): Promise<string> {
    const have = this.#kept.get(peer.id);
    const now = deps.clock().getTime();
    if (have && now < have.until - 30_000) return have.token;
    const fresh = await requestToken(deps, peer);
    this.#kept.set(peer.id, fresh);
    return fresh.token;
  }

  drop(peerId: string): void {
    this.#kept.delete(peerId);
  }
}

async function requestToken(deps: Deps, peer: Peer): Promise<Kept> {
  if (peer.tokenEndpoint === null || peer.clientIdThere === null) throw new PeerFault('not-registered');
  const now = deps.clock();
  const assertion = await signAssertion(await deps.keys.signing('client'), {
    clientId: peer.clientIdThere,
    audience: peer.tokenEndpoint,
    now,
  });
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: WANTED.join(' '),
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
  });
  const response = await askPeer(deps, peer, peer.tokenEndpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form.toString(),
  });
  return readToken(response.status, await readJson(response, 64 * 1024), now);
}

/** Judges a token answer. */
export function readToken(status: number, body: unknown, now: Date): Kept {
  const b = body as Json;
  const error = isObject(b) ? text(b['error']) : undefined;
  if (status !== 200)
    throw new PeerFault(error === undefined ? `token-${status}` : `token-${error}`, {
      isTransient: error === undefined,
    });
  const token = isObject(b) ? text(b['access_token']) : undefined;
  const type = isObject(b) ? text(b['token_type']) : undefined;
  if (token === undefined || type?.toLowerCase() !== 'bearer') throw new PeerFault('token-malformed');
  const given = isObject(b) ? Number(b['expires_in']) : Number.NaN;
  const seconds = Number.isFinite(given) && given > 0 ? Math.min(given, 3600) : 60;
  return { token, until: now.getTime() + seconds * 1000 };
}
