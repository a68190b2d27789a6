// Which members are meant: by what a payer knows of them or of their records. What they may be shown is decided elsewhere (member-read.ts).
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';

/** Members by unique member ids, those that there are. member_umb_key. */
export async function membersOfUmbs(sql: Queryable, umbs: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; umb: string }[]>`
    select id, umb from exchange.member where umb = any(${arrayLiteral(umbs)}::text::text[])`;
  return new Map(rows.map((r) => [r.umb, r.id]));
}

/** Unique member ids of some members. member_pkey. */
export async function umbsOf(sql: Queryable, memberIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; umb: string }[]>`
    select id, umb from exchange.member where id = any(${arrayLiteral(memberIds)}::text::text[])`;
  return new Map(rows.map((r) => [r.id, r.umb]));
}

/**
 * Members that hold records of these ids: what is asked for by id alone names no one. resource_id, in each partition.
 */
export async function membersHolding(sql: Queryable, type: string, ids: readonly string[]): Promise<string[]> {
  const rows = await sql<{ memberId: string }[]>`
    select distinct member_id as "memberId" from exchange.resource where id = any(${arrayLiteral(ids)}::text::text[]) and type = ${type}`;
  return rows.map((r) => r.memberId);
}

/** What `exchange.claim_identifier_hashes` says of an older text that it cannot read. */
const UNREAD = '0';

/**
 * Claims with one of these identifiers, and perhaps a few more, whosever they are: `values` are those of
 * `Identifier.value`. `limit` of them at most. resource_claim_identifier, in each partition.
 */
export async function claimsIdentified(
  sql: Queryable,
  values: readonly string[],
  limit: number,
): Promise<{ memberId: string; id: string }[]> {
  return [
    ...(await sql<{ memberId: string; id: string }[]>`
      select member_id as "memberId", id from exchange.resource
      where type = 'ExplanationOfBenefit' and exchange.claim_identifier_hashes(claim, body) && array(
        select hashtextextended(v, 0) from unnest(${arrayLiteral(values)}::text::text[]) v union all select ${UNREAD}::text::bigint)
      limit ${limit}`),
  ];
}

/**
 * Members whose Patient carries one of these identifiers, and perhaps a few more; `limit` of them at most.
 * resource_patient_identifier, in each partition.
 */
export async function membersIdentified(sql: Queryable, values: readonly string[], limit: number): Promise<string[]> {
  const rows = await sql<{ memberId: string }[]>`
    select member_id as "memberId" from exchange.resource
    where type = 'Patient' and id = member_id and exchange.identifier_hashes(body) && array(
      select hashtextextended(v, 0) from unnest(${arrayLiteral(values)}::text::text[]) v union all select ${UNREAD}::text::bigint)
    limit ${limit}`;
  return rows.map((r) => r.memberId);
}

/** Members who were born on one of these days, YYYY-MM-DD; `limit` of them at most. member_profile_dob. */
export async function membersBorn(sql: Queryable, days: readonly string[], limit: number): Promise<string[]> {
  const rows = await sql<{ memberId: string }[]>`
    select member_id as "memberId" from exchange.member_profile where dob && ${arrayLiteral(days)}::text::text[] limit ${limit}`;
  return rows.map((r) => r.memberId);
}

/** How many records some members have, counted up to `most`. resource_pkey alone. */
export async function countRecords(sql: Queryable, memberIds: readonly string[], most: number): Promise<number> {
  const [row] = await sql.unsafe<{ n: number }[]>(
    `select count(*)::int as n from (
       select 1 from unnest($1::text::text[]) g(member_id)
       cross join lateral (select r.id from exchange.resource r where r.member_id = g.member_id offset 0) r limit $2::int) x`,
    [arrayLiteral(memberIds), most],
  );
  return row?.n ?? 0;
}
