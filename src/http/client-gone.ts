// Whether who asked is still there. What the Node server hands to the routes tells; no other runtime does.

/** How a log calls a request whose client had gone before the answer: no status of HTTP, but the one that nginx uses. */
export const CLIENT_GONE = 499;

/** @param bindings of a request, as its router has them */
export function goneOf(bindings: unknown): () => boolean {
  const { outgoing } = (bindings ?? {}) as { outgoing?: { destroyed: boolean } };
  return () => outgoing?.destroyed === true;
}
