// Walks over the files of exports: which are to be made, and what they found.
import type { Queryable } from '../../src/store/database.ts';

export type ContentCheck = {
  jobId: string;
  at: Date;
  files: number;
  lines: number;
  faults: number;
  /** the files were removed before the walk had seen all of them */
  gone: boolean;
  firstFaults: unknown[];
};

const COLUMNS = `k.job_id as "jobId", k.at, k.files, k.lines::float8 as lines, k.faults, k.gone, k.first_faults as "firstFaults"`;

/** Does a peer wait for an answer? Then nothing is walked: they come first. bulk_job_open */
export async function isAnswering(sql: Queryable): Promise<boolean> {
  const [row] = await sql<{ busy: boolean }[]>`
    select exists (select from exchange.bulk_job where state in ('queued', 'running')) as busy`;
  return row?.busy === true;
}

/** A finished export that was not walked yet, the oldest. Finished exports with files are few: they go after days. */
export async function uncheckedExport(sql: Queryable): Promise<string | undefined> {
  const [row] = await sql<{ id: string }[]>`
    select j.id from exchange.bulk_job j
    where j.kind = 'export' and j.state = 'complete' and j.transaction_time is not null
      and exists (select from exchange.bulk_file f where f.job_id = j.id) and not exists (select from exchange.content_check k where k.job_id = j.id)
    order by j.received_at limit 1`;
  return row?.id;
}

/** Are the files of an export still to be had? */
export async function isKept(sql: Queryable, jobId: string): Promise<boolean> {
  const [row] = await sql`select 1 from exchange.bulk_job where id = ${jobId} and state = 'complete'`;
  return row !== undefined;
}

export async function writeContentCheck(tx: Queryable, c: ContentCheck): Promise<void> {
  await tx`
    insert into exchange.content_check (job_id, at, files, lines, faults, gone, first_faults)
    values (${c.jobId}, ${c.at}, ${c.files}, ${c.lines}, ${c.faults}, ${c.gone}, ${JSON.stringify(c.firstFaults)}::text::jsonb) on conflict do nothing`;
}

export async function contentCheck(sql: Queryable, jobId: string): Promise<ContentCheck | undefined> {
  const [row] = await sql.unsafe<ContentCheck[]>(
    `select ${COLUMNS} from exchange.content_check k where k.job_id = $1`,
    [jobId],
  );
  return row;
}

/** Walks over the exports that were asked for in a time. bulk_job by time; content_check_pkey. */
export async function contentChecksIn(sql: Queryable, span: { from: Date; to: Date }): Promise<ContentCheck[]> {
  return [
    ...(await sql.unsafe<ContentCheck[]>(
      `select ${COLUMNS} from exchange.bulk_job j join exchange.content_check k on k.job_id = j.id
       where j.received_at >= $1 and j.received_at < $2 order by j.received_at, j.id`,
      [span.from, span.to],
    )),
  ];
}
