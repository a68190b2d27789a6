// Bulk jobs a peer started with us (match and export): the row is the work, its files are rows beside it.

import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { bulkFile, bulkJob } from './schema.ts';

export type BulkJob = {
  id: string;
  kind: 'match' | 'export';
  peerId: string;
  state: 'queued' | 'running' | 'complete' | 'failed' | 'cancelled' | 'revoked';
  requestUrl: string;
  parameters: Record<string, unknown>;
  bodyKey: string | null;
  groupId: string | null;
  receivedAt: Date;
  dueAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
  expiresAt: Date | null;
  transactionTime: Date | null;
  progress: number;
  attempts: number;
  counts: Record<string, number>;
  failure: string | null;
};

/** `textSha256` is null where an older program made it; `continuesIn` is the file in which its last block goes on; what was removed keeps its row. */
export type BulkFile = typeof bulkFile.$inferSelect;

/** A job that its owner works on. bulk_job_pkey. */
const isMine = (id: string, owner: string) =>
  and(eq(bulkJob.id, id), eq(bulkJob.leaseOwner, owner), eq(bulkJob.state, 'running'));
const FREE = { leaseOwner: null, leaseUntil: null };

const COLUMNS = `id, kind, peer_id as "peerId", state, request_url as "requestUrl", parameters, body_key as "bodyKey", group_id as "groupId",
  received_at as "receivedAt", due_at as "dueAt", started_at as "startedAt", completed_at as "completedAt", expires_at as "expiresAt",
  transaction_time as "transactionTime", progress, attempts, counts, failure`;

export async function addJob(
  tx: Queryable,
  job: Pick<
    BulkJob,
    'id' | 'kind' | 'peerId' | 'requestUrl' | 'parameters' | 'bodyKey' | 'groupId' | 'receivedAt' | 'dueAt'
  >,
): Promise<void> {
  const { id, kind, peerId, requestUrl, parameters, bodyKey, groupId, receivedAt, dueAt } = job;
  const request = { requestUrl, parameters, bodyKey, groupId, receivedAt, dueAt };
  await orm(tx)
    .insert(bulkJob)
    .values({ id, kind, peerId, state: 'queued', ...request });
}

/** A job of this peer; another peer's job does not exist for it. */
export async function findJob(sql: Queryable, id: string, peerId: string): Promise<BulkJob | undefined> {
  const [row] = await sql.unsafe<BulkJob[]>(
    `select ${COLUMNS} from exchange.bulk_job where id = $1 and peer_id = $2`,
    [id, peerId],
    { prepare: true },
  );
  return row;
}

/** Jobs of a peer that are not finished. Served by bulk_job_peer. */
export async function countOpenJobs(
  sql: Queryable,
  peerId: string,
  groupId?: string,
): Promise<{ open: number; ofGroup: number }> {
  const [row] = await sql<{ open: number; ofGroup: number }[]>`
    select count(*)::int as open, count(*) filter (where group_id = ${groupId ?? null})::int as "ofGroup"
    from exchange.bulk_job where peer_id = ${peerId} and state in ('queued', 'running')`;
  return row ?? { open: 0, ofGroup: 0 };
}

/** Jobs of one peer that run at once, so that a peer who asks for much does not keep others waiting. */
const RUNNING_PER_PEER = 2;

/** A job about so few members is short. */
const FEW_MEMBERS = 200;

/** Hours for which a match of a payer that asks for many who are not here lets those of others go first: its own is due within a business day. */
const SLOW_HOURS = 4;
/** Such a match `j` at time $2: one after the other, and after all others. alert_standing. */
const IS_SLOW = `(j.kind = 'match' and j.received_at > $2::timestamptz - interval '${SLOW_HOURS} hours' and exists (
  select from exchange.alert a where a.kind = 'match-misses' and a.subject = j.peer_id and a.cleared_at is null))`;

/**
 * Takes the oldest job that no one works on; a match of a payer that asks for many who are not here when nothing else waits. The lease makes a crashed worker's job free again. Who asks works on none: one that is still theirs is one
 * whose end could not be written, as the database was away. bulk_job_open.
 * @param short only one about few members
 */
export async function claimJob(
  sql: Queryable,
  owner: string,
  now: Date,
  leaseSeconds: number,
  short = false,
): Promise<BulkJob | undefined> {
  const [row] = await sql.unsafe<BulkJob[]>(
    `update exchange.bulk_job set state = 'running', lease_owner = $1, lease_until = $2::timestamptz + make_interval(secs => $3), attempts = attempts + 1,
       started_at = coalesce(started_at, $2::timestamptz)
     where id = (
       select j.id from exchange.bulk_job j
       where j.state in ('queued', 'running') and (j.lease_until is null or j.lease_until < $2::timestamptz or j.lease_owner = $1)
         and (select count(*) from exchange.bulk_job r
           where r.peer_id = j.peer_id and r.state = 'running' and r.lease_until >= $2::timestamptz and r.lease_owner <> $1) < case when ${IS_SLOW} then 1 else ${RUNNING_PER_PEER} end
         ${short ? `and (j.parameters->>'members')::int <= ${FEW_MEMBERS}` : ''}
       order by ${IS_SLOW}, j.received_at for update of j skip locked limit 1
     ) returning ${COLUMNS}`,
    [owner, now, leaseSeconds],
    { prepare: true },
  );
  return row;
}

/** Keeps the lease and shows progress. False when the job is no longer ours: cancelled, revoked or taken over. */
export async function renewJob(
  sql: Queryable,
  id: string,
  owner: string,
  now: Date,
  leaseSeconds: number,
  progress?: number,
): Promise<boolean> {
  const kept = await sql`
    update exchange.bulk_job set lease_until = ${now}::timestamptz + make_interval(secs => ${leaseSeconds}), progress = coalesce(${progress ?? null}::int, progress)
    where id = ${id} and lease_owner = ${owner} and state = 'running' returning 1`;
  return kept.length === 1;
}

/** Files and state of a finished job, in the caller's transaction. False when the job is no longer ours. */
export async function completeJob(
  tx: Queryable,
  id: string,
  owner: string,
  done: {
    at: Date;
    expiresAt: Date;
    transactionTime: Date;
    counts: Record<string, number>;
    files: (Omit<BulkFile, 'jobId' | 'continuesIn' | 'removedAt'> & { continuesIn?: string })[];
    /** number of the labeller that decided what is sensitive in it */
    labeller?: number;
  },
): Promise<boolean> {
  const mine = await tx`
    update exchange.bulk_job set state = 'complete', completed_at = ${done.at}, expires_at = ${done.expiresAt}, transaction_time = ${done.transactionTime},
      progress = 100, failure = null, reports_entries = true, labeller = ${done.labeller ?? null}, counts = ${JSON.stringify(done.counts)}::text::jsonb, lease_owner = null, lease_until = null
    where id = ${id} and lease_owner = ${owner} and state = 'running' returning 1`;
  if (mine.length === 0) return false;
  await tx`delete from exchange.bulk_file where job_id = ${id}`;
  await tx`
    insert into exchange.bulk_file (job_id, id, position, kind, type, blob_key, lines, bytes, stored_bytes, sha256, text_sha256, continues_in)
    select ${id}, f.id, f.position, f.kind, f.type, f."blobKey", f.lines, f.bytes, f."storedBytes", f.sha256, f."textSha256", f."continuesIn"
    from jsonb_to_recordset(${JSON.stringify(done.files)}::text::jsonb) f(id text, position int, kind text, type text, "blobKey" text,
      lines int, bytes bigint, "storedBytes" bigint, sha256 text, "textSha256" text, "continuesIn" text)`;
  return true;
}

/** Ends a job, or has it begun again. @param retryMs pause before it is; undefined: never */
export async function failJob(
  sql: Queryable,
  id: string,
  owner: string,
  at: Date,
  failure: string,
  retryMs: number | undefined,
): Promise<void> {
  const next =
    retryMs === undefined
      ? { state: 'failed' as const, completedAt: at, leaseUntil: null }
      : { state: 'queued' as const, completedAt: null, leaseUntil: new Date(at.getTime() + retryMs) };
  await orm(sql)
    .update(bulkJob)
    .set({ ...next, failure, leaseOwner: null })
    .where(isMine(id, owner));
}

/** Gives a job back to be begun again, in the caller's transaction. */
export async function requeueJob(tx: Queryable, id: string, owner: string, reason: string): Promise<void> {
  await orm(tx)
    .update(bulkJob)
    .set({ state: 'queued', progress: 0, failure: reason, ...FREE })
    .where(isMine(id, owner));
}

/** Takes back a finished export: its files are no longer delivered. False when another process did. */
export async function revokeJob(tx: Queryable, id: string, reason: string): Promise<boolean> {
  const mine = await orm(tx)
    .update(bulkJob)
    .set({ state: 'revoked', failure: reason })
    .where(and(eq(bulkJob.id, id), eq(bulkJob.state, 'complete')))
    .returning({ id: bulkJob.id });
  return mine.length === 1;
}

/**
 * Ends all that a peer has asked for and could still have: what waits, what is being made, and files that are there. In the caller's
 * transaction; bulk_job_peer.
 */
export async function revokeJobsOf(
  tx: Queryable,
  peerId: string,
  reason: string,
  now: Date,
): Promise<{ id: string; kind: BulkJob['kind']; wasOpen: boolean }[]> {
  const rows = await tx<{ id: string; kind: BulkJob['kind']; wasOpen: boolean }[]>`
    with theirs as (
      select id, state in ('queued', 'running') as open from exchange.bulk_job
      where peer_id = ${peerId} and (state in ('queued', 'running') or (state = 'complete' and expires_at > ${now})) for update
    )
    update exchange.bulk_job j set state = 'revoked', failure = ${reason}, lease_owner = null, lease_until = null
    from theirs t where t.id = j.id returning j.id, j.kind, t.open as "wasOpen"`;
  return [...rows];
}

/** Exports whose files are still there. bulk_job_kept. */
export async function openExports(
  sql: Queryable,
  now: Date,
): Promise<{ id: string; peerId: string; groupId: string | null }[]> {
  return orm(sql)
    .select({ id: bulkJob.id, peerId: bulkJob.peerId, groupId: bulkJob.groupId })
    .from(bulkJob)
    .where(and(eq(bulkJob.kind, 'export'), eq(bulkJob.state, 'complete'), gt(bulkJob.expiresAt, now)))
    .orderBy(asc(bulkJob.receivedAt));
}

export type FinishedExport = { id: string; transactionTime: Date };

/** Exports whose files may still be there, or one of them. */
export async function finishedExports(sql: Queryable, id?: string): Promise<FinishedExport[]> {
  const rows = await sql<FinishedExport[]>`
    select id, transaction_time as "transactionTime" from exchange.bulk_job
    where kind = 'export' and state in ('complete', 'cancelled') and transaction_time is not null and (${id ?? null}::text is null or id = ${id ?? null}) order by received_at`;
  return [...rows];
}

/**
 * A payer that has its files ends the job, most at once: those of a finished export stay here, out of reach, until they were walked for what must
 * not leave, a day at most.
 */
const WAITS_FOR_WALK = `(j.kind = 'export' and j.state = 'cancelled' and j.transaction_time is not null and j.completed_at > $1::timestamptz - interval '1 day'
  and not exists (select from exchange.content_check k where k.job_id = j.id))`;

/**
 * Ends a job at its owner's wish. Undefined when there is no such job.
 * @returns its files, and whether they stay for now
 */
export async function cancelJob(
  tx: Queryable,
  id: string,
  peerId: string,
  at: Date,
): Promise<{ files: BulkFile[]; stay: boolean } | undefined> {
  const mine = await tx.unsafe<{ stay: boolean }[]>(
    `with ended as (
       update exchange.bulk_job set state = 'cancelled', completed_at = coalesce(completed_at, $1), lease_owner = null, lease_until = null
       where id = $2 and peer_id = $3 and state in ('queued', 'running', 'complete', 'failed') returning *)
     select ${WAITS_FOR_WALK} as stay from ended j`,
    [at, id, peerId],
  );
  const [ended] = mine;
  if (ended === undefined) return undefined;
  return { files: (await jobFiles(tx, id)).filter((f) => f.removedAt === null), stay: ended.stay };
}

/** Those that were removed, too. bulk_file_pkey. */
export async function jobFiles(sql: Queryable, id: string): Promise<BulkFile[]> {
  return orm(sql).select().from(bulkFile).where(eq(bulkFile.jobId, id)).orderBy(asc(bulkFile.position));
}

/** One file of a job that is there; bulk_file_pkey. */
export async function findFile(sql: Queryable, jobId: string, id: string): Promise<BulkFile | undefined> {
  const isIt = and(eq(bulkFile.jobId, jobId), eq(bulkFile.id, id), isNull(bulkFile.removedAt));
  return (await orm(sql).select().from(bulkFile).where(isIt))[0];
}

/** Files that may go: of jobs that are expired, cancelled or revoked. bulk_file_there. */
export async function expiredFiles(sql: Queryable, now: Date): Promise<{ jobId: string; blobKey: string }[]> {
  const rows = await sql.unsafe<{ jobId: string; blobKey: string }[]>(
    `select f.job_id as "jobId", f.blob_key as "blobKey" from exchange.bulk_file f join exchange.bulk_job j on j.id = f.job_id
     where f.removed_at is null and (j.expires_at < $1 or j.state in ('cancelled', 'revoked')) and not ${WAITS_FOR_WALK} limit 1000`,
    [now],
  );
  return [...rows];
}

/**
 * Which of some files are known: as a request, as a file of an answer, or as of a job that is still being made, whose files are reported when it is
 * finished. bulk_job_pkey, bulk_file_pkey.
 * @param keys `bulk/job/…`
 */
export async function namedFiles(sql: Queryable, keys: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ key: string }[]>`
    select k as key from unnest(${arrayLiteral(keys)}::text::text[]) k join exchange.bulk_job j on j.id = split_part(k, '/', 2)
    where j.state in ('queued', 'running') or j.body_key = k
      or exists (select from exchange.bulk_file f where f.job_id = j.id and f.blob_key = k and f.removed_at is null)`;
  return new Set(rows.map((r) => r.key));
}

/** Files that were removed. bulk_file_pkey. */
export async function forgetFiles(
  sql: Queryable,
  files: readonly { jobId: string; blobKey: string }[],
  at: Date,
): Promise<void> {
  await sql`
    update exchange.bulk_file f set removed_at = ${at} from jsonb_to_recordset(${JSON.stringify(files)}::text::jsonb) g("jobId" text, "blobKey" text)
    where f.job_id = g."jobId" and f.blob_key = g."blobKey"`;
}
