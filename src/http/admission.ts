// How many requests a service works on at once, and how many may wait. Beyond that a request is told to come back later: one
// that would wait too long anyway must not slow down the others. It is told so after a second, the time that Retry-After names:
// clients that ask again at once would otherwise keep the process busy with refusals, and what it has places for would wait
// between them.
import { Outcome } from '../fhir/outcome.ts';

export type Admission = {
  /** Waits for a place. @throws Outcome busy when too many wait, or the wait is too long */
  enter(): Promise<void>;
  /** gives the place to the next */
  leave(): void;
};

type Waiting = { admit: () => void; refuse: (why: Outcome) => void; since: number };

const RETRY_SECONDS = 1;
/** Refusals of so many milliseconds share a timer. */
const TOGETHER_MS = 50;

/** Pauses of about the same length for all who begin one within a moment. */
function sharedPause(ms: number): () => Promise<void> {
  let joined: Promise<void> | undefined;
  return () => {
    if (joined === undefined) {
      joined = new Promise((done) => setTimeout(done, ms));
      setTimeout(() => {
        joined = undefined;
      }, TOGETHER_MS);
    }
    return joined;
  };
}

/**
 * @param places worked on at once
 * @param queue most that wait
 * @param patienceMs longest wait
 * @param options.pause before a refusal
 */
export function admission(
  places: number,
  queue: number,
  patienceMs: number,
  { now = () => performance.now(), pause = sharedPause(RETRY_SECONDS * 1000) } = {},
): Admission {
  let free = places;
  let waiting: Waiting[] = [];
  let first = 0; // of those that wait; the rest before it is gone
  const busy = () => new Outcome('busy', undefined, { retryAfter: RETRY_SECONDS });
  const length = () => waiting.length - first;
  return {
    async enter() {
      if (free > 0) {
        free--;
        return;
      }
      // the longest wait tells how long this one would take
      const ahead = waiting[first];
      if (length() >= queue || (ahead !== undefined && now() - ahead.since > patienceMs)) {
        await pause();
        throw busy();
      }
      await new Promise<void>((admit, refuse) => waiting.push({ admit, refuse, since: now() }));
    },
    leave() {
      for (;;) {
        const next = waiting[first];
        if (next === undefined) {
          free++;
          waiting = [];
          first = 0;
          return;
        }
        if (++first > 1024) {
          waiting = waiting.slice(first);
          first = 0;
        }
        if (now() - next.since <= patienceMs) {
          next.admit();
          return;
        }
        next.refuse(busy());
      }
    },
  };
}

/** Does the work in its place. */
export async function admitted<T>(admit: Admission, work: () => Promise<T>): Promise<T> {
  await admit.enter();
  try {
    return await work();
  } finally {
    admit.leave();
  }
}
