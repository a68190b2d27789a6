// Files of manifests: NDJSON or a Bundle, plain, gzip or zstd by their content, read as they come. A cut connection is taken
// up again by a range where the server offers it.
import { Readable } from 'node:stream';
import zlib, { crc32 } from 'node:zlib'; // as a whole: an older Node is reported by the program, not by a missing name
import { type Block, blocks, linesIn, linesWithin } from '../../../src/fhir/ndjson.ts';
import { isObject, isResource, type Resource } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType } from '../../../src/fhir/search/types.ts';
import { type Client, discard } from '../client.ts';
import { HarvestFault } from '../reasons.ts';
import { itemsAt } from './json-items.ts';
import type { FilePart } from './run-rows.ts';

const MAX_FILE_BYTES = 8 * 1024 * 1024 * 1024;
/** What we take for a file. */
export const FILES = 'application/fhir+ndjson, application/json;q=0.9, */*;q=0.1';
const MAX_RATIO = 200;
const RANGES = 3;

export type FileRecord = { text: string; resource?: Resource } | { fault: string };

/**
 * Opens a file and gives its bytes, decompressed.
 * @param onHeaders is given the headers of the answer
 * @throws HarvestFault `not-found`, `bad-request`, `forbidden` at once; `body-cut`, `file-too-large` while reading
 */
export async function* fileBytes(
  client: Client,
  url: string,
  onHeaders: (headers: Headers) => void = () => {},
): AsyncGenerator<Uint8Array> {
  const raw = received(client, url, onHeaders);
  const reader = raw[Symbol.asyncIterator]();
  const first = await reader.next();
  if (first.done) return;
  let arrived = first.value.length;
  const rest = async function* () {
    yield first.value;
    for (;;) {
      const next = await reader.next();
      if (next.done) return;
      arrived += next.value.length;
      yield next.value;
    }
  };
  const [a, b, c, d] = first.value;
  const gzip = a === 0x1f && b === 0x8b;
  const zstd = a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd;
  let bytes = 0;
  try {
    for await (const chunk of gzip || zstd ? inflate(rest(), gzip) : rest()) {
      bytes += chunk.length;
      if (bytes > MAX_FILE_BYTES || (bytes > 8 * 1024 * 1024 && bytes > arrived * MAX_RATIO && (gzip || zstd)))
        throw new HarvestFault('file-too-large');
      yield chunk;
    }
  } catch (error) {
    if (error instanceof HarvestFault) throw error;
    throw new HarvestFault('body-cut', 'damaged compression', { cause: error });
  } finally {
    await reader.return(undefined); // anyone who stops early leaves no answer open
  }
}

async function* inflate(source: AsyncGenerator<Uint8Array>, gzip: boolean): AsyncGenerator<Uint8Array> {
  const inflater = gzip ? zlib.createGunzip() : zlib.createZstdDecompress();
  const body = Readable.from(source, { objectMode: false });
  body.on('error', (e) => inflater.destroy(e));
  yield* body.pipe(inflater) as AsyncIterable<Uint8Array>;
}

/** The bytes as sent. After a cut the rest is asked for, when the server answers ranges of exactly these bytes. */
async function* received(
  client: Client,
  url: string,
  onHeaders: (headers: Headers) => void,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let attempt = 0; ; attempt++) {
    const headers: Record<string, string> = at === 0 ? {} : { range: `bytes=${at}-`, 'accept-encoding': 'identity' };
    const response = await client.get(url, {
      accept: FILES,
      headers,
      anyHost: true,
      timeoutMs: 3_600_000,
    });
    if (at > 0 && response.status !== 206) {
      await discard(response);
      throw new HarvestFault('body-cut', 'no ranges');
    }
    if (at === 0 && response.status !== 200) {
      await discard(response);
      throw new HarvestFault(
        response.status === 401
          ? 'forbidden'
          : [403, 404, 410].includes(response.status)
            ? 'not-found'
            : response.status >= 500
              ? 'server-error'
              : 'bad-request',
        String(response.status),
      );
    }
    if (at === 0) onHeaders(response.headers);
    const encoded = (response.headers.get('content-encoding') ?? 'identity') !== 'identity';
    try {
      if (response.body)
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          at += chunk.length;
          yield chunk;
        }
      return;
    } catch (cause) {
      if (encoded || attempt >= RANGES || at === 0) throw new HarvestFault('body-cut', '', { cause });
    }
  }
}

/** Records of an NDJSON file, or of a Bundle when the file is one. A bad line is a fault and reading goes on. */
export async function* fileRecords(given: AsyncGenerator<Uint8Array>): AsyncGenerator<FileRecord> {
  for await (const piece of filePieces(given)) {
    if ('record' in piece) yield piece.record;
    else yield* recordsIn(piece.block);
  }
}

export function* recordsIn(block: Block): Generator<FileRecord> {
  for (const line of linesIn(block)) yield 'fault' in line ? { fault: line.fault } : { text: line.text };
}

/** A file of which a part was written is no longer the same. */
export class OtherFile extends Error {}

/**
 * A file in blocks of lines, which others may read; of a Bundle, its records.
 * @param part of it that is written: it is passed over
 * @throws OtherFile when it does not begin with that part
 */
export async function* filePieces(
  given: AsyncGenerator<Uint8Array>,
  part?: Pick<FilePart, 'bytes' | 'crc'>,
): AsyncGenerator<{ block: Block } | { record: FileRecord }> {
  try {
    const { head, bytes } = await peek(given);
    if (/^[\ufeff\s]*(?:<|%)/.test(head))
      throw new HarvestFault(/^\s*<(?:!doctype|html)/i.test(head) ? 'challenge-page' : 'not-json');
    if (
      /^[\ufeff\s]*\{\s*"(?:resourceType"\s*:\s*"Bundle|type"|entry")/.test(head) &&
      !/"type"\s*:\s*"transaction"/.test(head)
    ) {
      for await (const record of bundleRecords(bytes)) yield { record };
      return;
    }
    const all = blocks(bytes, undefined, BLOCK_BYTES, FIRST_BYTES);
    for await (const block of part ? after(all, part) : all) yield { block };
  } finally {
    await given.return(undefined);
  }
}

async function* after(
  all: AsyncGenerator<Block>,
  { bytes, crc }: Pick<FilePart, 'bytes' | 'crc'>,
): AsyncGenerator<Block> {
  let left = bytes;
  let found = 0;
  for await (const block of all) {
    const passed = block.bytes.subarray(0, left);
    found = crc32(passed, found);
    left -= passed.length;
    if (left > 0) continue;
    if (found !== crc) throw new OtherFile();
    if (passed.length === 0) yield block;
    else if (passed.length < block.bytes.length) {
      const rest = block.bytes.slice(passed.length);
      yield { number: block.number + 1, lines: block.lines - linesWithin(passed), bytes: rest };
    }
  }
  if (left > 0) throw new OtherFile();
}

/** Lines that are known together and written together. */
const BLOCK_BYTES = 1024 * 1024;
const FIRST_BYTES = 128 * 1024;

/** Entries of a Bundle of any length, one at a time. */
async function* bundleRecords(bytes: AsyncGenerator<Uint8Array>): AsyncGenerator<FileRecord> {
  for await (const item of itemsAt(bytes, '$.entry.*.resource')) {
    if ('fault' in item) yield item;
    else
      yield isObject(item.value) && isResource(item.value)
        ? { text: item.written ?? JSON.stringify(item.value), resource: item.value }
        : { fault: 'not-an-object' };
  }
}

/** The beginning of a file as text, and the file from its beginning. */
export async function peek(
  given: AsyncGenerator<Uint8Array>,
): Promise<{ head: string; bytes: AsyncGenerator<Uint8Array> }> {
  const first = await given.next();
  const bytes = async function* () {
    if (first.done) return;
    yield first.value;
    yield* given;
  };
  return { head: first.done ? '' : new TextDecoder().decode(first.value.subarray(0, 400)), bytes: bytes() };
}

export const isArrayFile = (head: string): boolean => /^[\ufeff\s]*\[/.test(head);

/** Items of an array of any length, one at a time; a fault is the last one. */
export const arrayItems = (bytes: AsyncGenerator<Uint8Array>) => itemsAt(bytes, '$.*');

/** The type in a file name, matched whole: `Organization` is no beginning of `OrganizationAffiliation` (Q23). */
export function typeOfFileName(name: string): DirectoryType | undefined {
  const words = (name.split('/').at(-1) ?? '').split(/[^A-Za-z]+/);
  return DIRECTORY_TYPES.find((t) => words.includes(t));
}
