// Payers whose published addresses have not been looked at for a while.

import { desc, eq, sql as expression } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { peerCheck } from './schema.ts';

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
  const [row] = await orm(sql)
    .select({ changed: expression<string | null>`${peerCheck.facts} ->> 'changed'` })
    .from(peerCheck)
    .where(eq(peerCheck.peerId, peerId))
    .orderBy(desc(peerCheck.id))
    .limit(1);
  return row?.changed ?? undefined;
}
