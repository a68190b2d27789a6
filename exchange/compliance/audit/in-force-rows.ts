// What is in force here and is reported in the audit when it becomes another: keys that sign, settings.
import type { Queryable } from '../../../src/db/database.ts';

/** Keeps a second process from telling the same for the length of a transaction. */
const TELLING_LOCK = 7_206_022;

/** The detail of what a machine reported last of it, or else any; undefined when nothing was reported. audit_object. */
export async function lastInForce(
  tx: Queryable,
  object: string,
  host: string,
): Promise<Record<string, unknown> | undefined> {
  await tx`select pg_advisory_xact_lock(${TELLING_LOCK})`;
  const [row] = await tx<{ detail: Record<string, unknown> }[]>`
    select detail from exchange.audit where object = ${object} order by (detail->>'host' = ${host}) is true desc, at desc,
      seq desc limit 1`;
  return row?.detail;
}
