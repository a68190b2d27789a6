// How many requests a service works on at once, and how many may wait. Beyond that a request is told at once to come back
// later: one that would wait too long anyway must not slow down the others.
import { Outcome } from '../fhir/outcome.ts';

export type Admission = {
  /** Waits for a place. @throws Outcome busy when too many wait, or the wait is too long */
  enter(): Promise<void>;
  /** gives the place to the next */
  leave(): void;
};

type Waiting = { admit: () => void; refuse: (why: Outcome) => void; since: number };

/**
 * @param places worked on at once
 * @param queue most that wait
 * @param patienceMs longest wait
 */
export function admission(places: number, queue: number, patienceMs: number, now = () => performance.now()): Admission {
  let free = places;
  let waiting: Waiting[] = [];
  let first = 0; // of those that wait; the rest before it is gone
  const busy = () => new Outcome('busy', undefined, { retryAfter: 1 });
  const length = () => waiting.length - first;
  return {
    async enter() {
      if (free > 0) {
        free--;
        return;
      }
      // the longest wait tells how long this one would take
      const ahead = waiting[first];
      if (length() >= queue || (ahead !== undefined && now() - ahead.since > patienceMs)) throw busy();
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
