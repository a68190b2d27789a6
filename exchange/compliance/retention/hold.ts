// Legal holds: what is kept whatever its time. They are few; each is one of a member, of a payer, or of everything.
import type { Queryable } from '../../../src/db/database.ts';
import { standsAsSql } from '../../members/merge/member-merge.ts';

export type Hold = {
  id: string;
  /** null of a hold of a payer, or of everything */
  memberId: string | null;
  peerId: string | null;
  peerName: string | null;
  reason: string;
  placedBy: string;
  placedAt: Date;
  liftReason: string | null;
  liftedBy: string | null;
  liftedAt: Date | null;
};

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
  const rows = await sql`select 1 from exchange.legal_hold where lifted_at is null limit 1`;
  return rows.length > 0;
}

/** All that were ever placed: those that stand first, then the newest. The table is small. */
export async function listHolds(sql: Queryable): Promise<Hold[]> {
  return [
    ...(await sql<Hold[]>`
      select h.id, h.member_id as "memberId", h.peer_id as "peerId", p.name as "peerName", h.reason, h.placed_by as "placedBy",
        h.placed_at as "placedAt",
        h.lift_reason as "liftReason", h.lifted_by as "liftedBy", h.lifted_at as "liftedAt"
      from exchange.legal_hold h left join exchange.peer p on p.id = h.peer_id order by h.lifted_at is not null, h.placed_at desc, h.id`),
  ];
}

export async function addHold(
  tx: Queryable,
  h: Pick<Hold, 'id' | 'memberId' | 'peerId' | 'reason' | 'placedBy' | 'placedAt'>,
): Promise<void> {
  await tx`
    insert into exchange.legal_hold (id, member_id, peer_id, reason, placed_by, placed_at)
    values (${h.id}, ${h.memberId}, ${h.peerId}, ${h.reason}, ${h.placedBy}, ${h.placedAt})`;
}

/** Of whom the hold was; undefined when none of this id stands. legal_hold_pkey. */
export async function endHold(
  tx: Queryable,
  id: string,
  by: { subject: string; reason: string; at: Date },
): Promise<Pick<Hold, 'memberId' | 'peerId'> | undefined> {
  const [row] = await tx<Pick<Hold, 'memberId' | 'peerId'>[]>`
    update exchange.legal_hold set lifted_at = ${by.at}, lifted_by = ${by.subject}, lift_reason = ${by.reason}
    where id = ${id} and lifted_at is null returning member_id as "memberId", peer_id as "peerId"`;
  return row;
}
