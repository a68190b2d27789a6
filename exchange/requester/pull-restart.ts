// Pulls whose work at the peer was lost and begun again: the count is read from their events.

import { and, count, eq, sql as expression } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { pullEvent } from './schema.ts';

/** Begins the detail of the event of a pull whose work at the peer was begun again. */
export const RESTARTED = 'begun again: ';

/** How often a pull was begun again. Served by pull_event_pull. */
export async function restartsOf(sql: Queryable, id: string): Promise<number> {
  const isRestart = and(eq(pullEvent.pullId, id), expression`starts_with(${pullEvent.detail}, ${RESTARTED})`);
  const [row] = await orm(sql).select({ n: count() }).from(pullEvent).where(isRestart);
  return row?.n ?? 0;
}
