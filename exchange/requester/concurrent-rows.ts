// Members who are covered elsewhere too and have opted in, whose payer there was last asked longer ago than the rule allows (42 CFR
// 422.121(b)(6)(i)), whatever clock runs for them now.
import type { Queryable } from '../../src/db/database.ts';
import { enrolledSql, namesSql } from '../members/enrolment/enrolled.ts';

export type Stale = {
  memberId: string;
  payer: string;
  peerId: string | null;
  /** the last day of the other coverage; null: it goes on */
  ends: string | null;
  askedAt: Date;
  pullId: string;
  outcome: string | null;
  /** the duty to ask that payer that stands now, or ended last */
  clockId: string | null;
  kind: string | null;
  state: string | null;
  dueAt: Date | null;
  closedAt: Date | null;
  /** how many there are, when only the first are read */
  ofAll: number;
};

/** When pull `p` asked for member `m` of it last. */
const ASKED_AT = "case when m.outcome = 'matched' then coalesce(p.kicked_off_at, p.created_at) else p.created_at end";

/**
 * The longest ago first; who has two cards of one payer is reported once, by the one asked for longest ago. Choices,
 * other coverage and who was asked for are read once; what is read of a request and its clock is looked up of those
 * alone who are listed. pull_member_member, deadline_member.
 */
export async function askedLongAgo(sql: Queryable, now: Date, zone: string, limit: number): Promise<Stale[]> {
  const today = '($1::timestamptz at time zone $2)::date';
  return [
    ...(await sql.unsafe<Stale[]>(
      `with chosen as materialized (
       select distinct on (member_id) member_id, choice, payers from exchange.consent order by member_id, recorded_on desc, created_at desc
     ), asked as materialized (
       select m.member_id, m.other_coverage_id, max(${ASKED_AT}) as at
       from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
       where m.other_coverage_id is not null and (m.outcome is not null or m.statement is not null) group by 1, 2
     ), stale as materialized (
       select distinct on (o.member_id, coalesce(o.peer_id, o.payer)) o.id, o.member_id, coalesce(r.name, o.payer) as payer, o.peer_id,
         o.ends, l.at
       from exchange.other_coverage o left join exchange.peer r on r.id = o.peer_id
       join chosen c on c.member_id = o.member_id and c.choice = 'opt-in' and ${namesSql('c', 'o', today)}
       join asked l on l.member_id = o.member_id and l.other_coverage_id = o.id
         and ((l.at at time zone $2)::date + interval '3 months')::date < ${today}
       where (o.ends is null or o.ends >= ${today}) and ${enrolledSql('o.member_id', today)}
       order by o.member_id, coalesce(o.peer_id, o.payer), l.at, o.id
     ), listed as (select s.*, count(*) over ()::int as n from stale s order by s.at, s.id limit $3)
     select s.member_id as "memberId", s.payer, s.peer_id as "peerId", s.ends::text, s.at as "askedAt", l.pull_id as "pullId", l.outcome,
       k.id as "clockId", k.kind, k.state, k.due_at as "dueAt", k.closed_at as "closedAt", s.id, s.n as "ofAll"
     from listed s
     cross join lateral (
       select p.id as pull_id, m.outcome from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
       where m.member_id = s.member_id and m.other_coverage_id = s.id and (m.outcome is not null or m.statement is not null)
       order by ${ASKED_AT} desc, p.id limit 1) l
     left join lateral (
       select id, kind, state, due_at, closed_at from exchange.deadline
       where member_id = s.member_id and kind in ('C2', 'C4') and split_part(subject, '/', 1) = s.id
       order by state in ('open', 'attempted', 'blocked') desc, starts_at desc, id limit 1) k on true
     order by s.at, s.id`,
      [now, zone, limit],
    )),
  ];
}
