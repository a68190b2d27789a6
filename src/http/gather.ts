// Requests that wait for the same statement share it: one round trip and one commit for all that came while the one before
// was on its way. No one waits for company: what comes alone goes alone, at once. Where many come, a further call begins once half as
// many wait as the last one took, or when one ends: calls of two or three each would cost all of them more than they save one.

import { isTimeout } from '../db/failure.ts';

/** Of those that are tried by themselves, once so many have taken too long the rest has failed too: each would take as long. */
const MOST_LATE = 2;

/** Who waits for company waits no longer: the call before may wait for a lock. */
const LONGEST_MS = 20;

type Waiting<T, R> = { item: T; done: (result: R) => void; failed: (error: unknown) => void };

/**
 * @param work results in the order of the items. When it fails for several, each is tried by itself: no one fails for another, unless
 *   the database has no time for any of them.
 * @param options.most items in one call
 * @param options.slots calls at once
 */
export function gather<T, R>(
  work: (items: readonly T[]) => Promise<readonly R[]>,
  options: { most: number; slots: number },
): (item: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  let running = 0;
  /** items of the last call */
  let last = 1;
  let called = false;
  const isDue = (): boolean =>
    running < options.slots && waiting.length > 0 && (running === 0 || waiting.length >= last / 2);
  const run = async (batch: readonly Waiting<T, R>[]): Promise<void> => {
    try {
      const results = await work(batch.map((w) => w.item));
      batch.forEach((w, i) => {
        w.done(results[i] as R); // one for each, says the contract
      });
    } catch (error) {
      let late = 0;
      for (const one of batch) {
        const failure = batch.length === 1 || late >= MOST_LATE ? { error } : await alone(one);
        if (failure) one.failed(failure.error);
        if (isTimeout(failure?.error)) late++;
      }
    }
  };
  const alone = async ({ item, done }: Waiting<T, R>): Promise<{ error: unknown } | undefined> => {
    try {
      const [result] = await work([item]);
      done(result as R);
      return undefined;
    } catch (error) {
      return { error };
    }
  };
  const next = (): void => {
    while (isDue()) {
      const batch = waiting.slice(0, options.most);
      waiting = waiting.slice(options.most);
      last = batch.length;
      running++;
      void run(batch).finally(() => {
        running--;
        next();
      });
    }
  };
  return (item) =>
    new Promise<R>((done, failed) => {
      const own = { item, done, failed };
      waiting.push(own);
      // what is read from the network in the same turn comes along
      if (!called && isDue()) {
        called = true;
        setImmediate(() => {
          called = false;
          next();
        });
      } else if (waiting.length === 1 && running < options.slots)
        setTimeout(() => {
          if (waiting[0] !== own) return;
          last = 1;
          next();
        }, LONGEST_MS);
    });
}
