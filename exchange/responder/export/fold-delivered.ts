// What exports held, when their files are gone: a record that a peer has had for long is named once, by the first
// export that held it. Nothing that is asked of it later (`deleted`, 410, whether a copy is our own that comes back)
// needs more.
import type { Sql } from '../../../src/db/database.ts';
import { keepEntries } from './delivered-entries.ts';

/** Exports of one round. */
const MOST = 20;
/** Members of one transaction. */
const MEMBERS = 2000;

/** Exports that are over, whose files are gone and that are not folded. bulk_job_unfolded, bulk_file_pkey. */
async function unfolded(sql: Sql, now: Date): Promise<{ id: string; isFinished: boolean }[]> {
  const rows = await sql<{ id: string; isFinished: boolean }[]>`
    select j.id, j.transaction_time is not null as "isFinished" from exchange.bulk_job j
    where j.kind = 'export' and j.folded_at is null and j.state not in ('queued', 'running') and (j.state <> 'complete'
      or j.expires_at < ${now})
      and not exists (select from exchange.bulk_file f where f.job_id = j.id and f.removed_at is null)
    order by j.received_at limit ${MOST}`;
  return [...rows];
}

/**
 * Takes from what an export held what an earlier one to the same peer did, of some members. delivered_job, delivered_pkey.
 * @returns the last of them; undefined when there are no more
 */
async function foldPage(sql: Sql, jobId: string, after: string): Promise<string | undefined> {
  return sql.begin(async (tx) => {
    const [page] = await tx<{ last: string | null }[]>`
      select max(member_id) as last from (
        select member_id from exchange.delivered where job_id = ${jobId} and member_id > ${after} order by member_id limit ${MEMBERS}) p`;
    const last = page?.last ?? undefined;
    if (last === undefined) return undefined;
    await tx`
      with folded as materialized (
        select d.peer_id, d.member_id, d.job_id, array(
          select unnest(d.keys) except
          select unnest(e.keys) from exchange.delivered e join exchange.bulk_job i on i.id = e.job_id
          where e.peer_id = d.peer_id and e.member_id = d.member_id and i.transaction_time is not null
            and (i.transaction_time, i.id) < (j.transaction_time, j.id)
        ) as keys
        from exchange.delivered d join exchange.bulk_job j on j.id = d.job_id
        where d.job_id = ${jobId} and d.member_id > ${after} and d.member_id <= ${last}
      ), gone as (
        delete from exchange.delivered d using folded f
        where f.keys = '{}' and d.peer_id = f.peer_id and d.member_id = f.member_id and d.job_id = f.job_id
      )
      update exchange.delivered d set keys = f.keys from folded f
      where f.keys <> '{}' and cardinality(f.keys) < cardinality(d.keys) and d.peer_id = f.peer_id and d.member_id = f.member_id
        and d.job_id = f.job_id`;
    return last;
  });
}

/**
 * Folds exports that are over. Of one that was never finished nothing stays. May be stopped at any time. @returns how
 * many; as many as it takes at once: there may be more
 */
export async function foldDelivered(sql: Sql, now: Date): Promise<{ folded: number; more: boolean }> {
  const jobs = await unfolded(sql, now);
  for (const { id, isFinished } of jobs) {
    if (isFinished)
      for (let after: string | undefined = ''; after !== undefined; ) after = await foldPage(sql, id, after);
    else await sql`delete from exchange.delivered where job_id = ${id}`;
    await keepEntries(sql, [id]);
    await sql`update exchange.bulk_job set folded_at = ${now} where id = ${id}`;
  }
  return { folded: jobs.length, more: jobs.length === MOST };
}
