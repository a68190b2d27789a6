// Looks at the public documentation. Rows stay.

import { desc, getColumns, lt } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { documentCheck } from '../schema.ts';

/** `version` is that of the program; `status` is null when nothing answered; `sha256` is of the body as it came. */
export type DocumentCheck = Omit<typeof documentCheck.$inferSelect, 'id'>;
const { id, ...columns } = getColumns(documentCheck);

export async function writeDocumentChecks(tx: Queryable, rows: readonly DocumentCheck[]): Promise<void> {
  if (rows.length > 0)
    await orm(tx)
      .insert(documentCheck)
      .values([...rows]);
}

/** When it was last looked. document_check_at. */
export async function lastDocumentCheck(sql: Queryable): Promise<Date | undefined> {
  const newest = orm(sql).select({ at: documentCheck.at }).from(documentCheck);
  const [row] = await newest.orderBy(desc(documentCheck.at), desc(id)).limit(1);
  return row?.at;
}

/** The looks before an instant, newest first. document_check_at. */
export async function documentChecks(sql: Queryable, before: Date, limit: number): Promise<DocumentCheck[]> {
  return orm(sql)
    .select(columns)
    .from(documentCheck)
    .where(lt(documentCheck.at, before))
    .orderBy(desc(documentCheck.at), desc(id))
    .limit(limit);
}
