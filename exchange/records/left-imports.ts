// Imports of our own records whose process died: what they had staged is there still.
import { hash } from 'node:crypto';
import { underLock } from '../../src/db/advisory-lock.ts';
import { type Database, lendOne, type Queryable } from '../../src/db/database.ts';

/** Work ids of imports begin so; those of pulls never do. */
export const IMPORT = 'import-';

/** Behind the work id of an import: the work by which another process finishes it. */
const AGAIN = '-again';
export const againOf = (work: string): string => `${work}${AGAIN}`;

/** The lock that an import holds as long as its process lives, and who finishes it as long as that lives: what that stages is not left either. */
function lockOf(work: string): number {
  const of = work.endsWith(AGAIN) ? work.slice(0, -AGAIN.length) : work;
  return Number.parseInt(hash('sha256', of, 'hex').slice(0, 12), 16);
}

/** Does something as the import of that work id; from before anything is staged until all is cleared. */
export const underImport = <T>(database: Pick<Database, 'lend'>, work: string, of: () => Promise<T>): Promise<T> =>
  underLock(database, { key: lockOf(work) }, of);

/** Does something with what an import has left, unless its process lives, or another one does the same. */
export async function whenLeft(
  database: Pick<Database, 'lend'>,
  work: string,
  finish: () => Promise<void>,
): Promise<void> {
  await lendOne(database, (client) =>
    client.begin(async (tx) => {
      const [row] = await tx<{ ok: boolean }[]>`select pg_try_advisory_xact_lock(${lockOf(work)}::bigint) as ok`;
      if (row?.ok === true) await finish();
    }),
  );
}

/** Work ids of imports of which something is staged. One look by staging_pkey for each. */
export async function stagedImports(sql: Queryable): Promise<string[]> {
  const found: string[] = [];
  for (let after = IMPORT; ; ) {
    const [row] = await sql<{ work: string }[]>`
      select pull_id as work from exchange.staging where pull_id > ${after} order by pull_id limit 1`;
    if (!row?.work.startsWith(IMPORT)) return found;
    found.push(row.work);
    after = row.work;
  }
}

/** Had an import committed the records that it staged? What is decided is written with that, and what is linked after it. Entries may be before it. */
export async function hasCommittedImport(sql: Queryable, work: string): Promise<boolean> {
  const rows = await sql`
    select from exchange.staging where pull_id = ${work} and not is_shared and outcome in ('created', 'updated', 'linked-duplicate', 'retracted') limit 1`;
  return rows.length > 0;
}

/** Notes whose records an import has written that are to be compared with what payers sent. In its transaction; pulls and others have no such note. */
export async function oweComparison(tx: Queryable, work: string): Promise<void> {
  if (!work.startsWith(IMPORT)) return;
  await tx`
    insert into exchange.member_work_queue (work, member_id)
    select distinct ${work}, member_id from exchange.staging
    where pull_id = ${work} and outcome in ('created', 'updated', 'retracted') and member_id is not null and exists (select from exchange.identity)`;
}

/** They are compared: all of an import, or one member. member_work_queue_pkey. */
export async function noteCompared(sql: Queryable, work: string, memberId?: string): Promise<void> {
  await sql`delete from exchange.member_work_queue where work = ${work} and (${memberId ?? null}::text is null or member_id = ${memberId ?? null})`;
}

/** Work ids of imports that still owe a comparison. */
export async function owedImports(sql: Queryable): Promise<string[]> {
  return (await sql<{ work: string }[]>`select distinct work from exchange.member_work_queue order by 1`).map(
    (r) => r.work,
  );
}

/** Members whose comparison an import still owes. */
export async function owedMembers(sql: Queryable, work?: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select distinct member_id as id from exchange.member_work_queue where ${work ?? null}::text is null or work = ${work ?? null} order by 1`;
  return rows.map((r) => r.id);
}
