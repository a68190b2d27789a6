// Pulls whose payer said that its answer lacks something, where nobody is asked again by itself: the other coverage of somebody in it
// ended so long ago that its late claims are no longer asked for. A person asks again, or takes the pull as it is.
import type { Queryable } from '../../src/store/database.ts';
import { RUN_OFF_DAYS } from '../clocks/rules.ts';

/**
 * Holds for such a pull `p` that nobody has accepted, while no later one has asked for the same coverage. finding_pull, primary keys of
 * pull_member and other_coverage, pull_member_member: written so that nothing else is read, for findings of lines are many.
 */
export const leftIncomplete = (sql: Queryable, now: Date) => sql`
  (p.state = 'done' and p.accepted_by is null and p.transaction_time is null
    and (select 1 from exchange.finding f where f.pull_id = p.id and f.kind = 'peer-incomplete' and f.line is null limit 1) = 1
    and (select 1 from exchange.pull_member m
      where m.pull_id = p.id and m.outcome = 'matched'
        and (select o.ends from exchange.other_coverage o where o.id = m.other_coverage_id) < ${now}::timestamptz::date - ${RUN_OFF_DAYS}::int
        and (select 1 from exchange.pull_member x
          where x.member_id = m.member_id and x.other_coverage_id = m.other_coverage_id
            and (select l.created_at from exchange.pull l where l.id = x.pull_id and l.state not in ('failed', 'refused', 'withdrawn')) > p.created_at
          limit 1) is null
      limit 1) = 1)`;

/** Does a person have to look at it? */
export async function isLeftIncomplete(sql: Queryable, pullId: string, now: Date): Promise<boolean> {
  const rows = await sql`select from exchange.pull p where p.id = ${pullId} and ${leftIncomplete(sql, now)}`;
  return rows.length > 0;
}

/** A person takes it as it is. False when it no longer waits for anybody. `note`: the reason, kept in the timeline. */
export async function acceptIncomplete(
  tx: Queryable,
  pullId: string,
  by: { subject: string; name: string },
  note: string,
  at: Date,
): Promise<boolean> {
  const taken = await tx`
    update exchange.pull p set accepted_by = ${by.subject}, accepted_at = ${at} where p.id = ${pullId} and ${leftIncomplete(tx, at)} returning 1`;
  if (taken.length === 0) return false;
  await tx`
    insert into exchange.pull_event (pull_id, at, state, detail) values (${pullId}, ${at}, 'done', ${`accepted by ${by.name}: ${note}`})`;
  return true;
}
