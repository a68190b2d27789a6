// A work is committed in slices of members. The units of one are copied once into a table of this connection
// (`pg_temp.slice`, columns of exchange.staging): what is written is read from there, in whatever order the files came.
import type { Queryable } from '../../src/db/database.ts';
import { knownByMember, openBlocks } from './known-lines.ts';

/** Members of these buckets, and how many units are theirs. Bucket -1: units of nobody, directory records among them. */
export type Range = { first: number; last: number; units: number };

/** Every unit of a work. */
export const EVERYTHING: Pick<Range, 'first' | 'last'> = { first: -1, last: 1023 };

/** Units of nobody. */
export const NOBODYS: Pick<Range, 'first' | 'last'> = { first: -1, last: -1 };

/** Slices of consecutive buckets with at most `most` units each, unless one bucket alone has more. What is nobody's comes first, alone. Pure. */
export function slicesOf(buckets: readonly { bucket: number; units: number }[], most: number): Range[] {
  const slices: Range[] = [];
  for (const { bucket, units } of [...buckets].sort((a, b) => a.bucket - b.bucket)) {
    const last = slices.at(-1);
    if (last !== undefined && last.first >= 0 && last.units + units <= most) {
      last.last = bucket;
      last.units += units;
    } else slices.push({ first: bucket, last: bucket, units });
  }
  return slices;
}

/**
 * How many units of each bucket are staged and not yet in the ledger. staging_bucket, staging_block_bucket.
 * @param after of later buckets only
 */
export async function bucketsOf(
  sql: Queryable,
  work: string,
  after = -2,
): Promise<readonly { bucket: number; units: number }[]> {
  return [
    ...(await sql<{ bucket: number; units: number }[]>`
      select bucket, sum(n)::int as units from (
        select bucket, count(*) as n from exchange.staging where pull_id = ${work} and bucket > ${after} and not booked group by bucket
        union all
        select bucket, sum(units) from exchange.staging_block b where pull_id = ${work} and bucket > ${after} and ${sql.unsafe(openBlocks('b'))} group by bucket
      ) u group by bucket`),
  ];
}

/** The slices of what is staged and not yet in the ledger. */
export async function rangesOf(sql: Queryable, work: string, most: number, after?: number): Promise<Range[]> {
  return slicesOf(await bucketsOf(sql, work, after), most);
}

/** Fills this transaction's slice in place of the one before. Returns how many units it has. staging_bucket. */
export async function openSlice(tx: Queryable, work: string, range: Pick<Range, 'first' | 'last'>): Promise<number> {
  const [made] = await tx<{ there: boolean }[]>`select to_regclass('pg_temp.slice') is not null as there`;
  // all of a slice in the memory of the connection: every statement reads it
  await tx.unsafe(
    made?.there === true
      ? 'truncate pg_temp.slice'
      : `set temp_buffers = '32MB'; create temp table slice (like exchange.staging including storage, primary key (file, line, entry)) with (toast_tuple_target = 8160) on commit delete rows`,
  );
  // chosen by bucket and then put in order: in the order of the primary key it would read the whole work for each slice
  const filled = await tx`
    insert into pg_temp.slice select * from (
      select * from exchange.staging where pull_id = ${work} and bucket between ${range.first} and ${range.last} and not booked offset 0) s
    order by file, line, entry`;
  // three thousand rows tell as much as all
  await tx.unsafe('set local default_statistics_target = 10');
  await tx.unsafe('analyze pg_temp.slice (file, line, entry, type, member_id, local_id, outcome, reason, is_shared)');
  return filled.count;
}

/** Units of a slice of a work that is written in one transaction all the same: imports and replays. */
const IN_ONE = 20_000;

/** Does something with each slice of a work, one after the other, in the same transaction. */
export async function eachSlice(tx: Queryable, work: string, write: () => Promise<void>): Promise<void> {
  for (const range of await rangesOf(tx, work, IN_ONE)) {
    await openSlice(tx, work, range);
    await write();
  }
}

/** Units of the open slice by member, known lines of its buckets with them. */
export async function unitsByMember(
  tx: Queryable,
  work: string,
  range: Pick<Range, 'first' | 'last'>,
): Promise<{ memberId: string; units: number }[]> {
  const units = new Map((await knownByMember(tx, work, range)).map((m) => [m.memberId, m.units]));
  const rows = await tx<{ memberId: string; units: number }[]>`
    select member_id as "memberId", count(*)::int as units from pg_temp.slice where member_id is not null group by member_id`;
  for (const r of rows) units.set(r.memberId, (units.get(r.memberId) ?? 0) + r.units);
  return [...units].map(([memberId, n]) => ({ memberId, units: n })).sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
}

/** Are there units of these buckets that are no known lines? staging_bucket. */
export async function hasUnits(sql: Queryable, work: string, range: Pick<Range, 'first' | 'last'>): Promise<boolean> {
  return (
    (
      await sql`select from exchange.staging where pull_id = ${work} and bucket between ${range.first} and ${range.last} and not booked limit 1`
    ).length > 0
  );
}
