// Keys of everything that members have, made anew by a replay, with what chains and echoes compare.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { asManyAsFit, type Keyed, keyColumns } from './keys-made.ts';

export type KeyedRecord = { type: string; id: string; version: number; body: string; shared: string | null };

/** Records of a member after a place, as many as their texts have room together. Primary key. */
export async function recordsToKey(
  sql: Queryable,
  memberId: string,
  after: readonly [type: string, id: string],
): Promise<KeyedRecord[]> {
  const rows = `select type, id, version, body, shared from exchange.resource
    where member_id = $1 and (type, id) > ($2, $3) and not deleted and not (type = 'Provenance' and source_id is null)`;
  return [...(await sql.unsafe<KeyedRecord[]>(asManyAsFit(rows, 'type, id'), [memberId, ...after]))];
}

/** `substance` lower-case hex; `claim` as JSON. Both count of our own records alone. */
export type KeyRow = Keyed<{
  memberId: string;
  type: string;
  id: string;
  version: number;
  substance: string;
  claim: string | null;
}>;

/** Writes what differs. What was written anew since it was read has keys of its own. Primary key. */
export async function rekey(tx: Queryable, rows: readonly KeyRow[]): Promise<void> {
  await tx.unsafe(
    `with keyed as (
       select n, array_agg(hashtextextended(k, 0) order by i) as keys
       from unnest($7::text::int[], $8::text::text[]) with ordinality as u(n, k, i) group by n
     ), said as (
       select r.member_id, r.type, r.id, r.version, decode(r.substance, 'hex') as substance, r.claim::jsonb as claim, k.keys
       from unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::int[], $5::text::text[], $6::text::text[])
         with ordinality as r(member_id, type, id, version, substance, claim, n)
       left join keyed k on k.n = r.n
     )
     update exchange.resource x set keys = r.keys, substance = case x.origin when 'own' then r.substance else x.substance end, claim = case x.origin when 'own' then r.claim else x.claim end
     from said r
     where x.member_id = r.member_id and x.type = r.type and x.id = r.id and x.version = r.version
       and (x.keys is distinct from r.keys or (x.origin = 'own' and (x.substance is distinct from r.substance or x.claim is distinct from r.claim)))`,
    [
      arrayLiteral(rows.map((r) => r.memberId)),
      arrayLiteral(rows.map((r) => r.type)),
      arrayLiteral(rows.map((r) => r.id)),
      arrayLiteral(rows.map((r) => r.version)),
      arrayLiteral(rows.map((r) => r.substance)),
      arrayLiteral(rows.map((r) => r.claim)),
      ...keyColumns(rows),
    ],
  );
}
