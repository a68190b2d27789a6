// What a fault of the peer means for a pull. Pure.
import { isAway, type PeerFault } from './client/peer-fetch.ts';
import type { Pull, PullState } from './pull.ts';

/** Steps that fail for a passing reason are tried again after these waits; then the pull fails. */
export const BACKOFF_MS = [1000, 2000, 5000, 15_000, 60_000, 300_000, 900_000, 3_600_000];

/** How often lost work at a peer is begun again. */
const MAX_RESTARTS = 3;

/** Answers that are hardly better the next time. */
const NONSENSE: ReadonlySet<string> = new Set(['not-json', 'not-utf8', 'not-http']);
/** They are asked for this often, with pauses, and no more. */
const NONSENSE_TRIES = 3;

/** Addresses that are not the peer's own: asking again does not mend it. */
const FOR_A_PERSON: ReadonlySet<string> = new Set(['foreign-origin', 'refused-address', 'redirect']);

/** What a fault means for the pull; `restarts`: how often it was begun again already. Pure. */
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
    const last = BACKOFF_MS[BACKOFF_MS.length - 1] ?? 0;
    const tries = NONSENSE.has(fault.reason) ? NONSENSE_TRIES : BACKOFF_MS.length;
    const wait = isAway(fault.reason)
      ? (fault.retryMs ?? BACKOFF_MS[failures] ?? last)
      : failures < tries
        ? (fault.retryMs ?? BACKOFF_MS[failures])
        : undefined;
    if (wait !== undefined) return { kind: 'retry', ms: wait };
  }
  if ((fault.reason === 'job-lost' || fault.reason === 'group-gone') && restarts < MAX_RESTARTS && !isLate)
    return { kind: 'restart' };
  if (fault.reason === 'forbidden' || fault.reason.startsWith('token-')) return { kind: 'end', state: 'refused' };
  if (FOR_A_PERSON.has(fault.reason)) return { kind: 'end', state: 'review' };
  return { kind: 'end', state: 'failed' };
}
