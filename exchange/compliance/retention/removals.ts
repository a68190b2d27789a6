// What is removed when its time is over, or when nothing names it. Each is tried again with the next tick when it fails.
import type { Deps } from '../../../src/deps.ts';
import { noteUnnamed, removeDocuments } from '../../requester/remove-documents.ts';
import { removeExpired } from '../../responder/export/remove-expired.ts';
import { removeOrphanedFiles } from '../../responder/export/remove-orphaned-files.ts';
import { removeRequests } from '../../responder/match/remove-requests.ts';
import { removeFiles } from './remove-files.ts';

const DAY_MS = 86_400_000;
/** No one writes one file, or takes in one request, for so long. */
const STRAY_MS = 3_600_000;

/** The steps, by name, in their order, for a process that runs them on each tick: some do something once a day or an hour only. */
export function removals(deps: Deps): readonly (readonly [string, () => Promise<unknown>])[] {
  const every = (ms: number, step: () => Promise<boolean>) => {
    let dueAt = new Date(0);
    return async () => {
      if (deps.clock() < dueAt) return;
      const hasMore = await step();
      if (!hasMore) dueAt = new Date(deps.clock().getTime() + ms);
    };
  };
  let orphans = new Set<string>();
  return [
    ['files past their time', () => removeExpired(deps)],
    [
      'files that nothing names',
      every(STRAY_MS, async () => {
        orphans = await removeOrphanedFiles(deps, orphans);
        return false;
      }),
    ],
    [
      'documents that nothing names',
      every(DAY_MS, async () => {
        await noteUnnamed(deps);
        return false;
      }),
    ],
    ['documents past their time', () => removeDocuments(deps)],
    ['received files past their time', every(DAY_MS, async () => (await removeFiles(deps)).more)],
    ['requests past their time', () => removeRequests(deps)],
  ];
}
