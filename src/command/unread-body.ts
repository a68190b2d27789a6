// Answers to requests whose body nobody reads to its end, as one that is too long.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What is sent meanwhile is read and thrown away, for so long and so much at most; a client that sends nothing for a while is through. */
const LINGER = { ms: 15_000, idleMs: 2_000, bytes: 64 * 1024 * 1024 };

export const hasBody = ({ headers, method }: IncomingMessage): boolean =>
  method !== 'GET' &&
  method !== 'HEAD' &&
  (Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined);

/**
 * Such an answer is the last one of its connection, and says so: what follows would be cut off with the rest. The connection ends when the body
 * has, RFC 9112 9.6: closed before, it is reset by what still comes, and a client that writes first and reads then never sees the answer.
 */
export function closeUnread(request: IncomingMessage, response: ServerResponse): void {
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
