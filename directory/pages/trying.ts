// How many pages of a node try at once what else would find somebody. Others say that nothing was found, and offer no ways.
const AT_ONCE = 2;

/** A page that may try holds a place until it has ended. */
export type Trying = { enter(): boolean; leave(): void };

export function trying(places = AT_ONCE): Trying {
  let free = places;
  return {
    enter: () => free > 0 && free-- > 0,
    leave: () => {
      free++;
    },
  };
}
