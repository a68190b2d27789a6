// What imports have left whose process died: records that were there, and not yet compared with what payers had sent. When they come again
// they are as they were, and nobody would compare them.
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { hasReceived } from '../store/records/import.ts';
import { hasCommittedImport, IMPORT, stagedImports, underImport, whenLeft } from '../store/records/left-imports.ts';
import { clearPrepared, clearStaging } from '../store/records/staging.ts';
import { linkOwn } from './link-own.ts';

async function finishLeft(deps: Pick<Deps, 'database'>): Promise<void> {
  const { database } = deps;
  for (const work of await stagedImports(database.sql))
    await whenLeft(database, work, async () => {
      await clearPrepared(database.sql, work);
      try {
        if ((await hasCommittedImport(database.sql, work)) && (await hasReceived(database.sql)))
          await linkOwn(deps, work);
      } finally {
        // what cannot be compared is told once: no import after it would begin
        await clearStaging(database.sql, work);
      }
    });
}

/** Imports under a work id of its own; what others have left comes first. */
export async function asImport<T>(deps: Pick<Deps, 'database'>, of: (work: string) => Promise<T>): Promise<T> {
  await finishLeft(deps);
  const work = `${IMPORT}${randomUUID()}`;
  return underImport(deps.database, work, () => of(work));
}
