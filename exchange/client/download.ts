// Downloading one file of a manifest, whole or not at all: the stream is checked while it is kept, and a cut or oversized
// one leaves nothing. What is kept is the NDJSON as sent, gzipped, with the SHA-256 of its uncompressed bytes.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import type { Deps } from '../../src/deps.ts';
import type { Peer } from '../store/peer.ts';
import { withToken } from './kick-off.ts';
import { askPeer, discard, isPeerOrigin, PeerFault } from './peer-fetch.ts';
import type { PeerTokens } from './token.ts';

export const MAX_FILE_BYTES = 2 * 1024 * 1024 * 1024;
const MAX_RATIO = 200;

export type Downloaded = { bytes: number; sha256: string };

/** Sends the token only where the manifest asks for it (or does not say) and the origin is the peer's own. */
export async function download(
  deps: Deps,
  tokens: PeerTokens,
  peer: Peer,
  file: { url: string; needsToken: boolean | undefined },
  key: string,
): Promise<Downloaded> {
  const url = new URL(file.url);
  if (!isPeerOrigin(url, peer)) throw new PeerFault('foreign-origin');
  const headers = { accept: 'application/fhir+ndjson', 'accept-encoding': 'gzip' };
  const response =
    file.needsToken === false
      ? await askPeer(deps, peer, url.href, { headers, timeoutMs: 3_600_000 })
      : await withToken(deps, tokens, peer, (token) =>
          askPeer(deps, peer, url.href, { headers, token, timeoutMs: 3_600_000 }),
        );
  if (response.status !== 200 || response.body === null) {
    await discard(response);
    throw new PeerFault(`file-${response.status}`, { isTransient: false });
  }
  return keep(deps, response.body as unknown as AsyncIterable<Uint8Array>, key);
}

/** Bytes that begin with the gzip magic are inflated once more: the file itself was a .gz. */
async function* inflated(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = source[Symbol.asyncIterator]();
  const first = await reader.next();
  if (first.done) return;
  const rest = async function* () {
    yield first.value;
    for (;;) {
      const next = await reader.next();
      if (next.done) return;
      yield next.value;
    }
  };
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* rest();
    return;
  }
  const gunzip = createGunzip();
  const body = Readable.from(rest(), { objectMode: false });
  body.on('error', (e) => gunzip.destroy(e));
  yield* body.pipe(gunzip) as AsyncIterable<Uint8Array>;
}

async function keep(deps: Deps, body: AsyncIterable<Uint8Array>, key: string): Promise<Downloaded> {
  const hash = createHash('sha256');
  let bytes = 0;
  let arrived = 0;
  const counted = async function* () {
    for await (const chunk of body) {
      arrived += chunk.length;
      yield chunk;
    }
  };
  const checked = async function* () {
    for await (const chunk of inflated(counted())) {
      bytes += chunk.length;
      if (bytes > MAX_FILE_BYTES) throw new PeerFault('file-too-large');
      if (bytes > 1024 * 1024 && bytes > arrived * MAX_RATIO) throw new PeerFault('file-bomb');
      hash.update(chunk);
      yield chunk;
    }
  };
  try {
    const source = Readable.from(checked(), { objectMode: false });
    const gzip = createGzip({ level: 1 });
    source.on('error', (e) => gzip.destroy(e));
    await deps.blobs.put(key, source.pipe(gzip));
  } catch (error) {
    if (error instanceof PeerFault) throw error;
    const code = (error as { code?: string }).code ?? '';
    if (code === 'ENOSPC') throw error;
    throw new PeerFault('file-cut', { isTransient: true });
  }
  return { bytes, sha256: hash.digest('hex') };
}
