// A server that sends what it is told, in the pieces that it is told.
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { messageSocket, plainSocket } from '../../src/db/postgres-socket.ts';
import { heldBytes } from '../support/held-memory.ts';

const message = (kind: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(kind);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const filled = (length: number, n: number) => Buffer.alloc(length, n % 251);

let end = () => {};
afterEach(() => end());

/** What is handed on of pieces, each copied as it comes; a piece is sent when the one before has been read. */
async function handedOn(pieces: Buffer[]): Promise<Buffer[]> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  const peer = new Promise<Socket>((done) => server.once('connection', done));
  const socket = messageSocket({ host: '127.0.0.1', port }, {});
  end = () => {
    socket.destroy();
    server.close();
  };
  const got: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => got.push(Buffer.from(bytes)));
  const from = await peer;
  for (const piece of pieces) {
    const read = socket.bytesRead + piece.length;
    from.write(piece);
    while (socket.bytesRead < read) await new Promise((done) => setImmediate(done));
  }
  return got;
}

test('messages are whole, however they come', async () => {
  const messages = [1, 0, 70_000, 300_000, 12, 9_000, 40_000, 40_000].map((length, n) =>
    message('D', filled(length, n)),
  );
  const all = Buffer.concat(messages);
  const cuts = [1, 4, 5, 6, 13, 14, 70_021, 70_030, 200_000, 371_000, all.length - 1, all.length];
  const pieces = cuts.map((to, i) => all.subarray(cuts[i - 1] ?? 0, to));
  const got = await handedOn(pieces);
  expect(Buffer.concat(got).equals(all)).toBe(true);
  const lengths = new Set(messages.map((_, i) => Buffer.concat(messages.slice(0, i + 1)).length));
  let at = 0;
  for (const part of got) {
    at += part.length;
    expect(lengths.has(at)).toBe(true);
  }
});

test('memory is used again for what comes next', async () => {
  const messages = Array.from({ length: 40 }, (_, n) => message('D', filled(5_000, n)));
  const server = createServer((peer) => {
    let n = 0;
    peer.on('data', () => peer.write(messages[n++] ?? ''));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const socket = messageSocket({ host: '127.0.0.1', port: (server.address() as { port: number }).port }, {});
  end = () => {
    socket.destroy();
    server.close();
  };
  const kept: Buffer[] = [];
  for (let n = 0; n < messages.length; n++) {
    const next = new Promise<Buffer>((done) => socket.once('data', done));
    socket.write('.');
    kept.push(await next);
  }
  expect(new Set(kept.map((bytes) => bytes.buffer)).size).toBe(1);
});

test('what is taken instead is given until it is taken, however long it is', async () => {
  const all = Buffer.concat(Array.from({ length: 90 }, (_, n) => filled(10_000, n)));
  const server = createServer((peer) => peer.end(all));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const taken: Buffer[] = [];
  let most = 0;
  // takes four hundred thousand at once, then all that is there
  const take = (memory: Buffer, from: number, to: number): number => {
    most = Math.max(most, to - from);
    if (taken.length === 0 && to - from < 400_000) return from;
    taken.push(Buffer.from(memory.subarray(from, to)));
    return to;
  };
  const socket = messageSocket({ host: '127.0.0.1', port: (server.address() as { port: number }).port }, { take });
  end = () => {
    socket.destroy();
    server.close();
  };
  await new Promise<void>((done) => socket.once('close', () => done()));
  expect(most).toBeGreaterThanOrEqual(400_000);
  expect(Buffer.concat(taken).equals(all)).toBe(true);
});

test('a connection that was paused and is ended closes', async () => {
  const server = createServer({ allowHalfOpen: false }, (peer) => peer.end(message('D', filled(100, 1))));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const socket = plainSocket({ host: '127.0.0.1', port: (server.address() as { port: number }).port });
  end = () => {
    socket.destroy();
    server.close();
  };
  await new Promise<void>((done) => {
    socket.once('data', () => {
      socket.pause();
      done();
    });
  });
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  socket.end();
  await closed;
});

test('a length that a stranger claims takes no memory', async () => {
  const before = await heldBytes();
  const got = await handedOn([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]);
  expect(got).toEqual([]);
  expect((await heldBytes()) - before).toBeLessThan(10_000_000);
});
