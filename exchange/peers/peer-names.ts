// How payers are called.
import type { Queryable } from '../../src/db/database.ts';

/** Names by peer id. There are few peers. */
export async function listPeerNames(sql: Queryable): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; name: string }[]>`select id, name from exchange.peer`;
  return new Map(rows.map((r) => [r.id, r.name]));
}
