// How many requests a service works on at once, and how many may wait. Beyond that a request is asked to come back later: one
// that would wait too long anyway must not slow down the others. It is refused after a second, the time that Retry-After names:
// clients that ask again at once would otherwise keep the process busy with refusals, and what it has places for would wait
// between them. What takes long may have its own, higher level, with few places: it waits for those, and what is soon done
// passes it by.
import { Outcome } from '../fhir/outcome.ts';
import { untilFirst, untilSent } from './until-sent.ts';

/**
 * `latest`: when it has to begin, in milliseconds of `performance.now()`. `isGone`: no one waits for it any more. `levelNow`: what is known of
 * its level when its turn may have come.
 */
export type Entrant = { latest?: number; isGone?: () => boolean; levelNow?: () => number };

export type Admission = {
  /**
   * Waits for a place.
   * @param level by default 0, which may have every place and comes first
   * @returns the level at which it has one
   * @throws Outcome busy when too many wait, or the wait is too long
   */
  enter(level?: number, entrant?: Entrant): Promise<number>;
  /** gives the place to the next. @param level at which it was taken */
  leave(level?: number): void;
};

type Waiting = Entrant & { admit: (level: number) => void; refuse: (why: Outcome) => void; since: number };

const RETRY_SECONDS = 1;
/** Refusals of so many milliseconds share a timer. */
const TOGETHER_MS = 50;
/** While some wait and no one leaves, it is looked so often whether they wait too long. */
const LOOK_MS = 100;

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

/** Those of one level, in the order in which they came. */
class Line {
  #all: Waiting[] = [];
  #first = 0; // the rest before it is gone
  get length(): number {
    return this.#all.length - this.#first;
  }
  get next(): Waiting | undefined {
    return this.#all[this.#first];
  }
  add(one: Waiting): void {
    let at = this.#all.length;
    // one of another level may have come before the last of these
    while (at > this.#first && (this.#all[at - 1]?.since ?? 0) > one.since) at--;
    this.#all.splice(at, 0, one);
  }
  take(): void {
    if (++this.#first < this.#all.length && this.#first <= 1024) return;
    this.#all = this.#all.slice(this.#first);
    this.#first = 0;
  }
}

/**
 * @param places worked on at once; or those of each level with the levels above it together
 * @param queue most that wait
 * @param patienceMs longest wait
 * @param options.pause before a refusal
 */
export function admission(
  places: number | readonly number[],
  queue: number,
  patienceMs: number,
  { now = () => performance.now(), pause = sharedPause(RETRY_SECONDS * 1000) } = {},
): Admission {
  const most = typeof places === 'number' ? [places] : places;
  const held = most.map(() => 0);
  const lines = most.map(() => new Line());
  let looking: NodeJS.Timeout | undefined;
  const busy = () => new Outcome('busy', undefined, { retryAfter: RETRY_SECONDS });
  const hasRoom = (level: number): boolean => {
    let sum = 0;
    for (let i = most.length - 1; i >= 0; i--) {
      sum += held[i] ?? 0;
      if (i <= level && sum >= (most[i] ?? 0)) return false;
    }
    return true;
  };
  const take = (level: number): void => {
    held[level] = (held[level] ?? 0) + 1;
  };
  const isLate = ({ since, latest, isGone }: Waiting): boolean =>
    now() > Math.min(since + patienceMs, latest ?? Number.POSITIVE_INFINITY) || isGone?.() === true;

  /** The one that came first of those that have room, or have waited too long; of two that came together the lower level. */
  function first(): Line | undefined {
    let found: Line | undefined;
    lines.forEach((line, level) => {
      const { next } = line;
      if (next === undefined || (found?.next !== undefined && found.next.since <= next.since)) return;
      if (isLate(next) || hasRoom(level) || (next.levelNow?.() ?? level) !== level) found = line;
    });
    return found;
  }

  /** Those who may enter, in the order in which they came; those who waited too long go. */
  function admit(): void {
    for (let line = first(); line?.next !== undefined; line = first()) {
      const { next } = line;
      const at = next.levelNow?.() ?? lines.indexOf(line);
      line.take();
      if (isLate(next)) next.refuse(busy());
      else if (hasRoom(at)) {
        take(at);
        next.admit(at);
      }
      // among its own it holds up no one here
      else lines[at]?.add(next);
    }
    if (looking !== undefined || lines.every((line) => line.length === 0)) return;
    looking = setTimeout(() => {
      looking = undefined;
      admit();
    }, LOOK_MS);
  }

  return {
    async enter(level = 0, entrant = {}) {
      const line = lines[level];
      if (line === undefined) throw new RangeError('There is no such level.');
      // who left before it came to the door takes no place either
      if (entrant.isGone?.() === true) throw busy();
      if (line.length === 0 && hasRoom(level)) {
        take(level);
        return level;
      }
      // the longest wait tells how long this one would take
      const ahead = line.next;
      const all = lines.reduce((sum, { length }) => sum + length, 0);
      if (all >= queue || (ahead !== undefined && now() - ahead.since > patienceMs)) {
        await pause();
        throw busy();
      }
      return new Promise((done, refuse) => {
        line.add({ ...entrant, admit: done, refuse, since: now() });
        looking ??= setTimeout(() => {
          looking = undefined;
          admit();
        }, LOOK_MS);
      });
    },
    leave(level = 0) {
      held[level] = (held[level] ?? 0) - 1;
      admit();
    },
  };
}

/** Does the work in its place. */
export async function admitted<T>(
  admit: Admission,
  work: () => Promise<T>,
  level?: number,
  entrant?: Entrant,
): Promise<T> {
  const held = await admit.enter(level, entrant);
  try {
    return await work();
  } finally {
    admit.leave(held);
  }
}

/**
 * The same; the place is given back once the answer that the work made has been sent: until then it is held in memory. Only the next answer of a
 * connection comes to the door.
 */
export async function admittedUntilSent<T>(
  admit: Admission,
  work: () => Promise<T>,
  bindings: unknown,
  { sentWithinMs, ...entrant }: Entrant & { sentWithinMs: number },
): Promise<T> {
  await untilFirst(bindings);
  const held = await admit.enter(0, entrant);
  const leave = () => admit.leave(held);
  try {
    const made = await work();
    untilSent(bindings, sentWithinMs, leave);
    return made;
  } catch (error) {
    leave();
    throw error;
  }
}
