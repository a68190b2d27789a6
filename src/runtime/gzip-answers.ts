// Answers of the directory, compressed for whom asks for it: a page of a search shrinks to a tenth, and nobody else pays for it. Only of what
// everybody may read: what is compressed beside a secret tells of it by its length. Workers leave it to the network before them.
// https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
import { constants, gzip, gzipSync } from 'node:zlib';
import { giveBack, isLent } from '../fhir/lent-bytes.ts';
import { acceptsGzip, mediaType } from '../http/negotiate.ts';

/** What is shorter fits into two packets as it is. */
const LEAST = 2048;
/** What is longer is compressed beside the thread that serves. */
const AT_ONCE = 131_072;
/** So many of those at a time, each with memory of its own; more are sent as they are. */
const BESIDE = 8;
/** 0.12 ms for 67 KB, which become 6.3; level 6 takes three times as long for 5.3. */
const OPTIONS = { level: 3, strategy: constants.Z_DEFAULT_STRATEGY };

/** Files have codings of their own, and JSON that is no FHIR is theirs. */
const TYPES = new Set(['application/fhir+json', 'application/fhir+xml', 'text/html', 'text/css']);

type Bytes = Uint8Array<ArrayBuffer>;

let beside = 0;
/** Of answers that are kept in memory, as long as they are. */
const known = new WeakMap<Uint8Array, Bytes>();

/** An answer as it is sent to who accepts gzip. */
export async function gzippedResponse(request: Request, response: Response): Promise<Response> {
  const { headers } = response;
  if (!acceptsGzip(request.headers.get('accept-encoding') ?? undefined)) return response;
  if (!mayShrink(response.status, (name) => headers.get(name) ?? undefined)) return response;
  const changed = new Headers(headers);
  // the length is that of another form
  changed.delete('content-length');
  if (request.method === 'HEAD') return new Response(null, { status: response.status, headers: changed });
  const body = new Uint8Array(await response.arrayBuffer());
  const made = await compressed(body);
  if (made !== undefined) changed.set('content-encoding', 'gzip');
  // one form has the tag of the other only when it is weak
  const tag = headers.get('etag');
  if (made !== undefined && tag?.startsWith('"') === true) changed.set('etag', `W/${tag}`);
  return new Response(made ?? body, { status: response.status, headers: changed });
}

function mayShrink(status: number, header: (name: string) => string | undefined): boolean {
  if (status === 206 || status === 304 || !TYPES.has(mediaType(header('content-type') ?? ''))) return false;
  return header('content-encoding') === undefined && header('cache-control')?.includes('no-transform') !== true;
}

/** Undefined for what is sent as it is. */
async function compressed(body: Bytes | string): Promise<Bytes | undefined> {
  if (body.length < LEAST) return undefined;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const before = known.get(bytes);
  if (before !== undefined) return before;
  if (bytes.length > AT_ONCE && beside >= BESIDE) return undefined;
  const made = bytes.length > AT_ONCE ? await gzipBeside(bytes) : gzipSync(bytes, OPTIONS);
  if (isLent(bytes)) giveBack(bytes);
  else known.set(bytes, made);
  return made;
}

async function gzipBeside(bytes: Bytes): Promise<Bytes> {
  beside++;
  try {
    return await new Promise((done, fail) =>
      gzip(bytes, OPTIONS, (error, result) => (error ? fail(error) : done(result))),
    );
  } finally {
    beside--;
  }
}
