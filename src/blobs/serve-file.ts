// A stored file as an answer: conditional, one byte range, gzip as it was stored or inflated. https://httpwg.org/specs/rfc9110.html
import { Readable } from 'node:stream';
import type { Blobs } from '../deps.ts';
import { Outcome } from '../fhir/outcome.ts';
import { isAnother, isNotModified } from '../http/conditional.ts';
import { acceptsGzip } from '../http/negotiate.ts';
import { gunzipped } from './gunzipped.ts';

export type StoredFile = {
  blobKey: string;
  media: string;
  /** stored as gzip, and sent so to whom accepts it */
  gzip: boolean;
  bytes: number;
  storedBytes: number;
  /** of the bytes as stored, lower-case hex */
  sha256: string;
  modified: Date;
};

type Range = { start: number; end: number } | 'ignore' | 'unsatisfiable';

/** A single byte range of a known size; several or malformed ranges are ignored. */
export function readRange(header: string | undefined, size: number): Range {
  const m = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!m || (m[1] === '' && m[2] === '')) return 'ignore';
  if (m[1] !== '' && m[2] !== '' && Number(m[2]) < Number(m[1])) return 'ignore';
  const start = m[1] === '' ? Math.max(0, size - Number(m[2])) : Number(m[1]);
  const end = m[1] === '' || m[2] === '' ? size : Math.min(size, Number(m[2]) + 1);
  return start >= size || start >= end ? 'unsatisfiable' : { start, end };
}

/** workerd packs a body whose headers say gzip unless it is stated that it is packed; elsewhere the word means nothing. */
type Packed = ResponseInit & { encodeBody?: 'manual' };

/** workerd sends a length only with such a stream; the Node process has none. */
type Fixed = { FixedLengthStream?: new (length: number) => ReadableWritablePair<Uint8Array, Uint8Array> };

/** Bytes of a stream as an answer, of the length that its headers tell. */
export function streamed(stream: AsyncIterable<Uint8Array>, status: number, headers: Record<string, string>): Response {
  const web = Readable.toWeb(Readable.from(stream, { objectMode: false })) as ReadableStream<Uint8Array>;
  const { FixedLengthStream } = globalThis as Fixed;
  const length = headers['content-length'];
  const body =
    FixedLengthStream === undefined || length === undefined
      ? web
      : web.pipeThrough(new FixedLengthStream(Number(length)));
  const init: Packed = { status, headers, encodeBody: 'manual' };
  return new Response(body, init);
}

/** On Workers the header is the edge's own; what the client sent stands in `cf`. */
function acceptEncoding(request: Request & { cf?: { clientAcceptEncoding?: unknown } }): string | undefined {
  const own = request.cf?.clientAcceptEncoding;
  return typeof own === 'string' ? own : (request.headers.get('accept-encoding') ?? undefined);
}

async function* part(source: AsyncIterable<Uint8Array>, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of source) {
    const from = Math.max(0, start - at);
    const to = Math.min(chunk.length, end - at);
    if (from < to) yield chunk.subarray(from, to);
    at += chunk.length;
    if (at >= end) return;
  }
}

/**
 * Answers GET and HEAD.
 * @param headers of every answer; a cache rule of the caller among them
 * @returns undefined when the file is gone
 * @throws Outcome precondition-failed
 */
export async function serveFile(
  request: Request,
  blobs: Blobs,
  file: StoredFile,
  headers: Record<string, string>,
): Promise<Response | undefined> {
  const asked = (name: string) => request.headers.get(name) ?? undefined;
  const packed = file.gzip && acceptsGzip(acceptEncoding(request));
  const size = file.gzip && !packed ? file.bytes : file.storedBytes;
  const etag = `"${file.sha256.slice(0, 32)}${file.gzip && !packed ? '-i' : ''}"`;
  const all: Record<string, string> = {
    ...headers,
    'content-type': file.media,
    etag,
    'last-modified': file.modified.toUTCString(),
    'accept-ranges': 'bytes',
    ...(file.gzip ? { vary: 'Accept-Encoding' } : {}),
    ...(packed ? { 'content-encoding': 'gzip' } : {}),
    ...(packed || !file.gzip
      ? { 'repr-digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:` }
      : {}),
  };
  if (isAnother(asked('if-match'), etag)) throw new Outcome('precondition-failed');
  if (isNotModified(asked('if-none-match'), asked('if-modified-since'), etag, file.modified))
    return new Response(null, { status: 304, headers: all });
  const ifRange = asked('if-range');
  const range = ifRange === undefined || ifRange === etag ? readRange(asked('range'), size) : 'ignore';
  if (range === 'unsatisfiable')
    // kept by a cache it would be answered to clients that ask without a range
    return new Response(null, {
      status: 416,
      headers: { ...all, 'cache-control': 'no-store', 'content-range': `bytes */${size}` },
    });
  const { start, end } = range === 'ignore' ? { start: 0, end: size } : range;
  const sized: Record<string, string> = { ...all, 'content-length': String(end - start) };
  const status = range === 'ignore' ? 200 : 206;
  if (status === 206) sized['content-range'] = `bytes ${start}-${end - 1}/${size}`;
  if (request.method === 'HEAD')
    return (await blobs.size(file.blobKey)) === undefined ? undefined : new Response(null, { status, headers: sized });
  const inflate = file.gzip && !packed;
  const stream = await blobs.get(file.blobKey, inflate || status === 200 ? undefined : { start, end });
  if (!stream) return undefined;
  if (!inflate) return streamed(stream, status, sized);
  const plain = gunzipped(stream);
  return streamed(status === 200 ? plain : part(plain, start, end), status, sized);
}
