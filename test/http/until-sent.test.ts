// The place of an answer until it has been sent, over connections of the Node server.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, expect, test } from 'vitest';
import { admission, admittedUntilSent } from '../../src/http/admission.ts';
import { untilSent } from '../../src/http/until-sent.ts';

/** More than the kernel takes for a client that does not read. */
const LARGE = 'x'.repeat(64 * 1024 * 1024);
const CLOSES: (() => unknown)[] = [];
afterEach(() => Promise.all(CLOSES.splice(0).map((close) => close())));

/** A server that makes one answer at once. */
async function serve(sentWithinMs = 3_600_000) {
  const door = admission(1, 100, 3_600_000);
  const app = new Hono();
  let made = 0;
  const holds = new Map<string, Promise<void>>();
  const hold = (path: string) => {
    let go = () => {};
    holds.set(path, new Promise((done) => (go = done)));
    return () => go();
  };
  app.use('*', async (c, next) => {
    await holds.get(c.req.path);
    await next();
  });
  app.use('/replaced', async (c, next) => {
    await next();
    c.res = new Response('other');
  });
  app.use('/thrown', async (_, next) => {
    await next();
    throw new Error('after it');
  });
  app.onError((_, c) => c.body('failed', 500));
  app.get('*', (c) =>
    admittedUntilSent(
      door,
      async () => {
        made++;
        if (c.req.path === '/fails') throw new Error('in it');
        return c.req.path === '/unchanged' ? c.body(null, 304) : c.body(c.req.path === '/large' ? LARGE : 'text');
      },
      c.env,
      { sentWithinMs },
    ),
  );
  const server = createServer(getRequestListener(app.fetch));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  CLOSES.push(() => {
    server.closeAllConnections();
    server.close();
  });
  /** Sends these at once on a connection of its own, which reads nothing. */
  const send = (...lines: string[]) => {
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => {});
    socket.write(lines.map((l) => `${l} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''));
    CLOSES.push(() => socket.destroy());
    return socket;
  };
  const until = async (n: number) => {
    while (made < n) await new Promise((r) => setTimeout(r, 5));
  };
  /** Is the place free? It is taken and given back at once. */
  const isFree = async () => {
    let looks = 0;
    try {
      await door.enter(0, { isGone: () => ++looks > 1 });
    } catch {
      return false;
    }
    door.leave();
    return true;
  };
  const freed = async () => {
    while (!(await isFree()));
  };
  return { base: `http://127.0.0.1:${port}`, send, until, isFree, freed, hold };
}

test.each([
  ['an answer', 'GET', '/', 200],
  ['a HEAD', 'HEAD', '/', 200],
  ['one that is not modified', 'GET', '/unchanged', 304],
  ['one that is replaced', 'GET', '/replaced', 200],
  ['one that an error takes the place of', 'GET', '/thrown', 500],
  ['work that fails', 'GET', '/fails', 500],
])('%s gives its place back', async (_, method, path, status) => {
  const { base, freed } = await serve();
  const answer = await fetch(`${base}${path}`, { method });
  expect(answer.status).toBe(status);
  await answer.text();
  await freed();
});

test('an answer that is not read has its place until its client has gone', async () => {
  const { send, until, isFree, freed } = await serve();
  const socket = send('GET /large');
  await until(1);
  expect(await isFree()).toBe(false);
  socket.destroy();
  await freed();
});

test('one behind it on its connection has none any more either', async () => {
  const { send, until, freed } = await serve();
  const first = send('GET /large', 'GET /', 'GET /');
  await until(1);
  first.destroy();
  await until(3);
  await freed();
});

test('one that would be made before the one ahead of it on its connection waits for that', async () => {
  const { base, send, until, isFree, freed, hold } = await serve();
  const go = hold('/late');
  const socket = send('GET /late', 'GET /', 'GET /large');
  socket.resume();
  await new Promise((r) => setTimeout(r, 50));
  // the first one has not come to the door; who comes on another connection passes it
  expect(await isFree()).toBe(true);
  expect(await (await fetch(`${base}/`)).text()).toBe('text');
  go();
  await until(4);
  await freed();
});

test('a client that does not read is ended', async () => {
  const { send, until, freed } = await serve(50);
  const socket = send('GET /large');
  const ended = once(socket, 'close');
  await until(1);
  await freed();
  socket.resume();
  await ended;
});

test('a connection that goes on keeps no listeners', async () => {
  const { base, freed } = await serve();
  const warned: unknown[] = [];
  const warn = (w: unknown) => warned.push(w);
  process.on('warning', warn);
  for (let n = 0; n < 30; n++) await (await fetch(`${base}/`)).text();
  await freed();
  await new Promise((r) => setImmediate(r));
  process.off('warning', warn);
  expect(warned).toEqual([]);
});

test('where a runtime does not tell it is done at once', () => {
  for (const bindings of [undefined, {}, { DATABASE: 'x' }]) {
    let done = 0;
    untilSent(bindings, 1, () => done++);
    expect(done).toBe(1);
  }
});
