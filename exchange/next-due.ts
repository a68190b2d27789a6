// When there is work again.
import type { Queryable } from '../src/db/database.ts';
import { OPEN_STATES } from './requester/pull.ts';

/** Milliseconds until the next pull step or job is due, at most `longest`. */
export async function nextDue(sql: Queryable, now: Date, longest: number): Promise<number> {
  const [row] = await sql<{ at: Date | null; jobs: boolean }[]>`
    select (select min(greatest(q.next_at, case when q.state <> 'reconciling' then p.paused_until end))
        from exchange.pull q join exchange.peer p on p.id = q.peer_id where q.state = any(${[...OPEN_STATES]}::text[])) as at,
      exists (select from exchange.bulk_job where state in ('queued', 'running')) as jobs`;
  if (row?.jobs === true) return Math.min(longest, 150);
  return row?.at == null ? longest : Math.min(longest, Math.max(0, row.at.getTime() - now.getTime()));
}
