// Requests to a peer. A URL is used only when it was given to us and its origin is one the peer's record allows; the
// token goes to the peer's own origins and nowhere else. Redirects are refused, except of files.
import { isObject, type Json, objects, text } from '../../../src/fhir/resource.ts';
import { NotText, readBounded, TooLarge } from '../../../src/net/read-bounded.ts';
import { readHttpDate, readRetryAfter } from '../../../src/net/retry-after.ts';
import type { Peer } from '../../peers/peer.ts';
import type { Talk } from './talk.ts';

/** Size and SHA-256 (hexadecimal) of what came. */
type Came = { bytes: number; sha256: string };

/** Why a step cannot go on. `transient`: the same step may succeed later. `permanent`: the pull ends or needs a person. */
export class PeerFault extends Error {
  readonly reason: string;
  readonly isTransient: boolean;
  readonly retryMs: number | undefined;
  /** the body of a refusal, where it may tell what was wrong with the question; the peer's words, which are logged and kept nowhere */
  readonly said: string;
  /** a document that came and is not what its record says */
  readonly came: Came | undefined;
  constructor(
    reason: string,
    options: { isTransient?: boolean; retryMs?: number | undefined; said?: string; came?: Came } = {},
  ) {
    super(reason);
    this.name = 'PeerFault';
    this.reason = reason;
    this.isTransient = options.isTransient ?? false;
    this.retryMs = options.retryMs;
    this.said = options.said ?? '';
    this.came = options.came;
  }
}

/** Faults that say that the peer is not there at all, for now: they are waited out until a deadline. */
export const isAway = (reason: string): boolean =>
  reason === 'unreachable' || reason === 'certificate' || reason === 'throttled' || /^status-50[234]$/.test(reason);

/** Scheme, host and port are equal to one of the peer's origins; never a prefix of the text. */
export function isPeerOrigin(url: URL, peer: Pick<Peer, 'origins' | 'fhirBase'>): boolean {
  const allowed = new Set(peer.origins);
  if (peer.fhirBase !== null) allowed.add(new URL(peer.fhirBase).origin);
  return allowed.has(url.origin);
}

/** May a file be fetched from there? Without a token, unless the origin is the peer's own. */
export const isFileOrigin = (url: URL, peer: Pick<Peer, 'origins' | 'fhirBase' | 'fileOrigins'>): boolean =>
  isPeerOrigin(url, peer) || peer.fileOrigins.includes(url.origin);

export type PeerRequest = {
  method?: 'GET' | 'POST' | 'DELETE';
  headers?: Record<string, string>;
  body?: string;
  token?: string;
  /** to the last byte; 60 s unless set */
  timeoutMs?: number;
  /** a file: other hosts of the peer's record may be asked, and redirects among them are followed */
  isFile?: boolean;
  /** 500 and 501 are the end of a job, unless their outcome says that it will pass */
  endsOnError?: boolean;
};

const WAIT = { minMs: 1000, maxMs: 3_600_000 };
const WAIT_FILE = { minMs: 1000, maxMs: 300_000 };
const MAX_HOPS = 5;
const MAX_ERROR_BODY = 1024 * 1024;

/** What a refusal says; nothing when it is too long. */
export const readSaid = (response: Response): Promise<string> => readBounded(response, MAX_ERROR_BODY).catch(() => '');

/** https://hl7.org/fhir/R4/valueset-issue-type.html, below `transient` */
const TRANSIENT = new Set(['transient', 'lock-error', 'no-store', 'exception', 'timeout', 'incomplete', 'throttled']);

/** Times as long as bytes may take: the clock of a connection goes by halves of seconds. */
const LONGER = 1.25;

/**
 * Sends, and waits for the headers of the answer hardly longer than for any other bytes: a file may take hours, what
 * comes before it (100, 103 without end) may not. A server that is silent is away, and not slow: the connection's own
 * time-out, which is no longer, tells that first.
 */
async function send(talk: Talk, url: URL, request: PeerRequest, token: string | undefined): Promise<Response> {
  const slow = new AbortController();
  const head = setTimeout(() => slow.abort(), talk.limits.slowWindowMs * LONGER);
  try {
    return await talk.deps.fetch(url, {
      method: request.method ?? 'GET',
      headers: { ...request.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(request.timeoutMs ?? 60_000), slow.signal]),
    });
  } catch (error) {
    if (slow.signal.aborted && request.isFile) {
      talk.note('peer-slow');
      throw new PeerFault('file-slow', { isTransient: true });
    }
    const refused =
      error instanceof Error &&
      (error.name === 'RefusedAddress' || (error.cause as Error | undefined)?.name === 'RefusedAddress');
    if (refused) throw new PeerFault('refused-address');
    if (codeOf(error) === 'UND_ERR_HEADERS_OVERFLOW') throw new PeerFault('headers-too-large');
    throw new PeerFault(isNoHttp(error) ? 'not-http' : isCertificate(error) ? 'certificate' : 'unreachable', {
      isTransient: true,
    });
  } finally {
    clearTimeout(head);
  }
}

/**
 * Did it answer, in a way that is no HTTP: headers that are none, two lengths, another protocol? A connection that is
 * only closed is no answer.
 */
function isNoHttp(error: unknown): boolean {
  const { name, cause, message } = (error ?? {}) as { name?: unknown; cause?: unknown; message?: unknown };
  if (name === 'HTTPParserError' || name === 'ResponseContentLengthMismatchError') return true;
  if (name === 'SocketError') return message === 'bad response' || message === 'bad upgrade';
  return cause !== undefined && cause !== null && isNoHttp(cause);
}

/**
 * Did it answer with a certificate that proves nothing: expired, for another host, of an authority that is not known
 * here? https://nodejs.org/api/tls.html#x509-certificate-error-codes
 */
export const isCertificate = (error: unknown): boolean =>
  /CERT|^CRL_|^HOSTNAME_MISMATCH$|^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/.test(String(codeOf(error)));

const codeOf = (error: unknown): unknown => {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return code ?? (cause as { code?: unknown } | undefined)?.code;
};

/** Where a redirect of a file leads, when the peer's record allows it. */
function target(talk: Talk, from: URL, response: Response): URL {
  const location = response.headers.get('location');
  if (location === null || !URL.canParse(location, from.href)) throw new PeerFault('redirect');
  const url = new URL(location, from);
  if (from.protocol === 'https:' && url.protocol !== 'https:') throw new PeerFault('redirect');
  if (!isFileOrigin(url, talk.peer)) throw new PeerFault('foreign-origin');
  return url;
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304;

/**
 * Asks a peer.
 * @throws PeerFault for a foreign origin, a redirect, a network failure, 5xx and what else asks to come later
 */
export async function askPeer(talk: Talk, address: string, request: PeerRequest = {}): Promise<Response> {
  if (!URL.canParse(address)) throw new PeerFault('bad-url');
  let url = new URL(address);
  if (!isPeerOrigin(url, talk.peer) && !(request.isFile && isFileOrigin(url, talk.peer)))
    throw new PeerFault('foreign-origin');
  let token = isPeerOrigin(url, talk.peer) ? request.token : undefined;
  let response = await send(talk, url, request, token);
  for (let hops = 1; isRedirect(response.status); hops++) {
    await discard(response);
    if (!request.isFile || hops > MAX_HOPS) throw new PeerFault('redirect');
    const next = target(talk, url, response);
    // once dropped it does not come back: another origin chose where we are
    if (next.origin !== url.origin) token = undefined;
    talk.note('peer-redirect');
    url = next;
    response = await send(talk, url, request, token);
  }
  if (asksToComeLater(response) || (request.isFile && response.status === 202))
    return refuseLater(talk, response, request);
  return response;
}

/** Timed out over there, locked, too early: https://www.rfc-editor.org/rfc/rfc9110#status.408, rfc4918#status.423, rfc8470#status.425. */
const LATER: ReadonlySet<number> = new Set([408, 423, 425, 429]);
/** Does the answer say that the same request may be taken later? A conflict does when it names the time. */
const asksToComeLater = ({ status, headers }: Response): boolean =>
  LATER.has(status) || status >= 500 || (status === 409 && headers.has('retry-after'));

/**
 * What `Retry-After` says. A date is one of the peer's clock, which its answer tells:
 * https://www.rfc-editor.org/rfc/rfc9110#field.date.
 */
function askedToWait(talk: Talk, { headers }: Response, limits: typeof WAIT): ReturnType<typeof readRetryAfter> {
  const theirs = readHttpDate(headers.get('date'));
  const now = Number.isNaN(theirs) ? talk.deps.clock() : new Date(theirs);
  const wait = readRetryAfter(headers.get('retry-after'), now, limits);
  if (wait?.isAbsurd) talk.note('peer-retry-after');
  return wait;
}

async function refuseLater(talk: Talk, response: Response, request: PeerRequest): Promise<never> {
  const { status } = response;
  const wait = askedToWait(talk, response, request.isFile ? WAIT_FILE : WAIT);
  if (request.endsOnError && (status === 500 || status === 501)) {
    const codes = issueCodes(await readBounded(response, MAX_ERROR_BODY).catch(() => ''));
    if (codes.length > 0 && !codes.some((c) => TRANSIENT.has(c))) throw new PeerFault(`job-failed-${status}`);
  } else await discard(response);
  throw new PeerFault(status === 429 ? 'throttled' : `status-${status}`, { isTransient: true, retryMs: wait?.ms });
}

/** `issue.code` of an OperationOutcome; empty when it is none. */
export function issueCodes(body: string): string[] {
  let parsed: Json;
  try {
    parsed = JSON.parse(body) as Json;
  } catch {
    return [];
  }
  if (!isObject(parsed) || parsed['resourceType'] !== 'OperationOutcome') return [];
  return objects(parsed['issue']).flatMap((i) => text(i['code']) ?? []);
}

/** Lets go of a body that is not wanted. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** The text of a body of bounded size. */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  try {
    return await readBounded(response, maxBytes);
  } catch (error) {
    if (error instanceof TooLarge) throw new PeerFault('body-too-large');
    // asked again it may come whole; what is no UTF-8 then names no one for certain
    if (error instanceof NotText) throw new PeerFault('not-utf8', { isTransient: true });
    throw new PeerFault('body-cut', { isTransient: true });
  }
}

/** A JSON body of bounded size; a PeerFault when it is none. */
export async function readJson(response: Response, maxBytes: number, note?: Talk['note']): Promise<unknown> {
  const body = await readText(response, maxBytes);
  try {
    return JSON.parse(body) as unknown;
  } catch {
    note?.('peer-not-json');
    throw new PeerFault('not-json', { isTransient: true });
  }
}

/** Waiting time before the next poll: what the peer says, else growing. */
export function pollDelayMs(talk: Talk, response: Response, attempts: number): number {
  const said = askedToWait(talk, response, WAIT);
  const grown = Math.min(300_000, 1000 * 1.7 ** Math.min(attempts, 12));
  // a time long over would have us ask every second until the deadline
  return said?.ms === undefined ? grown : said.isAbsurd ? Math.max(said.ms, grown) : said.ms;
}
