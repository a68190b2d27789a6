// Clocks of members that do not apply any more: the member has died, one of the coverages is over, or the payer has answered that it has no
// such member. Each ends with what ended it, not when that was reported: what was overdue by then stays late.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { standsSql } from '../enrolment/enrolled.ts';
import type { Calendar } from './business-day.ts';
import { settleOfferClocks, settleWithdrawn } from './member-deadlines.ts';
import { RUN_OFF_DAYS } from './rules.ts';

/** Clocks are looked at whether they still apply when they are due within so many days. */
const NEAR_DAYS = 10;

type Sql = ReturnType<Queryable>;
type Which = { which: Sql; isOfMembers: boolean };

/**
 * Clocks `k` whose duty is not met and that are due soon and meet a condition. deadline_open, deadline_attempted; those of
 * payers that cannot be asked (`blocked`), which stand for ever, only where the condition names their members.
 * deadline_member.
 */
const near = (tx: Queryable, now: Date, { which, isOfMembers }: Which): Sql => {
  const soon = tx`k.due_at < ${now}::timestamptz + make_interval(days => ${NEAR_DAYS})`;
  const blocked = isOfMembers ? tx`k.state = 'blocked' or` : tx``;
  return tx`(${blocked} (k.state = 'open' and ${soon}) or (k.state = 'attempted' and ${soon})) and ${which}`;
};
/** The end of a day, no earlier than the clock `k` began and no later than now. */
const endedOn = (tx: Queryable, calendar: Calendar, now: Date, day: Sql): Sql =>
  tx`greatest(k.starts_at, least(${now}::timestamptz, (${day} + 1)::timestamp at time zone ${calendar.zone}))`;

/** Ends those of the clocks `k` of members who have died that meet a condition. */
async function endDeceased(tx: Queryable, calendar: Calendar, now: Date, which: Sql): Promise<void> {
  await tx`
    update exchange.deadline k set state = 'not-applicable', reason = 'member-deceased',
      closed_at = ${endedOn(tx, calendar, now, tx`nullif(p.died, '-infinity')`)}, stop_event = 'Patient/' || p.member_id
    from exchange.member_profile p where p.member_id = k.member_id and p.died is not null and ${which}`;
}

/**
 * Ends those of members who have withdrawn, and of payers that were named by mistake, which were opened in the moment
 * in which that was said.
 */
async function endWithdrawn(tx: Queryable, now: Date, which: Which): Promise<void> {
  const found = await tx<{ id: string }[]>`
    select distinct k.member_id as id from exchange.deadline k
    where ${near(tx, now, which)} and k.kind in ('C2', 'C4', 'C5-runoff') and ('opt-in' <> (
      select c.choice from exchange.consent c where c.member_id = k.member_id order by c.recorded_on desc, c.created_at desc limit 1)
      or exists (select from exchange.other_coverage v where v.id = split_part(k.subject, '/', 1) and v.in_error_at is not null))`;
  await settleWithdrawn(
    tx,
    now,
    found.map((f) => f.id),
  );
}

/** Ends those of the open clocks `k` that are due soon and meet a condition. */
async function endClocks(tx: Queryable, calendar: Calendar, now: Date, which: Which): Promise<void> {
  const isNear = near(tx, now, which);
  const today = tx`(${now}::timestamptz at time zone ${calendar.zone})::date`;
  const endedAt = (day: Sql) => endedOn(tx, calendar, now, day);
  await endDeceased(tx, calendar, now, isNear);
  await endWithdrawn(tx, now, which);
  await tx`
    update exchange.deadline k set state = 'not-applicable', reason = 'coverage-ended',
      closed_at = ${endedAt(tx`case when k.kind = 'C5-runoff' then o.ends + ${RUN_OFF_DAYS}::int else o.ends end`)}
    from exchange.other_coverage o
    where ${isNear} and k.kind in ('C2', 'C4', 'C5-runoff') and o.member_id = k.member_id and o.id = split_part(k.subject, '/', 1)
      and ((k.kind = 'C4' and o.ends < (k.due_at at time zone k.zone)::date
        and o.ends + ${RUN_OFF_DAYS}::int < (${now}::timestamptz at time zone k.zone)::date)
        or (k.kind = 'C5-runoff' and o.ends + ${RUN_OFF_DAYS}::int < (${now}::timestamptz at time zone k.zone)::date)
        or (o.ends < (${now}::timestamptz at time zone k.zone)::date and 'concurrent' = (
          select c.payers from exchange.consent c where c.member_id = o.member_id
            order by c.recorded_on desc, c.created_at desc limit 1)))`;
  await tx`
    update exchange.deadline k set state = 'not-applicable', reason = 'coverage-ended',
      closed_at = ${endedAt(tx`(select max(e.ends) from exchange.enrolment e where e.member_id = k.member_id)`)}
    where ${isNear} and k.kind in ('C2', 'C4', 'C5-runoff') and k.member_id is not null
      and not exists (select from exchange.enrolment e cross join (select ${today} as today) d where e.member_id = k.member_id
        and ${tx.unsafe(standsSql('e', 'd.today'))})
      and exists (select from exchange.enrolment e where e.member_id = k.member_id)`;
  await tx`
    update exchange.deadline k set state = case when p.created_at <= k.due_at then 'met'
      else 'met-late' end, closed_at = p.created_at, reason = case m.outcome when 'constrained' then 'consent-constraint'
      else 'no-unique-match' end, stop_event = 'pull/' || p.id
    from exchange.pull_member m join exchange.pull p on p.id = m.pull_id and p.cause <> 'comparison'
    where ${isNear} and k.kind in ('C4', 'C5-runoff') and m.member_id = k.member_id and m.outcome in ('not-matched', 'constrained')
      and k.subject like m.other_coverage_id || '/%' and p.created_at > k.starts_at`;
}

/** The same of those whose other coverage is looked at (coverage-look.ts): something has changed, or its day has come. deadline_member. */
export async function endClocksOf(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  coverageIds: readonly string[],
): Promise<void> {
  if (coverageIds.length === 0) return;
  const which: Sql = tx`k.member_id in (select v.member_id from exchange.other_coverage v
    where v.id = any(${arrayLiteral(coverageIds)}::text::text[]))`;
  await endClocks(tx, calendar, now, { which, isOfMembers: true });
}

/**
 * What a death had ended runs again: it was taken back, or reported with another day, by which what had ended ends
 * again. Who lives after all has a week at least, unless it was late by then; what has begun again since stays ended.
 * deadline_member.
 */
async function runAgain(tx: Queryable, calendar: Calendar, now: Date, memberIds: readonly string[]): Promise<void> {
  const week = tx`(((${now}::timestamptz at time zone ${calendar.zone})::date + 8)::timestamp at time zone ${calendar.zone}) -
    interval '1 millisecond'`;
  const waits = tx`k.due_at < ${week} and k.closed_at <= k.due_at
    and not exists (select from exchange.member_profile p where p.member_id = k.member_id and p.died is not null)`;
  const blocked = tx`k.kind = 'C2' and not exists (select from exchange.peer e where e.id = k.peer_id and e.state = 'active'
    and e.fhir_base is not null)`;
  await tx`
    update exchange.deadline k set closed_at = null, stop_event = null,
      state = case when ${blocked} then 'blocked' else 'open' end, reason = case when ${blocked} then 'no-endpoint' end,
      starts_at = case when ${waits} then ${now} else k.starts_at end, due_at = case when ${waits} then ${week} else k.due_at end,
      start_event = case when ${waits} then 'lives-after-all' else k.start_event end
    where k.member_id = any(${arrayLiteral(memberIds)}::text::text[]) and k.state = 'not-applicable' and k.reason = 'member-deceased'
      and right(k.subject, length(k.id) + 1) <> '/' || k.id`;
  await settleOfferClocks(tx, memberIds);
  await settleWithdrawn(tx, now, memberIds);
}

/**
 * Ends those of members who have died, whenever they are due: of these, whose clocks have begun only now, and of whom
 * that was reported since. Of whom it was taken back they run again. deadline_member.
 */
export async function endClocksOfDead(
  tx: Queryable,
  calendar: Calendar,
  now: Date,
  memberIds: readonly string[],
): Promise<void> {
  const recorded = (
    await tx<
      { id: string }[]
    >`update exchange.member set deceased_recorded = false where deceased_recorded returning id`
  ).map((t) => t.id);
  if (recorded.length > 0) await runAgain(tx, calendar, now, recorded);
  const ids = [...memberIds, ...recorded];
  if (ids.length === 0) return;
  const which: Sql = tx`k.state in ('open', 'attempted', 'blocked') and k.member_id = any(${arrayLiteral(ids)}::text::text[])`;
  await endDeceased(tx, calendar, now, which);
}

/**
 * Looks at all clocks that are due soon on a new day of the plan's zone, and later in that day at those that have come near since. A tick
 * that looked at all of them each minute would cost as much as there are members. deadline_open.
 */
export async function endClocksDue(tx: Queryable, calendar: Calendar, now: Date): Promise<void> {
  // who looks at the same time waits, and finds nothing left
  const [before] = await tx<{ isSameDay: boolean; until: Date | null }[]>`
    select day = (${now}::timestamptz at time zone ${calendar.zone})::date as "isSameDay", until from exchange.deadline_check for update`;
  const until = new Date(now.getTime() + NEAR_DAYS * 86_400_000);
  const from = before?.isSameDay === true ? before.until : null;
  if (from !== null && from >= until) return;
  const which: Sql = from === null ? tx`true` : tx`k.due_at >= ${from}`;
  await endClocks(tx, calendar, now, { which, isOfMembers: false });
  await tx`update exchange.deadline_check set day = (${now}::timestamptz at time zone ${calendar.zone})::date, until = ${until}`;
}
