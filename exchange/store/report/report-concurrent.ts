// Members who are covered elsewhere too and have opted in, whose payer there was last asked longer ago than the rule allows (42 CFR
// 422.121(b)(6)(i)), whatever clock runs for them now.
import type { Queryable } from '../../../src/store/database.ts';
import { enrolledSql, namesSql } from '../members/enrolled.ts';

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

/** The longest ago first; who has two cards of one payer is told once, by the one asked for longest ago. Other coverage is read once; pull_member_member and clock_member for each. */
export async function askedLongAgo(sql: Queryable, now: Date, zone: string, limit: number): Promise<Stale[]> {
  const today = '($1::timestamptz at time zone $2)::date';
  return [
    ...(await sql.unsafe<Stale[]>(
      `select x.*, count(*) over ()::int as "ofAll" from (
       select distinct on (o.member_id, coalesce(o.peer_id, o.payer)) o.member_id as "memberId", coalesce(r.name, o.payer) as payer, o.peer_id as "peerId", o.ends::text, l.at as "askedAt", l.pull_id as "pullId", l.outcome,
         k.id as "clockId", k.kind, k.state, k.due_at as "dueAt", k.closed_at as "closedAt", o.id
       from exchange.other_coverage o left join exchange.peer r on r.id = o.peer_id
       join lateral (select choice, payers from exchange.consent where member_id = o.member_id order by recorded_on desc, created_at desc limit 1) c
         on c.choice = 'opt-in' and ${namesSql('c', 'o', today)}
       join lateral (
         select case when m.outcome = 'matched' then coalesce(p.kicked_off_at, p.created_at) else p.created_at end as at, p.id as pull_id, m.outcome
         from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
         where m.member_id = o.member_id and m.other_coverage_id = o.id and (m.outcome is not null or m.statement is not null)
         order by 1 desc, p.id limit 1) l on ((l.at at time zone $2)::date + interval '3 months')::date < ${today}
       left join lateral (
         select id, kind, state, due_at, closed_at from exchange.clock
         where member_id = o.member_id and kind in ('C2', 'C4') and split_part(subject, '/', 1) = o.id
         order by state in ('open', 'attempted', 'blocked') desc, starts_at desc, id limit 1) k on true
       where (o.ends is null or o.ends >= ${today}) and ${enrolledSql('o.member_id', today)}
       order by o.member_id, coalesce(o.peer_id, o.payer), l.at, o.id) x
       order by x."askedAt", x.id limit $3`,
      [now, zone, limit],
    )),
  ];
}
