// Files of manifests: NDJSON or a Bundle, plain, gzip or zstd by their content, read as they come. A cut connection is taken
// up again by a range where the server offers it.
import { Readable } from 'node:stream';
import zlib from 'node:zlib'; // as a whole: an older Node is told so by the program, not by a missing name
import { JSONParser } from '@streamparser/json';
import { lines } from '../../../src/fhir/ndjson.ts';
import { isObject, isResource, type Resource } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType } from '../../../src/fhir/search/types.ts';
import { type Client, discard } from '../client.ts';
import { HarvestFault } from '../reasons.ts';

export const MAX_FILE_BYTES = 8 * 1024 * 1024 * 1024;
const MAX_RATIO = 200;
const RANGES = 3;

export type FileRecord = { text: string; resource?: Resource } | { fault: string };

/**
 * Opens a file and gives its bytes, decompressed.
 * @throws HarvestFault `not-found`, `bad-request`, `forbidden` at once; `body-cut`, `file-too-large` while reading
 */
export async function* fileBytes(client: Client, url: string): AsyncGenerator<Uint8Array> {
  const raw = received(client, url);
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
  }
}

async function* inflate(source: AsyncGenerator<Uint8Array>, gzip: boolean): AsyncGenerator<Uint8Array> {
  const inflater = gzip ? zlib.createGunzip() : zlib.createZstdDecompress();
  const body = Readable.from(source, { objectMode: false });
  body.on('error', (e) => inflater.destroy(e));
  yield* body.pipe(inflater) as AsyncIterable<Uint8Array>;
}

/** The bytes as sent. After a cut the rest is asked for, when the server answers ranges of exactly these bytes. */
async function* received(client: Client, url: string): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let attempt = 0; ; attempt++) {
    const headers: Record<string, string> = at === 0 ? {} : { range: `bytes=${at}-`, 'accept-encoding': 'identity' };
    const response = await client.get(url, {
      accept: 'application/fhir+ndjson, application/json;q=0.9, */*;q=0.1',
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
export async function* fileRecords(bytes: AsyncGenerator<Uint8Array>): AsyncGenerator<FileRecord> {
  const first = await bytes.next();
  if (first.done) return;
  const all = async function* () {
    yield first.value;
    yield* bytes;
  };
  const head = new TextDecoder().decode(first.value.subarray(0, 400));
  if (/^[\ufeff\s]*(?:<|%)/.test(head))
    throw new HarvestFault(/^\s*<(?:!doctype|html)/i.test(head) ? 'challenge-page' : 'not-json');
  if (
    /^[\ufeff\s]*\{\s*"(?:resourceType"\s*:\s*"Bundle|type"|entry")/.test(head) &&
    !/"type"\s*:\s*"transaction"/.test(head)
  )
    yield* bundleRecords(all());
  else
    for await (const line of lines(all())) {
      if ('fault' in line) yield { fault: line.fault };
      else yield { text: line.text };
    }
}

/** Entries of a Bundle of any length, one at a time. */
async function* bundleRecords(bytes: AsyncGenerator<Uint8Array>): AsyncGenerator<FileRecord> {
  const parser = new JSONParser({ paths: ['$.entry.*.resource'], keepStack: false });
  let held: FileRecord[] = [];
  let fault: Error | undefined;
  parser.onValue = ({ value }) => {
    const resource: unknown = value;
    held.push(
      isObject(resource) && isResource(resource)
        ? { text: JSON.stringify(resource), resource }
        : { fault: 'not-an-object' },
    );
  };
  parser.onError = (e) => {
    fault = e;
  };
  for await (const chunk of bytes) {
    parser.write(chunk);
    if (fault) break;
    yield* held;
    held = [];
  }
  yield* held;
  if (fault || !parser.isEnded) yield { fault: 'not-json' };
}

/** The type in a file name, matched whole: `Organization` is no beginning of `OrganizationAffiliation` (Q23). */
export function typeOfFileName(name: string): DirectoryType | undefined {
  const words = (name.split('/').at(-1) ?? '').split(/[^A-Za-z]+/);
  return DIRECTORY_TYPES.find((t) => words.includes(t));
}
