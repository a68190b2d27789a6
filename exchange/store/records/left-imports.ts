// Imports of our own records whose process died: what they had staged is there still.
import { hash } from 'node:crypto';
import { type Database, lendOne, type Queryable } from '../../../src/store/database.ts';
import { underLock } from '../../../src/store/under-lock.ts';

/** Work ids of imports begin so; those of pulls never do. */
export const IMPORT = 'import-';

/** The lock that an import holds as long as its process lives. */
const lockOf = (work: string): number => Number.parseInt(hash('sha256', work, 'hex').slice(0, 12), 16);

/** Does something as the import of that work id; from before anything is staged until all is cleared. */
export const underImport = <T>(database: Pick<Database, 'lend'>, work: string, of: () => Promise<T>): Promise<T> =>
  underLock(database, { key: lockOf(work) }, of);

/** Does something with what an import has left, unless its process lives, or another one does the same. */
export async function whenLeft(
  database: Pick<Database, 'lend'>,
  work: string,
  finish: () => Promise<void>,
): Promise<void> {
  await lendOne(database, (client) =>
    client.begin(async (tx) => {
      const [row] = await tx<{ ok: boolean }[]>`select pg_try_advisory_xact_lock(${lockOf(work)}::bigint) as ok`;
      if (row?.ok === true) await finish();
    }),
  );
}

/** Work ids of imports of which something is staged. One look by staging_pkey for each. */
export async function stagedImports(sql: Queryable): Promise<string[]> {
  const found: string[] = [];
  for (let after = IMPORT; ; ) {
    const [row] = await sql<{ work: string }[]>`
      select pull_id as work from exchange.staging where pull_id > ${after} order by pull_id limit 1`;
    if (!row?.work.startsWith(IMPORT)) return found;
    found.push(row.work);
    after = row.work;
  }
}

/** Had an import committed what it staged? What is decided is written with that, and what is linked after it. */
export async function hasCommittedImport(sql: Queryable, work: string): Promise<boolean> {
  const rows = await sql`
    select from exchange.staging where pull_id = ${work} and outcome in ('created', 'updated', 'linked-duplicate', 'retracted') limit 1`;
  return rows.length > 0;
}
