// Restores that were tried. They are few.

import { asc, desc, getColumns } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { restoreDrill } from '../schema.ts';

/**
 * `backup`: which one, in the words of who recorded it. `minutes`: until the node could serve; null: not stated. `checkedAt`: when the copy was checked; null of
 * a restore that came to no copy. `headSeal`: the newest seal of the copy, which is how far the backup reached.
 */
export type RestoreDrill = Omit<typeof restoreDrill.$inferSelect, 'document'>;
const { document: _, ...columns } = getColumns(restoreDrill);

/** @returns false when the same check was recorded before. restore_drill_sha256_key. */
export async function addDrill(tx: Queryable, d: RestoreDrill & { document: string | null }): Promise<boolean> {
  const rows = await orm(tx)
    .insert(restoreDrill)
    .values(d)
    .onConflictDoNothing({ target: restoreDrill.sha256 })
    .returning({ id: restoreDrill.id });
  return rows.length > 0;
}

/** The newest first. restore_drill_at. */
export async function restoreDrills(sql: Queryable, most: number): Promise<RestoreDrill[]> {
  return orm(sql).select(columns).from(restoreDrill).orderBy(desc(restoreDrill.at), asc(restoreDrill.id)).limit(most);
}

/**
 * Since when no backup is known to restore: the newest drill that went well, by when its copy was checked, else the
 * first seal of the trail, with which the node began. As SQL, null of a node that has not begun.
 */
export const RESTORED_AT = `coalesce((select max(d.checked_at) from exchange.restore_drill d where d.is_ok), (select s.sealed_at
  from exchange.audit_seal s where s.id = 1))`;

export async function restoredAt(sql: Queryable): Promise<Date | undefined> {
  const [row] = await sql.unsafe<{ at: Date | null }[]>(`select ${RESTORED_AT} as at`);
  return row?.at ?? undefined;
}

/** Does the trail hold this seal as it says? audit_seal_pkey. */
export async function holdsSeal(sql: Queryable, seal: number, root: string): Promise<boolean> {
  const rows = await sql`select from exchange.audit_seal where id = ${seal} and root = decode(${root}, 'hex')`;
  return rows.length > 0;
}

/** Tells the server that runs apart from another one that was started from the same files; the same until it is started again. */
export async function serverMark(sql: Queryable): Promise<string> {
  const [row] = await sql<{ mark: string }[]>`
    select encode(sha256(convert_to(concat_ws(' ', pg_postmaster_start_time()::text, current_database()), 'UTF8')), 'hex') as mark`;
  return row?.mark ?? '';
}
