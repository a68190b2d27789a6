// Refusals before the router sees a request: what is no HTTP, has too long a head, expects what nobody offers. They are
// OperationOutcomes like all others; Node's own are empty.
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { operationOutcome } from '../fhir/outcome.ts';

type Refusal = readonly [status: number, issue: 'structure' | 'timeout' | 'too-long' | 'not-supported', text: string];

const HEADERS = {
  'content-type': 'application/fhir+json; fhirVersion=4.0; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  connection: 'close',
} as const;

export const HOSTS: Refusal = [400, 'structure', 'A request names one Host.'];
export const CLIMBS: Refusal = [400, 'structure', 'The path must not climb: no "." or ".." between slashes, no "\\".'];
/** RFC 9112 6.1: what is packed for the transfer would be read as if it were not. */
export const CODED: Refusal = [501, 'not-supported', 'Of transfer codings nothing but "chunked" is read here.'];
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

const bodyOf = ([, issue, text]: Refusal) => JSON.stringify(operationOutcome('error', issue, text));

/** Answers a request that was read; its connection ends. */
export function refuseEarly(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
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
  server.on('checkExpectation', (request, response) => refuseEarly(request, response, EXPECTS));
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
