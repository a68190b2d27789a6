// Pulls whose work at the peer was lost and begun again: the count is read from their events.
import type { Queryable } from '../../src/db/database.ts';

/** Begins the detail of the event of a pull whose work at the peer was begun again. */
export const RESTARTED = 'begun again: ';

/** How often a pull was begun again. Served by pull_event_pull. */
export async function restartsOf(sql: Queryable, id: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from exchange.pull_event where pull_id = ${id} and starts_with(detail, ${RESTARTED})`;
  return row?.n ?? 0;
}
