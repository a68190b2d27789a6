// Payers whose published addresses have not been looked at for a while.
import type { Queryable } from '../../src/db/database.ts';

/** Ids of active payers with an address that were not checked since a time and are not paused. Peers are few; checks by peer. */
export async function peersToCheck(sql: Queryable, since: Date, now: Date): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select p.id from exchange.peer p
    where p.state = 'active' and p.fhir_base is not null and (p.paused_until is null or p.paused_until <= ${now})
      and not exists (select from exchange.peer_check c where c.peer_id = p.id and c.at > ${since})
    order by p.id`;
  return rows.map((r) => r.id);
}

/** What the newest check found to differ, as it was written; undefined before the first one. */
export async function lastDiffering(sql: Queryable, peerId: string): Promise<string | undefined> {
  const [row] = await sql<{ changed: string | null }[]>`
    select facts->>'changed' as changed from exchange.peer_check where peer_id = ${peerId} order by id desc limit 1`;
  return row?.changed ?? undefined;
}
