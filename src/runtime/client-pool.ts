// Clients of one connection that are lent again and again (Database.lend).
import type { Database, Sql } from '../db/database.ts';

export type LentClients = {
  lend: Database['lend'];
  close: () => Promise<void>;
};

/** Time in seconds that a client which was in the midst of something has to end. */
const ENDS_WITHIN = 1;

/** One that rested, if its connection is still there: what the server has ended may not be seen yet, and the work would be the first to meet it. */
async function stillConnected(client: Sql): Promise<Sql | undefined> {
  try {
    await client`select 1`;
    return client;
  } catch {
    await client.end({ timeout: 0 });
    return undefined;
  }
}

/**
 * @param open a client that connects when it is asked, and closes its connection by itself when it was not for a while
 */
export function lentClients(open: () => Sql): LentClients {
  const resting: Sql[] = [];
  let isClosed = false;
  const end = (clients: readonly Sql[]) => Promise.all(clients.map((c) => c.end({ timeout: ENDS_WITHIN })));
  return {
    async lend(count, work) {
      // the one that was used last first: the others close
      const rested = Array.from({ length: count }, () => resting.pop());
      const clients = (await Promise.all(
        rested.map(async (client) => (client && (await stillConnected(client))) ?? open()),
      )) as [Sql, ...Sql[]];
      let isDone = false;
      try {
        const result = await work(clients);
        isDone = true;
        return result;
      } finally {
        if (isDone && !isClosed) resting.push(...clients.toReversed());
        else await end(clients);
      }
    },
    async close() {
      isClosed = true;
      await end(resting.splice(0));
    },
  };
}

/** Where connections are lent by the request: opened for each work, and ended. */
export const openedEachTime =
  (open: () => Sql): LentClients['lend'] =>
  (count, work) => {
    const once = lentClients(open);
    return once.lend(count, work).finally(once.close);
  };
