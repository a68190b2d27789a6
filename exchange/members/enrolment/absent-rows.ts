// Coverage of members whom a full file does not name.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { isFormerSql } from '../merge/member-merge.ts';
import { standsSql } from './enrolled.ts';

export type Standing = {
  memberId: string;
  memberNumber: string;
  plan: string;
  lob: string;
  /** YYYY-MM-DD */
  starts: string;
  ends: string | null;
  /** numbers of the member's cards under which no coverage stands */
  idle: string[];
  /** all ids under which the person is and was a member here */
  ids: string[];
};
type Place = Pick<Standing, 'memberId' | 'memberNumber' | 'starts'>;

/** Coverage in some lines of business that is not over, of those who are members in their own name. A range of enrolment_pkey. */
export async function pageStanding(
  sql: Queryable,
  lobs: readonly string[],
  today: string,
  limit: number,
  after?: Place,
): Promise<Standing[]> {
  return [
    ...(await sql<Standing[]>`
      select e.member_id as "memberId", e.member_number as "memberNumber", e.plan, e.lob, e.starts::text as starts, e.ends::text as ends,
        array(select n.member_number from exchange.enrolment n where n.member_id = e.member_id
          group by n.member_number having not bool_or(${sql.unsafe(standsSql('n', 'day.today'))}) order by 1) as idle,
        array(select g.former_id from exchange.member_merge g where g.member_id = e.member_id and g.undone_at is null union all
          select e.member_id) as ids
      from exchange.enrolment e cross join (select ${today}::date as today) day
      where e.lob = any(${arrayLiteral(lobs)}::text::text[])
        and ${sql.unsafe(standsSql('e', 'day.today'))} and not ${sql.unsafe(isFormerSql('e.member_id'))}
        and (e.member_id, e.member_number, e.starts) > (${after?.memberId ?? ''}, ${after?.memberNumber ?? ''},
          ${after?.starts ?? '-infinity'}::text::date)
      order by e.member_id, e.member_number, e.starts limit ${limit}`),
  ];
}

/**
 * Numbers of cards of others who have the birth date and a family and a given name of a member, by member: the same
 * person with another card, it may be. member_profile_dob, enrolment_pkey.
 */
export async function numbersOfAlike(sql: Queryable, memberIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await sql<{ id: string; numbers: string[] }[]>`
    select a.member_id as id, array_agg(distinct n.member_number order by n.member_number) as numbers
    from unnest(${arrayLiteral(memberIds)}::text::text[]) m(id)
    join exchange.member_profile a on a.member_id = m.id
    cross join lateral (
      select b.member_id, b.family, b.given from exchange.member_profile b where b.dob && a.dob offset 0) b
    join exchange.enrolment n on n.member_id = b.member_id
    where b.family && a.family and b.given && a.given and b.member_id <> a.member_id group by a.member_id`;
  return new Map(rows.map((r) => [r.id, r.numbers]));
}

/** Which of these numbers are of no one here. enrolment_number. */
export async function unknownNumbers(sql: Queryable, numbers: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ n: string }[]>`
    select distinct u.n from unnest(${arrayLiteral(numbers)}::text::text[]) u(n)
    where not exists (select from exchange.enrolment e where e.member_number = u.n)`;
  return new Set(rows.map((r) => r.n));
}

/** Ends these on a day, unless they end before, or were to; one that begins later never began. Who was ended. enrolment_pkey. */
export async function endStanding(tx: Queryable, rows: readonly Place[], endsOn: string): Promise<string[]> {
  const ended = await tx<{ id: string }[]>`
    update exchange.enrolment e set ends = least(e.ends, greatest(e.starts, ${endsOn}::text::date)),
      said_ends = case when e.ends < greatest(e.starts, ${endsOn}::text::date) then greatest(e.starts, ${endsOn}::text::date) end
    from unnest(${rows.map((r) => r.memberId)}::text[], ${rows.map((r) => r.memberNumber)}::text[], ${rows.map((r) => r.starts)}::text[])
      t(m, n, s)
    where e.member_id = t.m and e.member_number = t.n and e.starts = t.s::date
      and coalesce(e.said_ends, e.ends, 'infinity'::date) > greatest(e.starts, ${endsOn}::text::date)
    returning e.member_id as id`;
  return ended.map((r) => r.id);
}
