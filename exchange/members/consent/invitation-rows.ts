// Links by which members reach the page about the exchange. The database holds the SHA-256 of the code, never the code.

import { and, eq, sql as expression, gt, lt } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { invitation } from '../schema.ts';

const bytes = (hex: string) => `\\x${hex}`;
const hashed = (hex: string) => Buffer.from(hex, 'hex');
/** One that may still be used. invitation_pkey. */
const usable = (idHash: string, now: Date, tries: number) =>
  and(eq(invitation.idHash, hashed(idHash)), gt(invitation.expiresAt, now), lt(invitation.failures, tries));

/** Served by the primary key. */
export async function addInvitations(
  tx: Queryable,
  rows: readonly { idHash: string; memberId: string }[],
  at: Date,
  days: number,
  by: string,
): Promise<void> {
  await tx`
    insert into exchange.invitation (id_hash, member_id, created_at, expires_at, created_by)
    select h::bytea, m, ${at}, ${at}::timestamptz + make_interval(days => ${days}), ${by}
    from unnest(${rows.map((r) => bytes(r.idHash))}::text[], ${rows.map((r) => r.memberId)}::text[]) as t(h, m)`;
}

/** A link that may still be used: not past its time, and not tried too often. */
export async function findInvitation(
  sql: Queryable,
  idHash: string,
  now: Date,
  tries: number,
): Promise<{ memberId: string; expiresAt: Date } | undefined> {
  const [row] = await orm(sql)
    .select({ memberId: invitation.memberId, expiresAt: invitation.expiresAt })
    .from(invitation)
    .where(usable(idHash, now, tries));
  return row;
}

/**
 * Counts a try before it is judged, so that no number of tries at once gets more than its due; {@link openInvitation} takes
 * it back. Undefined when there is no such link or no try is left. Served by the primary key.
 */
export async function takeTry(
  sql: Queryable,
  idHash: string,
  now: Date,
  tries: number,
): Promise<{ memberId: string } | undefined> {
  const [row] = await orm(sql)
    .update(invitation)
    .set({ failures: expression`${invitation.failures} + 1` })
    .where(usable(idHash, now, tries))
    .returning({ memberId: invitation.memberId });
  return row;
}

export async function openInvitation(sql: Queryable, idHash: string, now: Date): Promise<void> {
  await orm(sql)
    .update(invitation)
    .set({
      failures: 0,
      openedAt: expression`coalesce(${invitation.openedAt}, ${expression.param(now, invitation.openedAt)})`,
    })
    .where(eq(invitation.idHash, hashed(idHash)));
}
