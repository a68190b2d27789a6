// read and vread. https://hl7.org/fhir/R4/http.html#read
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { Outcome } from '../src/fhir/outcome.ts';
import { ID_PATTERN } from '../src/fhir/resource.ts';
import { readSubset } from '../src/fhir/search/request.ts';
import { isSubset, subsetResource } from '../src/fhir/search/subset.ts';
import { isDirectoryType } from '../src/fhir/search/types.ts';
import { type Asked, askedOf, queryOf } from '../src/http/asked.ts';
import { entityTag, isNotModified } from '../src/http/conditional.ts';
import { FHIR_JSON, type FhirEnv, type Reply, route, send } from '../src/http/fhir-app.ts';
import { checkJsonOrXml } from '../src/http/negotiate.ts';
import { readResource, readVersion, type StoredVersion } from '../src/store/resource/resource.ts';

/** `Type/id` of a path. @throws Outcome unknown-type or not-found */
export function keyOf(type: string, id: string): string {
  if (!isDirectoryType(type)) throw new Outcome('unknown-type');
  if (!ID_PATTERN.test(id)) throw new Outcome('not-found');
  return `${type}/${id}`;
}

function answer(asked: Asked, query: URLSearchParams | undefined, found: StoredVersion | undefined): Reply {
  if (!found) throw new Outcome('not-found');
  if (found.deleted) throw new Outcome('gone', undefined, { headers: { etag: entityTag(found.version) } });
  const etag = entityTag(found.version);
  const headers = { etag, 'last-modified': found.lastUpdated.toUTCString(), 'cache-control': 'no-cache' };
  if (isNotModified(asked.header('if-none-match'), asked.header('if-modified-since'), etag, found.lastUpdated))
    return { body: null, status: 304, headers };
  let { body } = found;
  if (query !== undefined) {
    const subset = readSubset(query.get('_summary') ?? undefined, query.get('_elements') ?? undefined);
    if (isSubset(subset)) body = Buffer.from(subsetResource(Buffer.from(body).toString(), subset));
  }
  return { body, status: 200, headers: { 'content-type': FHIR_JSON, ...headers } };
}

/** GET [type]/[id]. @param key `Type/id` */
export async function read(key: string, asked: Asked, deps: Pick<Deps, 'database'>): Promise<Reply> {
  const query = queryOf(asked);
  checkJsonOrXml(asked.header('accept'), query?.get('_format') ?? undefined);
  return answer(asked, query, await readResource(deps.database.sql, key));
}

/** GET [type]/[id]/_history/[vid] */
export async function vread(c: Context<FhirEnv>, deps: Pick<Deps, 'database'>): Promise<Response> {
  route(c, '/:type/:id/_history/:vid');
  const asked = askedOf(c);
  const query = queryOf(asked);
  checkJsonOrXml(asked.header('accept'), query?.get('_format') ?? undefined);
  const version = c.req.param('vid') ?? '';
  const key = keyOf(c.req.param('type') ?? '', c.req.param('id') ?? '');
  if (!/^[1-9]\d{0,8}$/.test(version)) throw new Outcome('not-found');
  return send(c, answer(asked, query, await readVersion(deps.database.sql, key, Number(version))));
}
