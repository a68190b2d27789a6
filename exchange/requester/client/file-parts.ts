// What is kept of a file in parts as it was sent, and the one file that is made of them at the end.
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import type { Deps } from '../../../src/deps.ts';
import { PeerFault } from './peer-fetch.ts';
import { Look, type Looked } from './receive.ts';
import type { Talk } from './talk.ts';

export type Downloaded = { blobKey: string } & Omit<Looked, 'isDouble'>;

/** What is kept of a file that is not whole yet. `size`: bytes of all of it, as it is sent, where the peer has said so. */
export type Kept = {
  parts: number;
  bytes: number;
  etag: string | null;
  encoding: 'gzip' | 'identity' | null;
  size: number | null;
};
export type FileRequest = {
  url: string;
  needsToken: boolean | undefined;
  /** blob keys begin with it */
  key: string;
  kept?: Kept;
  /** tells what is kept, after each part */
  keep?: (kept: Kept) => Promise<void>;
  /** asked before anything is written under its key, or removed; throws when the file is another process’s work by now */
  hold?: () => Promise<void>;
};

export const partKey = (key: string, part: number): string => `${key}.p${part}.ndjson.gz`;
const wholeKey = (key: string): string => `${key}.ndjson.gz`;

/** A part as it is stored: gzip as it came, anything else packed. Parts of gzip one after the other are gzip. */
export function packed(part: AsyncGenerator<Uint8Array>, isGzip: boolean): AsyncIterable<Uint8Array> {
  if (isGzip) return part;
  const source = Readable.from(part, { objectMode: false });
  const gzip = createGzip({ level: 1 });
  source.on('error', (e) => gzip.destroy(e));
  return source.pipe(gzip);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** A part that was kept is here no more. Its payer has no part in that. */
export class PartGone extends Error {
  constructor() {
    super('a part that was kept is gone');
  }
}

const storedParts = async function* (deps: Deps, key: string, parts: number): AsyncGenerator<Uint8Array> {
  for (let p = 0; p < parts; p++) {
    const stored = await deps.blobs.get(partKey(key, p));
    if (!stored) throw new PartGone();
    yield* stored;
  }
};

async function lookAt(talk: Talk, source: AsyncIterable<Uint8Array>): Promise<Looked> {
  const look = new Look(talk.limits, true);
  try {
    for await (const chunk of source) await look.take(chunk);
    return await look.end();
  } catch (error) {
    // the rest has come, and does not go on with what was kept: with that it never would
    if (error instanceof PeerFault && error.reason === 'file-cut')
      throw new PeerFault('file-corrupt', { isTransient: true });
    throw error;
  } finally {
    look.stop();
  }
}

async function* unpacked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const body = Readable.from(source, { objectMode: false });
  body.on('error', (e) => gunzip.destroy(e));
  yield* body.pipe(gunzip) as AsyncIterable<Uint8Array>;
}

/**
 * One file of all parts. Parts of several answers are looked at here for the first time together; what was packed twice is
 * unpacked once.
 */
export async function assemble(
  talk: Talk,
  file: FileRequest,
  kept: Kept,
  seen: Looked | undefined,
): Promise<Downloaded> {
  const { blobs } = talk.deps;
  await file.hold?.();
  const whole = () => storedParts(talk.deps, file.key, kept.parts);
  // nothing at all is an empty file, whatever its coding is said to be; what is kept can be unpacked
  if (kept.bytes === 0) await blobs.put(partKey(file.key, 0), packed(nothing(), false));
  const looked = seen ?? (await lookAt(talk, whole()));
  if (kept.parts === 1 && !looked.isDouble) return { blobKey: partKey(file.key, 0), ...factsOf(looked) };
  const blobKey = wholeKey(file.key);
  await blobs.put(blobKey, looked.isDouble ? unpacked(whole()) : whole());
  const final = looked.isDouble ? await lookAt(talk, (await blobs.get(blobKey)) ?? whole()) : looked;
  if (final.isDouble) {
    await blobs.delete(blobKey);
    throw new PeerFault('file-encoding');
  }
  for (let p = 0; p < kept.parts; p++) await blobs.delete(partKey(file.key, p));
  return { blobKey, ...factsOf(final) };
}

const factsOf = ({ bytes, sha256, lines, endsWithin }: Looked) => ({ bytes, sha256, lines, endsWithin });
