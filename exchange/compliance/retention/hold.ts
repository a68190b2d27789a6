// Legal holds: what is kept whatever its time. They are few; each is one of a member, of a payer, or of everything.

import { and, asc, desc, eq, getColumns, isNotNull, isNull } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { standsAsSql } from '../../members/merge/member-merge.ts';
import { peer } from '../../peers/schema.ts';
import { legalHold } from '../schema.ts';

/** `memberId` is null of a hold of a payer, or of everything. */
export type Hold = typeof legalHold.$inferSelect & { peerName: string | null };

/**
 * Does a hold stand on everything, on a payer, or on someone among some members, by whichever of two ids that are one
 * person? As SQL. legal_hold_standing.
 * @param peer SQL of the payer's id
 * @param members SQL that selects ids of members
 */
export const isKeptByHold = (peer: string, members: string): string =>
  `exists (select from exchange.legal_hold h where h.lifted_at is null and (
    (h.member_id is null and h.peer_id is null) or h.peer_id = ${peer}
    or ${standsAsSql('h.member_id')} in (select ${standsAsSql('x.id')} from (${members}) x(id))))`;

/** Until the transaction ends no hold is placed: what none keeps now may go. Who places one waits, for as long as a file takes. */
export const holdsStay = (tx: Queryable): Promise<unknown> => tx`lock table exchange.legal_hold in share mode`;

/** Does any hold stand? legal_hold_standing. */
export async function hasHold(sql: Queryable): Promise<boolean> {
  const rows = await orm(sql).select({ id: legalHold.id }).from(legalHold).where(isNull(legalHold.liftedAt)).limit(1);
  return rows.length > 0;
}

/** All that were ever placed: those that stand first, then the newest. The table is small. */
export async function listHolds(sql: Queryable): Promise<Hold[]> {
  return orm(sql)
    .select({ ...getColumns(legalHold), peerName: peer.name })
    .from(legalHold)
    .leftJoin(peer, eq(peer.id, legalHold.peerId))
    .orderBy(isNotNull(legalHold.liftedAt), desc(legalHold.placedAt), asc(legalHold.id));
}

export async function addHold(
  tx: Queryable,
  h: Pick<Hold, 'id' | 'memberId' | 'peerId' | 'reason' | 'placedBy' | 'placedAt'>,
): Promise<void> {
  const { id, memberId, peerId, reason, placedBy, placedAt } = h;
  await orm(tx).insert(legalHold).values({ id, memberId, peerId, reason, placedBy, placedAt });
}

/** Of whom the hold was; undefined when none of this id stands. legal_hold_pkey. */
export async function endHold(
  tx: Queryable,
  id: string,
  by: { subject: string; reason: string; at: Date },
): Promise<Pick<Hold, 'memberId' | 'peerId'> | undefined> {
  const [row] = await orm(tx)
    .update(legalHold)
    .set({ liftedAt: by.at, liftedBy: by.subject, liftReason: by.reason })
    .where(and(eq(legalHold.id, id), isNull(legalHold.liftedAt)))
    .returning({ memberId: legalHold.memberId, peerId: legalHold.peerId });
  return row;
}
