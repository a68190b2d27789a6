// The rim of the Node server: what is no sound HTTP is refused before the router sees it, as an OperationOutcome, and a request whose
// body no one reads to its end gets its answer all the same. Everything else goes to the app.
import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { operationOutcome } from '../fhir/outcome.ts';

type Refusal = readonly [status: number, issue: 'structure' | 'timeout' | 'too-long' | 'not-supported', text: string];

const HEADERS = {
  'content-type': 'application/fhir+json; fhirVersion=4.0; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  connection: 'close',
} as const;

const HOSTS: Refusal = [400, 'structure', 'A request names one Host.'];
const CLIMBS: Refusal = [400, 'structure', 'The path must not climb: no "." or ".." between slashes, no "\\".'];
/** RFC 9112 6.1: what is packed for the transfer would be read as if it were not. */
const CODED: Refusal = [501, 'not-supported', 'Of transfer codings nothing but "chunked" is read here.'];
/** The same of a body that does not come in chunks: it has no end that could be waited for. */
const ENDLESS: Refusal = [...CODED];
const EXPECTS: Refusal = [417, 'not-supported', 'Nothing can be expected here but 100-continue.'];
const NO_HTTP: Refusal = [400, 'structure', 'This is no HTTP request that can be read.'];

/** Codes of Node's errors of connections, https://nodejs.org/api/http.html#event-clienterror */
const OF_CODE: Record<string, Refusal> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'too-long',
    'Address and headers are more than 16 KB together. Send a long search as POST to [type]/_search.',
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'too-long', 'The extensions of the chunks of the body are too long.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'timeout', 'The request did not come whole in time.'],
};

/** The listener of a server whose requests the app answers. */
export function nodeListener(fetch: Parameters<typeof getRequestListener>[0], hostname: string): RequestListener {
  const listener = getRequestListener(fetch, { hostname });
  return (request, response) => {
    const refusal = refusalOf(request);
    if (refusal !== ENDLESS && hasBody(request)) closeUnread(request, response);
    if (refusal === undefined) void listener(request, response);
    else refuse(request, response, refusal);
  };
}

function refusalOf({ headers, rawHeaders, httpVersion, url = '' }: IncomingMessage): Refusal | undefined {
  const coding = headers['transfer-encoding']?.trim().toLowerCase();
  if (coding !== undefined && !/(?:^|[,\s])chunked$/.test(coding)) return ENDLESS;
  const hosts = namedHosts(rawHeaders);
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0')) return HOSTS;
  if (coding !== undefined && coding !== 'chunked') return CODED;
  return climbs(url) ? CLIMBS : undefined;
}

/** RFC 9112 3.2: a request with more than one Host is refused, as who is before us may take the other one; in HTTP/1.1 one without, too. */
function namedHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts;
}

/**
 * Does a path climb, or go by another slash? `/exchange/../staff` would be `/staff` here, and who is before us and keeps `/staff` from the world
 * took it for the exchange.
 */
function climbs(url: string): boolean {
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  return path.includes('\\') || /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
}

const bodyOf = ([, issue, text]: Refusal) => JSON.stringify(operationOutcome('error', issue, text));

/** Answers a request that was read; its connection ends. */
function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const body = bodyOf(refusal);
  response.writeHead(refusal[0], { ...HEADERS, 'content-length': String(Buffer.byteLength(body)) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The answer that is being written to a connection, as Node knows it; nothing may be written into its midst. */
type Answering = { _httpMessage?: { headersSent: boolean; writableEnded: boolean } | null };

/** `rawPacket`: the bytes that could not be read, of a request of several packets the last ones. */
type Unreadable = NodeJS.ErrnoException & { rawPacket?: Buffer };

/** Answers what Node would answer without a body. */
export function refuseUnreadable(server: Server): void {
  server.on('checkExpectation', (request, response) => refuse(request, response, EXPECTS));
  server.on('clientError', (error: Unreadable, socket: Duplex & Answering) => {
    const answering = socket._httpMessage;
    // a refusal of the head, which is whole: what followed could not be read either
    if (answering?.writableEnded && socket.writable) return void socket.end();
    if (!socket.writable || error.code === 'ECONNRESET' || answering?.headersSent) return void socket.destroy();
    const refusal = OF_CODE[error.code ?? ''] ?? NO_HTTP;
    const body = bodyOf(refusal);
    const head = { ...HEADERS, 'content-length': String(Buffer.byteLength(body)) };
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    // RFC 9110 9.3.2: nothing follows the head of an answer to HEAD
    const shown = error.rawPacket?.subarray(0, 5).toString('latin1') === 'HEAD ' ? '' : body;
    socket.end(`HTTP/1.1 ${refusal[0]} ${STATUS_CODES[refusal[0]]}\r\n${lines.join('')}\r\n${shown}`, () =>
      socket.destroy(),
    );
  });
}

/** What is sent meanwhile is read and thrown away, for so long and so much at most; a client that sends nothing for a while is through. */
const LINGER = { ms: 15_000, idleMs: 2_000, bytes: 64 * 1024 * 1024 };

const hasBody = ({ headers, method }: IncomingMessage): boolean =>
  method !== 'GET' &&
  method !== 'HEAD' &&
  (Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined);

/**
 * Such an answer is the last one of its connection, and says so: what follows would be cut off with the rest. The connection ends when the body
 * has, RFC 9112 9.6: closed before, it is reset by what still comes, and a client that writes first and reads then never sees the answer.
 */
function closeUnread(request: IncomingMessage, response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (...head: unknown[]) => ServerResponse;
  response.writeHead = (...head: unknown[]) => {
    if (!request.complete) {
      response.setHeader('connection', 'close');
      endAfterBody(request, response);
    }
    return writeHead(...head);
  };
}

function endAfterBody(request: IncomingMessage, response: ServerResponse): void {
  const end = response.end.bind(response) as (...last: unknown[]) => ServerResponse;
  response.end = (...last: unknown[]) => {
    response.end = end;
    const [chunk] = last;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function')
      response.write(chunk as string | Uint8Array, typeof last[1] === 'string' ? (last[1] as BufferEncoding) : 'utf8');
    const done = last.find((one) => typeof one === 'function');
    afterBody(request, () => (done === undefined ? end() : end(done)));
    return response;
  };
}

function afterBody(request: IncomingMessage, then: () => void): void {
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    idle.refresh();
    bytes += chunk.length;
    if (bytes > LINGER.bytes) through();
  };
  const through = () => {
    clearTimeout(most);
    clearTimeout(idle);
    request.off('data', onData).off('end', through).off('close', through);
    then();
  };
  const most = setTimeout(through, LINGER.ms);
  const idle = setTimeout(through, LINGER.idleMs);
  if (request.complete || request.destroyed) {
    through();
    return;
  }
  // who began to read would go on to keep what comes
  request.removeAllListeners('data').on('data', onData).once('end', through).once('close', through).resume();
}
