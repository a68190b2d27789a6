// How long something is kept that is about members of several lines of business: the longest that one of them asks for.
import type { Queryable } from '../../../src/db/database.ts';

/** Days of a line of business that has none of its own, and of those that have. */
export type KeepDays = { days: number; byLob: Readonly<Record<string, number | undefined>> };

const entries = (keep: KeepDays): [string, number][] =>
  Object.entries(keep.byLob).flatMap(([lob, days]) => (days === undefined ? [] : [[lob, days] as [string, number]]));

/** The shortest of all: what ended later is kept in any case. */
const shortestDays = (keep: KeepDays): number => Math.min(keep.days, ...entries(keep).map(([, days]) => days));

/** Members with their lines and the days of each. Who was merged with another one since has the lines of that one, which has got theirs. */
const linesOf = (sql: Queryable, own: readonly [string, number][], members: string) =>
  sql`(${sql.unsafe(members)}) x(id) left join exchange.member_merge g on g.former_id = x.id and g.undone_at is null
    left join exchange.enrolment e on e.member_id = coalesce(g.member_id, x.id)
    left join unnest(${own.map(([lob]) => lob)}::text[], ${own.map(([, days]) => days)}::int[]) k(lob, days) on k.lob = e.lob`;

/**
 * Days for which it is kept, as SQL. A member counts with every line that it was ever enrolled in; anyone who has none,
 * and something about no one, with the days of all. enrolment_pkey, member_merge_former.
 * @param members SQL that selects ids of members
 */
export function keepDays(sql: Queryable, keep: KeepDays, members: string) {
  const own = entries(keep);
  return own.length === 0
    ? sql`${keep.days}::int`
    : sql`coalesce((select max(coalesce(k.days, ${keep.days}::int)) from ${linesOf(sql, own, members)}), ${keep.days}::int)`;
}

/**
 * Was it kept for {@link keepDays}, and so many days more, as SQL. What the law keeps for years is asked for at each
 * round: the first member who keeps it is enough, and the others are not looked at.
 * @param since SQL of the instant from which its time runs
 */
export function isPastKeep(
  sql: Queryable,
  of: { since: string; members: string },
  now: Date,
  keep: KeepDays,
  more = 0,
) {
  const own = entries(keep);
  const since = sql.unsafe(of.since);
  const before = (days: number) => sql`${since} < ${now}::timestamptz - ${days + more}::int * interval '1 day'`;
  return own.length === 0
    ? before(keep.days)
    : sql`${before(shortestDays(keep))}
        and not exists (select from ${linesOf(sql, own, of.members)} where ${since} >= ${now}::timestamptz - (coalesce(k.days,
          ${keep.days}::int) + ${more}::int) * interval '1 day')
        and (${before(keep.days)} or exists (${sql.unsafe(of.members)}))`;
}
