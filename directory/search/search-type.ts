// search-type: query → SearchRequest → one statement → Bundle. https://hl7.org/fhir/R4/http.html#search
import type { Context } from 'hono';
import type { RequestDeadline } from '../../src/db/request-deadline.ts';
import type { Deps } from '../../src/deps.ts';
import { type BundleEntry, searchset } from '../../src/fhir/bundle.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { type Cursor, encodeCursor } from '../../src/fhir/search/cursor.ts';
import { readSearch, type SearchRequest, sortCircle } from '../../src/fhir/search/request.ts';
import { isSubset, subsetResource } from '../../src/fhir/search/subset.ts';
import { type DirectoryType, isDirectoryType } from '../../src/fhir/search/types.ts';
import { bodyText } from '../../src/http/body.ts';
import { goneOf } from '../../src/http/client-gone.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../../src/http/negotiate.ts';
import { queryPairs } from '../../src/http/query.ts';
import { formOf } from '../answer-forms.ts';
import { hasNewest, isLenient, searchTag, type TagDeps } from '../search-tag.ts';
import type { Work } from '../work.ts';
import { explainPage, hasPlaceIn } from './search-explain.ts';
import { INCLUDE_MAX } from './search-include.ts';
import { countTotal, pageOf, type Totals, totalOf } from './totals.ts';

export type SearchDeps = Pick<Deps, 'database' | 'config' | 'clock'> & {
  /** public FHIR base */
  base: string;
  totals: Totals;
  work: Work;
};

const MAX_URL = 8192;
const MAX_FORM = 65_536;

/** GET [type]?… */
export async function search(c: Context<FhirEnv>, deps: SearchDeps & TagDeps): Promise<Response> {
  route(c, '/:type');
  const request = readRequest(c, deps, queryPairs(c));
  const tag = await searchTag(c, deps);
  if (tag === undefined) return answer(c, deps, request);
  return hasNewest(c, tag) ? reply(c, null, 304, { etag: tag, ...FRESH }) : answer(c, deps, request, { etag: tag });
}

/** POST [type]/_search, form in the body, further parameters in the URL */
export async function searchByPost(c: Context<FhirEnv>, deps: SearchDeps): Promise<Response> {
  route(c, '/:type/_search');
  const type = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded' && type !== '')
    throw new Outcome('unsupported-media-type', 'Send application/x-www-form-urlencoded.');
  const form = await bodyText(c, MAX_FORM);
  const pairs = [...queryPairs(c), ...new URLSearchParams(form)];
  c.set('form', formOf(c.req.header('accept'), pairs));
  return answer(c, deps, readRequest(c, deps, pairs));
}

/** @throws Outcome */
function readRequest(c: Context<FhirEnv>, deps: SearchDeps, pairs: readonly [string, string][]): SearchRequest {
  const type = c.req.param('type') ?? '';
  if (c.req.url.length > MAX_URL) throw new Outcome('url-too-long');
  if (!isDirectoryType(type)) throw new Outcome('unknown-type');
  checkJsonOrXml(c.req.header('accept'), formatIn(pairs));
  return readSearch(type, pairs, {
    ...requestOptions(deps),
    explain: deps.config.directoryExplain || deps.config.sandbox,
    lenient: isLenient(c),
  });
}

/** May be kept, and is asked about before it is shown again. */
const FRESH = { 'cache-control': 'no-cache' };

async function answer(
  c: Context<FhirEnv>,
  deps: SearchDeps,
  request: SearchRequest,
  headers: Record<string, string> = {},
): Promise<Response> {
  const of = deps.work.deadline(goneOf(c.env));
  if (request.explain) {
    const plan = await inPlace(request, deps, of, (own) => explained(own, request));
    return reply(c, plan, 200, { 'content-type': FHIR_JSON, 'cache-control': 'no-store' });
  }
  const body = await inPlace(request, deps, of, (own) =>
    request.summary === 'count' ? countOnly(request, own) : page(request, own),
  );
  return reply(c, body, 200, { 'content-type': FHIR_JSON, ...headers, ...FRESH });
}

const formatIn = (pairs: readonly [string, string][]) => pairs.find(([name]) => name === '_format')?.[1];

const requestOptions = ({ base, clock, config }: SearchDeps) => ({
  base,
  now: clock(),
  staleDays: config.directoryStaleDays,
  countMax: config.directoryCountMax,
});

/** When its turn comes, with the database of this request deadline. */
const inPlace = <T>(
  request: SearchRequest,
  deps: SearchDeps,
  of: RequestDeadline,
  ask: (own: SearchDeps) => Promise<T>,
): Promise<T> => deps.work.search(request, deps.database, of, (database) => ask({ ...deps, database }));

/**
 * A search by the pages: the same request and the same Bundle as the API's.
 * @param of what asks for it, which may ask for more than that
 */
export function findBundle(
  type: DirectoryType,
  pairs: Iterable<readonly [string, string]>,
  deps: SearchDeps,
  of: RequestDeadline = deps.work.deadline(),
): Promise<Uint8Array> {
  const request = readSearch(type, pairs, { ...requestOptions(deps), lenient: false });
  return inPlace(request, deps, of, (own) => page(request, own));
}

async function countOnly(request: SearchRequest, deps: SearchDeps) {
  return searchset({
    base: deps.base,
    entries: [],
    total: await countTotal(request, deps),
    self: link(request, deps),
    next: undefined,
    remarks: remarks(request),
  });
}

async function page(request: SearchRequest, deps: SearchDeps) {
  const found = await pageOf(request, deps);
  const whole = link(request, deps);
  const at = (cursor: Cursor | undefined) => (cursor === undefined ? undefined : atCursor(whole, cursor));
  const nothing = found.entries.length === 0;
  const bundle = searchset({
    base: deps.base,
    entries: isSubset(request) ? found.entries.map((entry) => subset(entry, request)) : found.entries,
    total: await totalOf(request, deps, found),
    self: at(request.after) ?? whole,
    next: at(found.next),
    previous: at(found.previous),
    remarks: [...remarks(request, found.cut), ...(nothing ? await swapped(request, deps) : [])],
  });
  return bundle;
}

/** Included resources are whole under `_elements`, which names elements of the type searched. */
function subset(entry: BundleEntry, request: SearchRequest): BundleEntry {
  if (entry.included && request.elements.length > 0) return entry;
  return { ...entry, body: Buffer.from(subsetResource(Buffer.from(entry.body).toString(), request)) };
}

/** Exactly what was applied, under the public base. */
function link(request: SearchRequest, deps: SearchDeps): string {
  let query = '';
  for (const [name, value] of [...request.applied, ...request.form])
    query += `${query === '' ? '?' : '&'}${formed(name)}=${formed(value)}`;
  return `${deps.base}/${request.type}${query}`;
}

/** As a form has it; most names and values are so already. */
const formed = (text: string): string =>
  /^[\w.*-]*$/.test(text) ? text : new URLSearchParams([[text, '']]).toString().slice(0, -1);

const atCursor = (whole: string, cursor: Cursor): string =>
  `${whole}${whole.includes('?') ? '&' : '?'}_cursor=${encodeCursor(cursor)}`;

/** Nothing is near, but something is near the point with its numbers exchanged: say so, and do not guess. */
async function swapped(request: SearchRequest, deps: SearchDeps): Promise<string[]> {
  const circle = request.after === undefined ? sortCircle(request) : undefined;
  // a ZIP code has no numbers to exchange
  if (circle === undefined || circle.approximate || Math.abs(circle.longitude) > 90) return [];
  const other = { ...circle, latitude: circle.longitude, longitude: circle.latitude };
  if (!(await hasPlaceIn(deps.database.sql, other)) || (await hasPlaceIn(deps.database.sql, circle))) return [];
  return ['Nothing lies near this point. Latitude comes first: with the two numbers exchanged there would be places.'];
}

/** The plan of the statement as it ran, as Parameters. */
async function explained(deps: SearchDeps, request: SearchRequest): Promise<string> {
  const { statement, plan, rows, milliseconds } = await explainPage(deps.database.sql, request);
  const parameter = [
    { name: 'statement', valueString: statement },
    { name: 'rows', valueInteger: rows },
    { name: 'milliseconds', valueDecimal: milliseconds },
    { name: 'plan', valueString: plan },
  ];
  return JSON.stringify({ resourceType: 'Parameters', parameter });
}

function remarks(request: SearchRequest, cut = false): string[] {
  return [
    ...request.ignored.map((name) => `Ignored, not supported here: ${name.slice(0, 100)}`),
    ...(cut ? [`More than ${INCLUDE_MAX} resources would be included; the rest is left out.`] : []),
  ];
}
