// search-type: query → SearchRequest → one statement → Bundle. https://hl7.org/fhir/R4/http.html#search
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { type BundleEntry, searchset } from '../src/fhir/bundle.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { encodeCursor } from '../src/fhir/search/cursor.ts';
import { readSearch, type SearchRequest } from '../src/fhir/search/request.ts';
import { isSubset, subsetResource } from '../src/fhir/search/subset.ts';
import { isDirectoryType } from '../src/fhir/search/types.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { checkAccepts } from '../src/http/negotiate.ts';
import { type Counting, countMatches, estimateMatches, searchPage, TOTAL_EXACT } from '../src/store/search.ts';
import { INCLUDE_MAX } from '../src/store/search-include.ts';
import type { Totals } from './totals.ts';

export type SearchDeps = Pick<Deps, 'database' | 'config' | 'clock'> & {
  /** public FHIR base */
  base: string;
  totals: Totals;
};

const MAX_URL = 8192;
const MAX_FORM = 65_536;

/** GET [type]?… */
export async function searchByGet(c: Context<FhirEnv>, deps: SearchDeps): Promise<Response> {
  route(c, '/:type');
  const { url } = c.req.raw;
  if (url.length > MAX_URL) throw new Outcome('url-too-long');
  const query = url.indexOf('?');
  return search(c, deps, query === -1 ? [] : [...new URLSearchParams(url.slice(query + 1))]);
}

/** POST [type]/_search, form in the body, further parameters in the URL */
export async function searchByPost(c: Context<FhirEnv>, deps: SearchDeps): Promise<Response> {
  route(c, '/:type/_search');
  const type = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded' && type !== '')
    throw new Outcome('unsupported-media-type', 'Send application/x-www-form-urlencoded.');
  if (Number(c.req.header('content-length') ?? 0) > MAX_FORM) throw new Outcome('too-large');
  const form = await c.req.text();
  if (form.length > MAX_FORM) throw new Outcome('too-large');
  const query = c.req.raw.url.indexOf('?');
  const inUrl = query === -1 ? [] : [...new URLSearchParams(c.req.raw.url.slice(query + 1))];
  return search(c, deps, [...inUrl, ...new URLSearchParams(form)]);
}

async function search(c: Context<FhirEnv>, deps: SearchDeps, pairs: [string, string][]): Promise<Response> {
  const type = c.req.param('type') ?? '';
  if (!isDirectoryType(type)) throw new Outcome('unknown-type');
  checkAccepts(c.req.header('accept'), pairs.find(([name]) => name === '_format')?.[1]);
  const request = readSearch(type, pairs, {
    base: deps.base,
    now: deps.clock(),
    countMax: deps.config.directoryCountMax,
    lenient: (c.req.header('prefer') ?? '').includes('handling=lenient'),
  });
  const body = request.summary === 'count' ? await countOnly(request, deps) : await page(request, deps);
  return reply(c, body, 200, { 'content-type': FHIR_JSON, 'cache-control': 'no-cache' });
}

async function countOnly(request: SearchRequest, deps: SearchDeps) {
  const { total, change } = await countMatches(deps.database.sql, request, counting(request));
  return searchset({
    base: deps.base,
    entries: [],
    total: await finishTotal(request, deps, total, change),
    self: link(request, deps),
    next: undefined,
    remarks: remarks(request),
  });
}

async function page(request: SearchRequest, deps: SearchDeps) {
  const { sql } = deps.database;
  const known = request.total === 'none' ? undefined : deps.totals.get(totalKey(request));
  const found = await searchPage(sql, request, known === undefined ? counting(request) : 'no');
  let total: { value: number; exact: boolean } | undefined;
  if (known !== undefined && known.change === found.change) total = { value: known.total, exact: known.exact };
  else if (found.total !== undefined) total = await finishTotal(request, deps, found.total, found.change);
  else if (request.total !== 'none') {
    const counted = await countMatches(sql, request, counting(request));
    total = await finishTotal(request, deps, counted.total, counted.change);
  }
  return searchset({
    base: deps.base,
    entries: isSubset(request) ? found.entries.map((entry) => subset(entry, request)) : found.entries,
    total,
    self: link(request, deps, request.after),
    next: found.next === undefined ? undefined : link(request, deps, found.next),
    remarks: remarks(request, found.cut),
  });
}

/** Included resources are whole under `_elements`, which names elements of the type searched. */
function subset(entry: BundleEntry, request: SearchRequest): BundleEntry {
  if (entry.included && request.elements.length > 0) return entry;
  return { ...entry, body: Buffer.from(subsetResource(Buffer.from(entry.body).toString(), request)) };
}

function counting(request: SearchRequest): Counting {
  return request.total === 'none' ? 'no' : request.total === 'accurate' ? 'all' : 'capped';
}

/** Beyond the cap the total is the planner's estimate, and marked so. */
async function finishTotal(request: SearchRequest, deps: SearchDeps, counted: number, change: string) {
  const exact = counted <= TOTAL_EXACT || request.total === 'accurate' || request.criteria.length === 0;
  const value = exact ? counted : await estimateMatches(deps.database.sql, request);
  // an approximate date moves with the clock
  if (!request.applied.some(([, v]) => v.startsWith('ap')))
    deps.totals.set(totalKey(request), { change, total: value, exact });
  return { value, exact };
}

/** The filters alone: pages and includes of one search share its total. */
function totalKey(request: SearchRequest): string {
  let key = `${request.type} ${request.total === 'accurate' ? 'accurate' : ''}`;
  for (const [name, value] of request.applied)
    if (!name.startsWith('_') || name.startsWith('_id') || name.startsWith('_last') || name.startsWith('_has'))
      key += `\n${name}\n${value}`;
  return key;
}

/** Exactly what was applied, under the public base. */
function link(request: SearchRequest, deps: SearchDeps, after?: bigint): string {
  const query = new URLSearchParams(request.applied);
  if (after !== undefined) query.append('_cursor', encodeCursor(after));
  const text = query.toString();
  return `${deps.base}/${request.type}${text === '' ? '' : `?${text}`}`;
}

function remarks(request: SearchRequest, cut = false): string[] {
  return [
    ...request.ignored.map((name) => `Ignored, not supported here: ${name.slice(0, 100)}`),
    ...(cut ? [`More than ${INCLUDE_MAX} resources would be included; the rest is left out.`] : []),
  ];
}
