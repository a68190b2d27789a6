// Requests to a peer. A URL is used only when it was given to us and its origin is one the peer's record allows; the
// token goes to those origins and nowhere else. Redirects are refused.
import type { Deps } from '../../src/deps.ts';
import { readBounded, TooLarge } from '../../src/net/read-bounded.ts';
import { retryAfterMs } from '../../src/net/retry-after.ts';
import type { Peer } from '../store/peer.ts';

/** Why a step cannot go on. `transient`: the same step may succeed later. `permanent`: the pull ends or needs a person. */
export class PeerFault extends Error {
  readonly reason: string;
  readonly isTransient: boolean;
  readonly retryMs: number | undefined;
  constructor(reason: string, options: { isTransient?: boolean; retryMs?: number | undefined } = {}) {
    super(reason);
    this.name = 'PeerFault';
    this.reason = reason;
    this.isTransient = options.isTransient ?? false;
    this.retryMs = options.retryMs;
  }
}

/** Scheme, host and port are equal to one of the peer's origins; never a prefix of the text. */
export function isPeerOrigin(url: URL, peer: Pick<Peer, 'origins' | 'fhirBase'>): boolean {
  const allowed = new Set(peer.origins);
  if (peer.fhirBase !== null) allowed.add(new URL(peer.fhirBase).origin);
  return allowed.has(url.origin);
}

export type PeerRequest = {
  method?: 'GET' | 'POST' | 'DELETE';
  headers?: Record<string, string>;
  body?: string;
  token?: string;
  timeoutMs?: number;
};

const LIMITS = { minMs: 1000, maxMs: 3_600_000 };

/**
 * Asks a peer.
 * @throws PeerFault for a foreign origin, a redirect, a network failure, 429 and 5xx
 */
export async function askPeer(deps: Deps, peer: Peer, address: string, request: PeerRequest = {}): Promise<Response> {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new PeerFault('bad-url');
  }
  if (!isPeerOrigin(url, peer)) throw new PeerFault('foreign-origin');
  let response: Response;
  try {
    response = await deps.fetch(url, {
      method: request.method ?? 'GET',
      headers: {
        ...request.headers,
        ...(request.token === undefined ? {} : { authorization: `Bearer ${request.token}` }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(request.timeoutMs ?? 60_000),
    });
  } catch (error) {
    const refused =
      error instanceof Error &&
      (error.name === 'RefusedAddress' || (error.cause as Error | undefined)?.name === 'RefusedAddress');
    if (refused) throw new PeerFault('refused-address');
    throw new PeerFault('unreachable', { isTransient: true });
  }
  if (response.status >= 300 && response.status < 400) {
    await discard(response);
    throw new PeerFault('redirect');
  }
  if (response.status === 429 || response.status >= 500) {
    const retryMs = retryAfterMs(response.headers.get('retry-after'), deps.clock(), LIMITS);
    await discard(response);
    throw new PeerFault(response.status === 429 ? 'throttled' : `status-${response.status}`, {
      isTransient: true,
      retryMs,
    });
  }
  return response;
}

/** Lets go of a body that is not wanted. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** A JSON body of bounded size; a PeerFault when it is none. */
export async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  let text: string;
  try {
    text = await readBounded(response, maxBytes);
  } catch (error) {
    if (error instanceof TooLarge) throw new PeerFault('body-too-large');
    throw new PeerFault('body-cut', { isTransient: true });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new PeerFault('not-json', { isTransient: true });
  }
}

/** Waiting time before the next poll: what the peer says, else growing. */
export function pollDelayMs(response: Response, attempts: number, now: Date): number {
  return (
    retryAfterMs(response.headers.get('retry-after'), now, LIMITS) ??
    Math.min(300_000, 1000 * 1.7 ** Math.min(attempts, 12))
  );
}
