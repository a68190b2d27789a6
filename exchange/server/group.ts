// Read and search of Group: only those that the calling peer's own matches made.
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { type FhirEnv, fhirBody, route } from '../../src/http/fhir-app.ts';
import { checkAccepts } from '../../src/http/negotiate.ts';
import { matchBatchSystem } from '../match/groups.ts';
import { addresses } from '../plan.ts';
import { findGroup, listGroups } from '../store/match-group.ts';
import { authorize, recordRefusal } from './authorize.ts';
import { readGroupSearch } from './group-search-request.ts';
import { readPrefer } from './prefer.ts';

export function groupRead(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Group/:id');
    const caller = await authorize(c, deps, 'group.read');
    const group = await findGroup(deps.database.sql, c.req.param('id') ?? '', caller.peer.id);
    if (!group) {
      await recordRefusal(c, deps, caller.peer, 'not-granted', `Group/${c.req.param('id') ?? ''}`);
      throw new Outcome('not-found');
    }
    return fhirBody(c, group.resource, 200, { 'cache-control': 'no-store' });
  };
}

export function groupSearch(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Group');
    const caller = await authorize(c, deps, 'group.read');
    checkAccepts(c.req.header('accept'), c.req.query('_format'));
    const search = readGroupSearch(new URL(c.req.url).searchParams, {
      npi: caller.peer.npi,
      batchSystem: matchBatchSystem(deps.config.baseUrl),
      lenient: readPrefer(c.req.header('prefer')).handling === 'lenient',
    });
    const { total, groups, more } = await listGroups(deps.database.sql, caller.peer.id, search);
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
