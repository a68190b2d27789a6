// Received files go when they were kept long enough. What became of each line stays, and of each file its SHA-256, in
// its row and in the audit.

import { isPassing } from '../../../src/db/failure.ts';
import type { Deps } from '../../../src/deps.ts';
import { describe } from '../../../src/http/fhir-app.ts';
import { areKept, filesThere, forgetPullFiles, type PastFiles, pastFiles } from '../../requester/past-files.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { holdsStay } from './hold.ts';

/** Pulls whose files are removed in one go. */
const MOST = 100;
/** So many that cannot be removed end a round: with a disk that takes nothing all would be tried. */
const MOST_FAILURES = 100;

type Needs = Pick<Deps, 'database' | 'blobs' | 'config' | 'clock' | 'log'>;

/**
 * Files go before their rows are changed: a process that dies in between does it once more. The audit tells of it with
 * the rows, so that it tells of nothing that a hold has kept after all; the hashes stand in the rows of the files until
 * then and after it.
 */
async function remove(deps: Needs, { id, peerId }: PastFiles, at: Date): Promise<boolean> {
  const { sql } = deps.database;
  const there = await filesThere(sql, id);
  const files = there.map(({ file, sha256, bytes }) => ({ file, sha256, bytes }));
  return sql.begin(async (tx) => {
    await holdsStay(tx);
    if (await areKept(tx, id)) return false;
    // parts of files that never became whole, too
    const parts = await deps.blobs.list(`pulls/${id}/`);
    for (const key of new Set([...there.map((f) => f.key), ...parts])) await deps.blobs.delete(key);
    if (!(await forgetPullFiles(tx, id, at))) return false;
    if (files.length === 0) return true;
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'system',
        actor: 'retention',
        action: 'pull-files-removed',
        object: `pull/${id}`,
        peerId,
        detail: { files },
      }),
    ]);
    return true;
  });
}

/**
 * Removes the files of pulls whose time is over (`RAW_FILE_KEEP_DAYS`, by line of business); those that a legal hold
 * keeps, and those that someone has to decide about, stay. One that cannot be removed keeps none behind it waiting and
 * is tried again with the next round; the log has one line a round, with how many and why the first one. A database
 * that is away ends the round.
 * @returns `more`: there may be further ones
 */
export async function removeFiles(deps: Needs): Promise<{ removed: number; more: boolean }> {
  const at = deps.clock();
  const keep = deps.config.rawFileKeepDays;
  let removed = 0;
  const failures: { pull: string; error: string }[] = [];
  let page = await pastFiles(deps.database.sql, at, keep, MOST);
  while (page.length > 0 && removed < MOST && failures.length < MOST_FAILURES) {
    for (const one of page)
      try {
        if (await remove(deps, one, at)) removed++;
      } catch (error) {
        if (isPassing(error)) throw error;
        failures.push({ pull: one.id, error: describe(error) });
      }
    page = page.length < MOST ? [] : await pastFiles(deps.database.sql, at, keep, MOST, page.at(-1));
  }
  const [first] = failures;
  if (first) deps.log('error', 'received files not removed', { ...first, count: failures.length });
  return { removed, more: page.length > 0 && failures.length < MOST_FAILURES };
}
