// Connections of the Node server take turns while much is under way (src/command/turns.ts): over real sockets, with answers that the
// test gives.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { type QuickHolder, quickListener } from '../../src/command/quick-listener.ts';
import { enoughFor, turns } from '../../src/command/turns.ts';
import type { Reply } from '../../src/http/fhir-app.ts';

const REPLY: Reply = { body: '{}', status: 200, headers: {} };

/** A server whose requests wait until the test answers them; each asks for the path that names its connection. */
async function waiting(options: Parameters<typeof turns>[0]) {
  const pending: { path: string; answer: () => void }[] = [];
  const holder: QuickHolder = {
    answer: ({ url }) => new Promise((done) => pending.push({ path: url, answer: () => done(REPLY) })),
  };
  const server = createServer(quickListener(new Hono(), '127.0.0.1', holder, turns(options)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  return {
    pending,
    /** a connection that asks again as soon as it has an answer, so many times */
    async open(path: string, times: number) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      let left = times;
      const ask = () => left-- > 0 && socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`);
      socket.on('data', ask);
      await once(socket, 'connect');
      ask();
      return socket;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

test('what answered connections ask next is read in turn, no more than can be worked on', async () => {
  const CLIENTS = 6;
  const ROUNDS = 4;
  const enough = 2;
  const w = await waiting({ enough, longestMs: Number.POSITIVE_INFINITY });
  for (let i = 0; i < CLIENTS; i++) await w.open(`/${i}`, ROUNDS);
  // those that come are all read
  await expect.poll(() => w.pending.length).toBe(CLIENTS);
  const read: string[] = [];
  let most = 0;
  for (let n = 0; n < CLIENTS * ROUNDS; n++) {
    await expect.poll(() => w.pending.length, { interval: 1 }).toBeGreaterThan(0);
    if (n >= CLIENTS) most = Math.max(most, w.pending.length);
    const next = w.pending.shift();
    read.push(next?.path ?? '');
    next?.answer();
    await new Promise((done) => setTimeout(done, 5));
  }
  expect(most).toBe(enough);
  // nobody is passed over
  for (let round = 0; round < ROUNDS; round++)
    expect(read.slice(round * CLIENTS, (round + 1) * CLIENTS).sort()).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  w.close();
});

test('a connection is not held for long, and one that left meanwhile harms nobody', async () => {
  const w = await waiting({ enough: 1, longestMs: 30 });
  await w.open('/never', 1);
  await w.open('/again', 2);
  const leaves = await w.open('/leaves', 2);
  await expect.poll(() => w.pending.length).toBe(3);
  leaves.destroy();
  for (const path of ['/leaves', '/again'])
    w.pending
      .splice(
        w.pending.findIndex((p) => p.path === path),
        1,
      )[0]
      ?.answer();
  await expect.poll(() => w.pending.map((p) => p.path).sort(), { timeout: 10_000 }).toEqual(['/again', '/never']);
  w.close();
});

test('more connections to the database have work for more requests', () => {
  expect([enoughFor(2), enoughFor(10), enoughFor(50)]).toEqual([64, 64, 200]);
});
