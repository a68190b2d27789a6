// fetch for Node with the outgoing guard: the name is resolved once, every answer is checked, and the connection goes to
// the checked address. Redirects are never followed here; proxies of the environment are not used.
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, type Dispatcher, fetch as undiciFetch, request as undiciRequest } from 'undici';
import { checkUrl, mayConnect, type NetworkPolicy } from '../net/address.ts';

/** The request was refused by the guard before anything was sent. */
class RefusedAddress extends Error {
  constructor(reason: string) {
    super(`refused: ${reason}`);
    this.name = 'RefusedAddress';
  }
}

export function guardedFetch(policy: NetworkPolicy): typeof fetch & { close(): Promise<void> } {
  const guardedLookup: LookupFunction = (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, '', 4);
      if (addresses.length === 0 || addresses.some((a) => !mayConnect(a.address, policy)))
        return done(new RefusedAddress('address'), '', 4);
      if (options.all === true) return (done as unknown as (e: null, a: typeof addresses) => void)(null, addresses);
      const first = addresses[0];
      done(null, first?.address ?? '', first?.family ?? 4);
    });
  };
  const agent = new Agent({
    connect: { lookup: guardedLookup, timeout: 10_000 },
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    maxHeaderSize: 32 * 1024,
    connections: 8,
    // over HTTP/2 a body that the other side breaks off (RST_STREAM) ends here as a whole one does
    allowH2: false,
    keepAliveTimeout: 5_000,
  });
  const guarded = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const fault = checkUrl(url, policy);
    if (fault !== undefined) throw new RefusedAddress(fault);
    const asked = new Headers(init.headers);
    if (asked.has('accept-encoding')) return asSent(url, init, asked, agent);
    const response = await undiciFetch(url, { ...init, redirect: 'manual', dispatcher: agent } as Parameters<
      typeof undiciFetch
    >[1]);
    return response as unknown as Response;
  };
  return Object.assign(guarded as typeof fetch, { close: () => agent.close() });
}

/** Who names an encoding gets the bytes as they were sent: ranges count them, and what is kept is kept so. */
async function asSent(url: URL, init: RequestInit, headers: Headers, dispatcher: Agent): Promise<Response> {
  const answer = await undiciRequest(url, {
    method: (init.method ?? 'GET') as Dispatcher.HttpMethod,
    headers: Object.fromEntries(headers),
    ...(init.signal ? { signal: init.signal } : {}),
    ...(typeof init.body === 'string' ? { body: init.body } : {}),
    dispatcher,
  });
  // a Response holds no other: https://fetch.spec.whatwg.org/#dom-response
  if (answer.statusCode < 200 || answer.statusCode > 599) {
    answer.body.on('error', () => {}).destroy();
    throw new TypeError(`status ${answer.statusCode} is none of HTTP`);
  }
  const hasBody = ![204, 205, 304].includes(answer.statusCode);
  if (!hasBody) await answer.body.dump();
  return new Response(hasBody ? pulled(answer.body) : null, {
    status: answer.statusCode,
    headers: Object.entries(answer.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((v): [string, string] => [name, v]),
    ),
  });
}

/** A stream that reads no faster than it is read, and whose end by the reader closes the connection. */
function pulled(body: Dispatcher.ResponseData['body']): ReadableStream<Uint8Array> {
  body.on('error', () => {}); // reported to the reader, when there is one
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel() {
        body.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
