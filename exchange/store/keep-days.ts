// How long something is kept that is about members of several lines of business: the longest that one of them asks for.
import type { Queryable } from '../../src/store/database.ts';
import { standsAsSql } from './members/member-merge.ts';

/** Days of a line of business that has none of its own, and of those that have. */
export type KeepDays = { days: number; byLob: Readonly<Record<string, number | undefined>> };

const entries = (keep: KeepDays): [string, number][] =>
  Object.entries(keep.byLob).flatMap(([lob, days]) => (days === undefined ? [] : [[lob, days] as [string, number]]));

/** The shortest of all: what ended later is kept in any case. */
export const shortestDays = (keep: KeepDays): number => Math.min(keep.days, ...entries(keep).map(([, days]) => days));

/**
 * Days for which it is kept, as SQL. A member counts with every line that it was ever enrolled in, also when it was made one with another one since, which has them now; whoever has none, and something about nobody, with the days of all.
 * enrolment_pkey.
 * @param members SQL that selects ids of members
 */
export function keepDays(sql: Queryable, keep: KeepDays, members: string) {
  const own = entries(keep);
  return own.length === 0
    ? sql`${keep.days}::int`
    : sql`coalesce((select max(coalesce(k.days, ${keep.days}::int)) from (${sql.unsafe(members)}) x(id) left join exchange.enrolment e on e.member_id in (x.id, ${sql.unsafe(standsAsSql('x.id'))})
        left join unnest(${own.map(([lob]) => lob)}::text[], ${own.map(([, days]) => days)}::int[]) k(lob, days) on k.lob = e.lob), ${keep.days}::int)`;
}
