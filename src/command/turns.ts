// Connections take turns. While more requests are under way than the database has work for, a connection that was just answered is not
// read before its turn: what a client asks next waits with the kernel, where it costs nothing. A request that has been read is some forty
// objects, which the collector copies as often as the young generation fills before they are answered: of a thousand that is a fifth of
// what the process does. Those that were answered first are read first. New connections are read at once.
import type { Socket } from 'node:net';

/** So many under way keep the database busy until others have been read: of a connection to it, and at least. */
const PER_CONNECTION = 4;
const ENOUGH = 64;
/** Longest time that a connection is held: it may ask for something else, or have left. */
const LONGEST_MS = 1000;
/** And for each that is held: at least so fast they are let go one after the other, however long what is under way takes. */
const EACH_MS = 1;
/** So many times as many, under way and held, cost nothing that holding would save. */
const HARMLESS = 2;
/** Between two looks while some are held and nothing is answered. */
const LOOK_MS = 10;

/** What is needed of a connection. */
export type Readable = Pick<Socket, 'destroyed' | 'pause' | 'resume'>;

export type Turns = {
  /** a request has been read and is not answered */
  begin(): void;
  /** it has been answered on this connection */
  end(socket: Readable): void;
  /** lets all go, and holds none any more: the server ends */
  stop(): void;
  isOver(): boolean;
};

/** Requests under way from which on connections are held. @param pool connections of a service to its database */
export const enoughFor = (pool: number): number => Math.max(ENOUGH, PER_CONNECTION * pool);

/** @param options.enough of {@link enoughFor}; the others for tests */
export function turns({
  enough = ENOUGH,
  longestMs = LONGEST_MS,
  eachMs = EACH_MS,
  now = () => performance.now(),
} = {}): Turns {
  let under = 0;
  let answered: Readable[] = [];
  let held: { socket: Readable; since: number }[] = [];
  /** of those held; what stands before it is gone */
  let first = 0;
  let looksSoon = false;
  let looksLater = false;
  let isOver = false;

  function release(room: number, at: number): number {
    let released = 0;
    for (; first < held.length; first++) {
      const next = held[first];
      const longest = Math.min(longestMs, (held.length - first) * eachMs);
      if (next === undefined || (released >= room && at - next.since < longest)) break;
      if (next.socket.destroyed) continue;
      next.socket.resume();
      released++;
    }
    if (first > 1024 || first === held.length) {
      held = held.slice(first);
      first = 0;
    }
    return released;
  }

  // in the phase of the loop behind the one that reads: nothing has been read of a connection since it was answered
  function look(): void {
    looksSoon = false;
    const at = now();
    const all = under + held.length - first + answered.length;
    let room = all < HARMLESS * enough ? Number.POSITIVE_INFINITY : enough - under;
    room -= release(room, at);
    for (const socket of answered) {
      if (socket.destroyed) continue;
      if (room-- > 0) continue;
      socket.pause();
      held.push({ socket, since: at });
    }
    answered = [];
    if (held.length === first || looksLater) return;
    looksLater = true;
    setTimeout(lookLater, LOOK_MS);
  }

  function lookSoon(): void {
    if (looksSoon) return;
    looksSoon = true;
    setImmediate(look);
  }

  // after the next reading: what was let go just now may be read in it
  function lookLater(): void {
    looksLater = false;
    lookSoon();
  }

  return {
    begin() {
      under++;
    },
    end(socket) {
      under--;
      if (isOver) return;
      answered.push(socket);
      lookSoon();
    },
    stop() {
      isOver = true;
      answered = [];
      release(held.length, now());
    },
    isOver: () => isOver,
  };
}
