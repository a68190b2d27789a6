// Packed bytes as they are meant.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const CHUNK = 128 * 1024;

/** What a gzip stream holds, begun when it is read. A fault of the source, or of the packing, is thrown where it is met. */
export async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const body = Readable.from(source, { objectMode: false });
  const gunzip = createGunzip({ chunkSize: CHUNK });
  body.on('error', (e) => gunzip.destroy(e));
  try {
    yield* body.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } finally {
    // a reader that stops early lets go of the source
    body.destroy();
  }
}
