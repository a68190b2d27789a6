// Which search statements the server keeps prepared. Planning takes longer than most searches, and a kept plan does not know
// its values: where they are spread unevenly it may be wrong. So a statement is prepared until it was slow once; then it is
// planned with its values for a while. Statements are known by their text, which has no values; only so many are kept.

/** Milliseconds in the server from which a statement is better planned each time: planning costs one or two. */
const SLOW_MS = 50;
const REST_MS = 10 * 60_000;
/** Statements on each connection; clients decide what is combined, so the number must have an end. */
const MOST = 400;

export type Plans = {
  /** Is the statement to be prepared? */
  prepares(text: string): boolean;
  /** @param ms in the server, from the arrival of the statement to its first row */
  took(text: string, ms: number): void;
};

/** @param now milliseconds, for tests */
export function plans(now: () => number = () => performance.now()): Plans {
  /** until when a statement is planned each time; 0 when it is prepared */
  const known = new Map<string, number>();
  return {
    prepares(text) {
      const until = known.get(text);
      if (until === undefined) {
        if (known.size >= MOST) return false;
        known.set(text, 0);
        return true;
      }
      return until <= now();
    },
    took(text, ms) {
      if (ms >= SLOW_MS && known.has(text)) known.set(text, now() + REST_MS);
    },
  };
}

/** Of the process: text and times only. */
export const searchPlans = plans();
