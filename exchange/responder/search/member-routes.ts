// Routes of the single-member flow, one set a type: the table that the router and the CapabilityStatement are made from.
import type { Handler } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';
import { EXPORT_ORDER, isShared } from '../../records/facts/record-types.ts';
import { everything } from './everything.ts';
import { memberRead, memberSearch } from './member-read.ts';
import { sharedSearch } from './shared-search.ts';

type Routes = Record<string, Partial<Record<'GET' | 'POST', Handler<FhirEnv>>>>;

/** Directory-type records are found among those that the records of the caller's members name. */
export function memberRoutes(deps: Deps, base: string): Routes {
  const routes: Routes = {};
  routes[`${base}/Patient/:id/$everything`] = { GET: everything(deps), POST: everything(deps) };
  for (const type of EXPORT_ORDER) {
    const search = isShared(type) ? sharedSearch(deps, type) : memberSearch(deps, type);
    routes[`${base}/${type}`] = { GET: search };
    routes[`${base}/${type}/_search`] = { POST: search };
    routes[`${base}/${type}/:id`] = { GET: memberRead(deps, type) };
  }
  return routes;
}
