// Places near a point, looked up before the search that combines them with more: with their number known the planner
// begins with what is fewest. It cannot know how many lie in a box.
import type { Criterion } from '../fhir/search/criterion.ts';
import { boxesOf } from '../fhir/search/near.ts';
import type { SearchRequest } from '../fhir/search/request.ts';
import type { Queryable } from './database.ts';
import { rawRows } from './raw-rows.ts';
import { placesIn } from './search-further.ts';
import { binder } from './search-page.ts';

/** More places stay a part of the statement. */
const MOST = 5000;

/** @param sorted their distances are asked for too */
async function placed(sql: Queryable, c: Criterion, sorted: boolean): Promise<Criterion> {
  if (c.kind === 'near' && c.found === undefined) {
    const { values, bind } = binder();
    // a place lies once in one box
    const isOnce = c.circles.flatMap(boxesOf).length === 1;
    const places = placesIn(c.circles, bind, (away) => `p.rk, ${sorted ? away : '0'} as distance`);
    const text = isOnce ? places : `select rk, min(distance) from (${places}) p group by rk`;
    const rows = await rawRows(sql, `${text} limit ${MOST + 1}`, values, { prepare: true });
    const found = Array.from({ length: rows.length }, (_, i) => ({
      rk: rows.text(i, 0) ?? '',
      distance: Number(rows.text(i, 1)),
    }));
    rows.release();
    return found.length > MOST ? c : { ...c, found };
  }
  if (c.kind !== 'chain' && c.kind !== 'reverse-chain') return c;
  const of = await placed(sql, c.of, sorted);
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
  const sorted = request.sort.some((key) => key.by === 'near');
  const criteria: Criterion[] = [];
  for (const c of request.criteria) criteria.push(isNear(c) ? await placed(sql, c, sorted) : c);
  return { ...request, criteria };
}
