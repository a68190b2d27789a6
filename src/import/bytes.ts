// The bytes of a file, uncompressed when it begins as gzip does, whatever its name is.
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { RejectCode } from './reject.ts';

/** Reading stopped within a file. What was read before is good. */
export class ReadFault extends Error {
  readonly code: Extract<RejectCode, 'unreadable' | 'damaged-gzip'>;
  constructor(code: ReadFault['code'], cause: unknown) {
    super(code, { cause });
    this.name = 'ReadFault';
    this.code = code;
  }
}

export type OpenFile = {
  /** @throws ReadFault */
  bytes: AsyncGenerator<Uint8Array>;
  /** bytes of the file taken so far, before decompression */
  taken(): number;
};

/** Opens nothing until the first byte is asked for; closes the file when the reader stops early. */
export function openFile(path: string): OpenFile {
  const raw = createReadStream(path, { highWaterMark: 256 * 1024 });
  return { bytes: read(raw), taken: () => raw.bytesRead };
}

async function* read(raw: ReturnType<typeof createReadStream>): AsyncGenerator<Uint8Array> {
  let unzipping = false;
  try {
    const first = await firstChunk(raw);
    if (first === undefined) return;
    unzipping = first[0] === 0x1f && first[1] === 0x8b;
    raw.unshift(first);
    if (!unzipping) {
      for await (const chunk of raw) yield chunk as Uint8Array;
      return;
    }
    const gunzip = createGunzip({ chunkSize: 256 * 1024 });
    // a fault of either stream ends the loop below, so there is nothing left to do here
    pipeline(raw, gunzip, () => undefined);
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (cause) {
    throw new ReadFault(unzipping && isZlibFault(cause) ? 'damaged-gzip' : 'unreadable', cause);
  } finally {
    raw.destroy();
  }
}

const isZlibFault = (cause: unknown) =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' && cause.code.startsWith('Z_');

/** The first bytes, at least two unless the file is shorter. */
function firstChunk(raw: ReturnType<typeof createReadStream>): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    raw.once('error', reject);
    raw.once('end', () => resolve(undefined));
    raw.once('readable', () => {
      const chunk = raw.read() as Buffer | null;
      if (chunk !== null) {
        raw.removeListener('error', reject);
        resolve(chunk);
      }
    });
  });
}
