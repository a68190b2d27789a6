// Of how many members a person has what identifies them shown in a day. Anyone who has it shown of many more than is
// usual for them is reported of, as payers are who ask for many more: no one would see it in a list of reasons of which
// each is as good as another.
import type { Queryable } from '../../../src/db/database.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';

/** Days before one is compared: with fewer, what is many for anyone is many. */
const LEAST_DAYS = 5;
/** Days before, of which the median is taken. What people do changes sooner than what payers do. */
const DAYS_BEFORE = 28;
/** Days for which an unusual day is an alert. */
const ALERT_DAYS = 7;
const REASON = 'unusual-looks';

/** `times` 0: no day is unusual. `members`: as many at least. */
export type UnusualLooks = { times: number; members: number };

/** Looks at which a member's identifiers were whole, and files that hold them: each has what it was for. audit_seen. */
export const SEEN = `a.action = 'view' and a.member_id is not null and a.detail->>'purpose' is not null and a.actor_kind = 'staff'`;

/**
 * Tells the audit of who had identifiers shown of unusually many members today or yesterday, once for each person and day. audit_seen,
 * which is read for the days before only while someone is beyond the least; audit_refused.
 * @param today YYYY-MM-DD of the plan, in whose zone days are counted
 */
export async function tellLooks(
  tx: Queryable,
  now: Date,
  today: string,
  timeZone: string,
  limit: UnusualLooks,
): Promise<void> {
  if (limit.times === 0) return;
  const seen = tx.unsafe(SEEN);
  const found = await tx<{ subject: string; day: string; count: number; usual: number | null }[]>`
    with many as materialized (
      select a.actor as subject, (a.at at time zone ${timeZone})::date as day, count(distinct a.member_id)::int as n from exchange.audit a
      where ${seen} and a.at >= ((${today}::date - 1)::timestamp at time zone ${timeZone})
      group by 1, 2 having count(distinct a.member_id) >= ${limit.members}
    ), untold as materialized (
      select m.* from many m where not exists (
        select from exchange.audit a where a.outcome <> 'ok' and a.at >= ((${today}::date - 1)::timestamp at time zone ${timeZone})
          and a.action = 'volume' and a.reason = ${REASON} and a.actor = m.subject and a.detail->>'day' = m.day::text)
    )
    select u.subject, u.day::text as day, u.n as count, b.median as usual from untold u cross join lateral (
      select percentile_cont(0.5) within group (order by d.n) as median, count(*) as days from (
        select count(distinct a.member_id) as n from exchange.audit a
        where ${seen} and a.at >= ((u.day - ${DAYS_BEFORE}::int)::timestamp at time zone ${timeZone})
          and a.at < (u.day::timestamp at time zone ${timeZone})
          and a.actor = u.subject
        group by (a.at at time zone ${timeZone})::date) d) b
    where b.days < ${LEAST_DAYS} or u.n > ${limit.times}::float8 * b.median order by 1, 2`;
  await writeAudit(
    tx,
    found.map(({ subject, day, count, usual }) =>
      auditRow({
        at: now,
        actorKind: 'staff',
        actor: subject,
        action: 'volume',
        object: 'reasons',
        outcome: 'noted',
        reason: REASON,
        detail: { day, count, ...(usual === null ? {} : { usual }) },
      }),
    ),
  );
}

/** People with an unusual day among the last seven, as conditions of alerts, with the count of the one that has most. audit_refused. */
export const unusualLooks = (sql: Queryable, now: Date) => sql`
  select ${REASON}::text, actor, max((detail->>'count')::int) from exchange.audit
  where outcome <> 'ok' and action = 'volume' and reason = ${REASON} and at > ${now}::timestamptz - make_interval(days => ${ALERT_DAYS})
    group by actor`;
