// read and vread. https://hl7.org/fhir/R4/http.html#read
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { ID_PATTERN } from '../src/fhir/resource.ts';
import { readSubset } from '../src/fhir/search/request.ts';
import { isSubset, subsetResource } from '../src/fhir/search/subset.ts';
import { isDirectoryType } from '../src/fhir/search/types.ts';
import { entityTag, isNotModified } from '../src/http/conditional.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { checkAccepts } from '../src/http/negotiate.ts';
import { readResource, readVersion, type StoredVersion } from '../src/store/resource.ts';

/** `Type/id` of the path. @throws Outcome unknown-type or not-found */
function keyOf(c: Context<FhirEnv>): string {
  const type = c.req.param('type') ?? '';
  const id = c.req.param('id') ?? '';
  if (!isDirectoryType(type)) throw new Outcome('unknown-type');
  if (!ID_PATTERN.test(id)) throw new Outcome('not-found');
  return `${type}/${id}`;
}

function answer(c: Context<FhirEnv>, found: StoredVersion | undefined): Response {
  if (!found) throw new Outcome('not-found');
  if (found.deleted) throw new Outcome('gone', undefined, { headers: { etag: entityTag(found.version) } });
  const etag = entityTag(found.version);
  const headers = { etag, 'last-modified': found.lastUpdated.toUTCString(), 'cache-control': 'no-cache' };
  const { req } = c;
  if (isNotModified(req.header('if-none-match'), req.header('if-modified-since'), etag, found.lastUpdated))
    return reply(c, null, 304, headers);
  let { body } = found;
  if (req.raw.url.includes('?')) {
    const subset = readSubset(req.query('_summary'), req.query('_elements'));
    if (isSubset(subset)) body = Buffer.from(subsetResource(Buffer.from(body).toString(), subset));
  }
  return reply(c, body, 200, { 'content-type': FHIR_JSON, ...headers });
}

/** GET [type]/[id] */
export async function read(c: Context<FhirEnv>, deps: Pick<Deps, 'database'>): Promise<Response> {
  route(c, '/:type/:id');
  checkAccepts(c.req.header('accept'), c.req.raw.url.includes('_format') ? c.req.query('_format') : undefined);
  return answer(c, await readResource(deps.database.sql, keyOf(c)));
}

/** GET [type]/[id]/_history/[vid] */
export async function vread(c: Context<FhirEnv>, deps: Pick<Deps, 'database'>): Promise<Response> {
  route(c, '/:type/:id/_history/:vid');
  checkAccepts(c.req.header('accept'), c.req.query('_format'));
  const version = c.req.param('vid') ?? '';
  const key = keyOf(c);
  if (!/^[1-9]\d{0,8}$/.test(version)) throw new Outcome('not-found');
  return answer(c, await readVersion(deps.database.sql, key, Number(version)));
}
