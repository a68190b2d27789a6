// Links by which members reach the page about the exchange. The database holds the SHA-256 of the code, never the code.
import type { Queryable } from '../../../src/db/database.ts';

const bytes = (hex: string) => `\\x${hex}`;

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
  const [row] = await sql<{ memberId: string; expiresAt: Date }[]>`
    select member_id as "memberId", expires_at as "expiresAt" from exchange.invitation
    where id_hash = ${bytes(idHash)}::text::bytea and expires_at > ${now} and failures < ${tries}`;
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
  const [row] = await sql<{ memberId: string }[]>`
    update exchange.invitation set failures = failures + 1
    where id_hash = ${bytes(idHash)}::text::bytea and expires_at > ${now} and failures < ${tries}
    returning member_id as "memberId"`;
  return row;
}

export async function openInvitation(sql: Queryable, idHash: string, now: Date): Promise<void> {
  await sql`
    update exchange.invitation set failures = 0, opened_at = coalesce(opened_at, ${now}) where id_hash = ${bytes(idHash)}::text::bytea`;
}
