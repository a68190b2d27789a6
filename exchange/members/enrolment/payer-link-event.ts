// Payers that were named by mistake (exchange.payer_link_event, insert-only): no one asks them, their duties end as ones that
// never were, and what was said stays to be read. Who names the payer again, on a page, names it again; a file that has
// the same row again does not.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../../src/db/database.ts';

export type Naming = {
  id: string;
  otherCoverageId: string;
  payer: string;
  at: Date;
  act: 'in-error' | 'again';
  reason: string;
  by: string;
};

type Said = { otherCoverageId: string; at: Date; reason: string; by: string };

const keep = (tx: Queryable, act: Naming['act'], s: Said) => tx`
    insert into exchange.payer_link_event (id, other_coverage_id, at, act, reason, by) values (${randomUUID()}, ${s.otherCoverageId}, ${s.at},
      ${act}, ${s.reason}, ${s.by})`;

/**
 * Notes that the payer was named by mistake. @returns false when that is known, or there is no such coverage of the
 * member. other_coverage_pkey.
 */
export async function nameInError(tx: Queryable, memberId: string, s: Said): Promise<boolean> {
  const found = await tx`
    update exchange.other_coverage set in_error_at = ${s.at} where
      id = ${s.otherCoverageId} and member_id = ${memberId} and in_error_at is null returning 1`;
  if (found.length === 0) return false;
  await keep(tx, 'in-error', s);
  return true;
}

/** Notes that a payer holds that was named by mistake; nothing when it was not. other_coverage_pkey. */
export async function nameAgain(tx: Queryable, s: Said): Promise<void> {
  const found = await tx`
    update exchange.other_coverage set in_error_at = null where id = ${s.otherCoverageId} and in_error_at is not null returning 1`;
  if (found.length > 0) await keep(tx, 'again', s);
}

/** What was taken back and said again of a member, the newest first. other_coverage_member, payer_link_event_coverage. */
export async function memberNamings(sql: Queryable, memberId: string): Promise<Naming[]> {
  return [
    ...(await sql<Naming[]>`
      select n.id, n.other_coverage_id as "otherCoverageId", o.payer, n.at, n.act, n.reason, n.by
      from exchange.other_coverage o join exchange.payer_link_event n on n.other_coverage_id = o.id
        where o.member_id = ${memberId} order by n.at desc, n.id`),
  ];
}
