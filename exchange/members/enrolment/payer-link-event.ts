// Payers that were named by mistake (exchange.payer_link_event, insert-only): no one asks them, their duties end as ones that
// never were, and what was said stays to be read. Who names the payer again, on a page, names it again; a file that has
// the same row again does not.

import { randomUUID } from 'node:crypto';
import { and, asc, desc, eq, getColumns, isNotNull, isNull } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { otherCoverage, payerLinkEvent } from '../schema.ts';

export type Naming = typeof payerLinkEvent.$inferSelect & { payer: string };

type Said = { otherCoverageId: string; at: Date; reason: string; by: string };

const keep = (tx: Queryable, act: Naming['act'], { otherCoverageId, at, reason, by }: Said) =>
  orm(tx).insert(payerLinkEvent).values({ id: randomUUID(), otherCoverageId, at, act, reason, by });

/**
 * Notes that the payer was named by mistake. @returns false when that is known, or there is no such coverage of the
 * member. other_coverage_pkey.
 */
export async function nameInError(tx: Queryable, memberId: string, s: Said): Promise<boolean> {
  const { id, memberId: whose, inErrorAt } = otherCoverage;
  const found = await orm(tx)
    .update(otherCoverage)
    .set({ inErrorAt: s.at })
    .where(and(eq(id, s.otherCoverageId), eq(whose, memberId), isNull(inErrorAt)))
    .returning({ id });
  if (found.length === 0) return false;
  await keep(tx, 'in-error', s);
  return true;
}

/** Notes that a payer holds that was named by mistake; nothing when it was not. other_coverage_pkey. */
export async function nameAgain(tx: Queryable, s: Said): Promise<void> {
  const { id, inErrorAt } = otherCoverage;
  const found = await orm(tx)
    .update(otherCoverage)
    .set({ inErrorAt: null })
    .where(and(eq(id, s.otherCoverageId), isNotNull(inErrorAt)))
    .returning({ id });
  if (found.length > 0) await keep(tx, 'again', s);
}

/** What was taken back and said again of a member, the newest first. other_coverage_member, payer_link_event_coverage. */
export async function memberNamings(sql: Queryable, memberId: string): Promise<Naming[]> {
  return orm(sql)
    .select({ ...getColumns(payerLinkEvent), payer: otherCoverage.payer })
    .from(otherCoverage)
    .innerJoin(payerLinkEvent, eq(payerLinkEvent.otherCoverageId, otherCoverage.id))
    .where(eq(otherCoverage.memberId, memberId))
    .orderBy(desc(payerLinkEvent.at), asc(payerLinkEvent.id));
}
