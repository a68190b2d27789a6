// Matching, set-based: one statement for a whole batch against all members. Blocking joins hashed tokens (primary key of
// member_token); the rules then compare the arrays, so a hash collision never decides.
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import type { MatchQuery } from '../match/member-bundle.ts';

/** `persons`: how many different members fit; `memberId` and `rule` are meaningful when it is 1. */
export type MatchAnswer = { position: number; persons: number; memberId: string | null; rule: number | null };

/**
 * Candidates by exact token, then the rules of the CMS matching proposal that hold a coverage anchor: 26 (UMB and birth
 * date), 27, 28 (member id), 31, 32 (subscriber id), 8 (MBI). One fuzzy name at most; birth dates and ids exact.
 */
export async function matchMembers(tx: Queryable, queries: readonly MatchQuery[]): Promise<MatchAnswer[]> {
  const rows = queries.map(({ tokens: _, ...q }) => q);
  const json = JSON.stringify(rows);
  const all = queries.flatMap((q) => q.tokens.map((t) => ({ position: q.position, ...t })));
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
    ), cmp as (
      select c.position, c.member_id,
        q.given && m.given as g, q.family && m.family as f, q.dob && m.dob as d,
        q.mb && m.mb as mb, q.sub && m.sub as sub, q.mbi && m.mbi as mbi, q.umb && m.umb as umb,
        not (q.given && m.given) and exchange.any_dl1(q.given, m.given) as gz,
        not (q.family && m.family) and exchange.any_dl1(q.family, m.family) as fz,
        cardinality(q.suffix) > 0 and cardinality(m.suffix) > 0 and not (q.suffix && m.suffix) as suffix_conflict
      from cand c join q using (position) join exchange.member_profile m using (member_id)
    ), hit as (
      select position, member_id, min(place) as place
      from cmp cross join lateral (values
        (1, umb and d), (2, g and d and mb), (3, (f or fz) and d and mb), (4, g and f and d and sub),
        (5, sub and d and f and gz), (6, sub and d and g and fz), (7, g and d and mbi)) v(place, fits)
      where fits and not suffix_conflict
      group by position, member_id
    ), strongest as (
      -- an exact first name on a policy wins over a fuzzy one: twins differ in nothing else
      select position, member_id, place from (
        select hit.*, bool_or(place in (1, 2, 3, 4, 7)) over (partition by position) as exact from hit
      ) h where not exact or place in (1, 2, 3, 4, 7)
    )
    select q.position, count(s.member_id)::int as persons, min(s.member_id) as "memberId",
      (array[26, 27, 28, 31, 31, 32, 8])[min(s.place)] as rule
    from q left join strongest s using (position)
    group by q.position order by q.position`;
  return [...answers];
}
