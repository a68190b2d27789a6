// The change counter of a directory with its time, asked for at most every quarter of a second: it lets a client with the newest answer to a
// search have that confirmed without a search.
import type { Queryable } from '../src/db/database.ts';
import { readChange } from './resource/resource.ts';

/** @returns the counter and its time, at most a quarter of a second old; somewhat older while another request asks for it */
export type ChangeCounter = (sql: Queryable) => Promise<string>;

const FRESH_MS = 250;
/** While one request asks, others take the old counter so long; one that is never answered blocks no one. */
const PATIENT_MS = 750;

/** @param now milliseconds, for tests */
export function changeCounter(now: () => number = () => performance.now()): ChangeCounter {
  let known: { change: string; at: number } | undefined;
  let asking = false;
  return async (sql) => {
    const age = known === undefined ? Number.POSITIVE_INFINITY : now() - known.at;
    if (known !== undefined && (age < FRESH_MS || (asking && age < PATIENT_MS))) return known.change;
    asking = true;
    try {
      const at = now();
      known = { change: await readChange(sql), at };
      return known.change;
    } finally {
      asking = false;
    }
  };
}
