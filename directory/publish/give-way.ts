// Files of a publication are made in the process that answers requests, each of which waits for a few turns of its loop.
import { setImmediate } from 'node:timers/promises';

/** So many records take about a millisecond. */
const AT_ONCE = 32;

/** Counts records; what it gives now and then is to be awaited, and lets others in. */
export function givingWay(): () => Promise<void> | undefined {
  let records = 0;
  return () => (++records % AT_ONCE === 0 ? setImmediate() : undefined);
}
