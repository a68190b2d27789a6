// What a publication holds, as queries for COPY: everything, or what differs from an earlier one.

import type { Queryable } from '../../src/db/database.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';

const time = (at: Date) => `'${at.toISOString()}'::timestamptz`;
const ALL = Object.values(TYPE_IDS).join(', ');

/** Leaves out what belongs to peers that are named: their ids begin with a slug, ours never do (src/store of the merged base). */
function without(kept: readonly string[]): string {
  if (kept.length === 0) return '';
  if (!kept.every((slug) => /^[a-z0-9]{2,12}$/.test(slug))) throw new Error('bad slug');
  return ` and split_part(split_part(r.key, '/', 2), '.', 1) <> all('{${kept.join(',')}}')`;
}

/** A range of a table: its pages from the first up to the one before the last; without a last one all that follow. */
export type Pages = { first: number; last: number | undefined };

/** Columns: type number as text, body. A range is read by itself, whatever indexes there are. */
export function fullRows({ first, last }: Pages, kept: readonly string[] = []): string {
  const to = last === undefined ? '' : ` and r.ctid < '(${last},0)'`;
  return `select r.type::text, r.body from directory.resource r where r.ctid >= '(${first},0)'${to} and not r.deleted${without(kept)}`;
}

/** Where the rows of the table lie. `pages` without what large values take beside it. `file` is another one once the table was rewritten. */
export type Layout = { pages: number; file: string };

export async function layoutOfResources(sql: Queryable): Promise<Layout> {
  const [row] = await sql.unsafe<Layout[]>(
    `select (pg_relation_size('directory.resource') / current_setting('block_size')::int)::int as pages,
       pg_relation_filenode('directory.resource')::text as file`,
  );
  if (row === undefined) throw new Error('The directory has no table of resources.');
  return row;
}

/** No one rewrites the table until the transaction ends; rows of it lie where they lay. @throws TableMoved */
export async function holdLayout(sql: Queryable, { file }: Layout): Promise<void> {
  await sql.unsafe('lock table directory.resource in access share mode');
  if ((await layoutOfResources(sql)).file !== file) throw new TableMoved();
}

export class TableMoved extends Error {
  constructor() {
    super('The table of resources was rewritten while it was read (VACUUM FULL, CLUSTER): it is read once more.');
    this.name = 'TableMoved';
  }
}

/**
 * Resources that were changed after an instant: type number, body (null: deleted since), key. One that was changed and changed back is among
 * them, as its version and time are others: who follows the differences has what a reader of the directory has. What was created and
 * deleted is not. resource_last_updated, resource_deleted, history_pkey.
 */
export function changedRows(since: Date, kept: readonly string[] = []): string {
  return `
    select r.type::text, r.body, r.key from directory.resource r
    where r.type in (${ALL}) and not r.deleted and r.last_updated > ${time(since)}${without(kept)}
    union all
    select r.type::text, null, r.key from directory.resource r join lateral (select h.deleted from directory.history h
      where h.rk = r.rk and h.last_updated <= ${time(since)} order by h.version desc limit 1) p on not p.deleted
    where r.type in (${ALL}) and r.deleted and r.last_updated > ${time(since)}${without(kept)}`;
}
