// The base of every service: path normalisation, request id, one log line a request, security headers, and errors as
// OperationOutcome. https://hl7.org/fhir/R4/http.html
import { type Context, Hono } from 'hono';
import { storeFailure } from '../db/failure.ts';
import type { Deps } from '../deps.ts';
import { Outcome } from '../fhir/outcome.ts';
import { framesOf } from '../redact-stack.ts';
import { CLIENT_GONE, goneOf } from './client-gone.ts';

export const FHIR_JSON = 'application/fhir+json; fhirVersion=4.0; charset=utf-8';

export type FhirEnv = {
  Variables: {
    requestId: string;
    /** the route's template for log and metrics, never the raw path */
    route: string;
    /** headers of every answer, for {@link reply}; a plain object, which the server writes without a Headers object */
    headers: Record<string, string>;
    /** the answer has them already */
    replied: boolean;
    /** `Vary` of FHIR answers, where they have more than one form; elsewhere not set */
    vary: string | undefined;
    /** the form of the answer, where the body of the request may say it; elsewhere not set */
    form: { xml: boolean; pretty: boolean } | undefined;
    /** the body, when it was read ahead of the handler; without text it was too long */
    body: { text: string | undefined };
    /** ids and counts of ours that a handler adds to its log line */
    logged: Record<string, string | number | boolean>;
  };
};

/** Where a request came from; on Node the socket tells, on Workers the platform. */
export type AddressOf = (c: Context<FhirEnv>) => string;

/** An answer before it is one of a server; headers without those of every answer. */
export type Reply = { body: string | Uint8Array<ArrayBuffer> | null; status: number; headers: Record<string, string> };

/** Paths as clients write them: `%24export` is `$export`, a trailing `/` does not count. The query stays. */
function normalPath(request: Request): string {
  const url = request.url;
  const start = url.indexOf('/', url.indexOf('://') + 3);
  if (start === -1) return '/';
  const query = url.indexOf('?', start);
  const hash = url.indexOf('#', start);
  const end = Math.min(query === -1 ? url.length : query, hash === -1 ? url.length : hash);
  let path = url.slice(start, end);
  if (path.includes('%24')) path = path.replaceAll('%24', '$');
  return path.length > 1 && path.endsWith('/') && !path.endsWith('//') ? path.slice(0, -1) : path;
}

/** The same where everybody may read: `//` is `/`. To what is kept from others leads one way, as a proxy before it may read that otherwise. */
export function forgivingPath(request: Request): string {
  const path = normalPath(request);
  if (!path.includes('//')) return path;
  const plain = path.replace(/\/{2,}/g, '/');
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain;
}

export type Service = 'directory' | 'exchange' | 'staff' | 'member';

/**
 * A Hono app with the house's manners.
 * @param always headers of every answer
 */
export function fhirApp(
  service: Service,
  deps: Pick<Deps, 'log' | 'metrics' | 'clock'>,
  always: Record<string, string> = {},
): Hono<FhirEnv> {
  const fixed = fixedHeaders(always);
  const app = new Hono<FhirEnv>({ getPath: service === 'directory' ? forgivingPath : normalPath });

  app.use(async (c, next) => {
    const started = performance.now();
    const requestId = requestIdOf(c.req.header('x-request-id'));
    c.set('requestId', requestId);
    c.set('logged', {});
    const headers = { 'x-request-id': requestId, ...fixed };
    c.set('headers', headers);
    // no id holds NUL, and the database cannot be asked about it
    if (c.req.path.includes('%00')) c.res = errorResponse(c, new Outcome('not-found'));
    else await next();
    const seconds = (performance.now() - started) / 1000;
    const route = c.get('route') ?? 'other';
    const status = goneOf(c.env)() ? CLIENT_GONE : c.res.status;
    if (c.get('replied') !== true) for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
    recordRequest(deps, {
      service,
      method: c.req.method,
      route,
      status,
      seconds,
      requestId,
      more: c.get('logged'),
    });
  });

  app.notFound((c) => errorResponse(c, new Outcome('unknown-route')));
  app.onError((error, c) => errorResponse(c, outcomeOf(error, deps, service, c.get('requestId'))));
  return app;
}

/** The outcome of whatever was thrown; what no one expected is logged. */
export function outcomeOf(error: unknown, deps: Pick<Deps, 'log'>, service: Service, requestId: string): Outcome {
  const known = error instanceof Outcome ? error : storeFailure(error);
  if (known?.code === 'unavailable') deps.log('error', 'store unavailable', { service, error: describe(error) });
  if (known) return known;
  deps.log('error', 'unexpected', { service, requestId, error: describe(error) });
  return new Outcome('internal');
}

export type Recorded = {
  service: Service;
  method: string;
  route: string;
  status: number;
  seconds: number;
  requestId: string;
  more?: Record<string, string | number | boolean>;
};

/** Counts a request and logs its line. */
export function recordRequest(deps: Pick<Deps, 'log' | 'metrics'>, r: Recorded): void {
  const { service, method, route, status, seconds, requestId } = r;
  deps.metrics.count('http_requests_total', { service, route, status: `${Math.floor(status / 100)}xx` });
  deps.metrics.observe('http_request_seconds', seconds, { service, route });
  const ms = Math.round(seconds * 1000);
  deps.log('info', 'request', { service, method, route, status, ms, requestId, ...r.more });
}

/** Headers of every answer of a service. */
export const fixedHeaders = (always: Record<string, string> = {}): Record<string, string> => ({
  'x-content-type-options': 'nosniff',
  ...always,
});

/** The id that the client gave, when it is one, or a new one. */
export const requestIdOf = (given: string | undefined): string =>
  given !== undefined && /^[A-Za-z0-9-]{1,64}$/.test(given) ? given : crypto.randomUUID();

/** Marks the route of a request for its log line; call it first in a handler. */
export function route(c: Context<FhirEnv>, template: string): void {
  c.set('route', template);
}

export function errorResponse(c: Context<FhirEnv>, outcome: Outcome): Response {
  const { body, headers } = errorReply(outcome, c.get('requestId'));
  return c.body(body, outcome.status as 400, { ...headers, ...lengthOf(body) });
}

export function errorReply(outcome: Outcome, requestId: string): Reply & { body: string } {
  const body = outcome.toResource();
  if (outcome.code === 'internal' || outcome.code === 'unavailable') {
    const issue = body.issue[0];
    if (issue) issue.diagnostics = `${issue.diagnostics ?? ''} Request id: ${requestId}.`;
  }
  const headers = { 'content-type': FHIR_JSON, 'cache-control': 'no-store', ...outcome.headers };
  return { body: JSON.stringify(body), status: outcome.status, headers };
}

/** What an unknown error may leave in the log: its class and code, never its message (it may quote data). */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = (error as { code?: unknown }).code;
  const at = framesOf(error)[0]?.trim() ?? '';
  return `${error.name}${typeof code === 'string' ? ` ${code}` : ''} ${at.replace(/\(?(file:\/\/)?\/.*\/((src|directory|exchange|dist)\/)/, '($2')}`.slice(
    0,
    200,
  );
}

/** An answer with the headers of every answer, in the form that costs the server least. */
export function reply(
  c: Context<FhirEnv>,
  body: Reply['body'],
  status: number,
  headers: Record<string, string>,
): Response {
  c.set('replied', true);
  const all = { ...c.get('headers'), ...headers, ...lengthOf(body) };
  const vary = c.get('vary');
  if (vary !== undefined && (status === 304 || headers['content-type'] === FHIR_JSON)) all['vary'] = vary;
  return new Response(body, { status, headers: all });
}

/** HEAD has it too, RFC 9110 8.6, and what is short is not compressed. */
const lengthOf = (body: Reply['body']): Record<string, string> =>
  body === null ? {} : { 'content-length': String(typeof body === 'string' ? Buffer.byteLength(body) : body.length) };

/** A FHIR body as text. */
export function fhirBody(
  c: Context<FhirEnv>,
  body: string,
  status: 200 | 201 | 202 = 200,
  headers: Record<string, string> = {},
): Response {
  return c.body(body, status, { 'content-type': FHIR_JSON, ...headers });
}
