// read and vread. https://hl7.org/fhir/R4/http.html#read
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { ID_PATTERN } from '../src/fhir/resource.ts';
import { readSubset } from '../src/fhir/search/request.ts';
import { isSubset, subsetResource } from '../src/fhir/search/subset.ts';
import { isDirectoryType } from '../src/fhir/search/types.ts';
import { goneOf } from '../src/http/client-gone.ts';
import { entityTag, isNotModified } from '../src/http/conditional.ts';
import { FHIR_JSON, type FhirEnv, reply, route } from '../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../src/http/negotiate.ts';
import { readResource, readVersion, type StoredVersion } from './resource/resource.ts';
import type { Work } from './work.ts';

/** `Type/id` of a path. @throws Outcome unknown-type or not-found */
export function keyOf(type: string, id: string): string {
  if (!isDirectoryType(type)) throw new Outcome('unknown-type');
  if (!ID_PATTERN.test(id)) throw new Outcome('not-found');
  return `${type}/${id}`;
}

function answer(c: Context<FhirEnv>, found: StoredVersion | undefined): Response {
  if (!found) throw new Outcome('not-found');
  if (found.deleted) throw new Outcome('gone', undefined, { headers: { etag: entityTag(found.version) } });
  const etag = entityTag(found.version);
  const headers = { etag, 'last-modified': found.lastUpdated.toUTCString(), 'cache-control': 'no-cache' };
  if (isNotModified(c.req.header('if-none-match'), c.req.header('if-modified-since'), etag, found.lastUpdated))
    return reply(c, null, 304, headers);
  const subset = readSubset(c.req.query('_summary'), c.req.query('_elements'));
  const body = isSubset(subset) ? subsetResource(Buffer.from(found.body).toString(), subset) : found.body;
  return reply(c, body, 200, { 'content-type': FHIR_JSON, ...headers });
}

/** GET [type]/[id] */
export async function read(c: Context<FhirEnv>, deps: Pick<Deps, 'database'> & { work: Work }): Promise<Response> {
  route(c, '/:type/:id');
  const key = keyOf(c.req.param('type') ?? '', c.req.param('id') ?? '');
  checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
  return answer(c, await deps.work.short(() => readResource(deps.database.sql, key), goneOf(c.env)));
}

/** GET [type]/[id]/_history/[vid] */
export async function vread(c: Context<FhirEnv>, deps: Pick<Deps, 'database'>): Promise<Response> {
  route(c, '/:type/:id/_history/:vid');
  checkJsonOrXml(c.req.header('accept'), c.req.query('_format'));
  const version = c.req.param('vid') ?? '';
  const key = keyOf(c.req.param('type') ?? '', c.req.param('id') ?? '');
  if (!/^[1-9]\d{0,8}$/.test(version)) throw new Outcome('not-found');
  return answer(c, await readVersion(deps.database.sql, key, Number(version)));
}
