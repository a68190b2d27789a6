// Documents that a peer sent with authorizations, or lines of them, that were not taken in: nothing that is held tells that they support those.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { SUPPORTING_TYPES } from './facts/record-types.ts';

/** Types of documents, as a list of SQL. */
export const SUPPORTING = `(${SUPPORTING_TYPES.map((t) => `'${t}'`).join(', ')})`;

/** Was it sent with what was not taken in? withheld_document_pkey. */
export const IS_KEPT_BACK = (r: string) =>
  `exists (select from exchange.withheld_document k where k.member_id = ${r}.member_id and k.key = ${r}.type || '/' || ${r}.id)`;

/**
 * Notes what the open slice was not taken in with, and documents that name an authorization which was not, also those that came before it. What is
 * here already moves, so that peers who have it are told. $1 instant. withheld_document_pkey, resource_pkey.
 */
export async function writeKeptBack(tx: Queryable, at: string): Promise<void> {
  const [any] = await tx`
    select where exists (select from pg_temp.slice where keeps is not null) or exists (select from exchange.withheld_document)`;
  if (any === undefined) return;
  await tx.unsafe(
    `insert into exchange.withheld_document (member_id, key, at)
     select s.member_id, k, $1::text::timestamptz from pg_temp.slice s cross join unnest(s.keeps) k where s.member_id is not null
     on conflict do nothing`,
    [at],
  );
  await tx.unsafe(
    `insert into exchange.withheld_document (member_id, key, at)
     select s.member_id, s.type || '/' || s.local_id, $1::text::timestamptz from pg_temp.slice s
     where s.type in ${SUPPORTING} and s.local_id is not null and exists (
       select from unnest(s.refers) e where starts_with(e, 'ExplanationOfBenefit/')
         and exists (select from exchange.withheld_document k where k.member_id = s.member_id and k.key = e))
     on conflict do nothing`,
    [at],
  );
  await tx.unsafe(
    `insert into exchange.withheld_document (member_id, key, at)
     select r.member_id, r.type || '/' || r.id, $1::text::timestamptz
     from (select distinct k.member_id, k.key from pg_temp.slice s join exchange.withheld_document k on k.member_id = s.member_id
       where s.keeps is not null and k.key = any(s.keeps) and k.at = $1::text::timestamptz and starts_with(k.key, 'ExplanationOfBenefit/')) e
     cross join lateral (select * from exchange.resource r where r.member_id = e.member_id and r.type in ${SUPPORTING} offset 0) r
     where r.refers @> array[e.key]
     on conflict do nothing`,
    [at],
  );
  await tx.unsafe(
    `update exchange.resource r set moved_at = k.at
     from (select distinct member_id from pg_temp.slice where member_id is not null) m
     join exchange.withheld_document k on k.member_id = m.member_id and k.at = $1::text::timestamptz
     where r.member_id = k.member_id and r.type = split_part(k.key, '/', 1) and r.id = split_part(k.key, '/', 2) and r.type in ${SUPPORTING}`,
    [at],
  );
}

/** Those of some members that were noted up to a time, as `Type/id`. withheld_document_pkey. */
export async function keptBackOf(
  sql: Queryable,
  memberIds: readonly string[],
  at: Date,
): Promise<{ memberId: string; key: string }[]> {
  return [
    ...(await sql<{ memberId: string; key: string }[]>`
      select k.member_id as "memberId", k.key from unnest(${arrayLiteral(memberIds)}::text::text[]) m
      join exchange.withheld_document k on k.member_id = m where k.at <= ${at}`),
  ];
}
