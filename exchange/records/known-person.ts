// What is known of members as persons: a Patient within a received record is told from them by it.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { allGiven, memberIds } from '../responder/match/normalize.ts';

/**
 * What tells a member from others, as matching compares it; `given` with further names than the first and names of before, as our record
 * tells them; `numbers` are the member's alone, of a card or of Medicare; `cards` are those of the card at the payer, which a family may share.
 */
export type KnownPerson = {
  births: string[];
  family: string[];
  given: string[];
  numbers: string[];
  cards: string[];
  gender: string | null;
};

/** What is known of members; who has no profile is left out. member_profile_pkey, resource_pkey, other_coverage_member_id_payer_member_number_key. */
export async function personsOf(
  sql: Queryable,
  ids: readonly string[],
  peerId: string,
): Promise<Map<string, KnownPerson>> {
  const rows = await sql<(KnownPerson & { memberId: string; names: Json })[]>`
    select p.member_id as "memberId", p.dob as births, p.family, p.given,
      array(select o.member_number from exchange.other_coverage o where o.member_id = p.member_id and o.peer_id = ${peerId} and o.in_error_at is null) as cards, p.mb || p.mbi || p.umb as numbers, (r.body::jsonb)->>'gender' as gender, (r.body::jsonb)->'name' as names
    from exchange.member_profile p
    left join exchange.resource r on r.member_id = p.member_id and r.type = 'Patient' and r.id = p.member_id and not r.deleted
    where p.member_id = any(${arrayLiteral(ids)}::text::text[])`;
  return new Map(
    rows.map(({ memberId, names, ...person }) => [
      memberId,
      {
        ...person,
        given: [...new Set([...person.given, ...allGiven(names)])],
        cards: person.cards.flatMap((c) => memberIds(c)),
      },
    ]),
  );
}

/**
 * Which of what payers call some members (by their places in the list) has first name, family name and birth date of another member of ours. Who goes on as the other one, or the other one as
 * whom, is the same person. member_profile_dob, member_merge is small.
 */
export async function namedAsAnother(
  sql: Queryable,
  named: readonly { memberId: string; given: string[]; family: string[]; births: string[] }[],
): Promise<number[]> {
  if (named.length === 0) return [];
  const rows = await sql<{ place: number }[]>`
    select w.place
    from jsonb_to_recordset(${JSON.stringify(named.map((n, place) => ({ place, member_id: n.memberId, given: n.given, family: n.family, births: n.births })))}::text::jsonb) w(place int, member_id text, given text[], family text[], births text[])
    where exists (
      select from exchange.member_profile p where p.dob && w.births and p.given && w.given and p.family && w.family and p.member_id <> w.member_id
        and not exists (select from exchange.member_merge g where g.undone_at is null and (g.member_id, g.former_id) in ((p.member_id, w.member_id), (w.member_id, p.member_id))))`;
  return rows.map((r) => r.place);
}

/** Which of these members are known to have died, by their own record or an enrolment file. member_pkey, member_profile_pkey. */
export async function knownDead(sql: Queryable, memberIds: readonly string[]): Promise<Set<string>> {
  if (memberIds.length === 0) return new Set();
  const rows = await sql<{ id: string }[]>`
    select m.id from exchange.member m left join exchange.member_profile p on p.member_id = m.id
    where m.id = any(${arrayLiteral(memberIds)}::text::text[]) and (m.died is not null or p.died is not null)`;
  return new Set(rows.map((r) => r.id));
}

/** What is known of a death: the day, or that nobody has told it. */
export type Death = { day: string | undefined };

/** Of a person under these ids, by their own record or an enrolment file; undefined of who lives. member_pkey, member_profile_pkey. */
export async function deathOf(sql: Queryable, memberIds: readonly string[]): Promise<Death | undefined> {
  const [row] = await sql<{ day: string }[]>`
    select d.day::text as day from (
      select max(greatest(m.died, p.died)) as day from exchange.member m left join exchange.member_profile p on p.member_id = m.id
      where m.id = any(${arrayLiteral(memberIds)}::text::text[])) d where d.day is not null`;
  return row && { day: row.day === '-infinity' ? undefined : row.day };
}
