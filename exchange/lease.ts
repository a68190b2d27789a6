// Leases of processes that died.
import type { Queryable } from '../src/db/database.ts';

/**
 * Frees all leases. Only for a process that knows itself to be the only serving one, when it starts: anyone who held one is dead,
 * and what it held need not wait until the lease runs out. A command that works beside it at that moment loses its step.
 */
export async function freeLeases(sql: Queryable): Promise<void> {
  await sql`update exchange.pull set lease_owner = null, lease_until = null where lease_owner is not null`;
  await sql`update exchange.attachment set lease_owner = null, lease_until = null where state = 'due' and lease_owner is not null`;
  await sql`update exchange.bulk_job set lease_until = null where state in ('running', 'complete') and lease_until is not null`;
}
