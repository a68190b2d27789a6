// What comes along with a page of found records, in the order of those that bring it, and no more than some bytes: the
// texts of others are not read. Records by the primary key (member_id, type, id), directory entries by
// shared_resource_pkey.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { ANY_LABELLED, REVEALED } from '../../records/revealed.ts';
import { MAY_LEAVE, recordsOfEach } from '../export/export-rows.ts';
import {
  COLUMNS,
  type Days,
  GRANTED,
  type Grant,
  grantedBase,
  type MemberRow,
  SHARED,
  type SharedRow,
} from './member-read-rows.ts';

/** Keys `Type/id`, each with the place of the first found record that brings it. */
export type Brought = ReadonlyMap<string, number>;
export type Included<T> = {
  rows: (T & { place: number })[];
  /** what records at this place and behind it bring is not here as a whole */
  end: number;
};

/** @param rows with `place`, `text`, `type` and `id`. @param bytes a parameter: rows that begin before so many, one at least */
const within = (rows: string, bytes: string): string => `
  select * from (
    select x.*, lead(x.place) over w as next,
      coalesce(sum(octet_length(x.text)) over (w rows between unbounded preceding and 1 preceding), 0) as before
    from (${rows}) x window w as (order by x.place, x.type, x.id)) y
  where before < ${bytes}::bigint order by place, type, id`;

type Cut = { next: number | null; before: string };
async function included<T>(
  sql: Queryable,
  rows: string,
  values: readonly string[],
  bytes: number,
): Promise<Included<T>> {
  const found = await sql.unsafe<(T & { place: number } & Cut)[]>(within(rows, `$${values.length + 1}`), [
    ...values,
    bytes,
  ]);
  return {
    rows: found.map(({ next: _, before: __, ...row }) => row as unknown as T & { place: number }),
    end: found.at(-1)?.next ?? Number.POSITIVE_INFINITY,
  };
}
const NOTHING = { rows: [], end: Number.POSITIVE_INFINITY };
const lists = (keys: Brought) => [arrayLiteral([...keys.keys()]), arrayLiteral([...keys.values()].map(String))];

/** Records of the members that others refer to. */
export async function includedRows(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  keys: Brought,
  bytes: number,
): Promise<Included<MemberRow>> {
  if (keys.size === 0 || grants.length === 0) return NOTHING;
  const rows = `select ${COLUMNS}, k.place ${GRANTED} cross join unnest($6::text::text[], $7::text::int[]) k(key, place)
    ${recordsOfEach(" and r.type = split_part(k.key, '/', 1) and r.id = split_part(k.key, '/', 2)")}
    where not r.deleted and ${MAY_LEAVE}`;
  return included(sql, rows, [...grantedBase(grants, days), ...lists(keys)], bytes);
}

/** Provenance that is about any of these records of the members. */
export async function includedProvenance(
  sql: Queryable,
  grants: readonly Grant[],
  days: Days,
  keys: Brought,
  bytes: number,
): Promise<Included<MemberRow>> {
  if (keys.size === 0 || grants.length === 0) return NOTHING;
  const rows = `select ${COLUMNS}, (select min(k.place) from unnest($6::text::text[], $7::text::int[]) k(key, place)
    where k.key = any(r.targets)) as place
    ${GRANTED} ${recordsOfEach(" and r.type = 'Provenance'")}
    where not r.deleted and r.targets && $6::text::text[] and ${MAY_LEAVE}`;
  return included(sql, rows, [...grantedBase(grants, days), ...lists(keys)], bytes);
}

/**
 * Directory entries that records refer to. One that reveals what is labelled, which people may name, stays unless it is
 * `covered`: named by a record whose consent covers that.
 */
export async function includedShared(
  sql: Queryable,
  keys: Brought,
  covered: ReadonlySet<string>,
  bytes: number,
): Promise<Included<SharedRow>> {
  if (keys.size === 0) return NOTHING;
  const rows = `select ${SHARED}, k.place from unnest($1::text::text[], $2::text::int[], $3::text::smallint[]) k(key, place, most)
    join exchange.shared_resource s on s.type = split_part(k.key, '/', 1) and s.id = split_part(k.key, '/', 2)
    where not s.deleted and (not ${ANY_LABELLED} or ${REVEALED('k.key')} <= k.most)`;
  const most = arrayLiteral([...keys.keys()].map((key) => (covered.has(key) ? 1 : 0)));
  return included(sql, rows, [...lists(keys), most], bytes);
}
