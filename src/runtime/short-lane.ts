// A connection of its own for short statements. What comes in one moment is written to it together and answered together, which
// costs both sides less than a connection for each. Behind one that takes long, all would wait: then others take the pool.
import type { Sql } from '../store/database.ts';

/** Milliseconds that the statement under way may have taken, all before it counted. */
const PATIENCE_MS = 10;

export type ShortLane = <T>(run: (sql: Sql) => Promise<T>) => Promise<T>;

/** @param now milliseconds, for tests */
export function shortLane(lane: Sql, pool: Sql, now: () => number = () => performance.now()): ShortLane {
  /** statements under way, and when the one in turn began to be the first */
  let waiting = 0;
  let since = 0;
  return async (run) => {
    if (waiting > 0 && now() - since > PATIENCE_MS) return run(pool);
    if (waiting++ === 0) since = now();
    try {
      return await run(lane);
    } finally {
      waiting--;
      since = now();
    }
  };
}
