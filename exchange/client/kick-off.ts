// Starting asynchronous work at a peer and polling it. Status URLs are followed as given, never built.
import type { Deps } from '../../src/deps.ts';
import { parseInstant } from '../../src/fhir/instant.ts';
import { isObject, type Json, objects, text } from '../../src/fhir/resource.ts';
import type { Peer } from '../store/peer.ts';
import { askPeer, discard, isPeerOrigin, PeerFault, pollDelayMs, readJson } from './peer-fetch.ts';
import type { PeerTokens } from './token.ts';

const MAX_MANIFEST = 32 * 1024 * 1024;
const MAX_PAGES = 10_000;
/** Lines of one file that we can count. */
const MAX_COUNT = 2_147_483_647;

/** Sends with a token; once again with a new one after a 401. */
export async function withToken(
  deps: Deps,
  tokens: PeerTokens,
  peer: Peer,
  send: (token: string) => Promise<Response>,
): Promise<Response> {
  const first = await send(await tokens.get(deps, peer));
  if (first.status !== 401) return first;
  await discard(first);
  tokens.drop(peer.id);
  const second = await send(await tokens.get(deps, peer));
  if (second.status !== 401) return second;
  await discard(second);
  throw new PeerFault('auth');
}

/** Judges the answer to a kick-off: the absolute status URL. */
export async function readKickOff(response: Response, requested: string, peer: Peer): Promise<string> {
  const location = response.headers.get('content-location');
  await discard(response);
  if (response.status === 403) throw new PeerFault('forbidden');
  if (response.status === 404) throw new PeerFault('group-gone');
  if (response.status === 413) throw new PeerFault('batch-too-large');
  if (response.status === 200) throw new PeerFault('sync-answer');
  if (response.status !== 202) throw new PeerFault(`kick-off-${response.status}`);
  if (location === null) throw new PeerFault('no-content-location');
  const status = URL.canParse(location, requested) ? new URL(location, requested) : undefined;
  if (status === undefined) throw new PeerFault('bad-url');
  if (!isPeerOrigin(status, peer)) throw new PeerFault('foreign-origin');
  return status.href;
}

export async function kickOff(deps: Deps, tokens: PeerTokens, peer: Peer, path: string, body: string): Promise<string> {
  const address = `${peer.fhirBase ?? ''}${path}`;
  const response = await withToken(deps, tokens, peer, (token) =>
    askPeer(deps, peer, address, {
      method: 'POST',
      token,
      headers: {
        accept: 'application/fhir+json',
        'content-type': 'application/fhir+json',
        prefer: 'respond-async, pdex-spec=2.2',
        'x-pdex-spec-version': '2.2',
      },
      body,
    }),
  );
  return readKickOff(response, address, peer);
}

export type ManifestFile = {
  kind: 'output' | 'deleted' | 'error';
  type: string;
  url: string;
  count: number | undefined;
};
export type Manifest = {
  transactionTime: Date | undefined;
  requiresAccessToken: boolean | undefined;
  files: ManifestFile[];
};

/** Judges a manifest. Relative URLs are resolved against the status URL. */
export function readManifest(body: unknown, statusUrl: string): Manifest {
  const b = body as Json;
  // every member but these may be missing; an answer that has none of them is no manifest
  if (!isObject(b) || 'resourceType' in b || !['transactionTime', 'output', 'error'].some((m) => m in b))
    throw new PeerFault('manifest-malformed');
  const seen = new Set<string>();
  const list = (name: string, kind: ManifestFile['kind']): ManifestFile[] =>
    objects(b[name]).flatMap((f) => {
      const given = text(f['url']);
      if (given === undefined || !URL.canParse(given, statusUrl)) throw new PeerFault('manifest-malformed');
      const url = new URL(given, statusUrl).href;
      if (seen.has(url)) return [];
      seen.add(url);
      const count = f['count'] === undefined ? undefined : Number(f['count']);
      if (count !== undefined && count > MAX_COUNT) throw new PeerFault('manifest-malformed');
      const type = text(f['type']) ?? '';
      return [
        {
          kind,
          type: /^[A-Za-z]{1,64}$/.test(type) ? type : '',
          url,
          count: count !== undefined && Number.isInteger(count) && count >= 0 ? count : undefined,
        },
      ];
    });
  const requires = b['requiresAccessToken'];
  const time = text(b['transactionTime']);
  return {
    transactionTime: time === undefined ? undefined : parseInstant(time),
    requiresAccessToken:
      requires === true || requires === 'true' ? true : requires === false || requires === 'false' ? false : undefined,
    files: [
      ...list('output', 'output'),
      ...list('deleted', 'deleted'),
      ...list('error', 'error'),
      ...list('outcome', 'error'),
    ],
  };
}

export type Poll = { isDone: false; waitMs: number } | { isDone: true; text: string };

/** One look at a status URL. */
export async function poll(
  deps: Deps,
  tokens: PeerTokens,
  peer: Peer,
  statusUrl: string,
  attempts: number,
): Promise<Poll> {
  const response = await withToken(deps, tokens, peer, (token) =>
    askPeer(deps, peer, statusUrl, { token, headers: { accept: 'application/json' } }),
  );
  if (response.status === 202 || response.headers.get('x-export-status')?.startsWith('202')) {
    const waitMs = pollDelayMs(response, attempts, deps.clock());
    await discard(response);
    return { isDone: false, waitMs };
  }
  if (response.status === 404 || response.status === 410) throw new PeerFault('job-lost');
  if (response.status !== 200) throw new PeerFault(`job-failed-${response.status}`);
  const body = (await readJson(response, MAX_MANIFEST)) as Json;
  if (isObject(body) && body['resourceType'] === 'OperationOutcome') throw new PeerFault('job-failed');
  return { isDone: true, text: JSON.stringify(await withPages(deps, tokens, peer, statusUrl, body)) };
}

const nextPage = (body: Json): string | undefined =>
  isObject(body)
    ? objects(body['link'])
        .filter((l) => text(l['relation'])?.toLowerCase() === 'next')
        .map((l) => text(l['url']))
        .find((u) => u !== undefined)
    : undefined;

/** A manifest with the files of all its pages (Bulk Data 3.0: `link`). Pages that come round again are a fault. */
async function withPages(deps: Deps, tokens: PeerTokens, peer: Peer, statusUrl: string, first: Json): Promise<Json> {
  const seen = new Set([statusUrl]);
  const whole = first;
  for (let link = nextPage(first); link !== undefined && isObject(whole); ) {
    if (!URL.canParse(link, statusUrl)) throw new PeerFault('manifest-malformed');
    const url = new URL(link, statusUrl).href;
    if (seen.has(url) || seen.size > MAX_PAGES) throw new PeerFault('manifest-loop');
    seen.add(url);
    const response = await withToken(deps, tokens, peer, (token) =>
      askPeer(deps, peer, url, { token, headers: { accept: 'application/json' } }),
    );
    if (response.status !== 200) throw new PeerFault(`manifest-${response.status}`);
    const page = (await readJson(response, MAX_MANIFEST)) as Json;
    if (!isObject(page)) throw new PeerFault('manifest-malformed');
    for (const list of ['output', 'deleted', 'error', 'outcome'])
      if (page[list] !== undefined) whole[list] = [...objects(whole[list]), ...objects(page[list])];
    link = nextPage(page);
  }
  return whole;
}

/** Tells the peer that its files are no longer needed. A failure is only worth a warning. */
export async function releaseJob(deps: Deps, tokens: PeerTokens, peer: Peer, statusUrl: string): Promise<void> {
  try {
    await discard(
      await withToken(deps, tokens, peer, (token) => askPeer(deps, peer, statusUrl, { method: 'DELETE', token })),
    );
  } catch (error) {
    deps.log('warn', 'peer job not released', {
      peer: peer.id,
      reason: error instanceof PeerFault ? error.reason : 'unknown',
    });
  }
}
