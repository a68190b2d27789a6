// Connections of the Node server take turns while much is under way (src/command/turns.ts): over real sockets, with answers that the
// test gives.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { listen } from '../../src/command/http.ts';
import { type QuickHolder, quickListener } from '../../src/command/quick-listener.ts';
import { enoughFor, type Readable, turns } from '../../src/command/turns.ts';
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
  const w = await waiting({ enough, longestMs: Number.POSITIVE_INFINITY, eachMs: Number.POSITIVE_INFINITY });
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

/** Connections that are answered, of which it is known whether they are held. */
function fakes(count: number) {
  return Array.from({ length: count }, () => ({
    destroyed: false,
    isHeld: false,
    pause() {
      this.isHeld = true;
    },
    resume() {
      this.isHeld = false;
    },
  })) as unknown as (Readable & { isHeld: boolean })[];
}
const heldOf = (connections: readonly { isHeld: boolean }[]) => connections.filter((c) => c.isHeld).length;
/** Two rounds of the loop, and a look at the clock between them. */
const aWhile = () => new Promise((done) => setTimeout(done, 25));

test('beside requests that take long others are not held while they are few, and the fewer the shorter', async () => {
  let at = 0;
  const inTurns = turns({ enough: 64, now: () => at });
  for (let i = 0; i < 64; i++) inTurns.begin(); // none of which ends
  const few = fakes(60);
  const answer = async (connections: typeof few) => {
    for (const connection of connections) {
      inTurns.begin();
      inTurns.end(connection);
    }
    await aWhile();
  };
  await answer(few);
  expect(heldOf(few)).toBe(0);
  for (let i = 0; i < 64; i++) inTurns.begin();
  const some = fakes(40);
  await answer(some);
  expect(heldOf(some)).toBe(40);
  at = 39;
  await aWhile();
  expect(heldOf(some)).toBe(40);
  at = 40;
  await aWhile();
  expect(heldOf(some)).toBe(0);
  // and no longer than a second, however many they are
  const many = fakes(3000);
  await answer(many);
  at += 999;
  await aWhile();
  expect(heldOf(many)).toBe(3000);
  at += 1;
  await aWhile();
  expect(heldOf(many)).toBe(0);
});

test('a server that ends reads what was held, answers all of it, and lets connections end', async () => {
  const CLIENTS = 200;
  const pending: (() => void)[] = [];
  const holder: QuickHolder = { answer: () => new Promise((done) => pending.push(() => done(REPLY))) };
  const server = await listen(new Hono(), { host: '127.0.0.1', port: 0 }, holder);
  const clients = Array.from({ length: CLIENTS }, () => {
    const socket = connect(server.port, '127.0.0.1');
    const client = { asked: 0, answered: 0, isToClose: false, fault: '' };
    const ask = () => {
      client.asked++;
      socket.write('GET /x HTTP/1.1\r\nHost: here\r\n\r\n');
    };
    socket.on('connect', ask);
    socket.on('error', (error) => {
      client.fault = error.message;
    });
    socket.on('data', (data) => {
      client.answered++;
      client.isToClose ||= /connection: close/i.test(data.toString());
      if (!client.isToClose) ask();
    });
    return client;
  });
  await expect.poll(() => pending.length).toBe(CLIENTS);
  for (const answer of pending.splice(0)) answer();
  // all ask again, and some are held
  await expect.poll(() => clients.every((c) => c.asked === 2)).toBe(true);
  await expect.poll(() => pending.length).toBeGreaterThan(0);
  const closed = server.close();
  const answering = setInterval(() => {
    for (const answer of pending.splice(0)) answer();
  }, 50);
  await closed;
  clearInterval(answering);
  await expect.poll(() => clients.every((c) => c.asked === c.answered)).toBe(true);
  expect(clients.filter((c) => c.fault !== '' || !c.isToClose)).toEqual([]);
});
