// How many pages of a node try at once what else would find someone, one of a client: who asks for nothing again and again keeps the
// place of no one else. Others say that nothing was found, and offer no ways.
const AT_ONCE = 2;

/** A page that may try holds a place until it has ended. */
export type Trying = { enter(client?: string): boolean; leave(client?: string): void };

export function trying(places = AT_ONCE): Trying {
  let free = places;
  const clients = new Set<string>();
  return {
    enter(client) {
      if (free === 0 || (client !== undefined && clients.has(client))) return false;
      free--;
      if (client !== undefined) clients.add(client);
      return true;
    },
    leave(client) {
      free++;
      if (client !== undefined) clients.delete(client);
    },
  };
}

/** The places as one client has them. */
export const ofClient = (all: Trying, client: string): Trying => ({
  enter: () => all.enter(client),
  leave: () => all.leave(client),
});
