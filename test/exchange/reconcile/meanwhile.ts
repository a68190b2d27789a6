// Something else while a transaction of a pull waits: two real transactions, always in the same order.
import { expect } from 'vitest';
import type { reconciler } from './reconcile-pull.ts';

type Node = Pick<Awaited<ReturnType<typeof reconciler>>, 'sql' | 'deps'>;
const GATE = 77;

/**
 * Runs a pull, and something else when a transaction of the pull comes to a place where it waits.
 * @param place of the trigger that waits
 */
export async function meanwhile<T>(
  node: Node,
  place: string,
  pull: () => Promise<T>,
  other: () => Promise<void>,
): Promise<T> {
  const { sql } = node;
  await sql.unsafe(`
    create function exchange.wait_at_gate() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(${GATE}); return new; end $$;
    create trigger gate before ${place} execute function exchange.wait_at_gate()`);
  const waiting = async () => {
    const [row] = await sql<
      { n: number }[]
    >`select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`;
    return row?.n;
  };
  const done = await node.deps.database.lend(1, async ([gate]) => {
    await gate`select pg_advisory_lock(${GATE})`;
    const under = pull();
    under.catch(() => {});
    let imported: Promise<void> | undefined;
    try {
      await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
      let isOver = false;
      imported = other().finally(() => {
        isOver = true;
      });
      imported.catch(() => {});
      // done, or as far as it comes beside a slice that is being committed
      await expect.poll(async () => isOver || (await waiting()) === 2, { timeout: 20_000 }).toBe(true);
    } finally {
      await gate`select pg_advisory_unlock(${GATE})`;
    }
    await imported;
    return under;
  });
  await sql.unsafe('drop function exchange.wait_at_gate() cascade');
  return done;
}
