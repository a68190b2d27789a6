// Versions of resources in the order of their change. One statement a page, docs/directory.md.

import type { Queryable } from '../../src/db/database.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import { DIRECTORY_TYPES, type DirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';

/** Where a page begins: the last version of the page before it. */
export type HistoryPosition = { time: number; rk: bigint; version: number };

export type HistoryRequest = {
  /** undefined: all types */
  type: DirectoryType | undefined;
  /** `Type/id`, for one resource */
  key: string | undefined;
  /** inclusive */
  since: Date | undefined;
  /** inclusive */
  until: Date | undefined;
  count: number;
  order: 'newest' | 'oldest';
  after: HistoryPosition | undefined;
};

type HistoryEntry = {
  key: string;
  version: number;
  lastUpdated: Date;
  deleted: boolean;
  /** JSON as the database sent it; empty for a deletion */
  body: Uint8Array;
};

export type HistoryPage = { entries: HistoryEntry[]; next: HistoryPosition | undefined };

const COLUMNS = 'last_updated, rk, version';

/**
 * A page of versions. Of each type three indexes give the next rows in order, and the page is the first of them all:
 * resource_last_updated, resource_deleted, history_last_updated; of one resource, resource_pkey and history_pkey.
 */
export async function readHistory(sql: Queryable, request: HistoryRequest): Promise<HistoryPage> {
  const values: string[] = [];
  const bind = (value: string, cast: string) => `$${values.push(value)}::${cast}`;
  const order = request.order === 'newest' ? 'desc' : 'asc';
  const sorted = `order by last_updated ${order}, rk ${order}, version ${order} limit ${bind(String(request.count + 1), 'int')}`;
  const limits: string[] = [];
  if (request.since) limits.push(`last_updated >= ${bind(request.since.toISOString(), 'timestamptz')}`);
  if (request.until) limits.push(`last_updated <= ${bind(request.until.toISOString(), 'timestamptz')}`);
  if (request.after) {
    const { time, rk, version } = request.after;
    const at = bind(new Date(time).toISOString(), 'timestamptz');
    const key = bind(String(rk), 'bigint');
    const sign = request.order === 'newest' ? '<' : '>';
    // the pair serves the index, the triple tells versions of one instant apart
    limits.push(`(last_updated, rk) ${sign}= (${at}, ${key})`);
    limits.push(`(${COLUMNS}) ${sign} (${at}, ${key}, ${bind(String(version), 'int')})`);
  }
  const where = limits.map((l) => ` and ${l}`).join('');
  const current = (deleted: string, of: string) =>
    `(select ${COLUMNS}, false as former from directory.resource where ${of}${deleted}${where} ${sorted})`;
  const former = (of: string) =>
    `(select ${COLUMNS}, true as former from directory.history where ${of}${where} ${sorted})`;
  let found: string;
  if (request.key !== undefined) {
    const key = bind(request.key, 'text');
    const rk = `rk = hashtextextended(${key}, 0)`;
    found = `select * from (${current('', `${rk} and key = ${key}`)} union all ${former(rk)}) v ${sorted}`;
  } else {
    const types = request.type === undefined ? DIRECTORY_TYPES : [request.type];
    found = `select v.* from unnest(array[${types.map((t) => TYPE_IDS[t]).join(', ')}]::smallint[]) t(id), lateral (
      ${current(' and not deleted', 'type = t.id')} union all ${current(' and deleted', 'type = t.id')}
      union all ${former('type = t.id')}) v ${sorted}`;
  }
  const rows = await rawRows(
    sql,
    `with page as materialized (${found})
     select (extract(epoch from p.last_updated) * 1000)::bigint, p.rk, p.version, r.key,
       case when p.former then h.deleted else r.deleted end, case when p.former then h.body else r.body end
     from page p join directory.resource r on r.rk = p.rk
     left join directory.history h on p.former and h.rk = p.rk and h.version = p.version
     order by p.last_updated ${order}, p.rk ${order}, p.version ${order}`,
    values,
    { prepare: true },
  );
  const page = Array.from({ length: Math.min(rows.length, request.count) }, (_, i) => ({
    position: {
      time: Number(rows.text(i, 0)),
      rk: BigInt(rows.text(i, 1) ?? 0),
      version: Number(rows.text(i, 2)),
    },
    key: rows.text(i, 3) ?? '',
    deleted: rows.text(i, 4) === 't',
    body: rows.bytes(i, 5),
  }));
  return {
    entries: page.map(({ position, ...entry }) => ({
      ...entry,
      version: position.version,
      lastUpdated: new Date(position.time),
    })),
    next: rows.length > request.count ? page.at(-1)?.position : undefined,
  };
}

/** Is there, or was there ever, such a resource? resource_pkey. */
export async function isKnown(sql: Queryable, key: string): Promise<boolean> {
  const rows = await sql`select from directory.resource where rk = hashtextextended(${key}, 0) and key = ${key}`;
  return rows.length > 0;
}

const PRUNE = 5000;

/**
 * Forgets former versions that were replaced before a time. Tombstones stay, and so does what the newest publication
 * covers: the next difference is made against it. history_last_updated finds them, history_pkey what replaced them.
 * @returns how many were removed
 */
export async function pruneHistory(sql: Queryable, before: Date): Promise<number> {
  let removed = 0;
  for (;;) {
    const { count } = await sql`
      with old as (
        select h.rk, h.version from unnest(${DIRECTORY_TYPES.map((t) => TYPE_IDS[t])}::smallint[]) t(id)
        join directory.history h on h.type = t.id and h.last_updated < ${before} and not h.deleted
        where coalesce(
          (select n.last_updated from directory.history n where n.rk = h.rk and n.version = h.version + 1),
          (select n.last_updated from directory.resource n where n.rk = h.rk)
        ) < (select least(${before}::timestamptz, coalesce(published_through, ${before}::timestamptz)) from directory.state)
        limit ${PRUNE})
      delete from directory.history h using old o where h.rk = o.rk and h.version = o.version`;
    removed += count;
    if (count < PRUNE) return removed;
  }
}
