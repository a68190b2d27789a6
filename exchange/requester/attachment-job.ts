// Attachments that are due as work: taken by processes for a while, settled or given back by who has taken them.

import { and, eq } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { type AttachmentKey, type KeptBytes, SHOWN } from '../records/attachment.ts';
import { attachment } from '../records/schema.ts';

export type DueAttachment = AttachmentKey & {
  peerId: string;
  pullId: string;
  url: string;
  media: string | null;
  size: number | null;
  sha1: string | null;
  /** in hexadecimal, as its server says it */
  sha256: string | null;
  attempts: number;
  /** why the try before was none */
  reason: string | null;
  /** when its pull began */
  since: Date;
  /** of this taking alone: where it is written while it comes */
  coming: string;
  /** of the taking before, when its process did not end it */
  leftBehind: string | null;
  /** the record is not held any more */
  isGone: boolean;
  /** the member's newest choice is none to exchange */
  isWithdrawn: boolean;
};

const KEY = 'member_id, type, record_id, document_id';

/**
 * Takes some that are due, all of one peer: one that is active and not paused, of them the one that waits longest. attachment_due for each
 * peer; resource_pkey for each that is taken.
 */
export async function claimAttachments(
  sql: Queryable,
  claim: {
    owner: string;
    now: Date;
    leaseSeconds: number;
    most: number;
    /** of this pull */
    only?: string | undefined;
    /** of none of these peers */
    except?: readonly string[];
    /** owners whose work has ended though its end could not be written: their leases hold nothing */
    left?: readonly string[];
  },
): Promise<DueAttachment[]> {
  const due = `a.state = 'due' and a.next_at <= $1 and (a.lease_until is null or a.lease_until < $1 or a.lease_owner = any($6::text[]))
    and ($2::text is null or a.pull_id = $2)`;
  const rows = await sql.unsafe<(Omit<DueAttachment, 'size'> & { size: string | null })[]>(
    `with first as materialized (
       select p.id as peer_id from exchange.peer p
       cross join lateral (select a.next_at from exchange.attachment a where a.peer_id = p.id and ${due} order by a.next_at limit 1) a
       where p.state = 'active' and (p.paused_until is null or p.paused_until <= $1) and p.id <> all($7::text[])
       order by a.next_at limit 1
     ), chosen as materialized (
       select ${KEY}, coming as left_behind from exchange.attachment a
       where ${due} and a.peer_id = (select peer_id from first) order by a.next_at limit $5 for update skip locked
     ), taken as (
       update exchange.attachment a set lease_owner = $3, lease_until = $1::timestamptz + make_interval(secs => $4),
         coming = gen_random_uuid()::text
       from chosen s where a.member_id = s.member_id and a.type = s.type and a.record_id = s.record_id and a.document_id = s.document_id
       returning a.*, s.left_behind
     )
     select t.member_id as "memberId", t.type, t.record_id as "recordId", t.document_id as "documentId", t.peer_id as "peerId",
       t.pull_id as "pullId",
       t.url, t.media, t.size, t.sha1, t.said_sha256 as sha256, t.attempts, t.reason, p.created_at as since, t.coming,
         t.left_behind as "leftBehind",
       not exists (select from exchange.resource r where r.member_id = t.member_id and r.type = t.type and r.id = t.record_id
         and not r.deleted) as "isGone",
       coalesce((select choice <> 'opt-in' from exchange.consent c where c.member_id = t.member_id
         order by recorded_on desc, created_at desc limit 1), true) as "isWithdrawn"
     from taken t join exchange.pull p on p.id = t.pull_id`,
    [
      claim.now,
      claim.only ?? null,
      claim.owner,
      claim.leaseSeconds,
      claim.most,
      (claim.left ?? []) as never,
      (claim.except ?? []) as never,
    ],
    { prepare: true },
  );
  return rows.map((r) => ({ ...r, size: r.size === null ? null : Number(r.size) }));
}

/** Keeps what was taken from others for longer. attachment_due. */
export async function renewAttachments(sql: Queryable, owner: string, now: Date, leaseSeconds: number): Promise<void> {
  await orm(sql)
    .update(attachment)
    .set({ leaseUntil: new Date(now.getTime() + leaseSeconds * 1000) })
    .where(and(eq(attachment.state, 'due'), eq(attachment.leaseOwner, owner)));
}

/** Who took it, by this very taking: a process that lost its lease and took it again is another one. */
export type Taken = AttachmentKey & { coming: string };
const isThat = (sql: Queryable, k: Taken) => sql`
  member_id = ${k.memberId} and type = ${k.type} and record_id = ${k.recordId} and document_id = ${k.documentId} and state = 'due' and coming = ${k.coming}`;

/**
 * One is kept, or it is settled that it is not; and what leaves of its record changes with it. Only its holder can.
 * @param at instant of the transaction, as in FHIR
 * @returns false when it is another process’s by now
 */
export async function settleAttachment(
  tx: Queryable,
  key: Taken,
  end: { kept: KeptBytes } | { reason: string },
  at: string,
): Promise<boolean> {
  const kept = 'kept' in end ? end.kept : undefined;
  const settled = await tx`
    update exchange.attachment set state = ${kept ? 'kept' : 'not-fetched'}, reason = ${'reason' in end ? end.reason : null},
      attempts = attempts + 1,
      sha256 = ${kept?.sha256 ?? null}, bytes = ${kept?.bytes ?? null}, kept_media = ${kept?.media ?? null},
        settled_at = ${at}::text::timestamptz,
      lease_owner = null, lease_until = null, coming = null
    where ${isThat(tx, key)} returning 1`;
  if (settled.length === 0) return false;
  await tx.unsafe(SHOWN('(select $2::text as member_id, $3::text as type, $4::text as id)', '$5::text'), [
    at,
    key.memberId,
    key.type,
    key.recordId,
    key.documentId,
  ]);
  return true;
}

/** Gives one back, to be tried again at a time. attachment_pkey. */
export async function postponeAttachment(
  sql: Queryable,
  key: Taken,
  nextAt: Date,
  reason: string,
  isTry: boolean,
): Promise<void> {
  await sql`
    update exchange.attachment set next_at = ${nextAt}, attempts = attempts + ${isTry ? 1 : 0}, reason = ${reason}, lease_owner = null,
      lease_until = null, coming = null
    where ${isThat(sql, key)}`;
}

/** Is there something to fetch of a pull; when is the next of it due? attachment_pull. */
export async function nextAttachment(sql: Queryable, pullId: string): Promise<Date | undefined> {
  const [row] = await sql<{ at: Date | null }[]>`
    select min(greatest(a.next_at, p.paused_until)) as at from exchange.attachment a join exchange.peer p on p.id = a.peer_id
    where a.pull_id = ${pullId} and a.state = 'due'`;
  return row?.at ?? undefined;
}
