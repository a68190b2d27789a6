// Asking a directory of another payer: politely (a rate for each host, Retry-After, a name and a contact), and without trust
// (every redirect is checked, bodies are bounded, a page for browsers is no answer).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deps } from '../../src/deps.ts';
import { isObject, type JsonObject } from '../../src/fhir/resource.ts';
import { NotText, readBounded, TooLarge } from '../../src/net/read-bounded.ts';
import { retryAfterMs } from '../../src/net/retry-after.ts';
import { VERSION } from '../../src/version.ts';
import type { Peer } from './peer.ts';
import { HarvestFault } from './reasons.ts';

export type FederationDeps = Pick<Deps, 'config' | 'clock' | 'database' | 'fetch' | 'log' | 'blobs' | 'threads'> & {
  /** waits; tests let time pass at once */
  wait?: (ms: number) => Promise<void>;
};

const MAX_PAGE_BYTES = 50 * 1024 * 1024;
const TRIES = 5;
const REDIRECTS = 5;
/** A wait up to here is slept through; a longer one pauses the peer, and the run goes on afterwards. */
const PATIENCE_MS = 5 * 60_000;
const LONGEST_MS = 7 * 86_400_000;

type Ask = {
  accept?: string;
  headers?: Record<string, string>;
  /** files may lie on any public host; pages only on registered ones */
  anyHost?: boolean;
  timeoutMs?: number;
};

export type JsonAnswer = { status: number; headers: Headers; value: unknown; text: string };

export type Client = {
  /** 200 and other answers that are not retried; the caller reads or lets go of the body */
  get(address: string, ask?: Ask): Promise<Response>;
  /** a JSON body with its text; 304 has none */
  json(address: string, ask?: Ask): Promise<JsonAnswer>;
  /** requests sent so far */
  sent(): number;
};

/** How we are named in Via, and in what other nodes know of us. */
export const nodeId = (config: { baseUrl: string }): string => new URL(config.baseUrl).host;

export function peerClient(deps: FederationDeps, peer: Pick<Peer, 'base' | 'urls' | 'perSecond' | 'ports'>): Client {
  const wait = deps.wait ?? ((ms: number) => sleep(ms));
  const hosts = new Set(
    [peer.base, ...peer.urls.map((u) => u.url)].flatMap((u) => (u && URL.canParse(u) ? [new URL(u).hostname] : [])),
  );
  const nextAt = new Map<string, number>();
  let sent = 0;
  const identity = {
    'user-agent': `payer-node/${VERSION} (+${deps.config.baseUrl}/developers; node ${nodeId(deps.config)})`,
    via: `1.1 ${nodeId(deps.config)}`,
  };

  async function turn(host: string): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, nextAt.get(host) ?? 0);
    nextAt.set(host, at + 1000 / peer.perSecond);
    if (at > now) await wait(at - now);
  }

  async function once(address: string, ask: Ask): Promise<Response> {
    let url = readUrl(address);
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      if (ask.anyHost !== true && !hosts.has(url.hostname))
        throw new HarvestFault(hop === 0 ? 'foreign-host' : 'moved-host', url.hostname);
      if (!mayPort(url, peer, deps.config)) throw new HarvestFault('refused-address', `port ${url.port}`);
      await turn(url.host);
      sent++;
      const response = await send(
        deps,
        url,
        { ...identity, accept: ask.accept ?? 'application/fhir+json', ...ask.headers },
        ask.timeoutMs,
      );
      if (response.status < 300 || response.status >= 400 || response.status === 304) return response;
      await discard(response);
      const location = response.headers.get('location');
      if (location === null) throw new HarvestFault('bad-request', String(response.status));
      url = readUrl(new URL(location, url).href);
    }
    throw new HarvestFault('too-many-redirects');
  }

  async function get(address: string, ask: Ask = {}): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      let fault: HarvestFault;
      try {
        const response = await once(address, ask);
        const { status } = response;
        if (status === 508) {
          await discard(response);
          throw new HarvestFault('via-ourselves');
        }
        if (status !== 429 && status < 502 && status !== 500) return response;
        // an error of its own on one question (500) may be its answer to that question: reported after one more try
        if (status === 500 && attempt > 1) return response;
        const until = waitUntil(response, deps.clock());
        await discard(response);
        fault = until ?? new HarvestFault(status === 429 ? 'throttled' : 'server-error', String(status));
      } catch (error) {
        if (!(error instanceof HarvestFault) || error.kind !== 'transient') throw error;
        fault = error;
      }
      const asked = fault.until === undefined ? 0 : fault.until.getTime() - deps.clock().getTime();
      if (attempt >= TRIES || asked > PATIENCE_MS) throw fault;
      // a time that has passed is no reason to ask at once
      await wait(asked > 0 ? asked : backoff(attempt));
    }
  }

  async function json(address: string, ask: Ask = {}): Promise<JsonAnswer> {
    for (let attempt = 1; ; attempt++) {
      const response = await get(address, ask);
      if (response.status === 304) {
        await discard(response);
        return { status: 304, headers: response.headers, value: undefined, text: '' };
      }
      try {
        return await readJson(response, address);
      } catch (error) {
        if (!(error instanceof HarvestFault) || attempt >= 3) throw error;
        if (error.reason === 'xml' && !address.includes('_format=')) {
          address = `${address}${address.includes('?') ? '&' : '?'}_format=json`;
          continue;
        }
        if (error.kind !== 'transient') throw error;
        await wait(backoff(attempt));
      }
    }
  }
  return { get, json, sent: () => sent };
}

function readUrl(address: string): URL {
  if (!URL.canParse(address)) throw new HarvestFault('refused-address', 'not a URL');
  return new URL(address);
}

/** Ports by registry; the guard of all requests judges scheme and network. In the sandbox and tests loopback has any port. */
function mayPort(url: URL, peer: Pick<Peer, 'ports'>, config: FederationDeps['config']): boolean {
  const loopback = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  return (
    url.port === '' ||
    peer.ports.includes(Number(url.port)) ||
    (loopback && (config.sandbox || config.peerAllowedNetworks.length > 0))
  );
}

const TLS = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|ALTNAME/;

async function send(
  deps: FederationDeps,
  url: URL,
  headers: Record<string, string>,
  timeoutMs = 60_000,
): Promise<Response> {
  try {
    return await deps.fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const names = [error, (error as Error).cause].flatMap((e) =>
      e instanceof Error ? [e.name, (e as { code?: string }).code ?? ''] : [],
    );
    if (names.includes('RefusedAddress')) throw new HarvestFault('refused-address', url.hostname, { cause: error });
    if (names.some((n) => TLS.test(n)))
      throw new HarvestFault(
        'tls-fault',
        names.find((n) => TLS.test(n)),
        { cause: error },
      );
    throw new HarvestFault('unreachable', names.find((n) => n !== '' && n !== 'TypeError' && n !== 'Error') ?? '', {
      cause: error,
    });
  }
}

function waitUntil(response: Response, now: Date): HarvestFault | undefined {
  const ms = retryAfterMs(response.headers.get('retry-after'), now, { minMs: 0, maxMs: Number.MAX_SAFE_INTEGER });
  if (ms === undefined) return undefined;
  const absurd = ms > LONGEST_MS;
  return new HarvestFault(absurd ? 'retry-after-absurd' : 'throttled', String(response.status), {
    until: new Date(now.getTime() + Math.min(ms, LONGEST_MS)),
  });
}

/** 1, 2, 4, 8 seconds, each half by chance: many who were refused together do not come back together. */
const backoff = (attempt: number): number => 1000 * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);

async function readJson(response: Response, address: string): Promise<JsonAnswer> {
  const { status, headers } = response;
  let text: string;
  try {
    text = await readBounded(response, MAX_PAGE_BYTES);
  } catch (error) {
    if (error instanceof NotText) throw new HarvestFault('not-utf8', pathOf(address), { cause: error });
    throw new HarvestFault(error instanceof TooLarge ? 'page-too-large' : 'body-cut', '', { cause: error });
  }
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  try {
    return { status, headers, value: JSON.parse(body) as unknown, text: body };
  } catch (cause) {
    if (status === 401 || status === 403) throw new HarvestFault('forbidden', String(status));
    if (/^\s*(?:<\?xml|<[A-Z][A-Za-z]+ xmlns="http:\/\/hl7)/.test(body)) throw new HarvestFault('xml', pathOf(address));
    if (status >= 400) return { status, headers, value: undefined, text: body };
    if (/^\s*<(?:!doctype|html|head|script|!--)/i.test(body) || headers.get('content-type')?.includes('text/html'))
      throw new HarvestFault('challenge-page', pathOf(address));
    // JSON that breaks off in its midst is asked for again
    throw new HarvestFault(/^\s*[{[]/.test(body) ? 'body-cut' : 'not-json', pathOf(address), { cause });
  }
}

const pathOf = (address: string): string => (URL.canParse(address) ? new URL(address).pathname : '');

/** A searchset or history Bundle out of an answer, or the reason why there is none. */
export function readBundle(answer: JsonAnswer): JsonObject {
  const { status, value } = answer;
  if (status === 401 || status === 403) throw new HarvestFault('forbidden', String(status));
  if (status === 404 || status === 410) throw new HarvestFault('not-found', String(status));
  if (status >= 500) throw new HarvestFault('server-error', String(status));
  if (status >= 400) throw new HarvestFault('bad-request', String(status));
  if (!isObject(value)) throw new HarvestFault('not-a-bundle');
  if (value['resourceType'] === 'OperationOutcome') throw new HarvestFault('outcome-instead-of-bundle');
  if (value['resourceType'] !== 'Bundle' || (value['entry'] !== undefined && !Array.isArray(value['entry'])))
    throw new HarvestFault('not-a-bundle');
  return value;
}

/** Lets go of a body that is not wanted. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}
