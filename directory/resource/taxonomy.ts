// The Health Care Provider Taxonomy that the operator loaded. Small: under a thousand codes.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { taxonomy } from '../schema.ts';

export type TaxonomyCode = typeof taxonomy.$inferSelect;

/** Puts a list in the place of the one before, in one transaction of the caller. Returns how many codes are new and gone. */
export async function replaceTaxonomy(
  tx: Queryable,
  codes: readonly TaxonomyCode[],
): Promise<{ added: number; removed: number }> {
  const list = arrayLiteral(codes.map((c) => c.code));
  const gone = await tx`delete from directory.taxonomy where not code = any(${list}::text::text[]) returning 1`;
  const fresh = await tx<{ added: boolean }[]>`
    insert into directory.taxonomy (code, name)
    select * from unnest(${list}::text::text[], ${arrayLiteral(codes.map((c) => c.name))}::text::text[])
    on conflict (code) do update set name = excluded.name returning (xmax = 0) as added`;
  return { added: fresh.filter((r) => r.added).length, removed: gone.length };
}

/** The codes, or undefined when no list was loaded: then a specialty is checked by its shape. */
export async function taxonomyCodes(sql: Queryable): Promise<ReadonlySet<string> | undefined> {
  const rows = await orm(sql).select({ code: taxonomy.code }).from(taxonomy);
  return rows.length === 0 ? undefined : new Set(rows.map((r) => r.code));
}
