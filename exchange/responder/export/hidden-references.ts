// What of some members must not even be named: read where records leave, beside the statements that decide which.

import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { rawPages } from '../../../src/db/raw-rows.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { SUPPORTING_TYPES } from '../../records/facts/record-types.ts';
import { namesOf, type Unnamed } from '../../records/facts/unnamed.ts';
import { isHiddenPa } from '../../records/hidden-pa.ts';

/** Authorizations that are read at once: their texts are never held together, however many someone has. */
const BODIES = 100;

const HIDDEN = isHiddenPa('y');

const SUPPORTING = `(${SUPPORTING_TYPES.map((t) => `'${t}'`).join(', ')})`;

/** Does an authorization `y` name a document `d` in the form that leaves? Lines that stay may be all that did. */
const NAMES_IT = `(y.shared is null or position(d || '"' in y.shared) > 0 or position(d || '/_history/' in y.shared) > 0)`;

/**
 * What must not be named to a peer, as `Type/id`: authorizations of these members that were denied or are for drugs, and documents that
 * support nothing else, or nothing but lines of others that were denied or are for drugs (of estimates, too). A
 * document that stays for another reason (it is older than the window, a statement of payments) may be named: its id
 * tells nothing of why, and to read it is 404. resource_authorization, resource_pkey.
 */
export async function unnamedOf(sql: Queryable, memberIds: readonly string[]): Promise<Map<string, Unnamed>> {
  const found = new Map<string, Unnamed>();
  if (memberIds.length === 0) return found;
  const rows = await sql.unsafe<{ memberId: string; keys: string }[]>(
    `with pa as materialized (
       select y.* from unnest($1::text::text[]) m cross join lateral (select y.member_id, y.id, y.refers, ${HIDDEN} as hidden,
           array(select d from unnest(y.refers) d where split_part(d, '/', 1) in ${SUPPORTING} and not y.deleted
             and not ${HIDDEN} and ${NAMES_IT}) as named
         from exchange.resource y where y.member_id = m and y.type = 'ExplanationOfBenefit' and y.pa_state is not null
           and (${HIDDEN} or not y.deleted) offset 0) y
     ), document as (
       select h.member_id, d as key from pa h cross join unnest(h.refers) d where split_part(d, '/', 1) in ${SUPPORTING}
       union
       select h.member_id, d.type || '/' || d.id from pa h cross join lateral (select d.type, d.id from exchange.resource d
         where d.member_id = h.member_id and d.type in ${SUPPORTING} and d.refers @> array['ExplanationOfBenefit/' || h.id] offset 0) d
       where h.hidden
       union
       select k.member_id, k.key from unnest($1::text::text[]) m join exchange.withheld_document k on k.member_id = m
     )
     select member_id as "memberId", string_agg(key, ' ') as keys from (
       select member_id, 'ExplanationOfBenefit/' || id as key from pa where hidden
       union select c.member_id, c.key from document c left join lateral (select d.refers from exchange.resource d
         where d.member_id = c.member_id and d.type = split_part(c.key, '/', 1) and d.id = split_part(c.key, '/', 2) offset 0) d on true
       where not exists (select from pa y where y.member_id = c.member_id and (y.named @> array[c.key]
         -- the document names it, not it the document
         or not y.hidden and not coalesce(y.refers @> array[c.key], false) and d.refers @> array['ExplanationOfBenefit/' || y.id]))
     ) x group by 1`,
    [arrayLiteral(memberIds)],
    { prepare: true },
  );
  const hiding = rows.filter((r) => r.keys.includes('ExplanationOfBenefit/')).map((r) => r.memberId);
  const called = await calledOf(sql, [...new Set(hiding)]);
  for (const { memberId, keys } of rows)
    found.set(memberId, { identifiers: [], numbers: [], ...called.get(memberId), keys: keys.split(' ') });
  return found;
}

type Called = { identifiers: string[]; numbers: string[] };

/**
 * Identifiers and numbers of authorizations that must not be named, of members who have any. A number that one has which may be named, as
 * after an appeal, is no name of the other. resource_authorization.
 */
async function calledOf(sql: Queryable, memberIds: readonly string[]): Promise<Map<string, Called>> {
  const found = new Map<string, Called>();
  if (memberIds.length === 0) return found;
  const visible = new Map<string, Called>();
  const pages = rawPages(
    sql,
    `select y.member_id, ${HIDDEN} as hidden, y.body
     from unnest($1::text::text[]) m cross join lateral (select y.member_id, y.pa_state, y.withheld, y.body from exchange.resource y
       where y.member_id = m and y.type = 'ExplanationOfBenefit' and y.pa_state is not null
         and (not y.deleted or ${HIDDEN}) offset 0) y`,
    [arrayLiteral(memberIds)],
    BODIES,
  );
  for await (const page of pages) {
    for (let row = 0; row < page.length; row++) {
      const into = page.text(row, 1) === 't' ? found : visible;
      const memberId = page.text(row, 0) ?? '';
      const named = namesOf(JSON.parse(page.text(row, 2) ?? '') as Resource);
      const known = into.get(memberId) ?? { identifiers: [], numbers: [] };
      known.identifiers.push(...named.identifiers);
      known.numbers.push(...named.numbers);
      into.set(memberId, known);
    }
  }
  for (const [memberId, { identifiers, numbers }] of found) {
    const others = visible.get(memberId);
    found.set(memberId, {
      identifiers: identifiers.filter((i) => others?.identifiers.includes(i) !== true),
      numbers: numbers.filter((n) => others?.numbers.includes(n) !== true),
    });
  }
  return found;
}
