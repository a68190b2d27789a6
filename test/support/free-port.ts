// Ports for nodes that are processes of their own.
import { createServer } from 'node:net';

/** Below what systems give to connections that leave: such a one cannot take the port between two starts of a node. */
const FIRST = 20_000;
const COUNT = 12_000;

/** A port of 127.0.0.1 that no one listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const isFree = await new Promise<boolean>((done) => {
      const server = createServer().once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (isFree) return port;
  }
}
