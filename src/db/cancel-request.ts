// Asks a database server to end what one of its connections is doing. It is asked over a connection of its own, and closes that when it
// has passed it on. https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
import { connect, type NetConnectOpts } from 'node:net';

/** A message: a byte that names its kind, then its length without that byte. */
const HEAD = 5;
const KEY = 'K'.charCodeAt(0);
const CODE = 80_877_102;
/** A server that does not listen is not waited for. */
const PATIENCE_MS = 2000;

/** Process and secret of a connection, as the server tells them while it opens; undefined when these messages do not. */
export function cancelKey(messages: Buffer): Buffer | undefined {
  for (let at = 0; messages.length - at >= HEAD; ) {
    const after = at + 1 + messages.readUInt32BE(at + 1);
    if (messages[at] === KEY) return Buffer.from(messages.subarray(at + HEAD, after));
    at = after;
  }
  return undefined;
}

/** Resolves when the server has passed it on, or could not be asked. */
export function requestCancel(to: NetConnectOpts, key: Buffer): Promise<void> {
  const message = Buffer.alloc(8 + key.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(CODE, 4);
  key.copy(message, 8);
  return new Promise((done) => {
    const socket = connect(to, () => socket.write(message));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('error', () => {}); // its end is what is waited for
    socket.once('close', () => done());
    socket.resume();
  });
}
