// Downloading one file of a manifest, whole or not at all. What comes is kept in parts as it was sent; a body that breaks off,
// or a process that dies, loses at most one part, and the rest is asked for by range when the peer's strong entity tag says
// that it is still the same. Kept at the end: gzip of the NDJSON as sent, with the SHA-256 of its uncompressed bytes.
// https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
import { assemble, type Downloaded, type FileRequest, type Kept, PartGone, packed, partKey } from './file-parts.ts';
import { askPeer, discard, isPeerOrigin, PeerFault } from './peer-fetch.ts';
import { Look, paced } from './receive.ts';
import type { Talk } from './talk.ts';
import { withToken } from './token.ts';

const NOTHING: Kept = { parts: 0, bytes: 0, etag: null, encoding: null, size: null };

const DAY_MS = 86_400_000;
/** What a server gives of the rest when it gives less than all of it (RFC 9110, 15.3.7). With less at once a file would never end. */
const LEAST_PART = 64 * 1024;
const isStrong = (etag: string | null): etag is string => etag !== null && /^"[^"]*"$/.test(etag);

/** Sends the token only where the manifest asks for it (or does not say) and the origin is the peer's own. */
async function ask(talk: Talk, file: FileRequest, kept: Kept): Promise<Response> {
  const url = new URL(file.url);
  if (file.needsToken === true && !isPeerOrigin(url, talk.peer)) throw new PeerFault('foreign-origin');
  const request = {
    isFile: true,
    timeoutMs: DAY_MS,
    headers: {
      accept: 'application/fhir+ndjson',
      'accept-encoding': kept.encoding === 'identity' ? 'identity' : 'gzip',
      ...(kept.bytes > 0 && kept.etag !== null ? { range: `bytes=${kept.bytes}-`, 'if-range': kept.etag } : {}),
    },
  };
  return file.needsToken === false || !isPeerOrigin(url, talk.peer)
    ? askPeer(talk, url.href, request)
    : withToken(talk, (token) => askPeer(talk, url.href, { ...request, token }));
}

/** How the body is encoded; a fault when it is in a way that was not asked for. */
function encodingOf(response: Response): 'gzip' | 'identity' {
  const given = (response.headers.get('content-encoding') ?? '').trim().toLowerCase();
  if (given === '' || given === 'identity') return 'identity';
  if (given === 'gzip' || given === 'x-gzip') return 'gzip';
  throw new PeerFault('file-encoding');
}

const RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/;

type Span = { first: number; last: number; size: number | null };

/** Which part of the file an answer says that it is; undefined where it says none, or one that cannot be (RFC 9110, 14.4). */
function spanOf(response: Response): Span | undefined {
  const [, first, last, size] = RANGE.exec(response.headers.get('content-range') ?? '') ?? [];
  if (first === undefined) return undefined;
  const span = { first: Number(first), last: Number(last), size: size === '*' ? null : Number(size) };
  return span.last < span.first || (span.size !== null && span.size <= span.last) ? undefined : span;
}

/** Bytes that the body is to have, as its headers say; undefined where they say nothing. */
function lengthOf(response: Response): number | undefined {
  const length = response.headers.get('content-length');
  if (length !== null) return Number(length);
  const span = response.status === 206 ? spanOf(response) : undefined;
  return span && span.last - span.first + 1;
}

/** Bytes of the whole file, as an answer with all or a part of it says; null where it does not. */
const sizeSaid = (response: Response): number | null =>
  response.status === 206 ? (spanOf(response)?.size ?? null) : (lengthOf(response) ?? null);

/**
 * Is it the rest of what we hold? One that is as long as another range than it says may be any part of the file, and a file
 * that is longer or shorter than it was is another one under the same tag.
 */
function goesOn(response: Response, kept: Kept): boolean {
  const span = spanOf(response);
  if (span?.first !== kept.bytes || response.headers.get('etag') !== kept.etag) return false;
  const isSame = span.size === null || kept.size === null || span.size === kept.size;
  // what is not packed ends anywhere: whether this is all of the rest could not be known
  const hasEnd = span.size !== null || kept.size !== null || kept.encoding === 'gzip';
  return isSame && hasEnd && lengthOf(response) === span.last - span.first + 1;
}

/**
 * Is the answer to a request without a range all of the file? A part that comes unasked may be, where it says so; one
 * that comes as 200 says that it is not (of a 200 the range means nothing by RFC 9110, 14.4, but what it leaves out
 * would be missing).
 */
function isAll(response: Response): boolean {
  const span = spanOf(response);
  if (response.status !== 206)
    return span === undefined || (span.first === 0 && span.last + 1 === (span.size ?? span.last + 1));
  return span?.first === 0 && span.last + 1 === span.size && lengthOf(response) === span.size;
}

/** @throws PeerFault; what was kept stays for the next try, unless it is of no use */
export async function download(talk: Talk, file: FileRequest): Promise<Downloaded> {
  for (let kept = file.kept; ; ) {
    const got = await fetchRest(talk, kept === undefined ? file : { ...file, kept });
    if ('blobKey' in got) return got;
    kept = got;
  }
}

/** Neither the rest of what we hold nor the whole. */
const isOfNoUse = (response: Response, kept: Kept): boolean =>
  response.status === 416 ||
  (response.status === 206 && !goesOn(response, kept)) ||
  (response.status === 200 && !isAll(response));

/** All that is not kept yet, or, of a server that answers with less than the whole rest, as much as it gives: then what is kept now. */
async function fetchRest(talk: Talk, file: FileRequest): Promise<Downloaded | Kept> {
  let kept = file.kept ?? NOTHING;
  if (kept.bytes > 0 && !isStrong(kept.etag)) kept = await forget(talk, file, kept);
  let response = await ask(talk, file, kept);
  if (kept.bytes > 0 && isOfNoUse(response, kept)) {
    await discard(response);
    talk.note('peer-range');
    kept = await forget(talk, file, kept);
    response = await ask(talk, file, kept);
  } else if (kept.bytes > 0 && response.status === 200) kept = await forget(talk, file, kept);
  if ((response.status !== 206 && (kept.bytes > 0 || response.status !== 200)) || response.body === null) {
    await discard(response);
    // made, or reported by a proxy, and not the file itself: it may come yet
    throw new PeerFault(`file-${response.status}`, { isTransient: response.status === 201 || response.status === 203 });
  }
  if (kept.bytes === 0 && !isAll(response)) {
    await discard(response);
    talk.note('peer-range');
    throw new PeerFault('file-cut', { isTransient: true });
  }
  const encoding = await accepted(talk, response);
  if (kept.bytes > 0 && encoding !== kept.encoding) {
    await discard(response);
    talk.note('peer-range');
    await forget(talk, file, kept);
    throw new PeerFault('file-cut', { isTransient: true });
  }
  const size = sizeSaid(response) ?? kept.size;
  return receive(talk, file, response, { ...kept, encoding, etag: response.headers.get('etag'), size });
}

async function accepted(talk: Talk, response: Response): Promise<'gzip' | 'identity'> {
  const type = (response.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  try {
    if (type === 'text/html') throw new PeerFault('file-html');
    if (!/ndjson|octet-stream|gzip/.test(type)) talk.note('peer-content-type');
    return encodingOf(response);
  } catch (error) {
    await discard(response);
    throw error;
  }
}

async function forget(talk: Talk, file: FileRequest, kept: Kept): Promise<Kept> {
  await file.hold?.();
  await file.keep?.(NOTHING);
  for (let p = 0; p < kept.parts; p++) await talk.deps.blobs.delete(partKey(file.key, p));
  return NOTHING;
}

/** Takes a body in, part after part. */
async function receive(talk: Talk, file: FileRequest, response: Response, from: Kept): Promise<Downloaded | Kept> {
  const { limits, deps } = talk;
  let kept = from;
  const isWhole = from.bytes === 0;
  const look = new Look(limits, from.encoding === 'gzip');
  const body = paced(response.body as unknown as AsyncIterable<Uint8Array>, limits)[Symbol.asyncIterator]();
  const announced = lengthOf(response);
  let arrived = 0;
  let cut: unknown;
  let isOver = false;
  const piece = async function* () {
    let taken = 0;
    while (taken < limits.partBytes) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await body.next();
      } catch (error) {
        cut = error;
        isOver = true;
        return;
      }
      if (next.done === true) {
        isOver = true;
        return;
      }
      arrived += next.value.length;
      if (isWhole) await look.take(next.value);
      else if (from.bytes + arrived > limits.fileBytes) throw new PeerFault('file-too-large');
      taken += next.value.length;
      kept = { ...kept, bytes: kept.bytes + next.value.length };
      yield next.value;
    }
  };
  const part = async function* () {
    yield* piece();
    // with its end it gets its name
    await file.hold?.();
  };
  try {
    while (!isOver) {
      await deps.blobs.put(partKey(file.key, kept.parts), packed(part(), from.encoding === 'gzip'));
      kept = { ...kept, parts: kept.parts + 1 };
      if (!isOver && isStrong(kept.etag)) await file.keep?.(kept);
    }
    if (cut === undefined && announced !== undefined && announced !== arrived) {
      talk.note('peer-length');
      // more than it says: where the rest begins in it cannot be known
      if (arrived > announced) throw new PeerFault('file-corrupt', { isTransient: true });
      cut = new Error('length');
    }
    const isPart = cut === undefined && kept.size !== null && kept.bytes < kept.size;
    if (isPart && arrived < LEAST_PART) cut = new Error('a part that leads nowhere');
    if ((isPart || cut !== undefined) && isStrong(kept.etag)) await file.keep?.(kept);
    if (cut !== undefined) throw cut instanceof PeerFault ? cut : new PeerFault('file-cut', { isTransient: true });
    if (isPart) return kept;
    return await assemble(talk, file, kept, isWhole ? await look.end() : undefined);
  } catch (error) {
    look.stop();
    await body.return?.(undefined);
    return giveUp(talk, file, kept, error);
  }
}

/**
 * @throws always: the fault, after what is of no use was let go; what is no fault of the peer (no room, no database, a
 * part that is gone) as it is
 */
async function giveUp(talk: Talk, file: FileRequest, kept: Kept, fault: unknown): Promise<never> {
  if (fault instanceof PartGone) await forget(talk, file, kept);
  if (!(fault instanceof PeerFault)) throw fault;
  if (fault.reason === 'file-cut') talk.note('peer-file-cut');
  if (fault.reason === 'file-corrupt') talk.note('peer-file-corrupt');
  if (fault.reason === 'file-slow') talk.note('peer-slow');
  const isUseful = isStrong(kept.etag) && (fault.reason === 'file-cut' || fault.reason === 'file-slow');
  if (!isUseful) await forget(talk, file, kept);
  throw fault;
}
