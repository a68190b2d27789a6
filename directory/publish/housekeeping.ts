// What publishing removes: files that nothing lists any more, after their time, and former versions past theirs.
import { pruneHistory } from '../resource/resource-history.ts';
import { setFolder } from './bulk-files.ts';
import { deleteSet, filesOf, markUnlisted, overdueSets } from './file-set.ts';
import type { PublishDeps } from './make-publication.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** May be stopped anywhere and run again. @returns sets removed */
export async function removeOld(deps: PublishDeps): Promise<number> {
  const { sql } = deps.database;
  const now = deps.clock();
  await markUnlisted(sql, now);
  const before = (ms: number) => new Date(now.getTime() - ms);
  const overdue = await overdueSets(sql, {
    exports: before(deps.config.directoryExportKeepHours * HOUR),
    others: before(deps.config.publishGraceDays * DAY),
  });
  for (const { id, publication } of overdue) {
    for (const file of await filesOf(sql, id)) await deps.blobs.delete(file.blobKey);
    for (const key of await deps.blobs.list(`${setFolder(publication, id, deps.place)}/`)) await deps.blobs.delete(key);
    await deleteSet(sql, id);
  }
  await pruneHistory(sql, before(deps.config.historyKeepDays * DAY));
  return overdue.length;
}
