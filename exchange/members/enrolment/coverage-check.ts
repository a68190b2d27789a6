// Other coverage that a tick looks at: whose duties may have changed, by what was written or by a day that came
// (`evaluate_on`; what is written tells it by triggers). A tick costs what has changed, not what there is.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import type { Calendar } from '../deadlines/business-day.ts';
import { endClocksOf } from '../deadlines/end-deadlines.ts';
import { openRequests } from '../deadlines/member-deadlines.ts';
import { renewEnded, renewLookedAt } from '../deadlines/renewed-request.ts';
import { EARLY_DAYS } from '../deadlines/rules.ts';

/** All of some members is looked at again, when what no one tells has changed: who was asked for what. other_coverage_member. */
export async function lookAgain(tx: Queryable, memberIds: readonly string[]): Promise<void> {
  await tx`update exchange.other_coverage set evaluate_on = '-infinity', request_at = '-infinity'
    where member_id = any(${arrayLiteral(memberIds)}::text::text[])`;
}

/** Looked at in one transaction: members whose choice is recorded meanwhile wait for it. */
export const LOOKS_AT_ONCE = 5000;

/**
 * The next of them: begins again and opens what is due, ends what applies no more, and notes when a day alone makes a
 * difference again. What is being changed is left for the next tick; what changes while this looks is looked at again.
 * other_coverage_look.
 * @returns how many were looked at; fewer than `limit`: none is left
 */
export async function lookAtCoverages(tx: Queryable, calendar: Calendar, now: Date, limit: number): Promise<number> {
  // first: what begins again by a day alone is looked at with the rest, and not by the next tick
  await renewEnded(tx, calendar, now);
  const rows = await tx<{ id: string }[]>`
    select id from exchange.other_coverage where evaluate_on <= (${now}::timestamptz at time zone ${calendar.zone})::date
    order by evaluate_on limit ${limit} for no key update skip locked`;
  const ids = rows.map((r) => r.id);
  if (ids.length === 0) return 0;
  await renewLookedAt(tx, calendar, now, ids);
  await openRequests(tx, calendar, now, 'o.id', ids);
  await endClocksOf(tx, calendar, now, ids);
  // the coverage here may be asked for, the one before it is over, or the one there is
  await tx`
    update exchange.other_coverage o set evaluate_on = least(
      (select min(e.starts) - ${EARLY_DAYS}::int from exchange.enrolment e where e.member_id = o.member_id
        and e.starts - ${EARLY_DAYS}::int > d.today),
      (select min(e.ends) + 1 from exchange.enrolment e where e.member_id = o.member_id and e.ends >= d.today),
      case when o.ends >= d.today then o.ends + 1 end)
    from (select (${now}::timestamptz at time zone ${calendar.zone})::date as today) d where o.id = any(${ids}::text[])`;
  return ids.length;
}
