// Read and search of Group: only those that the calling peer's own matches made.
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { type FhirEnv, fhirBody, route } from '../../src/http/fhir-app.ts';
import { addresses } from '../plan.ts';
import { findGroup, listGroups } from '../store/match-group.ts';
import { authorize, recordRefusal } from './authorize.ts';

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

const token = (value: string): string => value.slice(value.lastIndexOf('|') + 1);

export function groupSearch(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/Group');
    const caller = await authorize(c, deps, 'group.read');
    const query = new URL(c.req.url).searchParams;
    for (const name of query.keys())
      if (!['code', 'identifier', '_format'].includes(name))
        throw new Outcome('unknown-parameter', 'Group can be searched by code and identifier.');
    const code = query.get('code');
    const identifier = query.get('identifier');
    const found = await listGroups(deps.database.sql, caller.peer.id, {
      ...(code === null ? {} : { code: token(code) }),
      ...(identifier === null ? {} : { identifier: token(identifier) }),
    });
    const base = addresses(deps.config).fhir;
    const entries = found.map(
      (g) => `{"fullUrl":"${base}/Group/${g.id}","resource":${g.resource},"search":{"mode":"match"}}`,
    );
    const body = `{"resourceType":"Bundle","type":"searchset","total":${entries.length}${entries.length > 0 ? `,"entry":[${entries.join(',')}]` : ''}}`;
    return fhirBody(c, body, 200, { 'cache-control': 'no-store' });
  };
}
