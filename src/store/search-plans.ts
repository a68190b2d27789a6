// Which search statements the server keeps prepared. Planning takes longer than most searches, and a kept plan does not know
// its values: where they are spread unevenly it may be wrong. So a statement is prepared until it was slow; then a trial takes
// turns, prepared and planned with its values, and the better way is kept for a while. Both ways meet the same load: a busy
// machine, where everything is slow, does not make statements be planned each time and thereby busier. Statements are known by
// their text, which has no values; only so many are kept.

/** Milliseconds in the server from which a statement may be better planned each time: planning costs one or two. */
const SLOW_MS = 50;
const PLANNING_MS = 2;
/** What a statement that was cancelled took, at least. */
const CANCELLED_MS = 2000;
/** Turns of each way in a trial. The slowest one of each does not count: it may have met with something else. */
const TURNS = 24;
const REST_MS = 10 * 60_000;
/** Statements on each connection; clients decide what is combined, so the number must have an end. */
const MOST = 400;

export type Plans = {
  /** Is the statement to be prepared? */
  prepares(text: string): boolean;
  /** @param ms in the server; Infinity when it was cancelled. `prepared`: as it was run */
  took(text: string, ms: number, prepared: boolean): void;
};

type Way = { turns: number; sum: number; slowest: number };
type Known = { prepared: boolean; until: number; trial: { prepared: Way; planned: Way } | undefined };

const way = (): Way => ({ turns: 0, sum: 0, slowest: 0 });
const typical = (w: Way): number => (w.sum - w.slowest) / (w.turns - 1);

/** @param now milliseconds, for tests */
export function plans(now: () => number = () => performance.now()): Plans {
  const known = new Map<string, Known>();
  return {
    prepares(text) {
      const found = known.get(text);
      if (found === undefined) {
        if (known.size >= MOST) return false;
        known.set(text, { prepared: true, until: 0, trial: undefined });
        return true;
      }
      if (found.trial !== undefined) return found.trial.prepared.turns <= found.trial.planned.turns;
      if (!found.prepared && found.until <= now()) found.prepared = true;
      return found.prepared;
    },
    took(text, ms, prepared) {
      const found = known.get(text);
      if (found === undefined) return;
      if (found.trial === undefined) {
        if (ms < SLOW_MS || !prepared || found.until > now()) return;
        found.trial = { prepared: way(), planned: way() };
      }
      const { trial } = found;
      const one = prepared ? trial.prepared : trial.planned;
      const counted = Math.min(ms, CANCELLED_MS);
      one.turns++;
      one.sum += counted;
      one.slowest = Math.max(one.slowest, counted);
      if (trial.prepared.turns < TURNS || trial.planned.turns < TURNS) return;
      found.prepared = typical(trial.prepared) <= 2 * typical(trial.planned) + PLANNING_MS;
      found.until = now() + REST_MS;
      found.trial = undefined;
    },
  };
}

/** Of the process: text and times only. */
export const searchPlans = plans();
