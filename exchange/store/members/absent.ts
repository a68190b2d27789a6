// Coverage of members whom a full file does not name.
import { arrayLiteral, type Queryable } from '../../../src/store/database.ts';
import { standsSql } from './enrolled.ts';
import { isFormerSql } from './member-merge.ts';

export type Standing = {
  memberId: string;
  memberNumber: string;
  plan: string;
  lob: string;
  /** YYYY-MM-DD */
  starts: string;
  ends: string | null;
  /** all numbers of the member's cards, of before too */
  numbers: string[];
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
        array(select distinct n.member_number from exchange.enrolment n where n.member_id = e.member_id order by 1) as numbers
      from exchange.enrolment e cross join (select ${today}::date as today) day
      where e.lob = any(${arrayLiteral(lobs)}::text::text[]) and ${sql.unsafe(standsSql('e', 'day.today'))} and not ${sql.unsafe(isFormerSql('e.member_id'))}
        and (e.member_id, e.member_number, e.starts) > (${after?.memberId ?? ''}, ${after?.memberNumber ?? ''}, ${after?.starts ?? '-infinity'}::text::date)
      order by e.member_id, e.member_number, e.starts limit ${limit}`),
  ];
}

/** Ends these on a day, unless they end before; one that begins later never began. Who was ended. enrolment_pkey. */
export async function endStanding(tx: Queryable, rows: readonly Place[], endsOn: string): Promise<string[]> {
  const ended = await tx<{ id: string }[]>`
    update exchange.enrolment e set ends = greatest(e.starts, ${endsOn}::text::date)
    from unnest(${rows.map((r) => r.memberId)}::text[], ${rows.map((r) => r.memberNumber)}::text[], ${rows.map((r) => r.starts)}::text[]) t(m, n, s)
    where e.member_id = t.m and e.member_number = t.n and e.starts = t.s::date and coalesce(e.ends, 'infinity'::date) > greatest(e.starts, ${endsOn}::text::date)
    returning e.member_id as id`;
  return ended.map((r) => r.id);
}
