// Places near a point, looked up before the search that combines them with more: with their number known the planner
// begins with what is fewest. It cannot know how many lie in a box.
import type { Criterion } from '../fhir/search/criterion.ts';
import type { SearchRequest } from '../fhir/search/request.ts';
import type { Queryable } from './database.ts';
import { placesIn } from './search-further.ts';
import { binder } from './search-page.ts';

/** More places stay a part of the statement. */
const MOST = 5000;

async function placed(sql: Queryable, c: Criterion): Promise<Criterion> {
  if (c.kind === 'near' && c.found === undefined) {
    const { values, bind } = binder();
    const text = `select rk::text as rk, min(distance) as distance from (${placesIn(c.circles, bind, (away) => `p.rk, ${away} as distance`)}) p group by rk limit ${MOST + 1}`;
    const found = await sql.unsafe<{ rk: string; distance: number }[]>(text, values, { prepare: true });
    return found.length > MOST ? c : { ...c, found: [...found] };
  }
  if (c.kind !== 'chain' && c.kind !== 'reverse-chain') return c;
  const of = await placed(sql, c.of);
  return of === c.of ? c : { ...c, of };
}

const isNear = (c: Criterion): boolean =>
  c.kind === 'near' || ((c.kind === 'chain' || c.kind === 'reverse-chain') && isNear(c.of));

/** Is a point combined with something? */
export const looksForPlaces = (request: SearchRequest): boolean =>
  request.criteria.some(isNear) && !request.criteria.every((c) => c.kind === 'near');

/** The request with the places of its circles, where they are few; itself when it has nothing to combine them with. */
export async function resolvePlaces(sql: Queryable, request: SearchRequest): Promise<SearchRequest> {
  if (!looksForPlaces(request)) return request;
  const criteria: Criterion[] = [];
  for (const c of request.criteria) criteria.push(isNear(c) ? await placed(sql, c) : c);
  return { ...request, criteria };
}
