// Records that the merged base and the links have yet to take, by blocks: a harvest of a million writes a thousand rows.
import type { Queryable } from '../../../src/store/database.ts';

const BLOCK = 1000;

/** @param records a statement that gives the column `rk`, and its parameters */
export async function enqueue(sql: Queryable, records: string, parameters: string[]): Promise<void> {
  await sql.unsafe(
    `insert into federation.outbox (rks)
     select array_agg(rk order by rk) from (select rk, (row_number() over (order by rk) - 1) / ${BLOCK} as block from (${records}) r) b group by block`,
    parameters,
  );
}

/** The last entry now; undefined when there is none. outbox_pkey */
export async function outboxEnd(sql: Queryable): Promise<string | undefined> {
  const [row] = await sql<{ n: string | null }[]>`select max(n)::text as n from federation.outbox`;
  return row?.n ?? undefined;
}

export async function clearOutbox(sql: Queryable, end: string): Promise<void> {
  await sql`delete from federation.outbox where n <= ${end}::bigint`;
}
