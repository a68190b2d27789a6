// Which search statements the server keeps prepared. Planning takes longer than most searches, and a kept plan does not know
// its values (the service's connections never replan a prepared one): where they are spread unevenly it may be wrong. So a statement is prepared until it was slow; then a trial takes
// turns, prepared and planned with its values, and the better way is kept for a while. Both ways meet the same load: a busy
// machine, where everything is slow, does not make statements be planned each time and thereby busier. Statements are known by
// their text, which has no values; of so many as are kept, that is, and the one that was not asked for longest is forgotten.

/** Milliseconds in the server from which a statement may be better planned each time: planning costs one or two. */
const SLOW_MS = 20;
const PLANNING_MS = 2;
/** So slow is no chance: the statement is planned from then on, without a trial. */
const HOPELESS_MS = 1000;
/** Turns of each way in a trial. The slowest one of each does not count: it may have met with something else. */
const TURNS = 24;
/** So many more of the prepared ones must have been slow: on a busy machine some of both are. */
const MORE_SLOW = 6;
const REST_MS = 10 * 60_000;
/**
 * One that is hopeless again soon after it rested rests so many times longer: to try it costs a reader the answer. The first time may
 * have been the moment, such as a lock on a table, in which whatever was asked was slow.
 */
const LONGER = 6;
const LONGEST_REST_MS = 6 * 60 * 60_000;
/** Statements on each connection, those used last; clients decide what is combined, so the number must have an end. */
export const MOST_KEPT = 400;

export type Plans = {
  /** Is the statement to be prepared? */
  prepares(text: string): boolean;
  /** @param ms in the server; Infinity when it was cancelled. `prepared`: as it was run */
  took(text: string, ms: number, prepared: boolean): void;
};

type Way = { turns: number; sum: number; slowest: number; slow: number };
type Known = {
  prepared: boolean;
  until: number;
  trial: { prepared: Way; planned: Way } | undefined;
  /** how long it rests since it was hopeless; 0 when something else decided last */
  rested: number;
};

const way = (): Way => ({ turns: 0, sum: 0, slowest: 0, slow: 0 });
function count(w: Way, ms: number): void {
  w.turns++;
  if (ms >= SLOW_MS) w.slow++;
  w.sum += ms;
  w.slowest = Math.max(w.slowest, ms);
}
const typical = (w: Way): number => (w.sum - w.slowest) / (w.turns - 1);

const planningHelps = ({ prepared, planned }: { prepared: Way; planned: Way }): boolean =>
  prepared.slow >= planned.slow + MORE_SLOW && typical(prepared) > 2 * typical(planned) + PLANNING_MS;

/** @param now milliseconds, for tests */
export function plans(now: () => number = () => performance.now()): Plans {
  const known = new Map<string, Known>();
  return {
    prepares(text) {
      const found = known.get(text) ?? { prepared: true, until: 0, trial: undefined, rested: 0 };
      // the one asked for last stands at the end
      known.delete(text);
      known.set(text, found);
      if (known.size > MOST_KEPT)
        for (const oldest of known.keys()) {
          known.delete(oldest);
          break;
        }
      if (found.trial !== undefined) return found.trial.prepared.turns <= found.trial.planned.turns;
      if (!found.prepared && found.until <= now()) found.prepared = true;
      return found.prepared;
    },
    took(text, ms, prepared) {
      const found = known.get(text);
      if (found === undefined) return;
      const decide = (keep: boolean, rest = REST_MS, rested = 0) =>
        known.set(text, { prepared: keep, until: now() + rest, trial: undefined, rested });
      if (prepared && ms >= HOPELESS_MS) {
        // others were on their way when the first of them reported
        if (!found.prepared && found.until > now()) return;
        const isAgain = found.rested > 0 && now() - found.until < found.rested;
        const rest = isAgain ? Math.min(LONGEST_REST_MS, LONGER * found.rested) : REST_MS;
        return void decide(false, rest, rest);
      }
      if (found.trial === undefined) {
        if (ms < SLOW_MS || !prepared || found.until > now()) return;
        found.trial = { prepared: way(), planned: way() };
      }
      const { trial } = found;
      count(prepared ? trial.prepared : trial.planned, ms);
      if (trial.prepared.turns < TURNS || trial.planned.turns < TURNS) return;
      decide(!planningHelps(trial));
    },
  };
}

/** Of the process: text and times only. */
export const searchPlans = plans();
