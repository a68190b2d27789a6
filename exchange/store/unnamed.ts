// What of some members must not even be named: read where records leave, beside the statements that decide which.
import type { Resource } from '../../src/fhir/resource.ts';
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
import { namesOf, type Unnamed } from '../transform/unnamed.ts';

/** States of an authorization that is not even named: it was denied, or is for a drug. */
const HIDDEN = `('denied', 'unclear', 'drug')`;

/**
 * What must not be named to a peer, as `Type/id`: authorizations of these members that were denied or are for drugs, and documents that
 * support nothing else. resource_authorization.
 */
export async function unnamedOf(sql: Queryable, memberIds: readonly string[]): Promise<Map<string, Unnamed>> {
  const found = new Map<string, Unnamed>();
  if (memberIds.length === 0) return found;
  const rows = await sql.unsafe<{ memberId: string; keys: string }[]>(
    `with hidden as materialized (
       select y.* from unnest($1::text::text[]) m cross join lateral (select y.member_id, y.id, y.refers from exchange.resource y
         where y.member_id = m and y.type = 'ExplanationOfBenefit' and y.pa_state is not null and y.pa_state in ${HIDDEN} offset 0) y
     )
     select member_id as "memberId", string_agg(key, ' ') as keys from (
       select member_id, 'ExplanationOfBenefit/' || id as key from hidden
       union select h.member_id, d from hidden h cross join unnest(h.refers) d
       where starts_with(d, 'DocumentReference/') and not exists (
         select from exchange.resource y where y.member_id = h.member_id and y.type = 'ExplanationOfBenefit' and not y.deleted
           and y.pa_state is not null and y.pa_state not in ${HIDDEN} and y.refers @> array[d] offset 0)
     ) x group by 1`,
    [arrayLiteral(memberIds)],
    { prepare: true },
  );
  const called = await calledOf(sql, [...new Set(rows.map((r) => r.memberId))]);
  for (const { memberId, keys } of rows)
    found.set(memberId, { identifiers: [], numbers: [], ...called.get(memberId), keys: keys.split(' ') });
  return found;
}

/**
 * Identifiers and numbers of authorizations that must not be named, of members who have any. A number that one has which may be named, as
 * after an appeal, is no name of the other. resource_authorization.
 */
async function calledOf(
  sql: Queryable,
  memberIds: readonly string[],
): Promise<Map<string, Pick<Unnamed, 'identifiers' | 'numbers'>>> {
  const found = new Map<string, Pick<Unnamed, 'identifiers' | 'numbers'>>();
  if (memberIds.length === 0) return found;
  const rows = await sql.unsafe<{ memberId: string; hidden: string[]; others: string[] | null }[]>(
    `select m as "memberId", to_jsonb(array_agg(y.body) filter (where y.pa_state in ${HIDDEN})) as hidden,
       to_jsonb(array_agg(y.body) filter (where y.pa_state not in ${HIDDEN} and not y.deleted)) as others
     from unnest($1::text::text[]) m cross join lateral (select y.pa_state, y.body, y.deleted from exchange.resource y
       where y.member_id = m and y.type = 'ExplanationOfBenefit' and y.pa_state is not null offset 0) y
     group by m having bool_or(y.pa_state in ${HIDDEN})`,
    [arrayLiteral(memberIds)],
    { prepare: true },
  );
  const called = (bodies: readonly string[]) => {
    const all = bodies.map((b) => namesOf(JSON.parse(b) as Resource));
    return { identifiers: all.flatMap((n) => n.identifiers), numbers: all.flatMap((n) => n.numbers) };
  };
  for (const { memberId, hidden, others } of rows) {
    const told = called(others ?? []);
    const names = called(hidden);
    found.set(memberId, {
      identifiers: names.identifiers.filter((i) => !told.identifiers.includes(i)),
      numbers: names.numbers.filter((n) => !told.numbers.includes(n)),
    });
  }
  return found;
}
