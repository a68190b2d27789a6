// Looks at the public documentation. Rows stay.
import type { Queryable } from '../../../src/db/database.ts';

export type DocumentCheck = {
  at: Date;
  url: string;
  /** of the program */
  version: string;
  /** null when nothing answered */
  status: number | null;
  bytes: number | null;
  /** of the body as it came, lower-case hex */
  sha256: string | null;
  fault: string | null;
};

export async function writeDocumentChecks(tx: Queryable, rows: readonly DocumentCheck[]): Promise<void> {
  for (const r of rows)
    await tx`
      insert into exchange.document_check (at, url, version, status, bytes, sha256, fault)
      values (${r.at}, ${r.url}, ${r.version}, ${r.status}, ${r.bytes}, ${r.sha256}, ${r.fault})`;
}

/** When it was last looked. document_check_at. */
export async function lastDocumentCheck(sql: Queryable): Promise<Date | undefined> {
  const [row] = await sql<{ at: Date }[]>`select at from exchange.document_check order by at desc, id desc limit 1`;
  return row?.at;
}

/** The looks before an instant, newest first. document_check_at. */
export async function documentChecks(sql: Queryable, before: Date, limit: number): Promise<DocumentCheck[]> {
  return [
    ...(await sql<DocumentCheck[]>`
      select at, url, version, status, bytes, sha256, fault from exchange.document_check
        where at < ${before} order by at desc, id desc limit ${limit}`),
  ];
}
