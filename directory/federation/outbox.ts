// Records that the merged base and the links have yet to take, by blocks: a harvest of a million writes a thousand rows.

import { asc } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { outbox } from './schema.ts';

const BLOCK = 1000;

/** @param records a statement that gives the column `rk`, and its parameters */
export async function enqueue(sql: Queryable, records: string, parameters: string[]): Promise<void> {
  await sql.unsafe(
    `insert into federation.outbox (rks)
     select array_agg(rk order by rk) from (select rk, (row_number() over (order by rk) - 1) / ${BLOCK} as block from (${records}) r) b group by block`,
    parameters,
  );
}

/**
 * The entries of now. Who has done with them clears these and no others: an entry with an earlier number may be committed later.
 * outbox_pkey
 */
export async function outboxEntries(sql: Queryable): Promise<string[]> {
  const rows = await orm(sql).select({ n: outbox.n }).from(outbox).orderBy(asc(outbox.n));
  return rows.map((r) => String(r.n));
}

/** outbox_pkey */
export async function clearOutbox(sql: Queryable, entries: readonly string[]): Promise<void> {
  await sql`delete from federation.outbox where n = any(${[...entries]}::text[]::bigint[])`;
}
