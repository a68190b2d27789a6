// Received files that were kept long enough, pull by pull: their SHA-256, and what became of each line, stays.

import { and, asc, eq, isNotNull, isNull } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { isKeptByHold } from '../compliance/retention/hold.ts';
import { isPastKeep, type KeepDays, keepDays } from '../compliance/retention/keep-days.ts';
import { pull, pullFile } from './schema.ts';

export type PastFiles = { id: string; peerId: string; finishedAt: Date };

/** What a person has still to decide, or has decided and is not carried out, and a document that is still to be fetched, need the file. */
const NEEDED = `exists (select from exchange.review_item v where v.pull_id = p.id and (v.state = 'open'
  or exists (select from exchange.release_due r where r.item_id = v.id)))
  or exists (select from exchange.attachment a where a.pull_id = p.id and a.state = 'due')`;

const MEMBERS = 'select m.member_id from exchange.pull_member m where m.pull_id = p.id';
const HELD = isKeptByHold('p.peer_id', MEMBERS);

/** Does a hold keep the files of a pull, or someone need them? pull_pkey and those of {@link pastFiles}. */
export async function areKept(tx: Queryable, pullId: string): Promise<boolean> {
  const rows = await tx.unsafe(`select 1 from exchange.pull p where p.id = $1 and (${NEEDED} or ${HELD})`, [pullId]);
  return rows.length > 0;
}

/**
 * Ended pulls whose files are there and past their time, the oldest first: but for what a legal hold keeps, and what
 * someone has to decide about. pull_files_kept, review_item_pull, attachment_pull, pull_member_pkey, enrolment_pkey.
 * @param after only those that ended after this one
 */
export async function pastFiles(
  sql: Queryable,
  now: Date,
  keep: KeepDays,
  limit: number,
  after?: PastFiles,
): Promise<PastFiles[]> {
  return [
    ...(await sql<PastFiles[]>`
      select p.id, p.peer_id as "peerId", p.finished_at as "finishedAt" from exchange.pull p
       where p.files_removed_at is null and p.finished_at is not null
         and ${isPastKeep(sql, { since: 'p.finished_at', members: MEMBERS }, now, keep)}
         and p.state in ('done', 'refused', 'failed', 'withdrawn')
         and (p.finished_at, p.id) > (coalesce(${after?.finishedAt ?? null}::timestamptz, '-infinity'), ${after?.id ?? ''}::text)
         and not (${sql.unsafe(NEEDED)}) and not ${sql.unsafe(HELD)}
       order by p.finished_at, p.id limit ${limit}`),
  ];
}

/** The files of a pull that are there whole. pull_file_pkey. */
export async function filesThere(
  sql: Queryable,
  pullId: string,
): Promise<{ key: string; file: number; sha256: string | null; bytes: number }[]> {
  const { blobKey: key, position: file, sha256, bytes } = pullFile;
  const rows = await orm(sql)
    .select({ key, file, sha256, bytes })
    .from(pullFile)
    .where(and(eq(pullFile.pullId, pullId), isNotNull(key)))
    .orderBy(asc(file));
  return rows.flatMap((r) => (r.key === null ? [] : [{ ...r, key: r.key, bytes: r.bytes ?? 0 }]));
}

/** False when another process was first. pull_pkey, pull_file_pkey. */
export async function forgetPullFiles(tx: Queryable, pullId: string, at: Date): Promise<boolean> {
  const mine = await orm(tx)
    .update(pull)
    .set({ filesRemovedAt: at })
    .where(and(eq(pull.id, pullId), isNull(pull.filesRemovedAt)))
    .returning({ id: pull.id });
  if (mine.length === 1)
    await orm(tx)
      .update(pullFile)
      .set({ blobKey: null })
      .where(and(eq(pullFile.pullId, pullId), isNotNull(pullFile.blobKey)));
  return mine.length === 1;
}

export type PastCounts = {
  kept: number;
  removed: number;
  /** when the next files go; of those beyond their time only what nothing keeps */
  nextAt: Date | null;
  /** beyond their time, as a hold keeps them, or else as someone has to decide */
  held: number;
  needed: number;
};

/** Pulls by whether their files are there, and why, beyond their time. pull_files_kept, pull_member_pkey, enrolment_pkey. */
export async function countPastFiles(sql: Queryable, now: Date, keep: KeepDays): Promise<PastCounts> {
  const [row] = await sql<PastCounts[]>`
    select count(*) filter (where p.files_removed_at is null)::int as kept, count(p.files_removed_at)::int as removed,
      min(p.goes_at) filter (where p.files_removed_at is null and p.keeps is null) as "nextAt",
      count(*) filter (where p.keeps = 'hold')::int as held, count(*) filter (where p.keeps = 'person')::int as needed
    from (select p.files_removed_at, t.goes_at, case when p.files_removed_at is null
      and t.goes_at < ${now}::timestamptz then case when ${sql.unsafe(HELD)} then 'hold'
      when ${sql.unsafe(NEEDED)} then 'person' end end as keeps
      from exchange.pull p cross join lateral (
        select case when p.files_removed_at is null
          then p.finished_at + ${keepDays(sql, keep, MEMBERS)} * interval '1 day' end as goes_at) t
      where p.finished_at is not null and exists (select from exchange.pull_file f where f.pull_id = p.id and f.sha256 is not null)) p`;
  return row ?? { kept: 0, removed: 0, nextAt: null, held: 0, needed: 0 };
}
