// The worker of pulls: claims what is due and takes one step at a time until nothing is due.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../src/db/database.ts';
import { isPassing } from '../../src/db/failure.ts';
import type { Deps } from '../../src/deps.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { attemptClocks } from '../members/deadlines/deadline.ts';
import { findPeer } from '../peers/peer.ts';
import { peerAnswered, peerFailed } from '../peers/peer-health.ts';
import { reconcileStep } from '../reconcile/reconcile-step.ts';
import { nextAttachment } from './attachment-job.ts';
import { PeerFault } from './client/peer-fetch.ts';
import { PeerTokens } from './client/token.ts';
import { hasCommitted } from './commit-batch.ts';
import { downloadStep } from './download-step.ts';
import { exportingStep, exportStep } from './export-step.ts';
import { type AttachmentsOf, fetchAttachments } from './fetch-attachments.ts';
import { BACKOFF_MS, judgeFault } from './judge-fault.ts';
import { matchingStep, matchStep } from './match-step.ts';
import { findPull, LeaseLost, type Pull, type PullState, postponePull, renewPull } from './pull.ts';
import { type Claim, claimPull } from './pull-claim.ts';
import { RESTARTED, restartsOf } from './pull-restart.ts';
import { releaseEnded } from './release.ts';
import { leaveJobs } from './split-pull.ts';
import type { Step } from './states.ts';
import { advance, authorizeStep, discoverStep, LocalFailure, RetryLater, stepOf, writeFaults } from './states.ts';
import { TOO_LARGE, takeLess, waitsForFewer } from './too-large.ts';
import { DetachedWork } from './worker-slot.ts';

const STEPS: Partial<Record<PullState, (s: Step) => Promise<void>>> = {
  due: discoverStep,
  discovered: authorizeStep,
  authorized: matchStep,
  matching: matchingStep,
  matched: exportStep,
  exporting: exportingStep,
  downloading: downloadStep,
  reconciling: reconcileStep,
};

/** The state from which lost work at the peer starts again. */
const RESTART: Partial<Record<PullState, PullState>> = {
  matching: 'authorized',
  exporting: 'matched',
  downloading: 'matched',
  matched: 'authorized',
};

/** One step of one pull. True when one was due. */
export async function takeStep(
  deps: Deps,
  tokens: PeerTokens,
  owner: string,
  only?: string,
  which: Pick<Claim, 'except' | 'left'> = {},
  begun?: (pull: Pull) => void,
): Promise<boolean> {
  const { sql } = deps.database;
  const { leaseSeconds } = deps.config;
  const pull = await claimPull(sql, { owner, now: deps.clock(), leaseSeconds, only, ...which });
  if (!pull) return false;
  begun?.(pull);
  const peer = await findPeer(sql, pull.peerId);
  const step = STEPS[pull.state];
  if (!peer || !step) throw new Error('a pull without peer or step was claimed');
  const s = stepOf(deps, tokens, owner, pull, peer);
  const renewal = setInterval(
    () => {
      renewPull(sql, pull.id, owner, deps.clock(), deps.config.leaseSeconds).catch((error: unknown) =>
        deps.log('warn', 'lease not renewed', { pull: pull.id, error: describe(error) }),
      );
    },
    (deps.config.leaseSeconds * 1000) / 3,
  );
  try {
    if (await waitsForFewer(s)) return true;
    // half of a pull is not left behind: one whose first members are committed waits for its peer
    if (peer.state !== 'active' && (await hasCommitted(sql, pull.id))) throw new LocalFailure('peer-not-active');
    if (peer.state !== 'active') await advance(s, 'review', { reason: 'peer-not-active' }, '');
    else await step(s);
    if (pull.state !== 'reconciling') await peerAnswered(sql, peer.id, deps.clock());
  } catch (error) {
    // what breaks while the fault is dealt with is one of ours
    await afterFault(s, error).catch((broken: unknown) => afterFault(s, broken));
  } finally {
    clearInterval(renewal);
  }
  await releaseEnded(deps, tokens, pull.id);
  return true;
}

/** The payer has taken the question about the members. */
const TAKEN: readonly PullState[] = ['matching', 'matched', 'exporting', 'downloading'];
/** What its members' duties come to when a pull ends without an answer. */
function inVain(s: Step, ended: PullState): ((tx: Queryable) => Promise<void>) | undefined {
  const isTaken = TAKEN.includes(s.pull.state);
  // who is away has said nothing: it may be that it cannot be reached from here
  if (ended !== 'refused' && !(ended === 'failed' && isTaken)) return undefined;
  return (tx) => attemptClocks(tx, s.pull.id, ended === 'refused' ? 'peer-refused' : 'peer-failed', isTaken);
}

/** Until something that people have to mend is looked at again. */
const OURS_MS = 60_000;

async function afterFault(s: Step, error: unknown): Promise<void> {
  const { deps, pull, owner } = s;
  const { sql } = deps.database;
  const now = deps.clock();
  const later = (ms: number) => new Date(now.getTime() + ms);
  if (error instanceof LeaseLost) return;
  if (error instanceof RetryLater) {
    await peerAnswered(sql, pull.peerId, now);
    if (now.getTime() - pull.createdAt.getTime() > deps.config.pullDeadlineHours * 3_600_000) {
      s.note('peer-never-ready');
      return advance(s, 'failed', { reason: 'peer-too-slow', finishedAt: now }, '', inVain(s, 'failed'));
    }
    await writeFaults(s);
    return postponePull(sql, pull.id, owner, later(error.ms), pull.reason === null ? pull.attempts + 1 : 0, null);
  }
  if (error instanceof PeerFault) {
    deps.log('warn', 'pull step failed', {
      pull: pull.id,
      peer: pull.peerId,
      state: pull.state,
      reason: error.reason,
      attempts: pull.attempts,
    });
    await judgePeer(s, error, now);
    if (error.reason === TOO_LARGE) return takeLess(s);
    const judged = judgeFault(error, pull, await restartsOf(sql, pull.id), now, deps.config.pullDeadlineHours);
    if (judged.kind === 'retry') await writeFaults(s);
    if (judged.kind === 'retry')
      return postponePull(
        sql,
        pull.id,
        owner,
        later(judged.ms),
        pull.reason === null ? 1 : pull.attempts + 1,
        error.reason,
      );
    const restart = judged.kind === 'restart' ? RESTART[pull.state] : undefined;
    if (restart !== undefined && error.reason === 'job-lost') s.note('peer-job-lost');
    // its members are matched again
    if (restart === 'authorized') await leaveJobs(s, pull.matchStatusUrl);
    if (restart !== undefined) return advance(s, restart, {}, RESTARTED + error.reason);
    const ended = judged.kind === 'end' ? judged.state : 'failed';
    return advance(s, ended, { reason: error.reason, finishedAt: now }, '', inVain(s, ended));
  }
  if (error instanceof LocalFailure) {
    deps.log('error', 'pull waits for us', { pull: pull.id, state: pull.state, reason: error.reason });
    return postponePull(sql, pull.id, owner, later(OURS_MS), pull.attempts, error.reason);
  }
  // a fault of ours: the database away, the disk full. The pull stays where it is.
  deps.log('error', 'pull step broke', { pull: pull.id, state: pull.state, error: describe(error) });
  const wait = BACKOFF_MS[Math.min(pull.attempts, BACKOFF_MS.length - 1)] ?? 60_000;
  await postponePull(sql, pull.id, owner, later(wait), pull.attempts + 1, 'our-fault');
}

/** Does the fault say that the peer does not work? A refusal or a lost job is an answer; a request to wait is none against it. */
async function judgePeer(s: Step, fault: PeerFault, now: Date): Promise<void> {
  const { sql } = s.deps.database;
  if (!fault.isTransient) return peerAnswered(sql, s.peer.id, now);
  if (fault.reason === 'throttled') return;
  const until = await peerFailed(sql, s.peer.id, fault.reason, now);
  if (until !== undefined)
    s.deps.log('warn', 'peer paused', { peer: s.peer.id, reason: fault.reason, until: until.toISOString() });
}

/** An attachment that is due within this is waited for by who works on its pull. */
const SOON_MS = 15_000;

/** A worker with an owner id and its peers' tokens in memory. */
export class PullWorker {
  readonly #tokens = new PeerTokens();
  readonly #owner = randomUUID();
  readonly #deps: Deps;
  #isReconciling = false;
  /**
   * Owners of steps that have broken and could not write so, as the database was away, and until when their leases would hold a pull, or attachments.
   * Anyone who goes on takes it under another name: what still runs of the broken step has lost it.
   */
  readonly #left = new Map<string, number>();
  readonly #beside: DetachedWork<string>;
  readonly #attachmentsBeside: DetachedWork<string>;

  /** @param slotMs for how long work that waits on its payer holds a slot */
  constructor(deps: Deps, slotMs?: number) {
    this.#deps = deps;
    const broke = (error: unknown) => deps.log('error', 'work beside the slots', { error: describe(error) });
    this.#beside = new DetachedWork(deps.config.pullConcurrency, broke, slotMs);
    this.#attachmentsBeside = new DetachedWork(deps.config.pullConcurrency, broke, slotMs);
  }

  /** Has a pull ended, or does it wait for a person? */
  static rests(pull: Pull): boolean {
    return STEPS[pull.state] === undefined;
  }

  /** Steps until nothing is due or the signal aborts, and then what is due of attachments. Returns how many steps were taken. */
  async drain(signal?: AbortSignal): Promise<number> {
    let steps = 0;
    while (!signal?.aborted && (await takeStep(this.#deps, this.#tokens, this.#owner))) steps++;
    while (!signal?.aborted && (await this.attachments())) steps++;
    return steps;
  }

  /** Fetches some of the attachments that records give by address, of a pull or of any. False when none is due. */
  attachments(only?: string): Promise<boolean> {
    return this.#fetch({ only });
  }

  /** The same beside others of this process: of a payer whose documents come slowly they go on by themselves, and those of others are taken. */
  attachmentsOfOthers(): Promise<boolean> {
    let peer: string | undefined;
    const begun = (id: string) => {
      peer = id;
    };
    const work = this.#fetch({ except: this.#attachmentsBeside.names, begun });
    return this.#attachmentsBeside.hold(work, () => peer);
  }

  async #fetch(which: Omit<AttachmentsOf, 'left'>): Promise<boolean> {
    const owner = randomUUID();
    try {
      return await fetchAttachments(this.#deps, this.#tokens, owner, { ...which, left: this.#leftBehind() });
    } catch (error) {
      this.#leave(owner, error);
      throw error;
    }
  }

  #leftBehind(): string[] {
    for (const [was, until] of this.#left) if (until < performance.now()) this.#left.delete(was);
    return [...this.#left.keys()];
  }

  /** What breaks for another reason than a passing one would break again at once: its lease is waited for. */
  #leave(owner: string, error: unknown): void {
    if (isPassing(error)) this.#left.set(owner, performance.now() + this.#deps.config.leaseSeconds * 1000);
  }

  /**
   * One step, beside others of this process. Only one of them takes records in: that is work for the whole processor, and its
   * memory is that of one. A step that waits on its payer for long goes on by itself, and the slot is free.
   */
  step(): Promise<boolean> {
    let pull: Pull | undefined;
    const work = this.#stepOf((begun) => {
      pull = begun;
    });
    const name = () => (pull === undefined || pull.state === 'reconciling' ? undefined : pull.peerId);
    return this.#beside.hold(work, name);
  }

  async #stepOf(begun: (pull: Pull) => void): Promise<boolean> {
    const isBusy = this.#isReconciling;
    const owner = randomUUID();
    let isMine = false;
    try {
      return await takeStep(
        this.#deps,
        this.#tokens,
        owner,
        undefined,
        { ...(isBusy ? { except: ['reconciling'] } : {}), left: this.#leftBehind() },
        (pull) => {
          isMine = pull.state === 'reconciling';
          this.#isReconciling ||= isMine;
          begun(pull);
        },
      );
    } catch (error) {
      this.#leave(owner, error);
      throw error;
    } finally {
      if (isMine) this.#isReconciling = false;
    }
  }

  /** The end of what goes on by itself. */
  async over(): Promise<void> {
    await Promise.all([this.#beside.over(), this.#attachmentsBeside.over()]);
  }

  /** Deletes the jobs of ended pulls at their peers, where that was missed. */
  release(): Promise<void> {
    return releaseEnded(this.#deps, this.#tokens);
  }

  /** Fetches the attachments of a pull, as long as the next of them is due soon: one that has to wait is left to a node that serves. */
  async #finishAttachments(pullId: string, signal?: AbortSignal): Promise<void> {
    for (;;) {
      while (!signal?.aborted && (await this.attachments(pullId)));
      const next = await nextAttachment(this.#deps.database.sql, pullId);
      const ms = (next?.getTime() ?? Number.POSITIVE_INFINITY) - this.#deps.clock().getTime();
      if (signal?.aborted || ms > SOON_MS) return;
      await new Promise((r) => setTimeout(r, Math.max(50, ms)));
    }
  }

  /** Works on one pull until it rests: ended, or with a person. Waits between polls. */
  async finish(pullId: string, onState?: (pull: Pull) => void, signal?: AbortSignal): Promise<Pull | undefined> {
    let shown = '';
    for (;;) {
      const pull = await findPull(this.#deps.database.sql, pullId);
      if (!pull) return undefined;
      if (pull.state !== shown) onState?.(pull);
      shown = pull.state;
      if (PullWorker.rests(pull)) await this.#finishAttachments(pullId, signal);
      if (PullWorker.rests(pull) || signal?.aborted) return pull;
      if (await takeStep(this.#deps, this.#tokens, this.#owner, pullId)) continue;
      await new Promise((r) =>
        setTimeout(r, Math.min(1000, Math.max(50, pull.nextAt.getTime() - this.#deps.clock().getTime()))),
      );
    }
  }
}
