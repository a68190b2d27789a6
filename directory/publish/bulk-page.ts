// Pages of the bulk channel, from publications.
import type { Queryable } from '../../src/db/database.ts';
import { filesOf, type SetFile } from './file-set.ts';

export type ChainPage = {
  number: number;
  covers: Date;
  /** when this page became what it is */
  changedAt: Date;
  files: SetFile[];
  /** number of the next publication of the chain that has changes */
  next: number | undefined;
  /** a newer chain has begun: nothing follows here */
  closed: boolean;
};

type Row = {
  number: number;
  covers: Date;
  publishedAt: Date;
  set: string | null;
  next: number | null;
  nextAt: Date | null;
  closedAt: Date | null;
};

/**
 * A page: the newest root, the page without files that follows a root, or the changes of a publication. publication_pkey.
 * @returns undefined when there is no such page, or its files are gone
 */
export async function bulkPage(
  sql: Queryable,
  kind: 'root' | 'start' | 'changes',
  number = 0,
): Promise<ChainPage | undefined> {
  const set = kind === 'root' ? 'p.root_set' : kind === 'start' ? 'null' : 'p.changes_set';
  const wanted =
    kind === 'root'
      ? 'p.root_set is not null order by p.number desc limit 1'
      : `p.number = $1 and ${kind === 'start' ? 'p.root_set' : 'p.changes_set'} is not null`;
  const [row] = await sql.unsafe<Row[]>(
    `select p.number, p.covers, p.published_at as "publishedAt", ${set}::text as set,
       n.number as next, n.published_at as "nextAt", e.published_at as "closedAt"
     from directory.publication p
     left join lateral (select number, published_at from directory.publication n
       where n.published_at is not null and n.chain = p.chain and n.number > p.number and n.changes_set is not null
       order by n.number limit 1) n on true
     left join lateral (select published_at from directory.publication n
       where n.published_at is not null and n.chain > p.chain order by n.number limit 1) e on true
     where p.published_at is not null and ${wanted}`,
    kind === 'root' ? [] : [number],
    { prepare: true },
  );
  if (!row) return undefined;
  const files = row.set === null ? [] : await filesOf(sql, row.set);
  const isGone = kind === 'changes' && files.length === 0 && !(await hasSet(sql, row.set));
  if (isGone) return undefined;
  return {
    number: row.number,
    covers: row.covers,
    changedAt: kind === 'root' ? row.publishedAt : (row.nextAt ?? row.closedAt ?? row.publishedAt),
    files,
    next: row.next ?? undefined,
    closed: row.closedAt !== null,
  };
}

async function hasSet(sql: Queryable, id: string | null): Promise<boolean> {
  if (id === null) return false;
  return (await sql`select from directory.file_set where id = ${id}`).length > 0;
}
