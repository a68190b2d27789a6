// Reading one resource of the directory, and its former versions.
import type { Queryable } from './database.ts';

export type StoredVersion = { version: number; lastUpdated: Date; deleted: boolean; body: string };

/** The newest version; a tombstone has an empty body. resource_pkey. */
export async function readResource(sql: Queryable, key: string): Promise<StoredVersion | undefined> {
  const [row] = await sql<StoredVersion[]>`
    select version, last_updated as "lastUpdated", deleted, body from directory.resource
    where rk = hashtextextended(${key}, 0) and key = ${key}`;
  return row;
}

/** One version, current or former. resource_pkey, history_pkey. */
export async function readVersion(sql: Queryable, key: string, version: number): Promise<StoredVersion | undefined> {
  const [row] = await sql<StoredVersion[]>`
    with one as (select * from directory.resource where rk = hashtextextended(${key}, 0) and key = ${key})
    select version, last_updated as "lastUpdated", deleted, body from one where version = ${version}::int
    union all
    select h.version, h.last_updated, h.deleted, h.body from one join directory.history h on h.rk = one.rk
    where h.version = ${version}::int`;
  return row;
}

/** The change counter, when it moved, and live resources by type number (the first is number 1). */
export type DirectoryState = { change: bigint; changedAt: Date | undefined; counts: bigint[] };

export async function readState(sql: Queryable): Promise<DirectoryState> {
  const [row] = await sql<{ change: string; at: Date | null; counts: string }[]>`
    select change::text as change, changed_at as at, array_to_string(counts, ',') as counts from directory.state`;
  return {
    change: BigInt(row?.change ?? 0),
    changedAt: row?.at ?? undefined,
    counts: (row?.counts ?? '').split(',').map((n) => BigInt(n || 0)),
  };
}
