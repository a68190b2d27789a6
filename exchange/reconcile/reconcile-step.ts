// reconciling → done: stage, decide, rewrite, link, commit. Everything before the commit may be repeated. The commit goes by
// slices of members, each one transaction, at whose end the database itself checks that no unit of it is lost; and once more
// for the whole when the pull is done (triggers pull_slice_conservation, pull_conservation).
import { formatInstant } from '../../src/fhir/instant.ts';
import { beginAgain } from '../../src/store/begin-again.ts';
import { lendOne, type Queryable } from '../../src/store/database.ts';
import { recomputeChains } from '../chain/recompute.ts';
import { ourselves } from '../plan.ts';
import { inLanes } from '../pull/lanes.ts';
import { advance, type Step } from '../pull/states.ts';
import { retryAttachments } from '../store/attachment.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { bookSlice, commitRecords, writeKnownFindings, writePullFindings } from '../store/commit-pull.ts';
import type { Decided } from '../store/decided.ts';
import { bookKnown } from '../store/known-lines.ts';
import { findPull, movePull } from '../store/pull.ts';
import { noteFaults } from '../store/pull-fault.ts';
import { type PullFile, pullFiles, REFETCHED, refetchFile, stagedLines } from '../store/pull-file.ts';
import {
  decidedTo,
  forgetPhase,
  isPlanned,
  NOTHING_DECIDED,
  noteDecided,
  noteDeciding,
  notePlanned,
} from '../store/pull-phase.ts';
import {
  beginSlice,
  countOutcomes,
  endSlice,
  hasCommitted,
  holdPull,
  openSlices,
  type PullSlice,
  planSlices,
} from '../store/pull-slice.ts';
import { decideAcross, decideBuckets } from '../store/reconcile.ts';
import { byKey, transactionInstant } from '../store/records.ts';
import { sharedIds } from '../store/references.ts';
import { hasUnits, openSlice, rangesOf, unitsByMember } from '../store/slice.ts';
import { endingWithin, hasStaged, keepNoTimeOfCut, mostlyHeld } from '../store/staged-files.ts';
import { analyzeStaging, clearPrepared, clearStaging, lendStaging, type StagingClients } from '../store/staging.ts';
import { isShared } from '../transform/record-types.ts';
import { holdWrong } from './hold-wrong.ts';
import { keySharedAnew, keyWorkAnew } from './keys-anew.ts';
import { knownLines } from './known-lines.ts';
import { linkUnits } from './link.ts';
import type { UnitContext } from './read-unit.ts';
import { holdNamed, releaseArrived } from './replay.ts';
import { rewriteUnits } from './rewrite-units.ts';
import { stageFile } from './stage.ts';
import { unitContext } from './unit-context.ts';
import { readingThreads } from './unit-reader.ts';

export async function reconcileStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  let since = performance.now();
  const took = (part: string) => {
    s.deps.log('debug', 'reconcile', { pull: s.pull.id, part, ms: Math.round(performance.now() - since) });
    since = performance.now();
  };
  const context = await unitContext(s.deps, s.pull, s.peer);
  const work = { id: s.pull.id, pull: s.pull.id, peerId: s.peer.id, isFull: s.pull.since === null };
  await keySharedAnew(s.deps);
  if (!(await stageAll(s, context))) return;
  took('stage');
  if ((await keyWorkAnew(s.deps, work.id)) > 0) took('keys');
  await decide(s, work, took);
  await commitAll(s, context, work);
  took('commit');
  await holdNamed(s.deps, s.peer, work, (id) => findPull(sql, id));
  await holdWrong(s.deps, s.peer, work, (id) => findPull(sql, id));
  await finish(s, work);
  took('finish');
  await clearStaging(sql, s.pull.id);
  took('clear');
  await releaseArrived(s.deps, s.peer, (id) => findPull(sql, id));
}

/** Units that are decided in one transaction, beside those that are committed in one: deciding is quicker. */
const DECIDED_TO_COMMITTED = 3;

/**
 * Decides what every unit is and plans the slices, unless an earlier process did and it still holds. Units of different members are
 * looked at once, then members go by stretches of their buckets, each a transaction: what is decided stays so when the process dies.
 */
async function decide(s: Step, work: Decided, took: (part: string) => void): Promise<void> {
  const { sql } = s.deps.database;
  const now = s.deps.clock();
  if (await isPlanned(sql, s.pull.id, now)) return;
  let decided = await decidedTo(sql, s.pull.id, now);
  if (decided === undefined) {
    await sql.begin(async (tx) => {
      await forgetPhase(tx, s.pull.id);
      await decideAcross(tx, work, await hasCommitted(tx, s.pull.id));
      await noteDeciding(tx, s.pull.id, now);
    });
    decided = NOTHING_DECIDED;
    took('decide across');
  }
  const most = DECIDED_TO_COMMITTED * s.deps.config.commitUnits;
  for (const range of await rangesOf(sql, work.id, most, decided))
    await sql.begin(async (tx) => {
      await decideBuckets(tx, work, range);
      await noteDecided(tx, s.pull.id, range.last);
    });
  await sql.begin(async (tx) => {
    await planSlices(tx, s.pull.id, s.deps.config.commitUnits);
    await notePlanned(tx, s.pull.id);
  });
  took('decide');
}

/** Slices that are committed at once: what one connection takes of the database leaves a second core idle. */
const SLICES_AT_ONCE = 2;

/**
 * Commits the slices that are left: what is nobody's first, because others refer to it, then those of members, some at a time. While
 * they are committed, the next is made ready.
 */
async function commitAll(s: Step, context: UnitContext, work: Decided): Promise<void> {
  const { sql } = s.deps.database;
  const slices = await openSlices(sql, s.pull.id);
  // what a process left that died while it made a slice ready
  await clearPrepared(sql, work.id);
  await lendOne(s.deps.database, async (reader) => {
    /** Leads the references of a slice to where they lead, and judges its pairs. All of it is in work tables. */
    const prepare = async (slice: PullSlice | undefined): Promise<void> => {
      if (slice === undefined || !(await hasUnits(sql, work.id, slice))) return;
      await rewriteUnits(s.deps, reader, work, context, slice);
      await linkUnits(s.deps, reader, work, slice);
    };
    // one is made ready at a time, each when the one before is
    let ready = prepare(slices[0]);
    const commit = async (slice: PullSlice): Promise<void> => {
      const mine = ready;
      const next = slices[slices.indexOf(slice) + 1];
      ready = mine.then(() => prepare(next));
      ready.catch(() => {}); // judged when it is awaited
      await mine;
      await commitNext(s, context, work, slice);
    };
    try {
      for (const slice of slices.filter((x) => x.first < 0)) await commit(slice);
      await inLanes(
        slices.filter((x) => x.first >= 0),
        SLICES_AT_ONCE,
        commit,
      );
    } finally {
      await ready.catch(() => {}); // nothing of ours goes on when the step has ended
    }
  });
}

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
  const stageThese = (these: readonly PullFile[], under: UnitContext, free: StagingClients[]) => {
    const { validate: _, ...plain } = under;
    const reader = readers.readerOf({ work: s.pull.id, context: plain });
    return inLanes(these, LANES, async (file) => {
      const clients = free.pop();
      if (!clients) throw new Error('more files at once than clients');
      units.set(file.position, await stageFile(s.deps, s.pull.id, file, under, reader, clients, mayBeBegun, isKnown));
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
async function stageAll(s: Step, context: UnitContext): Promise<boolean> {
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

/** Commits one slice: every record of its members, their links, chains and items, and the ledger of their units. */
async function commitNext(s: Step, context: UnitContext, work: Decided, slice: PullSlice): Promise<void> {
  await beginAgain(s.deps.database.sql, async (tx) => {
    const now = new Date(await transactionInstant(tx));
    const at = formatInstant(now);
    await beginSlice(tx, s.pull.id, slice.slice);
    const read = await openSlice(tx, work.id, slice);
    const byMember = await unitsByMember(tx, work.id, slice);
    await byKey(tx);
    const peer = { id: s.peer.id, name: s.peer.name, npi: s.peer.npi, base: context.peerBase };
    if (read > 0) {
      await commitRecords(tx, work, peer, ourselves(s.deps.config), at);
      await recomputeChains(tx, work, context.windowStart, at);
    }
    // from here on only one slice of a pull at a time: they count in the same rows
    const { leaseSeconds } = s.deps.config;
    await holdPull(tx, { id: s.pull.id, owner: s.owner, now: s.deps.clock(), leaseSeconds });
    if (read + (await bookKnown(tx, work.id, slice)) !== slice.units) throw new Error('what was staged has changed');
    if (read > 0) await bookSlice(tx, work);
    await writeKnownFindings(tx, work, slice);
    const rows = byMember.map((m) =>
      auditRow({
        at: now,
        actorKind: 'system',
        actor: 'pull',
        action: 'received',
        object: `pull/${s.pull.id}`,
        memberId: m.memberId,
        peerId: s.peer.id,
        detail: { units: m.units },
      }),
    );
    if (rows.length > 0) await writeAudit(tx, rows);
    await endSlice(tx, s.pull.id, slice.slice);
  });
}

/** Every slice is committed: the pull as a whole is done, or nothing of this. */
async function finish(s: Step, work: Decided): Promise<void> {
  const outcomes = await beginAgain(s.deps.database.sql, async (tx) => {
    const now = new Date(await transactionInstant(tx));
    await tx`update exchange.pull_file set units = 0 where pull_id = ${s.pull.id} and state = 'failed' and kind <> 'error'`;
    await writePullFindings(tx, work, work.isFull);
    await retryAttachments(tx, s.pull, s.deps.clock());
    await noteFaults(tx, s.pull.id, s.faults);
    await keepNoTimeOfCut(tx, s.pull.id);
    const counted = await countOutcomes(tx, s.pull.id);
    await movePull(
      tx,
      s.pull.id,
      s.owner,
      s.deps.clock(),
      'done',
      { finishedAt: s.deps.clock() },
      counted.map((o) => `${o.n} ${o.outcome}`).join(', '),
    );
    await writeAudit(tx, [
      auditRow({
        at: now,
        actorKind: 'system',
        actor: 'pull',
        action: 'pull-done',
        object: `pull/${s.pull.id}`,
        peerId: s.peer.id,
        detail: Object.fromEntries(counted.map((o) => [o.outcome, o.n])),
      }),
    ]);
    return counted;
  });
  s.faults.clear();
  for (const o of outcomes) s.deps.metrics.count('pull_lines_total', { outcome: o.outcome }, o.n);
}
