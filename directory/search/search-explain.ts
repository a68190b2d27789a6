// Questions about a search: its plan, and whether there are places at all where it looks.

import type { TransactionSql } from 'postgres';
import type { Queryable, Sql } from '../../src/db/database.ts';
import { searchPlans } from '../../src/db/search-plans.ts';
import type { Circle } from '../../src/fhir/search/near.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { placesIn } from './additional-conditions.ts';
import { resolved } from './search.ts';
import { binder, pageStatement } from './search-page.ts';

export type Explained = { statement: string; plan: string; rows: number; milliseconds: number };

/**
 * Runs the statement of a page and gives its plan: the one that is kept for all values, unless the statement is planned with its values at
 * present. Values of the query may stand in the plan: it goes to who asked only.
 */
export async function explainPage(sql: Sql, given: SearchRequest): Promise<Explained> {
  const { text, values, tells } = pageStatement(await resolved(sql, given));
  const lines = searchPlans.prepares(text)
    ? await sql.begin((tx) => explainKept(tx, text, values))
    : await sql.unsafe<Line[]>(`${EXPLAIN} ${text}`, values, { prepare: false });
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

type Line = { 'QUERY PLAN': string };
const EXPLAIN = 'explain (analyze, buffers)';

/** EXPLAIN plans what it is given with its values; of what is prepared it shows what the session would run. */
async function explainKept(tx: TransactionSql, text: string, values: readonly string[]): Promise<Line[]> {
  const once = { prepare: false };
  const [given] = await tx.unsafe<{ list: string | null }[]>(
    `select string_agg(quote_literal(v), ', ' order by n) as list from unnest($1::text[]) with ordinality u(v, n)`,
    [[...values]],
    once,
  );
  const list = given?.list ?? '';
  const execute = `execute explained${list === '' ? '' : `(${list})`}`;
  // a session keeps it beyond the transaction: nothing may fail between here and where it is dropped, but what has a savepoint
  await tx.unsafe(`prepare explained as ${text}`, [], once);
  try {
    return await tx.savepoint((sp) => sp.unsafe<Line[]>(`${EXPLAIN} ${execute}`, [], once));
  } finally {
    await tx.unsafe('deallocate explained', [], once);
  }
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
