// Walks over the files of exports: which are to be made, and what they found.

import { and, asc, eq, getColumns, gte, lt } from 'drizzle-orm';
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { DOUBTED_PEERS } from '../../records/doubt.ts';
import { LABELLER } from '../../records/facts/label.ts';
import { SUPPORTING_TYPES } from '../../records/facts/record-types.ts';
import { isHiddenPa } from '../../records/hidden-pa.ts';
import { bulkJob } from '../../responder/schema.ts';
import { contentCheck as contentChecks } from '../schema.ts';

/** `gone`: the files were removed before the walk had seen all of them. */
export type ContentCheck = typeof contentChecks.$inferSelect;

const HIDDEN = isHiddenPa('r');

/** Does a peer wait for an answer? Then nothing is walked: they come first. bulk_job_open */
export async function isAnswering(sql: Queryable): Promise<boolean> {
  const [row] = await sql<{ busy: boolean }[]>`
    select exists (select from exchange.bulk_job where state in ('queued', 'running')) as busy`;
  return row?.busy === true;
}

/**
 * Finished exports, those that their payer has ended included, with files that are there and were not walked yet. They
 * are few: files go after days.
 */
const UNCHECKED = `j.kind = 'export' and j.state in ('complete', 'cancelled') and j.transaction_time is not null
  and exists (select from exchange.bulk_file f where f.job_id = j.id and f.removed_at is null)
    and not exists (select from exchange.content_check k where k.job_id = j.id)`;

/** Takes the oldest of them that no other process walks. The lease of the job serves again: no one makes it any more. */
export async function claimUnchecked(
  sql: Queryable,
  owner: string,
  now: Date,
  leaseSeconds: number,
): Promise<string | undefined> {
  const [row] = await sql.unsafe<{ id: string }[]>(
    `update exchange.bulk_job set lease_owner = $1, lease_until = $2::timestamptz + make_interval(secs => $3)
     where id = (select j.id from exchange.bulk_job j where ${UNCHECKED} and (j.lease_until is null or j.lease_until < $2::timestamptz)
       order by j.received_at for update skip locked limit 1)
     returning id`,
    [owner, now, leaseSeconds],
    { prepare: true },
  );
  return row?.id;
}

/** Is one still to be walked, by whomever? */
export async function anyUnchecked(sql: Queryable): Promise<boolean> {
  const [row] = await sql.unsafe(`select 1 from exchange.bulk_job j where ${UNCHECKED} limit 1`);
  return row !== undefined;
}

/** Keeps the lease of a walk. */
export async function holdUnchecked(
  sql: Queryable,
  jobId: string,
  owner: string,
  now: Date,
  leaseSeconds: number,
): Promise<void> {
  await sql`
    update exchange.bulk_job set lease_until = ${now}::timestamptz + make_interval(secs => ${leaseSeconds})
    where id = ${jobId} and lease_owner = ${owner}`;
}

/** Are the files of an export still here? */
export async function isKept(sql: Queryable, jobId: string): Promise<boolean> {
  const [row] = await sql`
    select 1 from exchange.bulk_job j where j.id = ${jobId} and j.state in ('complete', 'cancelled')
      and not exists (select from exchange.bulk_file f where f.job_id = j.id and f.removed_at is not null)`;
  return row !== undefined;
}

/** False when another walk was written before. */
export async function writeContentCheck(tx: Queryable, c: ContentCheck): Promise<boolean> {
  const added = await orm(tx)
    .insert(contentChecks)
    .values(c)
    .onConflictDoNothing()
    .returning({ jobId: contentChecks.jobId });
  return added.length === 1;
}

export async function contentCheck(sql: Queryable, jobId: string): Promise<ContentCheck | undefined> {
  const [row] = await orm(sql).select().from(contentChecks).where(eq(contentChecks.jobId, jobId));
  return row;
}

/** Walks over the exports that were asked for in a time. bulk_job by time; content_check_pkey. */
export async function contentChecksIn(sql: Queryable, span: { from: Date; to: Date }): Promise<ContentCheck[]> {
  return orm(sql)
    .select(getColumns(contentChecks))
    .from(bulkJob)
    .innerJoin(contentChecks, eq(contentChecks.jobId, bulkJob.id))
    .where(and(gte(bulkJob.receivedAt, span.from), lt(bulkJob.receivedAt, span.to)))
    .orderBy(asc(bulkJob.receivedAt), asc(bulkJob.id));
}

export type AuthorizationText = { memberId: string; id: string; isHidden: boolean; body: string };

/**
 * Authorizations of those among some members who have one that was denied or is for drugs, as it was at a time:
 * `isHidden`. Others of theirs are stated because they may have the same number. resource_authorization.
 */
export async function authorizationsBeside(
  sql: Queryable,
  memberIds: readonly string[],
  at: Date,
): Promise<AuthorizationText[]> {
  return [
    ...(await sql<AuthorizationText[]>`
      select "memberId", id, "isHidden", body from (
        select r.member_id as "memberId", r.id, ${sql.unsafe(HIDDEN)} as "isHidden", r.body,
          bool_or(${sql.unsafe(HIDDEN)}) over (partition by r.member_id) as beside
        from unnest(${arrayLiteral(memberIds)}::text::text[]) m
        join exchange.resource r on r.member_id = m and r.type = 'ExplanationOfBenefit' and r.pa_state is not null and not r.deleted
        where coalesce(r.moved_at, r.last_updated) <= ${at}
      ) x where beside`),
  ];
}

/** `refers`: keys with a blank between them. `body`: null of what was written after the time: what it said then is not known. */
export type SupporterRow = { memberId: string; id: string; isHidden: boolean; refers: string; body: string | null };
/** `refers`: keys with a blank between them. */
export type DocumentRow = { memberId: string; key: string; refers: string };

/**
 * Authorizations and estimates of some members that name documents or are named by some, as they were at a time: found
 * by what they say, whatever was decided of them. resource_pkey.
 */
export async function supportersOf(sql: Queryable, memberIds: readonly string[], at: Date): Promise<SupporterRow[]> {
  return [
    ...(await sql<SupporterRow[]>`
      select r.member_id as "memberId", r.id, coalesce(${sql.unsafe(HIDDEN)}, false) as "isHidden",
        coalesce(array_to_string(r.refers, ' '), '') as refers,
          case when coalesce(r.moved_at, r.last_updated) <= ${at} then r.body end as body
      from unnest(${arrayLiteral(memberIds)}::text::text[]) m
      cross join lateral (select * from exchange.resource r where r.member_id = m and r.type = 'ExplanationOfBenefit' offset 0) r
      where (not r.deleted or coalesce(r.moved_at, r.last_updated) > ${at})
        and (r.pa_state is not null or position('"use":"pre' in r.body) > 0
          and exists (select from unnest(r.refers) k
            where split_part(k, '/', 1) = any(${arrayLiteral([...SUPPORTING_TYPES])}::text::text[])))`),
  ];
}

/** Documents of some members that name claims or authorizations, as they were at a time. resource_pkey. */
export async function documentsOf(sql: Queryable, memberIds: readonly string[], at: Date): Promise<DocumentRow[]> {
  return [
    ...(await sql<DocumentRow[]>`
      select d.member_id as "memberId", d.type || '/' || d.id as key, array_to_string(d.refers, ' ') as refers
      from unnest(${arrayLiteral(memberIds)}::text::text[]) m
      cross join lateral (select * from exchange.resource d
        where d.member_id = m and d.type = any(${arrayLiteral([...SUPPORTING_TYPES])}::text::text[]) offset 0) d
      where not d.deleted and coalesce(d.moved_at, d.last_updated) <= ${at}
        and exists (select from unnest(d.refers) k where starts_with(k, 'ExplanationOfBenefit/'))`),
  ];
}

/** A record as it leaves whole, as it was at a time; undefined when it was written or deleted since. resource_pkey. */
export async function leavingText(
  sql: Queryable,
  memberIds: readonly string[],
  { resourceType, id }: { resourceType: string; id: string },
  at: Date,
): Promise<string | undefined> {
  const [row] = await sql<{ body: string }[]>`
    select coalesce(r.shared, r.body) as body
    from unnest(${arrayLiteral(memberIds)}::text::text[]) m
    join exchange.resource r on r.member_id = m and r.type = ${resourceType} and r.id = ${id} and not r.deleted
    where coalesce(r.moved_at, r.last_updated) <= ${at} limit 1`;
  return row?.body;
}

export type StayingRow = { memberId: string; key: string; label: number; isDoubted: boolean };

/**
 * Records of some members that are labelled, by themselves or by others, or of payers that may mean another person, as
 * they were at a time. resource_pkey.
 */
export async function stayingOf(sql: Queryable, memberIds: readonly string[], at: Date): Promise<StayingRow[]> {
  return [
    ...(await sql.unsafe<StayingRow[]>(
      `select r.member_id as "memberId", r.type || '/' || r.id as key, case when r.labeller = ${LABELLER} then coalesce(r.label, 0)
        else 0 end as label, r.origin = any(d.peers) as "isDoubted"
       from unnest($1::text::text[]) m
       cross join lateral (select ${DOUBTED_PEERS('m')} as peers offset 0) d
       cross join lateral (select * from exchange.resource r where r.member_id = m offset 0) r
       where not r.deleted and coalesce(r.moved_at, r.last_updated) <= $2 and ((r.labeller = ${LABELLER} and r.label > 0)
         or r.origin = any(d.peers))`,
      [arrayLiteral(memberIds), at],
    )),
  ];
}

/**
 * Directory entries that reveal what is labelled, by themselves or by what they name in turn, with the highest label,
 * as they were at a time. From the labelled ones up: shared_resource_labelled, and shared_resource as a whole for each
 * level.
 */
export async function revealingAt(sql: Queryable, at: Date): Promise<Map<string, number>> {
  const rows = await sql<{ key: string; label: number }[]>`
    with recursive up(key, label) as (
      select type || '/' || id, label from exchange.shared_resource where label > 0 and labeller = ${LABELLER} and last_updated <= ${at}
      union
      select s.type || '/' || s.id, u.label from up u join exchange.shared_resource s on u.key = any(s.links) and s.last_updated <= ${at}
    )
    select key, max(label) as label from up group by key`;
  return new Map(rows.map((r) => [r.key, r.label]));
}
