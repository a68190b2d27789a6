// Requests of the Node server: answered from memory where they can be, otherwise made into a Request for the router.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { QuickAnswer } from '../../directory/quick.ts';

/** What the directory gives when it is made. */
export type QuickHolder = { answer?: QuickAnswer };

const headerOf = (request: IncomingMessage) => (name: string) => {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};

export function quickListener(app: Hono, hostname: string, holder: QuickHolder): RequestListener {
  const listener = getRequestListener(app.fetch, { hostname });
  return (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '' } = request;
    const quick = holder.answer?.({ method, url, header: headerOf(request), peer: request.socket.remoteAddress });
    if (quick === undefined) return void listener(request, response);
    response.writeHead(quick.status, lengthOf(quick.headers, quick.body));
    response.end(quick.body);
  };
}

function lengthOf(headers: Record<string, string>, body: string | Uint8Array | undefined): Record<string, string> {
  return body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
}
