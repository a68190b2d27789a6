// Fetching one attachment that a peer's record gives by address: raw bytes, or a Binary as FHIR JSON. What comes is looked at as it
// passes, never held whole but for that JSON, and kept under its own SHA-256 when it is what the record says.
// https://hl7.org/fhir/R4/binary.html#rest
import { createHash } from 'node:crypto';
import { gunzipped } from '../../../src/blobs/gunzipped.ts';
import type { Blobs } from '../../../src/deps.ts';
import { isResource, text } from '../../../src/fhir/resource.ts';
import { isApartRead } from '../../reconcile/kept-apart.ts';
import { attachmentKey, type KeptBytes } from '../../records/attachment.ts';
import { type Came, type Declared, judgeAttachment } from './judge-attachment.ts';
import { askPeer, discard, isPeerOrigin, PeerFault } from './peer-fetch.ts';
import { paced } from './receive.ts';
import type { Talk } from './talk.ts';
import { withToken } from './token.ts';

export type AttachmentRequest = Declared & {
  url: string;
  /** as the manifest says of its files; undefined: it says nothing */
  needsToken: boolean | undefined;
  /** where it is written while it comes, one place for each attachment */
  key: string;
  /** judges the text of a document that is kept as text; a reason keeps it out */
  refuses?: (media: string | null, bytes: Buffer) => string | undefined;
};

const MIB = 1024 * 1024;
const TIMEOUT_MS = 15 * 60_000;
const HEAD = 512;
const IS_JSON = /^application\/(?:[\w.-]+\+)?json\b/i;
/** What may stand around the data of a Binary. */
const AROUND = 64 * 1024;
/** Base64 is a third longer, and something stands around it. */
const asJson = (bytes: number): number => Math.ceil((bytes * 4) / 3) + AROUND;

/** Sends the token to the peer's own origins alone, and not where its files need none; an operation of its server is no file. */
function ask(talk: Talk, r: AttachmentRequest): Promise<Response> {
  const request = {
    isFile: true,
    timeoutMs: TIMEOUT_MS,
    headers: { accept: r.media === null ? '*/*' : `${plain(r.media)}, */*;q=0.5`, 'accept-encoding': 'gzip' },
  };
  const url = new URL(r.url);
  return (r.needsToken === false && !isApartRead(url)) || !isPeerOrigin(url, talk.peer)
    ? askPeer(talk, r.url, request)
    : withToken(talk, (token) => askPeer(talk, r.url, { ...request, token }));
}

/** A media type as a header may carry it; what a record says may be anything. */
const plain = (media: string): string => /^[\w.+-]{1,60}\/[\w.+-]{1,100}(?=;|$)/.exec(media)?.[0] ?? '*/*';

/** The bytes as they are, unpacked, within limits. */
async function* unpacked(talk: Talk, response: Response, most: number): AsyncGenerator<Uint8Array> {
  const encoding = (response.headers.get('content-encoding') ?? '').trim().toLowerCase();
  const isPacked = encoding === 'gzip' || encoding === 'x-gzip';
  if (!isPacked && encoding !== '' && encoding !== 'identity') throw new PeerFault('attachment-encoding');
  let arrived = 0;
  const body = async function* () {
    for await (const chunk of paced(response.body as unknown as AsyncIterable<Uint8Array>, talk.limits)) {
      arrived += chunk.length;
      if (arrived > most) throw new PeerFault('attachment-too-large');
      yield chunk;
    }
    const announced = Number(response.headers.get('content-length') ?? Number.NaN);
    if (!Number.isNaN(announced) && announced !== arrived) throw new PeerFault('attachment-cut', { isTransient: true });
  };
  let bytes = 0;
  const source = isPacked ? gunzipped(body()) : body();
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > most) throw new PeerFault('attachment-too-large');
    if (isPacked && bytes > MIB && bytes > arrived * talk.limits.fileRatio) throw new PeerFault('attachment-bomb');
    yield chunk;
  }
}

/** How a connection that breaks off is reported, and a packed body without its end. */
const BROKEN =
  /^(?:UND_ERR|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_STREAM_PREMATURE_CLOSE|ABORT_ERR|HPE_|Z_BUF_ERROR)/;

/** What ended a body: the peer, or something of ours, which is left as it is. */
function faultOf(error: unknown): unknown {
  if (error instanceof PeerFault) return error;
  const { code, name, cause } = (error ?? {}) as { code?: unknown; name?: string; cause?: { code?: unknown } };
  const known = String(code ?? cause?.code ?? '');
  if (BROKEN.test(known) || name === 'TimeoutError' || name === 'AbortError')
    return new PeerFault('attachment-cut', { isTransient: true });
  return known.startsWith('Z_') ? new PeerFault('attachment-corrupt', { isTransient: true }) : error;
}

type Looked = Omit<Came, 'media'>;

/** Writes what comes to a place, and looks at it. */
async function take(blobs: Blobs, key: string, source: AsyncIterable<Uint8Array>): Promise<Looked> {
  const [sha1, sha256] = [createHash('sha1'), createHash('sha256')];
  let head = Buffer.alloc(0);
  let bytes = 0;
  await blobs.put(
    key,
    (async function* () {
      for await (const chunk of source) {
        sha1.update(chunk);
        sha256.update(chunk);
        if (head.length < HEAD) head = Buffer.concat([head, chunk.subarray(0, HEAD - head.length)]);
        bytes += chunk.length;
        yield chunk;
      }
    })(),
  );
  return { head, bytes, sha1: sha1.digest('base64'), sha256: sha256.digest('hex') };
}

async function readAll(blobs: Blobs, key: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of (await blobs.get(key)) ?? []) parts.push(part);
  return Buffer.concat(parts);
}

/** Stands in the place of the data while the rest is read; no base64. */
const PLACE = '@';

/** The longest string that is called `data`: where its quotes are. */
function dataIn(body: Buffer): { from: number; to: number } | undefined {
  const name = '"data"';
  let longest: { from: number; to: number } | undefined;
  for (let at = body.indexOf(name); at !== -1; at = body.indexOf(name, at + name.length)) {
    const opening = /^\s*:\s*"/.exec(body.toString('latin1', at + name.length, at + name.length + 64))?.[0];
    if (opening === undefined) continue;
    const from = at + name.length + opening.length - 1;
    const to = body.indexOf('"', from + 1);
    if (to === -1) break;
    if (longest === undefined || to - from > longest.to - longest.from) longest = { from, to };
    at = to - name.length;
  }
  return longest;
}

/**
 * The document in a Binary as FHIR JSON; undefined when the text is none. The data is cut out before the rest is read: lists of nothing, as
 * long as a document may be, would be many times as large in memory.
 */
export function readBinary(body: Buffer): { media: string; data: Buffer } | undefined {
  const data = dataIn(body);
  const around = data === undefined ? body.length : body.length - (data.to - data.from);
  if (around > AROUND) return undefined;
  let parsed: unknown;
  let cut = '';
  try {
    if (data === undefined) parsed = JSON.parse(body.toString('utf8'));
    else {
      const [before, after] = [body.toString('utf8', 0, data.from), body.toString('utf8', data.to + 1)];
      parsed = JSON.parse(`${before}"${PLACE}"${after}`);
      cut = String(JSON.parse(body.toString('utf8', data.from, data.to + 1)));
    }
  } catch {
    return undefined;
  }
  if (!isResource(parsed) || parsed.resourceType !== 'Binary') return undefined;
  const found = text(parsed['data']) ?? '';
  return { media: text(parsed['contentType']) ?? '', data: Buffer.from(found === PLACE ? cut : found, 'base64') };
}

const once = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
};

/**
 * Fetches and keeps one attachment.
 * @returns what is kept; it may have been there already
 * @throws PeerFault; nothing is left of what came then
 */
export async function fetchAttachment(talk: Talk, r: AttachmentRequest): Promise<KeptBytes> {
  const { blobs } = talk.deps;
  const response = await ask(talk, r);
  if (response.status !== 200 || response.body === null) {
    await discard(response);
    throw new PeerFault(
      response.status === 200 || response.status === 204 ? 'attachment-empty' : `attachment-${response.status}`,
    );
  }
  const answered = response.headers.get('content-type') ?? '';
  const { attachmentBytes } = talk.limits;
  try {
    const most = IS_JSON.test(answered) ? asJson(attachmentBytes) : attachmentBytes;
    let came: Looked & { media: string } = {
      ...(await take(blobs, r.key, unpacked(talk, response, most))),
      media: answered,
    };
    const binary = IS_JSON.test(answered) ? readBinary(await readAll(blobs, r.key)) : undefined;
    if (binary) came = { ...(await take(blobs, r.key, once(binary.data))), media: binary.media };
    if (came.bytes > attachmentBytes) throw new PeerFault('attachment-too-large');
    return await keep(talk, r, came);
  } catch (error) {
    await discard(response);
    await blobs.delete(r.key);
    throw faultOf(error);
  }
}

/** Keeps bytes that are at hand already, by the same rules. */
export async function keepAttachment(
  talk: Talk,
  r: AttachmentRequest,
  had: { media: string; data: Buffer },
): Promise<KeptBytes> {
  const { blobs } = talk.deps;
  try {
    if (had.data.length > talk.limits.attachmentBytes) throw new PeerFault('attachment-too-large');
    return await keep(talk, r, { ...(await take(blobs, r.key, once(had.data))), media: had.media });
  } catch (error) {
    await blobs.delete(r.key);
    throw error;
  }
}

/** Judges what was written, and moves it to where its content is kept. */
async function keep(talk: Talk, r: AttachmentRequest, came: Looked & { media: string }): Promise<KeptBytes> {
  const { blobs } = talk.deps;
  const verdict = judgeAttachment(r, came);
  if ('reason' in verdict) {
    // it may be about another person, so that it is not kept: what it was can be determined by its hash
    const { bytes, sha256 } = came;
    throw new PeerFault(verdict.reason, { isTransient: verdict.isTransient, came: { bytes, sha256 } });
  }
  const refused = r.refuses?.(verdict.media, await readAll(blobs, r.key));
  if (refused !== undefined) throw new PeerFault(refused);
  if (verdict.isOtherType) talk.note('peer-attachment-type');
  const key = attachmentKey(came.sha256);
  if ((await blobs.size(key)) === undefined) {
    const written = await blobs.get(r.key);
    if (!written) throw new Error('what was written a moment ago is gone');
    await blobs.put(key, written);
  }
  await blobs.delete(r.key);
  return { sha256: came.sha256, bytes: came.bytes, media: verdict.media };
}
