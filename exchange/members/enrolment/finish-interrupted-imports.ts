// What imports have left whose process died: records that were there, and not yet compared with what payers had sent. When they come again
// they are as they were, and no one would compare them. A serving node does it within a minute, the next import before it begins.
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import { hasReceived } from '../../records/import.ts';
import {
  againOf,
  hasCommittedImport,
  IMPORT,
  noteCompared,
  owedImports,
  owedMembers,
  stagedImports,
  underImport,
  whenLeft,
} from '../../records/left-imports.ts';
import { clearPrepared, clearStaging } from '../../records/staging.ts';
import { judgeOwn } from '../merge/compare-moved.ts';
import { linkOwn } from './link-own.ts';

async function finishLeft(deps: Pick<Deps, 'database' | 'config'>): Promise<void> {
  const { database } = deps;
  for (const work of await stagedImports(database.sql))
    await whenLeft(database, work, async () => {
      await clearPrepared(database.sql, work);
      try {
        if ((await hasCommittedImport(database.sql, work)) && (await hasReceived(database.sql))) {
          await linkOwn(deps, work, true);
          await noteCompared(database.sql, work);
        }
      } finally {
        // what cannot be compared is stated once: no import after it would begin
        await clearStaging(database.sql, work);
      }
    });
}

/** Imports under a work id of its own; what others have left comes first. */
export async function asImport<T>(
  deps: Pick<Deps, 'database' | 'config'>,
  of: (work: string) => Promise<T>,
): Promise<T> {
  await finishLeft(deps);
  const work = `${IMPORT}${randomUUID()}`;
  return underImport(deps.database, work, () => of(work));
}

/**
 * Finishes imports whose process died, without waiting for the next one. Where what was staged went with the database's
 * process as well, all own records of the members concerned are compared, member by member. An import that is at work
 * is left alone.
 */
export async function finishImports(deps: Pick<Deps, 'database' | 'config' | 'clock' | 'log'>): Promise<void> {
  await finishLeft(deps);
  const { sql } = deps.database;
  for (const work of await owedImports(sql))
    await whenLeft(deps.database, work, async () => {
      const members = await owedMembers(sql, work);
      for (const memberId of members) {
        await judgeOwn(deps, againOf(work), memberId);
        await noteCompared(sql, work, memberId);
      }
      deps.log('info', 'own records of a cut off import compared', { work, members: members.length });
    });
}
