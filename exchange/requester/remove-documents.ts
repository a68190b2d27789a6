// Files of fetched documents that nothing names any more, when they were kept long enough; and what a process left behind that died
// while a document came.
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { hasHold, holdsStay } from '../compliance/retention/hold.ts';
import { attachmentKey, goneDocuments, noteGone, takeGone } from '../records/attachment.ts';
import { COMING } from './fetch-attachments.ts';

const DAY_MS = 86_400_000;
/** Removed in one go: the next one follows within a minute. */
const MOST = 1000;

type Needs = Pick<Deps, 'database' | 'blobs' | 'config' | 'clock'>;

/**
 * Returns how many were removed; none while a legal hold stands, as no one knows any more whose they were. A file is
 * removed before its note is: a process that dies in between does it once more.
 */
export async function removeDocuments(deps: Needs): Promise<number> {
  const { sql } = deps.database;
  const at = deps.clock();
  const before = new Date(at.getTime() - deps.config.documentKeepDays * DAY_MS);
  let removed = 0;
  for (const sha256 of (await hasHold(sql)) ? [] : await goneDocuments(sql, before, MOST))
    await sql.begin(async (tx) => {
      await holdsStay(tx);
      if (await hasHold(tx)) return;
      if (!(await takeGone(tx, sha256))) return;
      await deps.blobs.delete(attachmentKey(sha256));
      await writeAudit(tx, [
        auditRow({
          at,
          actorKind: 'system',
          actor: 'retention',
          action: 'document-removed',
          object: 'document',
          detail: { sha256 },
        }),
      ]);
      removed++;
    });
  return removed;
}

/** Looked at in one statement. */
const LOOKED_AT = 1000;
const DOCUMENT = /^documents\/[0-9a-f]{2}\/([0-9a-f]{64})$/;

/**
 * Notes files that nothing names and nothing ever named: of a process that died between writing one and saying so in its row. They go a day
 * later ({@link removeDocuments}): until then who writes one right now has named it. Returns how many were found.
 */
export async function noteUnnamed(deps: Needs): Promise<number> {
  // the time for which documents are kept begins when they are named no more; of these none is to be kept
  const at = new Date(deps.clock().getTime() + (1 - deps.config.documentKeepDays) * DAY_MS);
  const there = (await deps.blobs.list('documents/')).flatMap((key) => DOCUMENT.exec(key)?.[1] ?? []);
  let found = 0;
  for (let from = 0; from < there.length; from += LOOKED_AT)
    found += await noteGone(deps.database.sql, there.slice(from, from + LOOKED_AT), at);
  return found;
}

/** Of processes that are known to be dead: no one else fetches. */
export async function removeComing(deps: Pick<Deps, 'blobs'>): Promise<void> {
  for (const key of await deps.blobs.list(COMING)) await deps.blobs.delete(key);
}
