// The bytes of a file, uncompressed when it begins as gzip does, whatever its name is, and in UTF-8 when it says that it is in UTF-16.
import { createReadStream, statSync } from 'node:fs';
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
  return { bytes: asUtf8(read(raw, path)), taken: () => raw.bytesRead };
}

/** UTF-16 with its mark, as some shells and editors write it, in UTF-8. */
async function* asUtf8(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let decoder: TextDecoder | undefined;
  let isFirst = true;
  const encode = (text: string) => Buffer.from(text, 'utf8');
  try {
    for await (const chunk of chunks) {
      const encoding = isFirst ? MARKS[`${chunk[0]},${chunk[1]}`] : undefined;
      if (encoding !== undefined) decoder = new TextDecoder(encoding, { fatal: true });
      isFirst = false;
      yield decoder === undefined ? chunk : encode(decoder.decode(chunk, { stream: true }));
    }
    if (decoder !== undefined) yield encode(decoder.decode());
  } catch (cause) {
    throw cause instanceof TypeError && decoder !== undefined ? new ReadFault('unreadable', cause) : cause;
  }
}

const MARKS: Readonly<Record<string, string>> = { '255,254': 'utf-16le', '254,255': 'utf-16be' };

async function* read(raw: ReturnType<typeof createReadStream>, path: string): AsyncGenerator<Uint8Array> {
  let unzipping = false;
  const so: Progress = { read: 0, made: 0 };
  try {
    const first = await firstChunk(raw);
    if (first === undefined) return;
    unzipping = first[0] === 0x1f && first[1] === 0x8b;
    raw.unshift(first);
    if (!unzipping) {
      for await (const chunk of raw) yield chunk as Uint8Array;
      return;
    }
    yield* unzipped(raw, so);
  } catch (cause) {
    // a pipe cannot be read once more; of a file that is cut off all has been made
    if (
      unzipping &&
      isZlibFault(cause) &&
      cause.code !== 'Z_BUF_ERROR' &&
      statSync(path, { throwIfNoEntry: false })?.isFile()
    )
      yield* beforeDamage(path, so);
    throw new ReadFault(unzipping && isZlibFault(cause) ? 'damaged-gzip' : 'unreadable', cause);
  } finally {
    raw.destroy();
  }
}

/** Compressed bytes that are given to the decompressor at once: it makes a thousand times as much of them at most. */
const PIECE = 64 * 1024;

/** How far a file has been decompressed: bytes of it that did no harm, and bytes that were made of them. */
type Progress = { read: number; made: number };

/**
 * What a piece with a fault in it holds before the fault, which the decompressor has made and does not give: the file is read
 * once more, that piece byte by byte.
 */
async function* beforeDamage(path: string, reached: Progress): AsyncGenerator<Uint8Array> {
  const raw = createReadStream(path, { highWaterMark: 256 * 1024 });
  let skip = reached.made;
  try {
    for await (const chunk of unzipped(raw, { read: 0, made: 0 }, reached.read)) {
      if (skip < chunk.length) yield chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
    }
  } catch {
    // the fault that caused this is reported
  } finally {
    raw.destroy();
  }
}

/**
 * Piece by piece: a stream that ends in a fault keeps what it has made, and of a file that is cut off that is what is wanted.
 * @param fine place in the file from which on a piece is one byte
 */
async function* unzipped(
  raw: AsyncIterable<Buffer>,
  so: Progress,
  fine = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  let made: Uint8Array[] = [];
  let fault: unknown;
  gunzip.on('data', (chunk: Uint8Array) => made.push(chunk));
  gunzip.on('error', (error) => {
    fault = error;
  });
  function* taken(): Generator<Uint8Array> {
    const all = made;
    made = [];
    for (const one of all) {
      so.made += one.length;
      yield one;
    }
    if (fault !== undefined) throw fault;
  }
  try {
    for await (const chunk of raw)
      for (let at = 0; at < chunk.length; ) {
        const piece = chunk.subarray(at, at + (so.read < fine ? Math.min(PIECE, fine - so.read) : 1));
        at += piece.length;
        await new Promise<void>((resolve) => {
          // a fault may come instead of an answer
          gunzip.once('close', resolve);
          gunzip.write(piece, () => {
            gunzip.off('close', resolve);
            resolve();
          });
        });
        yield* taken();
        so.read += piece.length;
      }
    await new Promise<void>((resolve) => {
      if (gunzip.closed) resolve();
      else gunzip.once('close', resolve).end();
    });
    yield* taken();
  } finally {
    gunzip.destroy();
  }
}

const isZlibFault = (cause: unknown): cause is Error & { code: string } =>
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
