// Members by what matching compares: for people who ask for someone by name.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';

export type FoundMember = { memberId: string; numbers: string[] /** kinds of tokens that agree */; kinds: number[] };

/**
 * Members that have one of the tokens ({@link tokens}), those who have more kinds of them first. One look into the index a token.
 * @param most rows
 */
export function membersByTokens(
  sql: Queryable,
  tokens: readonly { kind: number; text: string }[],
  most: number,
): Promise<FoundMember[]> {
  return sql<FoundMember[]>`
    select f.member_id as "memberId", f.kinds,
      coalesce((select array_agg(distinct e.member_number order by e.member_number) from exchange.enrolment e
        where e.member_id = f.member_id), '{}') as numbers
    from (
      select t.member_id, array_agg(distinct t.kind::int order by t.kind::int) as kinds
      from unnest(${arrayLiteral(tokens.map((t) => t.kind))}::text::smallint[],
        ${arrayLiteral(tokens.map((t) => t.text))}::text::text[]) as q(kind, text)
      join exchange.member_token t on t.kind = q.kind and t.hash = hashtextextended(q.text, q.kind)
      group by t.member_id order by count(distinct t.kind) desc, t.member_id limit ${most}
    ) f order by cardinality(f.kinds) desc, f.member_id`;
}

/** The first members by id: demo members of a sandbox. */
export function firstMembers(sql: Queryable, most: number): Promise<FoundMember[]> {
  return sql<FoundMember[]>`
    select m.id as "memberId", '{}'::int[] as kinds,
      coalesce((select array_agg(distinct e.member_number order by e.member_number) from exchange.enrolment e
        where e.member_id = m.id), '{}') as numbers
    from exchange.member m order by m.id limit ${most}`;
}
