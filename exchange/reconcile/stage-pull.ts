// The files of a pull, staged: each whole, several at once; and whether they are what the manifest declared and what was asked for.
import type { Queryable } from '../../src/db/database.ts';
import { isShared } from '../records/facts/record-types.ts';
import { sharedIds } from '../records/references.ts';
import { analyzeStaging, clearStaging, lendStaging, type StagingClients } from '../records/staging.ts';
import { hasCommitted } from '../requester/commit-batch.ts';
import { inLanes } from '../requester/concurrency.ts';
import { holdPull } from '../requester/pull.ts';
import { type PullFile, pullFiles, REFETCHED, refetchFile, stagedLines } from '../requester/pull-file.ts';
import { endingWithin, hasStaged, mostlyHeld } from '../requester/staged-files.ts';
import { advance, type Step } from '../requester/states.ts';
import { knownLines } from './known-lines.ts';
import type { UnitContext } from './read-unit.ts';
import { batches, stageFile, stageTogether } from './stage.ts';
import { readingThreads } from './unit-reader.ts';

/** Files read at once: while the database takes the end of one, the next is being read. */
const LANES = 2;

const isOfDirectory = (f: PullFile): boolean => f.kind === 'output' && f.type !== null && isShared(f.type);
const isReadable = (f: PullFile): boolean => f.kind !== 'error' && f.state !== 'failed';

/** Stages the files, each whole. Returns how many units each has, by position. */
async function stageFiles(s: Step, context: UnitContext, named: readonly PullFile[]): Promise<Map<number, number>> {
  const hasDeletions = named.some((f) => f.kind === 'deleted' && f.lines !== 0);
  const files = named.filter(isReadable);
  const isKnown = await knownLines(
    s.deps,
    s.pull,
    context,
    hasDeletions,
    await hasCommitted(s.deps.database.sql, s.pull.id),
  );
  const mayBeBegun = await hasStaged(s.deps.database.sql, s.pull.id);
  const units = new Map<number, number>();
  const readers = readingThreads(
    s.deps.threads,
    files.reduce((n, f) => n + (f.lines ?? 0), 0),
  );
  const pull = { id: s.pull.id, hold: () => holdPull(s.deps.database.sql, s.pull.id, s.owner) };
  const stageThese = (these: readonly PullFile[], under: UnitContext, free: StagingClients[]) => {
    const { validate: _, ...plain } = under;
    const reader = readers.readerOf({ work: s.pull.id, context: plain });
    return inLanes(batches(these), LANES, async (batch) => {
      const clients = free.pop();
      if (!clients) throw new Error('more files at once than clients');
      const [file, ...more] = batch;
      if (file !== undefined && more.length === 0)
        units.set(file.position, await stageFile(s.deps, pull, file, under, reader, clients, mayBeBegun, isKnown));
      else
        for (const [position, n] of await stageTogether(s.deps, pull, batch, reader, clients, mayBeBegun, isKnown))
          units.set(position, n);
      free.push(clients);
    });
  };
  try {
    await lendStaging(s.deps.database, Math.max(1, Math.min(LANES, files.length)), async (clients) => {
      const free = [...clients];
      // directory records first: references to them then lead where they should at once
      await stageThese(files.filter(isOfDirectory), context, free);
      const known = await sharedIds(s.deps.database.sql, { id: s.pull.id, peerId: s.peer.id });
      await stageThese(
        files.filter((f) => !isOfDirectory(f)),
        { ...context, known },
        free,
      );
    });
  } finally {
    readers.close();
  }
  return units;
}

/** Stages every file. False when one of them is not what the manifest declared: then the pull moved elsewhere. */
export async function stageAll(s: Step, context: UnitContext): Promise<boolean> {
  const { sql } = s.deps.database;
  const files = await pullFiles(sql, s.pull.id);
  const staged = await stageFiles(s, context, files);
  await analyzeStaging(sql);
  // what was found right before the first of it was committed is not asked again
  if (await hasCommitted(sql, s.pull.id)) return true;
  const cut = await endingWithin(sql, s.pull.id);
  for (const file of files.filter(isReadable)) {
    if (cut.has(file.position) && file.failure !== REFETCHED && s.pull.acceptedBy === null) {
      s.note('peer-file-cut');
      const again = (tx: Queryable) => refetchFile(tx, s.pull.id, file.position);
      await advance(s, 'downloading', {}, `file ${file.position} ends within a line: fetched again`, again);
      return false;
    }
    // a manifest counts lines; the line of a deletions file is a Bundle of several units
    const lines =
      file.kind === 'deleted' ? await stagedLines(sql, s.pull.id, file.position) : staged.get(file.position);
    if (file.declared === null || file.declared === lines || s.pull.acceptedBy !== null) continue;
    const detail = `file ${file.position} has ${lines} lines, declared ${file.declared}`;
    if (file.failure !== REFETCHED) {
      const refetch = (tx: Queryable) => refetchFile(tx, s.pull.id, file.position);
      await advance(s, 'downloading', {}, `${detail}: fetched again`, refetch);
      return false;
    }
    await clearStaging(sql, s.pull.id);
    await advance(s, 'unbalanced', { reason: 'count-mismatch' }, detail);
    return false;
  }
  const mayHaveOthers = s.pull.fetchForm === 'all' || (s.pull.fetchForm === 'group' && s.pull.matchForm === 'patients');
  const held =
    s.pull.acceptedBy === null ? await mostlyHeld(sql, s.pull.id, s.limits.heldLines, mayHaveOthers) : undefined;
  if (held === undefined) return true;
  await clearStaging(sql, s.pull.id);
  const detail = `file ${held.file}: ${held.lines} lines are none or belong to others`;
  await advance(s, 'partial', { reason: 'too-many-held' }, detail);
  return false;
}
