// The socket of a database connection: what the server sends is read to where it stays, and handed on in whole messages.
// The driver cuts rows out of what it is given and copies a message that is not complete yet. Of pieces as they come, each in
// memory of its own, that is three times the bytes of an answer, and the collector, which counts them, marked the whole heap for
// every hundred searches. https://www.postgresql.org/docs/current/protocol-message-formats.html
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { cancelKey, requestCancel } from './cancel-request.ts';

/** Of so many bytes a piece of memory is, unless one message is longer; */
const SLAB = 64 * 1024;
/** in place, where whole answers lie in it. */
const IN_PLACE = 256 * 1024;
/** With less room another piece is begun. */
const ROOM = 8 * 1024;
/** A message: a byte that names its kind, then its length without that byte. */
const HEAD = 5;
const YES = 'S'.charCodeAt(0);
const NO = 'N'.charCodeAt(0);

/**
 * Is given what has come, `memory` from `from` to `to`, each time that more has.
 * @returns where that begins which it will be given again; what stands before may be overwritten
 */
export type Take = (memory: Buffer, from: number, to: number) => number;

/**
 * `take` is given what comes instead of the driver, when it is set. `socket`: the one that was made last; `cancel` asks the server to end
 * what that one's connection is doing, as soon as the server has told how.
 */
export type Intake = { take?: Take | undefined; socket?: Socket; cancel?: (() => Promise<void>) | undefined };

/** @param intake with one, what was handed on may be overwritten by what comes next: who wants to keep it copies it at once */
export function messageSocket(to: NetConnectOpts, intake?: Intake): Socket {
  const inPlace = intake !== undefined;
  const least = inPlace ? IN_PLACE : SLAB;
  let slab = Buffer.allocUnsafeSlow(least);
  /** what has come and was not handed on */
  let from = 0;
  let end = 0;
  let isFirst = true;

  /** Place for what comes next, behind what has come. It grows with what came, whatever length a message claims to have. */
  const room = (): Buffer => {
    if (inPlace && from === end) from = end = 0;
    const held = end - from;
    const isLarge = held === 0 && slab.length > least;
    if (isLarge || slab.length - end < ROOM) {
      const size = Math.max(least, 2 * held + ROOM);
      const next = inPlace && !isLarge && size <= slab.length ? slab : Buffer.allocUnsafeSlow(size);
      slab.copy(next, 0, from, end);
      from = 0;
      end = held;
      slab = next;
    }
    return slab.subarray(end);
  };

  /** Where the last whole message ends. */
  const whole = (): number => {
    let at = from;
    while (end - at >= HEAD) {
      const after = at + 1 + slab.readUInt32BE(at + 1);
      if (after > end) break;
      at = after;
    }
    return at;
  };

  const socket: Socket = connect({
    ...to,
    noDelay: true,
    onread: {
      buffer: room,
      callback: (bytes) => {
        end += bytes;
        if (intake?.take !== undefined) {
          from = intake.take(slab, from, end);
          return true;
        }
        // the answer to a question for TLS is one byte and no message; no server begins with messages of these kinds
        const until = isFirst && end === 1 && (slab[0] === YES || slab[0] === NO) ? end : whole();
        isFirst = false;
        if (until > from) {
          const messages = slab.subarray(from, until);
          from = until;
          if (intake !== undefined && intake.cancel === undefined) {
            const key = cancelKey(messages);
            if (key !== undefined) intake.cancel = () => requestCancel(to, key);
          }
          socket.emit('data', messages);
        }
        return true;
      },
    },
  } as NetConnectOpts);
  if (intake !== undefined) {
    intake.socket = socket;
    intake.cancel = undefined;
  }
  // a COPY whose last rows made the driver pause is never resumed: the end of the other side would not be seen, nor the process end
  const ends = socket.end.bind(socket) as (...given: unknown[]) => Socket;
  socket.end = (...given: unknown[]) => {
    socket.resume();
    return ends(...given);
  };
  return socket;
}
