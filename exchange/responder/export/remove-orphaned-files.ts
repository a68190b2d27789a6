// Files of answers to peers that nothing names: what a process wrote that died before it said so in a row, such as a request that was never
// accepted, or files of an export that another one made. They hold members' records, and go.
import type { Deps } from '../../../src/deps.ts';
import { describe } from '../../../src/http/fhir-app.ts';
import { namedFiles } from '../bulk-job.ts';

/** Looked at in one statement. */
const LOOKED_AT = 1000;

type Needs = Pick<Deps, 'database' | 'blobs' | 'log'>;

/**
 * Removes what nothing named when it was looked before and nothing names now: who was writing it then has named it
 * since. One that cannot be removed keeps none of the others, and is tried again.
 * @param before what was found the last time, so long ago that no one writes one file meanwhile
 * @returns what is to be looked at the next time
 */
export async function removeOrphanedFiles(deps: Needs, before: ReadonlySet<string>): Promise<Set<string>> {
  // first what is there, then what is named: a file that is written and named in between is not taken for an orphan
  const there = await deps.blobs.list('bulk/');
  const orphans: string[] = [];
  for (let from = 0; from < there.length; from += LOOKED_AT) {
    const some = there.slice(from, from + LOOKED_AT);
    const named = await namedFiles(deps.database.sql, some);
    orphans.push(...some.filter((key) => !named.has(key)));
  }
  const left = new Set(orphans);
  const failures: unknown[] = [];
  for (const key of orphans.filter((key) => before.has(key)))
    try {
      await deps.blobs.delete(key);
      left.delete(key);
    } catch (error) {
      failures.push(error);
    }
  const removed = orphans.length - left.size;
  if (removed > 0) deps.log('warn', 'files removed that nothing named', { count: removed });
  if (failures.length > 0)
    deps.log('error', 'files that nothing names not removed', { count: failures.length, error: describe(failures[0]) });
  return left;
}
