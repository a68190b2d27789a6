// Whether a decision can be carried out that reads a record anew.

import type { Queryable } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { pullFiles } from '../requester/pull-file.ts';
import type { Item } from './review-rows.ts';

/** Is the file still there that brought the record of an item? */
export async function isKept(
  deps: Pick<Deps, 'blobs'>,
  tx: Queryable,
  item: Pick<Item, 'pullId' | 'file' | 'line'>,
): Promise<boolean> {
  if (item.pullId === null || item.line === null) return false;
  const file = (await pullFiles(tx, item.pullId)).find((f) => f.position === item.file);
  // what carries it out has the files; of a copy nothing can be told
  if (deps.blobs.isCopy === true) return file?.blobKey != null;
  return file?.blobKey != null && (await deps.blobs.get(file.blobKey)) !== undefined;
}
