// Advisory locks that last as long as some work, whatever transactions it makes.
import { type Database, lendOne } from './database.ts';

/**
 * Does something while a lock is held by a connection of its own: it is free again when the work is over, or its process dies. Waits for it.
 * @param isShared others may hold it in the same way
 */
export function underLock<T>(
  database: Pick<Database, 'lend'>,
  { key, isShared = false }: { key: number; isShared?: boolean },
  work: () => Promise<T>,
): Promise<T> {
  return lendOne(database, async (client) => {
    let result: { is: T } | undefined;
    // a connection that is in a transaction does not close by itself while no one asks it; this one reads nothing, so it holds nothing back
    await client.begin(async (tx) => {
      await tx.unsafe(`select pg_advisory_xact_lock${isShared ? '_shared' : ''}(${key})`);
      result = { is: await work() };
    });
    if (result === undefined) throw new Error('the work under a lock came to no end');
    return result.is;
  });
}
