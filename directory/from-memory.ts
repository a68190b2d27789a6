// Answers from memory, before the database is asked: reads and searches by GET. The entity tag of a search is made of the
// change counter, the day and the question, so a client that has the newest answer is told so without a search.
import type { Context, MiddlewareHandler } from 'hono';
import type { Deps } from '../src/deps.ts';
import { isNotModified } from '../src/http/conditional.ts';
import { type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { acceptsJson } from '../src/http/negotiate.ts';
import type { Answer, Answers } from './answers.ts';

const DAY = 86_400_000;
/** Dates that move with the clock (`ap2027`) have no lasting answer; plans of statements have none either. */
const MOVING = /=(?:[^&]*(?:,|%2c))?ap\d|__explain/i;

/**
 * @param path of the FHIR base
 */
export function fromMemory(
  deps: Pick<Deps, 'database' | 'clock'>,
  answers: Answers,
  path: string,
): MiddlewareHandler<FhirEnv> {
  return async (c, next) => {
    const asked = readQuestion(c.req.raw.method, pathOf(c.req.raw.url), (name) => c.req.header(name), path);
    if (asked === undefined) return await next();
    const { question, search } = asked;
    const change = await answers.change(deps.database.sql);
    const tag = search ? searchTag(change, deps.clock(), question) : undefined;
    const known = answers.get(question, change);
    if (known !== undefined && (tag === undefined || known.headers['etag'] === tag)) return fromAnswer(c, known);
    const ifNoneMatch = c.req.header('if-none-match');
    if (tag !== undefined && hasTag(ifNoneMatch, tag)) {
      route(c, '/:type');
      return reply(c, null, 304, { etag: tag, 'cache-control': 'no-cache' });
    }
    const headers = c.get('headers');
    if (tag !== undefined) headers['etag'] = tag;
    await next();
    const answer = c.get('answer');
    if (answer?.status === 200 && answer.body !== null) {
      const etag = tag === undefined ? {} : { etag: tag };
      answers.set(question, change, {
        body: answer.body,
        headers: { ...answer.headers, ...etag },
        route: c.get('route'),
      });
    } else if (tag !== undefined) delete headers['etag'];
    return undefined;
  };
}

function fromAnswer(c: Context<FhirEnv>, known: Answer): Response {
  route(c, known.route);
  const etag = known.headers['etag'] ?? '';
  const modified = known.headers['last-modified'];
  const since = modified === undefined ? undefined : c.req.header('if-modified-since');
  if (isNotModified(c.req.header('if-none-match'), since, etag, new Date(modified ?? 0))) {
    const { 'content-type': _, ...headers } = known.headers;
    return reply(c, null, 304, headers);
  }
  return reply(c, known.body, 200, known.headers);
}

const READ_OR_SEARCH = /^\/[A-Z][A-Za-z]{1,40}(\/[A-Za-z0-9.-]{1,64})?(?:\?|$)/;
const MAX_URL = 2048;

/** FNV-1a, 32 bits: the tag of one question is not good for another. */
function fingerprint(question: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < question.length; i++) hash = Math.imul(hash ^ question.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

/** Answers may speak of today: none is given tomorrow. */
const searchTag = (change: string, now: Date, question: string) =>
  `W/"${change}.${Math.floor(now.getTime() / DAY)}.${fingerprint(question)}"`;

/** Has the client the answer of this tag? It can only have the tag from an answer to the same question. */
const hasTag = (ifNoneMatch: string | undefined, tag: string): boolean =>
  ifNoneMatch?.includes('*') === false && isNotModified(ifNoneMatch, undefined, tag, new Date(0));

/** Path and query of an absolute URL. */
const pathOf = (url: string) => url.slice(url.indexOf('/', url.indexOf('://') + 3));

/** What makes two requests the same question; undefined for what is always asked anew. `asked`: path and query. */
function readQuestion(
  method: string,
  asked: string,
  header: (name: string) => string | undefined,
  path: string,
): { question: string; search: boolean } | undefined {
  if (asked.length > MAX_URL || (method !== 'GET' && method !== 'HEAD')) return undefined;
  const form = asked.startsWith(path) ? READ_OR_SEARCH.exec(asked.slice(path.length)) : null;
  if (form === null || MOVING.test(asked)) return undefined;
  // `_format` in the URL comes before `Accept`: the handler judges
  if (!acceptsJson(header('accept'))) return undefined;
  const lenient = header('prefer')?.includes('handling=lenient') === true;
  return { question: lenient ? `${asked} lenient` : asked, search: form[1] === undefined };
}

/** An answer that needs neither the database nor the router. */
export type Quick = {
  status: 200 | 304;
  headers: Record<string, string>;
  body: Answer['body'] | undefined;
  route: string;
};

/**
 * The same answers for a server that can give them before it makes a request of what came: a GET whose answer is in memory,
 * while the change counter is fresh.
 * @param asked path and query
 */
export function quickly(
  answers: Answers,
  now: Date,
  request: { method: string; asked: string; header: (name: string) => string | undefined },
  path: string,
): Quick | undefined {
  if (request.method !== 'GET') return undefined;
  const change = answers.fresh();
  if (change === undefined || !request.asked.startsWith(path)) return undefined;
  const read = readQuestion('GET', request.asked, request.header, path);
  if (read === undefined) return undefined;
  const tag = read.search ? searchTag(change, now, read.question) : undefined;
  const ifNoneMatch = request.header('if-none-match');
  if (tag !== undefined && hasTag(ifNoneMatch, tag))
    return { status: 304, headers: { etag: tag, 'cache-control': 'no-cache' }, body: undefined, route: '/:type' };
  const known = answers.get(read.question, change);
  const etag = known?.headers['etag'];
  if (known === undefined || etag === undefined || (tag !== undefined && etag !== tag)) return undefined;
  const modified = known.headers['last-modified'];
  const since = modified === undefined ? undefined : request.header('if-modified-since');
  if (!isNotModified(ifNoneMatch, since, etag, new Date(modified ?? 0)))
    return { status: 200, headers: known.headers, body: known.body, route: known.route };
  const { 'content-type': _, ...headers } = known.headers;
  return { status: 304, headers, body: undefined, route: known.route };
}
