// Read and search of Group: only those that the calling peer's own matches made.
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { type FhirEnv, fhirBody, route } from '../../../src/http/fhir-app.ts';
import { checkAccepts } from '../../../src/http/negotiate.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { addresses } from '../../plan.ts';
import { authorize, recordRefusal } from '../authorize.ts';
import { matchBatchSystem } from '../match/groups.ts';
import { findGroup, listGroups } from '../match/match-group.ts';
import { readPrefer } from '../prefer.ts';
import { readGroupSearch } from './group-search-request.ts';
import { pairsOf } from './search-pairs.ts';

type Found = NonNullable<Awaited<ReturnType<typeof findGroup>>>;
/** A Group is written once, by the match that made it, and never changed. */
const VERSION = '1';
const validators = (group: Found) => ({
  etag: `W/"${VERSION}"`,
  'last-modified': group.createdAt.toUTCString(),
  'cache-control': 'no-store',
});

const todayOf = (deps: Deps) => localDay(deps.clock(), deps.config.timeZone);

/** A Group of the calling peer. @throws Outcome 404 for every other, 410 for one past its time */
async function ownGroup(c: Context<FhirEnv>, deps: Deps, template: string): Promise<Found> {
  route(c, `/exchange/fhir/Group/:id${template}`);
  const caller = await authorize(c, deps, 'group.read');
  checkAccepts(c.req.header('accept'), c.req.query('_format'));
  const group = await findGroup(deps.database.sql, c.req.param('id') ?? '', caller.peer.id, todayOf(deps));
  if (group?.isOver) throw new Outcome('gone', 'The Group is past its time: match its members again.');
  if (group) return group;
  await recordRefusal(c, deps, caller.peer, 'not-granted', `Group/${c.req.param('id') ?? ''}`);
  throw new Outcome('not-found');
}

export function groupRead(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    const group = await ownGroup(c, deps, '');
    const headers = validators(group);
    if (c.req.header('if-none-match') === headers.etag) return c.body(null, 304, headers);
    return fhirBody(c, group.resource, 200, headers);
  };
}

/** vread: there is one version. */
export function groupVersion(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    const group = await ownGroup(c, deps, '/_history/:version');
    if (c.req.param('version') !== VERSION) throw new Outcome('not-found');
    return fhirBody(c, group.resource, 200, validators(group));
  };
}

/** History of one Group: that it was made. https://hl7.org/fhir/R4/http.html#history */
export function groupHistory(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    const group = await ownGroup(c, deps, '/_history');
    const url = `${addresses(deps.config).fhir}/Group/${group.id}`;
    const response = { status: '201', etag: `W/"${VERSION}"`, lastModified: group.createdAt.toISOString() };
    const head = `{"resourceType":"Bundle","type":"history","total":1,"link":[{"relation":"self","url":"${url}/_history"}],"entry":[{"fullUrl":"${url}","resource":`;
    const tail = `,"request":{"method":"POST","url":"Group"},"response":${JSON.stringify(response)}}]}`;
    return fhirBody(c, `${head}${group.resource}${tail}`, 200, { 'cache-control': 'no-store' });
  };
}

export function groupSearch(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, `/exchange/fhir/Group${c.req.method === 'POST' ? '/_search' : ''}`);
    const caller = await authorize(c, deps, 'group.search');
    checkAccepts(c.req.header('accept'), c.req.query('_format'));
    const search = readGroupSearch(await pairsOf(c), {
      npi: caller.peer.npi,
      batchSystem: matchBatchSystem(deps.config.baseUrl),
      lenient: readPrefer(c.req.header('prefer')).handling === 'lenient',
    });
    const { total, groups, more } = await listGroups(deps.database.sql, caller.peer.id, {
      ...search,
      count: search.isCounted ? 0 : search.count,
      today: todayOf(deps),
    });
    const base = addresses(deps.config).fhir;
    const url = (further: [string, string][]) => {
      const query = new URLSearchParams([...search.applied, ...further]).toString();
      return `${base}/Group${query === '' ? '' : `?${query}`}`;
    };
    const link = [{ relation: 'self', url: url([]) }];
    const last = groups.at(-1);
    if (more && last) link.push({ relation: 'next', url: url([['_page', last.id]]) });
    // each Group is sent as it was stored
    const entries = groups.map(
      (g) => `{"fullUrl":"${base}/Group/${g.id}","resource":${g.resource},"search":{"mode":"match"}}`,
    );
    const entry = entries.length > 0 ? `,"entry":[${entries.join(',')}]` : '';
    const body = `{"resourceType":"Bundle","type":"searchset","total":${total},"link":${JSON.stringify(link)}${entry}}`;
    return fhirBody(c, body, 200, { 'cache-control': 'no-store' });
  };
}
