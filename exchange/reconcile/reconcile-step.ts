// reconciling → done: stage, decide, rewrite, link, commit. Everything before the commit may be repeated. The commit goes by
// slices of members, each one transaction, at whose end the database itself checks that no unit of it is lost; and once more
// for the whole when the pull is done (triggers pull_slice_conservation, pull_conservation).

import { lendOne } from '../../src/db/database.ts';
import { beginAgain } from '../../src/db/retry.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { addresses, ourselves } from '../plan.ts';
import { retryAttachments } from '../records/attachment.ts';
import { bookSlice, commitRecords, writeKnownFindings, writePullFindings } from '../records/commit-pull.ts';
import type { Decided } from '../records/decided.ts';
import { bookKnown } from '../records/known-lines.ts';
import { holdLabels, labelsStay } from '../records/label-lock.ts';
import { ownStatements } from '../records/own-statements.ts';
import { decideAcross, decideBuckets } from '../records/reconcile.ts';
import { byKey, transactionInstant } from '../records/records.ts';
import { hasUnits, openSlice, rangesOf, unitsByMember } from '../records/slice.ts';
import { clearPrepared, clearStaging } from '../records/staging.ts';
import { statementEchoes } from '../records/statement-echoes.ts';
import {
  beginSlice,
  countOutcomes,
  DecideAnew,
  endSlice,
  hasCommitted,
  holdPull,
  openSlices,
  type PullSlice,
  planSlices,
} from '../requester/commit-batch.ts';
import { inLanes } from '../requester/concurrency.ts';
import { passesOverSince } from '../requester/ignores-since.ts';
import { readSaidWithin } from '../requester/messages.ts';
import { findPull, movePull } from '../requester/pull.ts';
import { noteFaults } from '../requester/pull-fault.ts';
import { pullFiles } from '../requester/pull-file.ts';
import { noteLeftOut } from '../requester/pull-member.ts';
import {
  decidedTo,
  forgetPhase,
  isPlanned,
  NOTHING_DECIDED,
  noteDecided,
  noteDeciding,
  notePlanned,
} from '../requester/pull-phase.ts';
import { filesWithNone, hasUnread, keepNoTime } from '../requester/staged-files.ts';
import type { Step } from '../requester/states.ts';
import { recomputeChains } from './chain/recompute.ts';
import { keySharedAnew, keyWorkAnew } from './keys-anew.ts';
import { linkUnits } from './link.ts';
import { olderEchoes } from './older-echoes.ts';
import { holdNamed, holdWrong, leadTurnedDrugs, releaseArrived } from './read-again.ts';
import type { UnitContext } from './read-unit.ts';
import { rewriteUnits } from './rewrite-units.ts';
import { stageAll } from './stage-pull.ts';
import { unitContext } from './unit-context.ts';

export async function reconcileStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  let since = performance.now();
  const took = (part: string) => {
    s.deps.log('debug', 'reconcile', { pull: s.pull.id, part, ms: Math.round(performance.now() - since) });
    since = performance.now();
  };
  const context = await unitContext(s.deps, s.pull, s.peer);
  const leftOut = [...context.members.values()].flatMap((m) => (m.withdrawn ? m.memberId : []));
  await noteLeftOut(sql, s.pull.id, leftOut);
  const work = { id: s.pull.id, pull: s.pull.id, peerId: s.peer.id, isFull: s.pull.since === null };
  await keySharedAnew(s.deps);
  if (!(await stageAll(s, context))) return;
  took('stage');
  if ((await keyWorkAnew(s.deps, work.id)) > 0) took('keys');
  await decideAndCommit(s, context, work, took);
  await holdNamed(s.deps, s.peer, work, (id) => findPull(sql, id));
  await leadTurnedDrugs(s.deps, s.peer, work, (id) => findPull(sql, id));
  await holdWrong(s.deps, s.peer, work, (id) => findPull(sql, id));
  await finish(s, work);
  took('finish');
  await clearStaging(sql, s.pull.id);
  took('clear');
  await releaseArrived(s.deps, s.peer, (id) => findPull(sql, id));
}

/** As often as records of our own come meanwhile that what was decided does not know of: what is committed by then stays. */
async function decideAndCommit(
  s: Step,
  context: UnitContext,
  work: Decided,
  took: (part: string) => void,
): Promise<void> {
  for (;;)
    try {
      await decide(s, work, took);
      await commitAll(s, context, work);
      return took('commit');
    } catch (error) {
      if (!(error instanceof DecideAnew)) throw error;
      took('own records');
    }
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
  const most = DECIDED_TO_COMMITTED * s.deps.config.commitBatchSize;
  for (const range of await rangesOf(sql, work.id, most, decided))
    await sql.begin(async (tx) => {
      await decideBuckets(tx, work, range);
      await olderEchoes(tx, work, range);
      await ownStatements(tx, work, range);
      await statementEchoes(tx, work, range);
      await noteDecided(tx, s.pull.id, range.last);
    });
  await sql.begin(async (tx) => {
    await planSlices(tx, s.pull.id, s.deps.config.commitBatchSize);
    if (!(await notePlanned(tx, s.pull.id))) throw new DecideAnew();
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

/** Commits one slice: every record of its members, their links, chains and items, and the ledger of their units. */
async function commitNext(s: Step, context: UnitContext, work: Decided, slice: PullSlice): Promise<void> {
  await beginAgain(s.deps.database.sql, async (tx) => {
    const now = new Date(await transactionInstant(tx));
    const at = formatInstant(now);
    await beginSlice(tx, s.pull.id, slice.slice);
    // directory entries are in the slice of what is nobody's
    if (slice.first < 0) await holdLabels(tx, work.id, s.peer.id);
    else await labelsStay(tx);
    const read = await openSlice(tx, work.id, slice);
    const byMember = await unitsByMember(tx, work.id, slice);
    await byKey(tx);
    const peer = { id: s.peer.id, name: s.peer.name, npi: s.peer.npi, base: context.peerBase };
    if (read > 0) {
      const us = { ...ourselves(s.deps.config), base: addresses(s.deps.config).fhir };
      await commitRecords(tx, work, peer, us, at);
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
  const { sql } = s.deps.database;
  const within = await filesWithNone(sql, s.pull.id);
  const said = await readSaidWithin(s.deps, s.pull.id, within.size > 0 ? await pullFiles(sql, s.pull.id) : [], within);
  if (said.isProblem) s.note('peer-error-file');
  const outcomes = await beginAgain(s.deps.database.sql, async (tx) => {
    const now = new Date(await transactionInstant(tx));
    await tx`update exchange.pull_file set units = 0 where pull_id = ${s.pull.id} and state = 'failed' and kind <> 'error'`;
    await writePullFindings(tx, work, work.isFull);
    await retryAttachments(tx, s.pull, s.deps.clock());
    await noteFaults(tx, s.pull.id, s.faults);
    if (await passesOverSince(tx, s.pull)) await noteFaults(tx, s.pull.id, new Map([['peer-since', 1]]));
    if (said.mayLack || (await hasUnread(tx, s.pull.id))) await keepNoTime(tx, s.pull.id);
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
  s.deps.metrics.count('pull_steps_total', { state: 'done' });
  for (const o of outcomes) s.deps.metrics.count('pull_lines_total', { outcome: o.outcome }, o.n);
}
