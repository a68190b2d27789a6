// Sockets of database connections: a plain one for the driver, and one of the statement client, whose answers are read to where they
// stay and handed on in whole messages. Of pieces as they come, each in memory of its own, an answer takes three times its bytes.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { cancelKey, requestCancel } from './cancel-request.ts';

/** Of so many bytes the memory is, unless one message is longer. */
const SLAB = 256 * 1024;
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
 * what that one's connection is doing, as soon as the server has said how.
 */
export type Intake = { take?: Take | undefined; socket?: Socket; cancel?: (() => Promise<void>) | undefined };

/**
 * A socket without Nagle's delay: postgres.js writes the end of a COPY as a packet of its own, which would wait 40 milliseconds for the
 * server's acknowledgement.
 */
export const plainSocket = (to: NetConnectOpts): Socket => endsPaused(connect({ ...to, noDelay: true }));

/** A COPY whose last rows made the driver pause is never resumed: the end of the other side would not be seen, nor the process end. */
function endsPaused(socket: Socket): Socket {
  const ends = socket.end.bind(socket) as (...given: unknown[]) => Socket;
  socket.end = (...given: unknown[]) => {
    socket.resume();
    return ends(...given);
  };
  return socket;
}

/** What was handed on may be overwritten by what comes next: who wants to keep it copies it at once. */
export function messageSocket(to: NetConnectOpts, intake: Intake): Socket {
  let slab = Buffer.allocUnsafeSlow(SLAB);
  /** what has come and was not handed on */
  let from = 0;
  let end = 0;
  let isFirst = true;

  /** Place for what comes next, behind what has come. It grows with what came, whatever length a message claims to have. */
  const room = (): Buffer => {
    if (from === end) from = end = 0;
    const held = end - from;
    const isLarge = held === 0 && slab.length > SLAB;
    if (isLarge || slab.length - end < ROOM) {
      const size = Math.max(SLAB, 2 * held + ROOM);
      const next = !isLarge && size <= slab.length ? slab : Buffer.allocUnsafeSlow(size);
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
        if (intake.take !== undefined) {
          from = intake.take(slab, from, end);
          return true;
        }
        // the answer to a question for TLS is one byte and no message; no server begins with messages of these kinds
        const until = isFirst && end === 1 && (slab[0] === YES || slab[0] === NO) ? end : whole();
        isFirst = false;
        if (until > from) {
          const messages = slab.subarray(from, until);
          from = until;
          if (intake.cancel === undefined) {
            const key = cancelKey(messages);
            if (key !== undefined) intake.cancel = () => requestCancel(to, key);
          }
          socket.emit('data', messages);
        }
        return true;
      },
    },
  } as NetConnectOpts);
  intake.socket = socket;
  intake.cancel = undefined;
  return endsPaused(socket);
}
