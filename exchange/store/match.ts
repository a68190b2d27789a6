// Matching, set-based: one statement for a whole batch against all members. Blocking joins hashed tokens (primary key of
// member_token); the rules then compare the arrays, so a hash collision never decides.
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import type { MatchQuery } from '../match/member-bundle.ts';

/** `persons`: how many different members fit; the rest is meaningful when it is 1. */
export type MatchAnswer = {
  position: number;
  persons: number;
  memberId: string | null;
  rule: number | null;
  /** the id of the member that peers are given */
  umb: string | null;
  /** the day on which the member last said no, when that is the member's newest word; YYYY-MM-DD */
  refusedOn: string | null;
};
/** Kinds of tokens that a rule below asks for; the others serve no rule that holds a coverage anchor. */
const ANCHORS: ReadonlySet<number> = new Set([1, 2, 7, 8]);

/**
 * Candidates by exact token, then the rules of the CMS matching proposal that hold a coverage anchor: 26 (UMB and birth
 * date), 27, 28 (member id), 31, 32 (subscriber id), 8 (MBI). One fuzzy name at most; birth dates and ids exact.
 */
export async function matchMembers(tx: Queryable, queries: readonly MatchQuery[]): Promise<MatchAnswer[]> {
  const rows = queries.map(({ tokens: _, ...q }) => q);
  const json = JSON.stringify(rows);
  const all = queries.flatMap((q) =>
    q.tokens.filter((t) => ANCHORS.has(t.kind)).map((t) => ({ position: q.position, ...t })),
  );
  const answers = await tx<MatchAnswer[]>`
    with q as materialized (
      select * from jsonb_to_recordset(${json}::text::jsonb)
        as x(position integer, dob text[], family text[], given text[], suffix text[], mb text[], sub text[], mbi text[], umb text[])
    ), q_token as materialized (
      select p as position, k as kind, hashtextextended(t, k) as hash
      from unnest(${arrayLiteral(all.map((t) => t.position))}::text::integer[], ${arrayLiteral(all.map((t) => t.kind))}::text::smallint[],
        ${arrayLiteral(all.map((t) => t.text))}::text::text[]) as x(p, k, t)
    ), cand as (
      select distinct q_token.position, m.member_id from q_token join exchange.member_token m using (kind, hash)
    ), hit as (
      -- every rule holds the birth date; of the rules that fit the first counts, and names are compared letter by letter last
      select * from (
        select q.position, c.member_id, case
          when q.umb && m.umb then 1
          when q.mb && m.mb and q.given && m.given then 2
          when q.mb && m.mb and (q.family && m.family or exchange.any_dl1(q.family, m.family)) then 3
          when q.sub && m.sub and q.family && m.family and q.given && m.given then 4
          when q.sub && m.sub and q.family && m.family and exchange.any_dl1(q.given, m.given) then 5
          when q.sub && m.sub and q.given && m.given and exchange.any_dl1(q.family, m.family) then 6
          when q.mbi && m.mbi and q.given && m.given then 7 end as place
        from cand c join q using (position) join exchange.member_profile m using (member_id)
        where q.dob && m.dob and not (cardinality(q.suffix) > 0 and cardinality(m.suffix) > 0 and not (q.suffix && m.suffix))
      ) h where place is not null
    ), strongest as (
      -- an exact first name on a policy wins over a fuzzy one: twins differ in nothing else
      select position, member_id, place from (
        select hit.*, bool_or(place in (1, 2, 3, 4, 7)) over (partition by position) as exact from hit
      ) h where not exact or place in (1, 2, 3, 4, 7)
    )
    select f.position, f.persons, f.member_id as "memberId", f.rule, m.umb,
      case when c.choice <> 'opt-in' then c.recorded_on::text end as "refusedOn"
    from (select q.position, count(s.member_id)::int as persons, min(s.member_id) as member_id,
        (array[26, 27, 28, 31, 31, 32, 8])[min(s.place)] as rule
      from q left join strongest s using (position) group by q.position) f
    left join exchange.member m on m.id = f.member_id and f.persons = 1
    left join lateral (select choice, recorded_on from exchange.consent c where c.member_id = m.id
      order by recorded_on desc, created_at desc limit 1) c on true
    order by f.position`;
  return [...answers];
}
