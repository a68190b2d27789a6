// Files of answers whose time is over, or that their payer has ended.
import type { Deps } from '../../../src/deps.ts';
import { expiredFiles, forgetFiles } from '../bulk-job.ts';

/** Removes files past their time. @throws why one cannot be removed, after all others are */
export async function removeExpired(deps: Deps): Promise<void> {
  const files = await expiredFiles(deps.database.sql, deps.clock());
  const removed: typeof files = [];
  const failures: unknown[] = [];
  for (const file of files)
    try {
      await deps.blobs.delete(file.blobKey);
      removed.push(file);
    } catch (error) {
      failures.push(error);
    }
  await forgetFiles(deps.database.sql, removed, deps.clock());
  if (failures.length > 0) throw failures[0];
}
