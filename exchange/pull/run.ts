// The worker of pulls: claims what is due and takes one step at a time until nothing is due.
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { PeerFault } from '../client/peer-fetch.ts';
import { PeerTokens } from '../client/token.ts';
import { reconcileStep } from '../reconcile/reconcile-step.ts';
import { findPeer } from '../store/peer.ts';
import { claimPull, findPull, LeaseLost, type Pull, type PullState, postponePull, renewPull } from '../store/pull.ts';
import { RESTARTED, restartsOf } from '../store/pull-restart.ts';
import {
  advance,
  authorizeStep,
  discoverStep,
  downloadStep,
  exportingStep,
  exportStep,
  matchingStep,
  matchStep,
  type Step,
  Waiting,
} from './states.ts';

/** Steps that fail for a passing reason are tried again after these waits; then the pull fails. */
const BACKOFF_MS = [1000, 2000, 5000, 15_000, 60_000, 300_000, 900_000, 3_600_000];

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

/** How often lost work at a peer is begun anew. */
const MAX_RESTARTS = 3;

/** What a fault means for the pull; `restarts`: how often it was begun anew already. Pure. */
export function judgeFault(
  fault: PeerFault,
  pull: Pick<Pull, 'state' | 'attempts' | 'createdAt' | 'reason'>,
  restarts: number,
  now: Date,
  deadlineHours: number,
): { kind: 'retry'; ms: number } | { kind: 'restart' } | { kind: 'end'; state: PullState } {
  // `attempts` counts polls as well: those that only waited left no reason, and are no failures
  const failures = pull.reason === null ? 0 : pull.attempts;
  const isLate = now.getTime() - pull.createdAt.getTime() > deadlineHours * 3_600_000;
  if (fault.isTransient && !isLate) {
    const wait = fault.retryMs ?? BACKOFF_MS[failures];
    if (wait !== undefined) return { kind: 'retry', ms: wait };
  }
  if ((fault.reason === 'job-lost' || fault.reason === 'group-gone') && restarts < MAX_RESTARTS && !isLate)
    return { kind: 'restart' };
  if (fault.reason === 'forbidden' || fault.reason.startsWith('token-')) return { kind: 'end', state: 'refused' };
  if (fault.reason === 'foreign-origin' || fault.reason === 'refused-address' || fault.reason === 'redirect')
    return { kind: 'end', state: 'review' };
  return { kind: 'end', state: 'failed' };
}

/** The state from which lost work at the peer starts again. */
const RESTART: Partial<Record<PullState, PullState>> = {
  matching: 'authorized',
  exporting: 'matched',
  downloading: 'matched',
  matched: 'authorized',
};

/** One step of one pull. True when one was due. */
export async function takeStep(deps: Deps, tokens: PeerTokens, owner: string, only?: string): Promise<boolean> {
  const { sql } = deps.database;
  const pull = await claimPull(sql, owner, deps.clock(), deps.config.leaseSeconds, only);
  if (!pull) return false;
  const peer = await findPeer(sql, pull.peerId);
  const step = STEPS[pull.state];
  if (!peer || !step) throw new Error('a pull without peer or step was claimed');
  const s: Step = { deps, tokens, owner, pull, peer };
  const renewal = setInterval(
    () => {
      renewPull(sql, pull.id, owner, deps.clock(), deps.config.leaseSeconds).catch((error: unknown) =>
        deps.log('warn', 'lease not renewed', { pull: pull.id, error: describe(error) }),
      );
    },
    (deps.config.leaseSeconds * 1000) / 3,
  );
  try {
    if (peer.state !== 'active') await advance(s, 'review', { reason: 'peer-not-active' }, '');
    else await step(s);
  } catch (error) {
    await afterFault(s, error);
  } finally {
    clearInterval(renewal);
  }
  return true;
}

async function afterFault(s: Step, error: unknown): Promise<void> {
  const { deps, pull, owner } = s;
  const { sql } = deps.database;
  const now = deps.clock();
  const later = (ms: number) => new Date(now.getTime() + ms);
  if (error instanceof LeaseLost) return;
  if (error instanceof Waiting) {
    if (now.getTime() - pull.createdAt.getTime() > deps.config.pullDeadlineHours * 3_600_000)
      return advance(s, 'failed', { reason: 'peer-too-slow', finishedAt: now }, '');
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
    const judged = judgeFault(error, pull, await restartsOf(sql, pull.id), now, deps.config.pullDeadlineHours);
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
    if (restart !== undefined) return advance(s, restart, {}, RESTARTED + error.reason);
    return advance(s, judged.kind === 'end' ? judged.state : 'failed', { reason: error.reason, finishedAt: now }, '');
  }
  // a fault of ours: the database away, the disk full. The pull stays where it is.
  deps.log('error', 'pull step broke', { pull: pull.id, state: pull.state, error: describe(error) });
  const wait = BACKOFF_MS[Math.min(pull.attempts, BACKOFF_MS.length - 1)] ?? 60_000;
  await postponePull(sql, pull.id, owner, later(wait), pull.attempts + 1, 'our-fault');
}

/** A worker with an owner id and its peers' tokens in memory. */
export class PullWorker {
  readonly #tokens = new PeerTokens();
  readonly #owner = randomUUID();
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Has a pull ended, or does it wait for a person? */
  static rests(pull: Pull): boolean {
    return STEPS[pull.state] === undefined;
  }

  /** Steps until nothing is due or the signal aborts. Returns how many were taken. */
  async drain(signal?: AbortSignal): Promise<number> {
    let steps = 0;
    while (!signal?.aborted && (await takeStep(this.#deps, this.#tokens, this.#owner))) steps++;
    return steps;
  }

  /** Works on one pull until it rests: ended, or with a person. Waits between polls. */
  async finish(pullId: string, onState?: (pull: Pull) => void, signal?: AbortSignal): Promise<Pull | undefined> {
    let shown = '';
    for (;;) {
      const pull = await findPull(this.#deps.database.sql, pullId);
      if (!pull) return undefined;
      if (pull.state !== shown) onState?.(pull);
      shown = pull.state;
      if (PullWorker.rests(pull) || signal?.aborted) return pull;
      if (await takeStep(this.#deps, this.#tokens, this.#owner, pullId)) continue;
      await new Promise((r) =>
        setTimeout(r, Math.min(1000, Math.max(50, pull.nextAt.getTime() - this.#deps.clock().getTime()))),
      );
    }
  }
}
