// Requests that a payer was asked to send again later (429). The time for an answer runs from the first of them all the
// same: what we cannot take is no delay of the asker's (42 CFR 422.121(b)(5)). Each stands in the audit; one that is
// sent again and again, once a day.
import { createHash } from 'node:crypto';
import type { Queryable } from '../../../src/db/database.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';

/** `groupId`: of an export, whose members it asks for */
export type Wanted = { kind: 'match' | 'export'; peerId: string; groupId: string | null };

const DAY_MS = 86_400_000;
/** After so many days, a long weekend, a request is no longer taken for the same one. */
const SAME_DAYS = 4;
const objectOf = (w: Wanted): string =>
  `waits/${createHash('sha256')
    .update(JSON.stringify([w.kind, w.peerId, w.groupId]))
    .digest('hex')
    .slice(0, 32)}`;

/**
 * Is the very same request being answered, sent twice by a client that heard nothing? Who is asked to wait then waits
 * for that answer, which has its own time. bulk_job_peer.
 */
export async function isBeingAnswered(
  sql: Queryable,
  w: Wanted,
  asked: { at: Date; requestUrl: string; parameters: object },
): Promise<boolean> {
  const rows = await sql`
    select from exchange.bulk_job where peer_id = ${w.peerId} and kind = ${w.kind} and group_id is not distinct from ${w.groupId}
      and (state in ('queued', 'running') or (transaction_time is not null and completed_at >= ${asked.at}))
      and request_url = ${asked.requestUrl} and parameters - 'members' = ${JSON.stringify(asked.parameters)}::text::jsonb limit 1`;
  return rows.length > 0;
}

/** Notes a refusal for now, when `error` is one. audit_object. */
export async function noteWaiting(
  sql: Queryable,
  w: Wanted,
  sent: { at: Date; requestId: string },
  error: unknown,
): Promise<void> {
  if (!(error instanceof Outcome) || error.code !== 'throttled') return;
  const object = objectOf(w);
  const [seen] = await sql`
    select from exchange.audit where object = ${object} and at > ${new Date(sent.at.getTime() - DAY_MS)} and at > coalesce((
      select max(received_at) from exchange.bulk_job
        where peer_id = ${w.peerId} and kind = ${w.kind} and group_id is not distinct from ${w.groupId}), '-infinity') limit 1`;
  if (seen) return;
  await writeAudit(sql, [
    auditRow({
      at: sent.at,
      actorKind: 'peer',
      actor: w.peerId,
      action: `${w.kind}-requested`,
      object,
      peerId: w.peerId,
      outcome: 'refused',
      reason: 'busy',
      requestId: sent.requestId,
    }),
  ]);
}

/** When a request that is taken now was first sent: since the last one like it was taken. audit_object, bulk_job_peer. */
export async function firstSent(tx: Queryable, w: Wanted, receivedAt: Date): Promise<Date> {
  const [row] = await tx<{ at: Date | null }[]>`
    select min(at) as at from exchange.audit where
      object = ${objectOf(w)} and at <= ${receivedAt} and at > ${new Date(receivedAt.getTime() - SAME_DAYS * DAY_MS)}
      and at > coalesce((
        select max(received_at) from exchange.bulk_job
          where peer_id = ${w.peerId} and kind = ${w.kind} and group_id is not distinct from ${w.groupId}), '-infinity')`;
  return row?.at ?? receivedAt;
}
