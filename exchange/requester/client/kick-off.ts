// Starting asynchronous work at a peer and polling it. Status URLs are followed as given, never built.
import { isObject } from '../../../src/fhir/resource.ts';
import type { Peer } from '../../peers/peer.ts';
import { readPages } from './manifest.ts';
import { askPeer, discard, isPeerOrigin, PeerFault, pollDelayMs, readSaid } from './peer-fetch.ts';
import type { Talk } from './talk.ts';
import { withToken } from './token.ts';

export { type Manifest, type ManifestFile, readManifest } from './manifest.ts';

/** They may say what was wrong with the question. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 422]);

/** Judges the answer to a kick-off: the absolute status URL. */
export async function readKickOff(response: Response, requested: string, peer: Peer): Promise<string> {
  const location = response.headers.get('content-location');
  const said = REFUSALS.has(response.status) ? await readSaid(response) : '';
  await discard(response);
  if (response.status === 403) throw new PeerFault('forbidden', { said });
  if (response.status === 404 || response.status === 410) throw new PeerFault('group-gone');
  if (response.status === 413) throw new PeerFault('batch-too-large');
  if (response.status === 200) throw new PeerFault('sync-answer');
  if (response.status !== 202) throw new PeerFault(`kick-off-${response.status}`, { said });
  // an empty one would lead back to the request itself, and each poll would be another request
  if (location === null || location === '') throw new PeerFault('no-content-location');
  const status = URL.canParse(location, requested) ? new URL(location, requested) : undefined;
  if (status === undefined) throw new PeerFault('bad-url');
  if (!isPeerOrigin(status, peer)) throw new PeerFault('foreign-origin');
  return status.href;
}

/** Starts work at a path below the peer's FHIR base: by POST of a body, or by GET when there is none. */
export async function kickOff(talk: Talk, path: string, body?: string): Promise<string> {
  const { peer } = talk;
  const address = `${peer.fhirBase ?? ''}${path}`;
  const response = await withToken(talk, (token) =>
    askPeer(talk, address, {
      method: body === undefined ? 'GET' : 'POST',
      token,
      headers: {
        accept: 'application/fhir+json',
        ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
        prefer: 'respond-async, pdex-spec=2.2',
        'x-pdex-spec-version': '2.2',
      },
      ...(body === undefined ? {} : { body }),
      endsOnError: true,
    }),
  );
  return readKickOff(response, address, peer);
}

export type Poll = { isDone: false; waitMs: number } | { isDone: true; text: string };

/** Asks for the status of a job. What is done is the whole manifest, with its pages, or a bare resource. */
export async function poll(talk: Talk, statusUrl: string, attempts: number): Promise<Poll> {
  const response = await withToken(talk, (token) =>
    askPeer(talk, statusUrl, { token, headers: { accept: 'application/json' }, endsOnError: true }),
  );
  const said = response.headers.get('x-export-status');
  if (response.status === 202 || said?.startsWith('202')) {
    const waitMs = pollDelayMs(talk, response, attempts);
    await discard(response);
    return { isDone: false, waitMs };
  }
  if (response.status !== 200 || (said !== null && !said.startsWith('200'))) {
    await discard(response);
    if (response.status === 404 || response.status === 410) throw new PeerFault('job-lost');
    // its files would be too many, or too large
    if (response.status === 413) throw new PeerFault('batch-too-large');
    const code = response.status === 200 ? (said ?? '').slice(0, 3) : response.status;
    throw new PeerFault(`job-failed-${/^\d{3}$/.test(String(code)) ? code : 'unknown'}`);
  }
  const body = await readPages(talk, statusUrl, response);
  if (isObject(body) && body['resourceType'] === 'OperationOutcome') throw new PeerFault('job-failed');
  return { isDone: true, text: JSON.stringify(body) };
}

/** Tells the peer that its files are no longer needed. A failure is only worth a warning. */
export async function releaseJob(talk: Talk, statusUrl: string): Promise<void> {
  try {
    await discard(await withToken(talk, (token) => askPeer(talk, statusUrl, { method: 'DELETE', token })));
  } catch (error) {
    talk.deps.log('warn', 'peer job not released', {
      peer: talk.peer.id,
      reason: error instanceof PeerFault ? error.reason : 'unknown',
    });
  }
}
