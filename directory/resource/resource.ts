// Reading one resource of the directory, and its former versions.
import type { Queryable } from '../../src/db/database.ts';
import { rawRows } from '../../src/db/raw-rows.ts';

/** `body` is the JSON as the database sent it, UTF-8; a tombstone has none. */
export type StoredVersion = { version: number; lastUpdated: Date; deleted: boolean; body: Uint8Array<ArrayBuffer> };

const COLUMNS = 'version, (extract(epoch from last_updated) * 1000)::bigint, deleted, body';
const READ = `select ${COLUMNS} from directory.resource where rk = hashtextextended($1, 0) and key = $1`;
const VREAD = `with one as (select * from directory.resource where rk = hashtextextended($1, 0) and key = $1)
  select ${COLUMNS} from one where version = $2::int
  union all
  select h.version, (extract(epoch from h.last_updated) * 1000)::bigint, h.deleted, h.body
  from one join directory.history h on h.rk = one.rk where h.version = $2::int
  union all
  select $2::int, 0, true, '' from one
  where $2::int between 1 and one.version - 1
    and not exists (select from directory.history h where h.rk = one.rk and h.version = $2::int)`;

const READ_CHANGE = `select change || '.' || coalesce(to_hex((extract(epoch from changed_at) * 1000)::bigint), '0') as change
  from directory.state`;

async function one(sql: Queryable, text: string, values: string[], short: boolean): Promise<StoredVersion | undefined> {
  const rows = await rawRows(sql, text, values, { prepare: true, short });
  if (rows.length === 0) return undefined;
  return {
    version: Number(rows.text(0, 0)),
    lastUpdated: new Date(Number(rows.text(0, 1))),
    deleted: rows.text(0, 2) === 't',
    body: rows.bytes(0, 3),
  };
}

/** The newest version. @param key `Type/id`. resource_pkey. */
export function readResource(sql: Queryable, key: string): Promise<StoredVersion | undefined> {
  return one(sql, READ, [key], true);
}

/** One version, current or former; one that is no longer kept reads as deleted. resource_pkey, history_pkey. */
export function readVersion(sql: Queryable, key: string, version: number): Promise<StoredVersion | undefined> {
  return one(sql, VREAD, [key, String(version)], false);
}

/**
 * The change counter and when it moved, `counter.time` as text: a directory that was loaded again counts from the
 * beginning, and is not taken for the one before. One row, in memory.
 */
export async function readChange(sql: Queryable): Promise<string> {
  const [row] = await sql.unsafe<{ change: string }[]>(READ_CHANGE, [], { prepare: true });
  return row?.change ?? '0';
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
