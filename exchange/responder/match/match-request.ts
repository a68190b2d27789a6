// Requests of bulk matches as they came, which are files beside their job.

import { and, eq, isNotNull } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { isKeptByHold } from '../../compliance/retention/hold.ts';
import { isPastKeep, type KeepDays } from '../../compliance/retention/keep-days.ts';
import { bulkJob } from '../schema.ts';

export type KeptRequest = { id: string; peerId: string; bodyKey: string; receivedAt: Date };

const MEMBERS = 'select m.member_id from exchange.match_member m where m.job_id = j.id and m.member_id is not null';
/** Does a legal hold keep request `j`: of its payer, of one of our members whom it is about, or of everything? match_member_pkey. */
export const IS_HELD_REQUEST = isKeptByHold('j.peer_id', MEMBERS);

/** Is request `j` past its time, by so many days or more? */
export const isPastRequest = (sql: Queryable, now: Date, keep: KeepDays, by = 0) =>
  isPastKeep(sql, { since: 'coalesce(j.completed_at, j.received_at)', members: MEMBERS }, now, keep, by);

/** bulk_job_pkey. */
export async function isHeldRequest(tx: Queryable, id: string): Promise<boolean> {
  const rows = await tx.unsafe(`select 1 from exchange.bulk_job j where j.id = $1 and ${IS_HELD_REQUEST}`, [id]);
  return rows.length > 0;
}

/**
 * Those that were answered, or ended, and are past their time, the oldest first, but for what a legal hold keeps.
 * bulk_job_request, which holds requests that are kept.
 * @param after only those that came after this one
 */
export async function pastRequests(
  sql: Queryable,
  now: Date,
  keep: KeepDays,
  limit: number,
  after?: KeptRequest,
): Promise<KeptRequest[]> {
  return [
    ...(await sql<KeptRequest[]>`
      select id, peer_id as "peerId", body_key as "bodyKey", received_at as "receivedAt" from exchange.bulk_job j
       where body_key is not null and state not in ('queued', 'running') and ${isPastRequest(sql, now, keep)}
         and (received_at, id) > (coalesce(${after?.receivedAt ?? null}::timestamptz, '-infinity'), ${after?.id ?? ''}::text)
           and not ${sql.unsafe(IS_HELD_REQUEST)}
       order by received_at, id limit ${limit}`),
  ];
}

/** Does the audit have the hash of a request? What could not be removed is tried again, and is reported once. audit_object. */
export async function hasRemovalRow(sql: Queryable, id: string): Promise<boolean> {
  const rows = await sql`
    select 1 from exchange.audit where object = ${`match/${id}`} and action = 'match-request-removed' limit 1`;
  return rows.length > 0;
}

/** False when another process has removed it. bulk_job_pkey. */
export async function forgetRequest(sql: Queryable, id: string): Promise<boolean> {
  const mine = await orm(sql)
    .update(bulkJob)
    .set({ bodyKey: null })
    .where(and(eq(bulkJob.id, id), isNotNull(bulkJob.bodyKey)))
    .returning({ id: bulkJob.id });
  return mine.length === 1;
}
