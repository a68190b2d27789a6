// How much waits for people, since when, and how much of it for too long.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';

export type Waiting = { n: number; oldest: Date | null; past: number };

/**
 * Open items by queue. review_item_open.
 * @param queues kinds of each, and the instant up to which what came is past its target; null where nothing is wanted
 */
export async function waitingItems(
  sql: Queryable,
  queues: readonly { queue: string; kinds: readonly string[]; past: Date | null }[],
): Promise<Map<string, Waiting>> {
  const rows = queues.flatMap((q) => q.kinds.map((kind) => ({ kind, queue: q.queue, past: q.past })));
  const found = await sql.unsafe<(Waiting & { queue: string })[]>(
    `select q.queue, count(*)::int as n, min(i.opened_at) as oldest, count(*) filter (where i.opened_at <= q.past)::int as past
     from exchange.review_item i join unnest($1::text::text[], $2::text::text[], $3::text::timestamptz[]) q(kind, queue, past) on q.kind = i.kind
     where i.state = 'open' group by q.queue`,
    [
      arrayLiteral(rows.map((r) => r.kind)),
      arrayLiteral(rows.map((r) => r.queue)),
      arrayLiteral(rows.map((r) => r.past?.toISOString() ?? null)),
    ],
  );
  return new Map(found.map(({ queue, ...w }) => [queue, w]));
}

/** Pulls that wait for a person, since they came to rest. The table of pulls is small; pull_event_pull. */
export async function waitingPulls(sql: Queryable, past: Date): Promise<Waiting> {
  const [row] = await sql<Waiting[]>`
    select count(*)::int as n, min(e.at) as oldest, count(*) filter (where e.at <= ${past})::int as past
    from exchange.pull p cross join lateral (select max(at) as at from exchange.pull_event where pull_id = p.id) e
    where p.state in ('review', 'unbalanced', 'partial')`;
  return row ?? { n: 0, oldest: null, past: 0 };
}

/** Duties that are overdue, since they were due. deadline_due. */
export async function overdueDuties(sql: Queryable, now: Date, past: Date): Promise<Waiting> {
  const [row] = await sql<Waiting[]>`
    select count(*)::int as n, min(due_at) as oldest, count(*) filter (where due_at <= ${past})::int as past
    from exchange.deadline where state in ('open', 'attempted') and due_at < ${now}`;
  return row ?? { n: 0, oldest: null, past: 0 };
}
