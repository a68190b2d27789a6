// Places near a point, looked up before the search that combines them with more: with their number known the planner
// begins with what is fewest. It cannot know how many lie in a box.

import type { Queryable } from '../../src/db/database.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { boxesOf } from '../../src/fhir/search/near.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { placesIn } from './additional-conditions.ts';
import { binder } from './search-page.ts';

/** More places stay a part of the statement. */
const MOST = 5000;

/** What has been looked up: alternatives are near the same places. */
type Known = Map<Criterion, Criterion>;

/** @param sorted their distances are asked for too */
async function lookedUp(sql: Queryable, c: Extract<Criterion, { kind: 'near' }>, sorted: boolean): Promise<Criterion> {
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
  return found.length > MOST ? c : { ...c, found };
}

async function placed(sql: Queryable, c: Criterion, sorted: boolean, known: Known): Promise<Criterion> {
  if (!holdsNear(c)) return c;
  switch (c.kind) {
    case 'near': {
      const found = known.get(c) ?? (c.found === undefined ? await lookedUp(sql, c, sorted) : c);
      known.set(c, found);
      return found;
    }
    case 'chain':
    case 'reverse-chain':
      return { ...c, of: await placed(sql, c.of, sorted, known) };
    case 'any':
    case 'all': {
      const of: Criterion[] = [];
      for (const one of c.of) of.push(await placed(sql, one, sorted, known));
      return { ...c, of };
    }
    default:
      return c;
  }
}

/** Is it met by what is near a point, itself, along a chain or as an alternative? */
function holdsNear(c: Criterion): boolean {
  if (c.kind === 'any' || c.kind === 'all') return c.of.some(holdsNear);
  return c.kind === 'near' || ((c.kind === 'chain' || c.kind === 'reverse-chain') && holdsNear(c.of));
}

/** Is a point combined with something? */
export const looksForPlaces = (request: SearchRequest): boolean =>
  request.criteria.some(holdsNear) && !request.criteria.every((c) => c.kind === 'near');

/** The request with the places of its circles, where they are few; itself when it has nothing to combine them with. */
export async function resolvePlaces(sql: Queryable, request: SearchRequest): Promise<SearchRequest> {
  if (!looksForPlaces(request)) return request;
  const sorted = request.sort.some((key) => key.by === 'near');
  const known: Known = new Map();
  const criteria: Criterion[] = [];
  for (const c of request.criteria) criteria.push(await placed(sql, c, sorted, known));
  return { ...request, criteria };
}
