// Leases of processes that died.

import { and, eq, inArray, isNotNull } from 'drizzle-orm';
import type { Queryable } from '../src/db/database.ts';
import { orm } from '../src/db/orm.ts';
import { attachment } from './records/schema.ts';
import { pull } from './requester/schema.ts';
import { bulkJob } from './responder/schema.ts';

/**
 * Frees all leases. Only for a process that knows itself to be the only serving one, when it starts: anyone who held one is dead,
 * and what it held need not wait until the lease runs out. A command that works beside it at that moment loses its step.
 */
export async function freeLeases(sql: Queryable): Promise<void> {
  const none = { leaseOwner: null, leaseUntil: null };
  await orm(sql).update(pull).set(none).where(isNotNull(pull.leaseOwner));
  await orm(sql)
    .update(attachment)
    .set(none)
    .where(and(eq(attachment.state, 'due'), isNotNull(attachment.leaseOwner)));
  await orm(sql)
    .update(bulkJob)
    .set({ leaseUntil: null })
    .where(and(inArray(bulkJob.state, ['running', 'complete']), isNotNull(bulkJob.leaseUntil)));
}
