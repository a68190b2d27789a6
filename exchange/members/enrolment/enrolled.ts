// Who is ours to ask for: whom a request may say to be enrolled here.
import type { Queryable } from '../../../src/db/database.ts';
import { EARLY_DAYS } from '../deadlines/rules.ts';
import { isFormerSql } from '../merge/member-merge.ts';

/**
 * Is enrolment `e` not over, as SQL: it lasts or is to come. One to come that ends on the day on which it begins was
 * cancelled before it began: so files of agencies and marketplaces say it.
 * @param today SQL of a date: of the plan's calendar
 */
export const standsSql = (e: string, today: string): string =>
  `(coalesce(${e}.ends, 'infinity'::date) >= ${today} and not (${e}.starts > ${today} and ${e}.ends is not distinct from ${e}.starts))`;

/**
 * Does enrolment `e` last, or begin soon, as SQL. A request attests that the member is enrolled: the choice may be made before the coverage
 * begins, and nothing is asked long before. enrolment_pkey.
 * @param today SQL of a date: of the plan's calendar
 */
export const lastsSql = (e: string, today: string): string =>
  `(${standsSql(e, today)} and ${e}.starts <= ${today} + ${EARLY_DAYS})`;

/**
 * Does our own Patient of the member not say that the person has died, and is it no one who goes on as another member?
 * What a payer says of death is for people to decide. member_profile_pkey, member_merge_former.
 */
export const livesSql = (member: string): string =>
  `(not exists (select from exchange.member_profile d where d.member_id = ${member} and d.died is not null)
    and not ${isFormerSql(member)})`;

/** Such an enrolment, or none was ever known (records without an enrolment), of someone who lives. */
export const enrolledSql = (member: string, today: string): string =>
  `((exists (select from exchange.enrolment e where e.member_id = ${member} and ${lastsSql('e', today)})
    or not exists (select from exchange.enrolment e where e.member_id = ${member})) and ${livesSql(member)})`;

/**
 * How many members there are, and how many of them no enrolment gives a member number: no payer that asks finds them.
 * Those who go on as another are not counted. All members are looked at.
 */
export async function countNumbers(sql: Queryable): Promise<{ members: number; without: number }> {
  const [row] = await sql<{ members: number; without: number }[]>`
    select count(*)::int as members, count(*) filter (where not exists (select from exchange.enrolment e
      where e.member_id = m.id))::int as without
    from exchange.member m where not ${sql.unsafe(isFormerSql('m.id'))}`;
  return row ?? { members: 0, without: 0 };
}

/**
 * Does choice `c` name the payer of other coverage `o`, as SQL? One whose coverage has ended is a previous payer; one
 * that was named by mistake is none. `today` as above.
 */
export const namesSql = (c: string, o: string, today: string): string =>
  `(${o}.in_error_at is null and (${c}.payers = 'both' or (${c}.payers = 'previous') = (${o}.ends is not null and ${o}.ends < ${today})))`;

/**
 * May a payer that a member names be asked: is it one that the newest choice names, and from when may it be, as the
 * coverage with us begins?
 * `from` null: at once. Undefined when all coverage with us has ended, the member has died, or has not opted in.
 * consent_member, enrolment_pkey.
 * @param today YYYY-MM-DD of the plan's calendar
 */
export async function askable(
  sql: Queryable,
  otherCoverageId: string,
  today: string,
): Promise<{ isNamed: boolean; from: string | null } | undefined> {
  const [row] = await sql<{ isNamed: boolean; from: string | null }[]>`
    select ${sql.unsafe(namesSql('c', 'o', 'd.today'))} as "isNamed", case when e.day > d.today then e.day end::text as from
    from (select ${today}::date as today) d cross join exchange.other_coverage o
    join lateral (select choice, payers from exchange.consent where member_id = o.member_id
      order by recorded_on desc, created_at desc limit 1) c on c.choice = 'opt-in'
    cross join lateral (
      select min(x.starts - ${EARLY_DAYS}::int) filter (where ${sql.unsafe(standsSql('x', 'd.today'))}) as day, count(*) as n
      from exchange.enrolment x where x.member_id = o.member_id) e
    where o.id = ${otherCoverageId} and (e.n = 0 or e.day is not null) and ${sql.unsafe(livesSql('o.member_id'))}`;
  return row;
}
