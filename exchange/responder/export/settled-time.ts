// The time up to which an export holds everything: what was written until then can be seen by its snapshot.
import type { Queryable } from '../../../src/db/database.ts';

/** A server process takes the time of its transaction a moment before it shows it, and under load it may have to wait in between. */
const SHOWN_AFTER_MS = 50;

/**
 * A time such that everything written up to it can be seen by a snapshot taken after this returns: waits for the writers
 * that began before it (at most 30 seconds, then the time moves back before the oldest of them). Times of records are whole milliseconds:
 * who began later within that of this time is waited for too.
 */
export async function settledTime(sql: Queryable): Promise<Date> {
  const [start] = await sql<{ at: Date }[]>`select date_trunc('milliseconds', clock_timestamp()) as at`;
  if (!start) throw new Error('the database has no clock');
  await new Promise((r) => setTimeout(r, SHOWN_AFTER_MS));
  for (let waited = 0; ; waited += 50) {
    const [writer] = await sql<{ oldest: Date | null }[]>`
      select min(xact_start) as oldest from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
        and application_name like 'payer-node%' and application_name not in ('payer-node export', 'payer-node copy')
        and not starts_with(application_name, 'payer-node background')
        and state <> 'idle' and date_trunc('milliseconds', xact_start) <= ${start.at}`;
    const oldest = writer?.oldest ?? null;
    if (oldest === null) return start.at;
    if (waited >= 30_000) return new Date(oldest.getTime() - 1);
    await new Promise((r) => setTimeout(r, 50));
  }
}
