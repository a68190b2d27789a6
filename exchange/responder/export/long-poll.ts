// A poll that comes while its job is young waits a moment for it: most questions are about few members, and their files are written sooner
// than a client asks again, which is after a second at the earliest. What is ready is reported at once; who leaves is no longer waited for.
import type { Deps } from '../../../src/deps.ts';
import { type BulkJob, findJob } from '../bulk-job.ts';

/** Longest time that a poll waits, milliseconds: no longer than a client is asked to wait before it asks again. */
const LONGEST_MS = 1000;
/** A job that has taken longer is not about to end: its polls are answered at once. */
const YOUNG_MS = 5000;
/** Polls that wait at once in this process. Others are answered as they always were. */
const MOST = 16;
/** Pauses between two looks for the job, milliseconds: the first, and the longest. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 100;

const isOpen = (job: BulkJob): boolean => job.state === 'queued' || job.state === 'running';

/**
 * Waits for a job as {@link heldPolls} says. @param leaving aborted when the client is gone. @returns the job as it
 * then is; undefined: gone
 */
export type HoldPoll = (job: BulkJob, leaving: AbortSignal) => Promise<BulkJob | undefined>;

/**
 * One poll of a job waits at a time, and only where this process works itself (`deps.wake`): elsewhere jobs are taken up by the schedule,
 * and are not near. A look is one row by its key. @param longestMs for tests
 */
export function heldPolls(deps: Deps, longestMs = LONGEST_MS): HoldPoll {
  const held = new Set<string>();
  return async (job, leaving) => {
    const age = deps.clock().getTime() - job.receivedAt.getTime();
    if (!isOpen(job) || deps.wake === undefined || age >= YOUNG_MS || held.size >= MOST || held.has(job.id)) return job;
    held.add(job.id);
    try {
      const until = performance.now() + longestMs;
      let now: BulkJob | undefined = job;
      for (let pause = FIRST_PAUSE_MS; now && isOpen(now); pause = Math.min(LONGEST_PAUSE_MS, pause * 1.5)) {
        const left = until - performance.now();
        if (left <= 0 || leaving.aborted) break;
        await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
        now = await findJob(deps.database.sql, job.id, job.peerId);
      }
      return now;
    } finally {
      held.delete(job.id);
    }
  };
}
