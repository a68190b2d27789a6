// Requests of the Node server: reads and searches of the directory are answered at once, others made into a Request for the
// router.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { QuickAnswer } from '../../directory/quick.ts';
import { giveBack } from '../fhir/lent-bytes.ts';
import type { Reply } from '../http/fhir-app.ts';
import { acceptsGzip } from '../http/negotiate.ts';
import { gzipped } from '../runtime/gzip-answers.ts';
import { CLIMBS, CODED, HOSTS, refuseEarly } from './refuse-early.ts';
import { type Turns, turns } from './turns.ts';
import { closeUnread, hasBody } from './unread-body.ts';

/** What the directory gives when it is made. */
export type QuickHolder = { answer?: QuickAnswer };

const headerOf = (request: IncomingMessage) => (name: string) => {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};

/** RFC 9112 3.2: a request with more than one Host is refused, as who is before us may take the other one; in HTTP/1.1 one without, too. */
function namesHosts(rawHeaders: readonly string[]): number {
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
const climbs = (url: string): boolean => {
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  return path.includes('\\') || /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
};

/** @param inTurns connections that are answered the quick way */
export function quickListener(
  app: Hono,
  hostname: string,
  holder: QuickHolder,
  inTurns: Turns = turns(),
): RequestListener {
  const listener = getRequestListener(app.fetch, { hostname });
  return (request: IncomingMessage, response: ServerResponse) => {
    const hosts = namesHosts(request.rawHeaders);
    const coding = request.headers['transfer-encoding']?.trim().toLowerCase();
    // a body that does not come in chunks has no end that could be waited for
    if (coding !== undefined && !/(?:^|[,\s])chunked$/.test(coding)) return refuseEarly(request, response, CODED);
    if (hasBody(request)) closeUnread(request, response);
    if (hosts > 1 || (hosts === 0 && request.httpVersion !== '1.0')) return refuseEarly(request, response, HOSTS);
    if (coding !== undefined && coding !== 'chunked') return refuseEarly(request, response, CODED);
    const { method = '', url = '' } = request;
    if (climbs(url)) return refuseEarly(request, response, CLIMBS);
    const quick = holder.answer?.({
      method,
      url,
      header: headerOf(request),
      isGone: () => response.destroyed,
      peer: request.socket.remoteAddress,
    });
    if (quick === undefined) return void listener(request, response);
    const isSmall = acceptsGzip(request.headers['accept-encoding']);
    if (quick instanceof Promise) {
      inTurns.begin();
      const { socket } = request;
      void (isSmall ? quick.then(gzipped) : quick)
        .then((reply) => {
          // nothing more is read of it: whoever asks again does so elsewhere
          if (inTurns.isOver() && !response.destroyed) response.setHeader('connection', 'close');
          write(response, reply);
        })
        .finally(() => inTurns.end(socket));
    } else if (isSmall) void gzipped(quick).then((reply) => write(response, reply));
    else write(response, quick);
  };
}

/** A client that has gone meanwhile gets nothing. */
function write(response: ServerResponse, { body, status, headers }: Reply): void {
  if (response.destroyed) return;
  if (body === null) {
    response.writeHead(status, headers).end();
    return;
  }
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
  if (typeof body === 'string') response.end(body);
  else response.end(body, () => giveBack(body));
}
