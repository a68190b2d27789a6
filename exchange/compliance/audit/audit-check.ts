// Runs of the verification of the audit trail.

import { desc, getColumns } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { auditCheck } from '../schema.ts';

/** `knownSeal`: the seal of a head that was stored elsewhere and compared. */
export type AuditCheck = Omit<typeof auditCheck.$inferSelect, 'id'>;
const { id, ...columns } = getColumns(auditCheck);

export async function writeAuditCheck(tx: Queryable, c: AuditCheck): Promise<void> {
  await orm(tx).insert(auditCheck).values(c);
}

/** The newest runs first. Primary key. */
export async function auditChecks(sql: Queryable, limit: number): Promise<AuditCheck[]> {
  return orm(sql).select(columns).from(auditCheck).orderBy(desc(id)).limit(limit);
}
