// Questions about a search: its plan, and whether there are places at all where it looks.
import type { Circle } from '../fhir/search/near.ts';
import type { SearchRequest } from '../fhir/search/request.ts';
import type { Queryable } from './database.ts';
import { resolved } from './search.ts';
import { placesIn } from './search-further.ts';
import { binder, pageStatement } from './search-page.ts';

export type Explained = { statement: string; plan: string; rows: number; milliseconds: number };

/** Runs the statement of a page and gives its plan. Values of the query stand in the plan: it goes to who asked only. */
export async function explainPage(sql: Queryable, given: SearchRequest): Promise<Explained> {
  const { text, values, tells } = pageStatement(await resolved(sql, given));
  const lines = await sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain (analyze, buffers) ${text}`, values, {
    prepare: false,
  });
  const plan = lines.map((l) => l['QUERY PLAN']);
  const number = (pattern: RegExp) =>
    plan.flatMap((l) => pattern.exec(l)?.[1] ?? []).reduce((sum, n) => sum + Number(n), 0);
  return {
    statement: text,
    plan: plan.join('\n'),
    rows: Math.max(
      0,
      Number(/ rows=(\d+)(?:\.\d+)? loops/.exec(/\(actual.*/.exec(plan[0] ?? '')?.[0] ?? '')?.[1] ?? 1) -
        (tells ? 1 : 0),
    ),
    milliseconds: number(/^(?:Planning|Execution) Time: ([\d.]+) ms/),
  };
}

/** Is any place in the circle? place_at. */
export async function hasPlaceIn(sql: Queryable, circle: Circle): Promise<boolean> {
  const { values, bind } = binder();
  const [row] = await sql.unsafe<{ found: boolean }[]>(
    `select exists (${placesIn([circle], bind, () => '1')}) as found`,
    values,
    { prepare: false },
  );
  return row?.found === true;
}
