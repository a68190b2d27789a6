// When the answer to a request has left the process, or never will. What the Node server hands to the routes tells; no other runtime does.

type Closing = {
  destroyed: boolean;
  once(event: 'close', done: () => void): unknown;
  off(event: 'close', done: () => void): unknown;
};
type Bindings = {
  incoming?: { socket: Closing & { destroy(): unknown } };
  outgoing?: Closing & { writableFinished: boolean };
};

/**
 * Calls `done` once: when the answer has been handed to the network, whatever answer it became, or its client has gone. A client that has
 * not taken it in time is ended. At once where a runtime does not tell.
 * @param bindings of a request, as its router has them
 */
export function untilSent(bindings: unknown, mostMs: number, done: () => void): void {
  const { incoming, outgoing } = (bindings ?? {}) as Bindings;
  const socket = incoming?.socket;
  if (!socket || !outgoing || socket.destroyed || outgoing.destroyed || outgoing.writableFinished) {
    done();
    return;
  }
  const end = () => {
    clearTimeout(late);
    outgoing.off('close', end);
    socket.off('close', end);
    done();
  };
  const late = setTimeout(() => socket.destroy(), mostMs).unref();
  outgoing.once('close', end);
  // an answer behind another one on its connection is told nothing
  socket.once('close', end);
}
