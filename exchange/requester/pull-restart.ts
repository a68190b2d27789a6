// Pulls whose work at the peer was lost and begun anew: the count is read from their events.
import type { Queryable } from '../../src/db/database.ts';

/** Begins the detail of the event of a pull whose work at the peer was begun anew. */
export const RESTARTED = 'begun anew: ';

/** How often a pull was begun anew. Served by pull_event_pull. */
export async function restartsOf(sql: Queryable, id: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from exchange.pull_event where pull_id = ${id} and starts_with(detail, ${RESTARTED})`;
  return row?.n ?? 0;
}
