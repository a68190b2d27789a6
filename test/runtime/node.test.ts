import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { createDirectory, DIRECTORY_ROLE } from '../../directory/app.ts';
import { mountDirectory } from '../../directory/mount.ts';
import { mountExchange } from '../../exchange/mount.ts';
import { staffPages } from '../../exchange/staff/staff-pages.ts';
import { readConfig } from '../../src/config.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { createApp, listen } from '../../src/runtime/node-http.ts';
import { openNode, openServer } from '../../src/runtime/open-node.ts';
import { directory, keysFor, ORIGIN } from '../directory/fixture.ts';
import { freshDb } from '../support/db.ts';
import { smoke } from './directory-smoke.ts';

test('the directory on Node, as its own role', async () => {
  const d = await directory();
  const database = openDatabase(d.database.url, { max: 4, role: DIRECTORY_ROLE, statementTimeoutMs: 5000 });
  const node = createDirectory(
    {
      config: readConfig({ BASE_URL: ORIGIN }),
      clock: () => new Date(),
      keys: keysFor(),
      blobs: d.blobs,
      log: () => {},
      metrics: noMetrics,
      database,
    },
    { peer: (c) => getConnInfo(c).remote.address },
  );
  const address = await new Promise<{ port: number; close: () => void }>((ready) => {
    const server = serve({ fetch: node.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
      ready({ port, close: () => server.close() }),
    );
  });
  await smoke((path, init) => fetch(`http://127.0.0.1:${address.port}${path}`, init));
  const limited = await fetch(`http://127.0.0.1:${address.port}/directory/fhir/metadata`);
  expect(limited.headers.get('ratelimit')).toMatch(/^"default";r=59\d\d;t=\d+$/);
  address.close();
  await database.close();
  await d.close();
});

test('a client that asks for much and takes nothing is left', async () => {
  let left: () => void = () => {};
  const cancelled = new Promise<void>((done) => {
    left = done;
  });
  const app = new Hono().get('/', (c) =>
    c.body(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1_000_000)), cancel: () => left() })),
  );
  const http = await listen(app, { host: '127.0.0.1', port: 0 }, 100);
  const socket = connect(http.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await cancelled;
  socket.destroy();
  await http.close();
});

test('an answer to a body that was not read to its end says that it is the last one of its connection', async () => {
  const app = new Hono()
    .post('/whole', async (c) => c.json({ length: (await c.req.text()).length }))
    .post('/part', async (c) => {
      const reader = c.req.raw.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return c.json({}, 400);
    });
  const http = await listen(app, { host: '127.0.0.1', port: 0 });
  const body = 'x'.repeat(300_000);
  const ask = (path: string) => fetch(`http://127.0.0.1:${http.port}${path}`, { method: 'POST', body });
  try {
    const whole = await ask('/whole');
    expect([whole.status, whole.headers.get('connection')]).toEqual([200, 'keep-alive']);
    await whole.body?.cancel();
    const part = await ask('/part');
    expect([part.status, part.headers.get('connection')]).toEqual([400, 'close']);
    await part.body?.cancel();
  } finally {
    await http.close();
  }
});

test('who sends a body that is too long sees the answer, also when it reads only after it has sent all', async () => {
  const app = new Hono()
    .post('/announced', (c) => c.json({ issue: 'too-long' }, 413))
    .post('/part', async (c) => {
      const reader = c.req.raw.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return c.json({ issue: 'too-long' }, 413);
    });
  const http = await listen(app, { host: '127.0.0.1', port: 0 });
  const piece = Buffer.alloc(1024 * 1024, 'x');
  const PIECES = 20;
  /** What comes after all was sent, a little at a time; what went wrong on the way. */
  const sendAll = async (path: string): Promise<string> => {
    const socket = connect(http.port, '127.0.0.1');
    const received: Buffer[] = [];
    let fault = '';
    socket.pause();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      fault = error.code ?? 'error';
    });
    const closed = new Promise((done) => socket.once('close', done));
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${PIECES * piece.length}\r\n\r\n`);
    for (let i = 0; i < PIECES && fault === ''; i++) {
      await new Promise<void>((done) => socket.write(piece, () => done()));
      await pause(50);
    }
    socket.on('data', (data) => received.push(data));
    socket.resume();
    await closed;
    return fault === '' ? Buffer.concat(received).toString('latin1') : fault;
  };
  try {
    for (const answer of await Promise.all(['/announced', '/announced', '/part'].map(sendAll))) {
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toMatch(/connection: close/i);
      expect(answer).toContain('too-long');
    }
  } finally {
    await http.close();
  }
});

/** First line of the answer to a request as it stands. */
async function answerTo(port: number, request: string): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1');
  socket.write(request);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString('latin1').split('\r\n')[0];
}

test('a path that climbs out of the service that it names is refused', async () => {
  const http = await listen(
    new Hono().get('*', (c) => c.text('ok')),
    { host: '127.0.0.1', port: 0 },
  );
  const ask = (target: string) =>
    answerTo(http.port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  try {
    for (const target of ['/exchange/x.y', '/a/..b/...', '/directory/fhir/Location?name=/../x', '/.well-known/udap'])
      expect([target, await ask(target)]).toEqual([target, 'HTTP/1.1 200 OK']);
    for (const target of [
      '/exchange/../staff',
      '/exchange/%2e%2E/staff',
      '/exchange/.%2e/staff',
      '/exchange/..',
      '/exchange/./fhir',
      '/exchange\\..\\staff',
      'http://localhost/exchange/../staff?x',
    ])
      expect([target, await ask(target)]).toEqual([target, 'HTTP/1.1 400 Bad Request']);
  } finally {
    await http.close();
  }
});

test('a request with two hosts is refused', async () => {
  const http = await listen(
    new Hono().get('/', (c) => c.text('ok')),
    { host: '127.0.0.1', port: 0 },
  );
  const ask = (hosts: string) => answerTo(http.port, `GET / HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
  expect(await ask('Host: localhost\r\n')).toBe('HTTP/1.1 200 OK');
  expect(await ask('Host: localhost\r\nhost: other\r\n')).toBe('HTTP/1.1 400 Bad Request');
  await http.close();
});

test('what is refused before it is routed is told as an OperationOutcome, and nothing is written into the midst of an answer', async () => {
  let half: () => void = () => {};
  const app = new Hono()
    .get('/half', (c) =>
      c.body(
        new ReadableStream({
          start: (to) => {
            to.enqueue(new TextEncoder().encode('half'));
            half = () => to.close();
          },
          cancel: () => {
            half = () => {};
          },
        }),
      ),
    )
    .all('*', (c) => c.text('ok'));
  const http = await listen(app, { host: '127.0.0.1', port: 0 });
  const whole = async (request: string): Promise<string> => {
    const socket = connect(http.port, '127.0.0.1');
    socket.write(request);
    let answer = '';
    for await (const part of socket) answer += (part as Buffer).toString('latin1');
    return answer;
  };
  const host = 'Host: localhost\r\n';
  try {
    for (const [request, status] of [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\n${host}Host: other\r\n\r\n`, 400],
      [`PATCH /a/../b HTTP/1.1\r\n${host}\r\n`, 400],
      [`GET / HTTP/1.1\r\n${host}Expect: x\r\n\r\n`, 417],
      [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
      [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
      [`POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n\r\n`, 501],
      [`GET /?name=${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`, 431],
    ] as const) {
      const [head = '', body = ''] = (await whole(request)).split('\r\n\r\n');
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(head).toMatch(/content-type: application\/fhir\+json/i);
      expect(JSON.parse(body)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
    }
    expect(await whole(`HEAD /a/../b HTTP/1.1\r\n${host}\r\n`)).toMatch(/^HTTP\/1.1 400 [\s\S]*\r\n\r\n$/);
    expect(await whole(`HEAD /?name=${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`)).toMatch(
      /^HTTP\/1.1 431 [\s\S]*\r\n\r\n$/,
    );
    expect(await whole('GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /);
    const cut = connect(http.port, '127.0.0.1');
    cut.write(`GET /half HTTP/1.1\r\n${host}\r\n`);
    let answer = '';
    cut.on('data', (part: Buffer) => {
      answer += part.toString('latin1');
      if (answer.includes('half')) cut.write('nonsense\r\n\r\n');
    });
    await once(cut, 'close');
    expect(answer.match(/HTTP\/1.1/g)).toHaveLength(1);
  } finally {
    half();
    await http.close();
  }
});

test('a server that ends answers what it was asked, and lets connections end', async () => {
  const CLIENTS = 200;
  const pending: (() => void)[] = [];
  const app = new Hono().get('/x', async (c) => {
    await new Promise<void>((done) => pending.push(done));
    return c.text('ok');
  });
  const http = await listen(app, { host: '127.0.0.1', port: 0 });
  const clients = Array.from({ length: CLIENTS }, () => {
    const socket = connect(http.port, '127.0.0.1');
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
  await expect.poll(() => pending.length).toBe(CLIENTS);
  const closed = http.close();
  const answering = setInterval(() => {
    for (const answer of pending.splice(0)) answer();
  }, 50);
  await closed;
  clearInterval(answering);
  await expect.poll(() => clients.every((c) => c.asked === c.answered)).toBe(true);
  expect(clients.filter((c) => c.fault !== '' || !c.isToClose)).toEqual([]);
});

test('what a payer waits for has a limit, the work of the node has none', async () => {
  const db = await freshDb();
  const config = readConfig(
    {
      DATABASE_URL: db.url,
      BASE_URL: 'http://localhost',
      LOG_LEVEL: 'silent',
    },
    { exchangeTimeoutMs: 1500 },
  );
  const server = await openServer(config);
  const node = await openNode(config, server);
  const http = await listen(createApp({ node, mounts: { exchange: mountExchange } }), { host: '127.0.0.1', port: 0 });
  try {
    const limit = async ({ database }: typeof node.deps) =>
      (await database.sql<{ statement_timeout: string }[]>`show statement_timeout`)[0]?.statement_timeout;
    expect([await limit(node.exchange), await limit(node.deps)]).toEqual(['1500ms', '0']);
    const answer = await db.sql.begin(async (tx) => {
      await tx`lock table exchange.peer in access exclusive mode`;
      return fetch(`http://127.0.0.1:${http.port}/exchange/auth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          scope: 'system/*.rs',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: ['{"alg":"ES384","kid":"k"}', '{"iss":"x","sub":"x"}', 'x']
            .map((part) => Buffer.from(part).toString('base64url'))
            .join('.'),
        }),
      });
    });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  } finally {
    await http.close();
    await node.close();
    await server.release();
    await db.close();
  }
});

test('below a path: who is before the node may pass the path on or take it away', async () => {
  const db = await freshDb();
  const config = readConfig({
    DATABASE_URL: db.url,
    BASE_URL: 'https://node.example.org/payer',
    PORT: '0',
    LOG_LEVEL: 'silent',
  });
  const server = await openServer(config);
  const node = await openNode(config, server);
  const staff = staffPages(node).page;
  const http = await listen(
    createApp({ node, mounts: { exchange: mountExchange, directory: mountDirectory }, staff }),
    config,
  );
  const ask = (path: string) => fetch(`http://127.0.0.1:${http.port}${path}`, { redirect: 'manual' });
  try {
    for (const before of ['', '/payer']) {
      const home = await ask(`${before}/`);
      const links = [...(await home.text()).matchAll(/(?:href|src|action)="(\/[^"]*)"/g)].map((m) => m[1] ?? '');
      expect([home.status, links.length > 5, links.filter((l) => !l.startsWith('/payer/'))]).toEqual([200, true, []]);
      const staffPage = await ask(`${before}/staff`);
      expect([staffPage.status, staffPage.headers.get('location')]).toEqual([
        303,
        '/payer/staff/sign-in?return_to=%2Fstaff',
      ]);
      const found = (await (await ask(`${before}/directory/fhir/Practitioner?_count=1`)).json()) as {
        link: { relation: string; url: string }[];
      };
      expect(found.link).toEqual([
        { relation: 'self', url: 'https://node.example.org/payer/directory/fhir/Practitioner?_count=1' },
      ]);
      const smart = await ask(`${before}/exchange/fhir/.well-known/smart-configuration`);
      expect(await smart.json()).toMatchObject({ issuer: 'https://node.example.org/payer/exchange/auth' });
      expect((await ask(`${before}/livez`)).status).toBe(200);
    }
    expect(http.requests()).toBe(8);
  } finally {
    await http.close();
    await node.close();
    await server.release();
    await db.close();
  }
});
