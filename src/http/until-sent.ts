// When the answer to a request has left the process, or never will. What the Node server hands to the routes tells; no other runtime does.

type Closing = {
  destroyed: boolean;
  once(event: 'close' | 'socket', done: () => void): unknown;
  off(event: 'close' | 'socket', done: () => void): unknown;
};
type Bindings = {
  incoming?: { socket: Closing & { destroy(): unknown } };
  /** `socket`: null while it stands behind another answer on its connection */
  outgoing?: Closing & { writableFinished: boolean; socket?: unknown };
};

/** What stands behind another answer, by its connection, each of which has one listener for all of them. */
const behind = new WeakMap<object, Set<() => void>>();

/**
 * Until the answer is the next one on its connection, or its client has gone: of requests that are sent without waiting for answers, whatever
 * is held until it has been sent would else be held by one that waits for another, which waits for that.
 * @param bindings of a request, as its router has them
 * @returns undefined when it is already, or where a runtime does not tell
 */
export function untilFirst(bindings: unknown): Promise<void> | undefined {
  const { incoming, outgoing } = (bindings ?? {}) as Bindings;
  const socket = incoming?.socket;
  if (!socket || !outgoing || socket.destroyed || outgoing.destroyed || outgoing.socket !== null) return undefined;
  let all = behind.get(socket);
  if (all === undefined) {
    const made = new Set<() => void>();
    behind.set(socket, made);
    socket.once('close', () => {
      for (const end of made) end();
    });
    all = made;
  }
  const waiting = all;
  return new Promise((done) => {
    const end = () => {
      waiting.delete(end);
      outgoing.off('socket', end);
      done();
    };
    waiting.add(end);
    outgoing.once('socket', end);
  });
}

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
  // an answer behind another one on its connection is not notified
  socket.once('close', end);
}
