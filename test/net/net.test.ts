// The outgoing guard: which addresses and URLs may be asked; and Retry-After in every form met.
import { createServer } from 'node:http';
import { createServer as createListener } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkUrl, mayConnect, type NetworkPolicy } from '../../src/net/address.ts';
import { readBounded, TooLarge } from '../../src/net/read-bounded.ts';
import { retryAfterMs } from '../../src/net/retry-after.ts';
import { guardedFetch } from '../../src/runtime/node-fetch.ts';

const PUBLIC: NetworkPolicy = { allowLoopback: false, allowedNetworks: [] };

describe('addresses', () => {
  test.each([
    '127.0.0.1',
    '127.8.9.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.0.192',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::ffff:a9fe:a9fe',
    '::7f00:1',
    '::10.0.0.1',
    '::ffff:0:7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '3fff::1',
    'not-an-address',
    '',
  ])('%s is refused', (ip) => {
    expect(mayConnect(ip, PUBLIC)).toBe(false);
  });
  test.each(['93.184.216.34', '172.32.0.1', '2606:2800:220:1::1', '::ffff:93.184.216.34'])('%s may be asked', (ip) => {
    expect(mayConnect(ip, PUBLIC)).toBe(true);
  });
  test('named networks and the sandbox open only themselves', () => {
    const named = { allowLoopback: false, allowedNetworks: ['10.1.0.0/16'] };
    expect([mayConnect('10.1.2.3', named), mayConnect('10.2.2.3', named), mayConnect('127.0.0.1', named)]).toEqual([
      true,
      false,
      false,
    ]);
    const sandbox = { allowLoopback: true, allowedNetworks: [] };
    expect([mayConnect('127.0.0.1', sandbox), mayConnect('::1', sandbox), mayConnect('10.0.0.1', sandbox)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('URLs', () => {
  test.each([
    ['http://peer.example/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['https://user@peer.example/', 'userinfo'],
    ['https://user:pass@peer.example/', 'userinfo'],
    ['https://127.0.0.1/', 'address'],
    ['https://2130706433/', 'address'],
    ['https://0x7f.1/', 'address'],
    ['https://[::1]/', 'address'],
    ['https://[::ffff:127.0.0.1]/', 'address'],
    ['https://[64:ff9b::a9fe:a9fe]/', 'address'],
    ['https://169.254.169.254/latest/meta-data', 'address'],
    ['https://localhost/', 'address'],
    ['https://peer.example/', undefined],
    ['https://127.peer.example/', undefined],
  ])('%s', (url, fault) => {
    expect(checkUrl(new URL(url), PUBLIC)).toBe(fault);
  });
  test('plain http only to loopback itself', () => {
    const sandbox = { allowLoopback: true, allowedNetworks: [] };
    expect(checkUrl(new URL('http://127.0.0.1:8080/'), sandbox)).toBeUndefined();
    expect(checkUrl(new URL('http://127.evil.example/'), sandbox)).toBe('scheme');
  });
});

describe('guarded fetch', () => {
  const server = createServer((_, answer) => void answer.writeHead(302, { location: 'http://127.0.0.1:1/' }).end());
  let base = '';
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  afterAll(() => void server.close());

  test('a name is judged by what it resolves to, before anything is sent', async () => {
    const guarded = guardedFetch(PUBLIC);
    for (const url of [
      `${base}/`,
      base.replace('127.0.0.1', 'localhost'),

      'https://localhost/',
    ])
      await expect(guarded(url)).rejects.toSatisfy(
        (e: Error) => e.name === 'RefusedAddress' || (e.cause as Error | undefined)?.name === 'RefusedAddress',
      );
    await guarded.close();
  });
  test('redirects are handed back, not followed', async () => {
    const guarded = guardedFetch({ allowLoopback: true, allowedNetworks: [] });
    const answer = await guarded(`${base}/`, { redirect: 'follow' });
    expect(answer.status).toBe(302);
    await answer.body?.cancel();
    await guarded.close();
  });
  test('HTTP/1.1 is offered and nothing else: over HTTP/2 a body that is broken off would end as a whole one', async () => {
    const hello = Promise.withResolvers<string>();
    const listener = createListener((socket) =>
      socket
        .on('error', () => {})
        .once('data', (bytes) => {
          hello.resolve(bytes.toString('latin1'));
          socket.destroy();
        }),
    );
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    const guarded = guardedFetch({ allowLoopback: true, allowedNetworks: [] });
    await expect(guarded(`https://127.0.0.1:${(listener.address() as { port: number }).port}/`)).rejects.toThrow();
    // each name of the extension stands behind its length: https://www.rfc-editor.org/rfc/rfc7301#section-3.1
    expect(await hello.promise).toContain('\u0008http/1.1');
    expect(await hello.promise).not.toContain('\u0002h2');
    await guarded.close();
    listener.close();
  });
});

describe('Retry-After', () => {
  const now = new Date('2027-01-01T00:00:00Z');
  const limits = { minMs: 1000, maxMs: 3_600_000 };
  test.each<[string | null, number | undefined]>([
    [null, undefined],
    ['5', 5000],
    ['0', 1000],
    ['1.5', 1500],
    [' 7 ', 7000],
    ['Fri, 01 Jan 2027 00:01:00 GMT', 60_000],
    ['Fri, 01 Jan 2010 00:01:00 GMT', 1000],
    ['1800000000', 3_600_000],
    ['1798761900', 300_000],
    ['1798761900123', 300_123],
    ['1798761500', 1000],
    ['999999999999999999999999', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
    ['1e12', undefined],
    ['', undefined],
  ])('%s', (header, ms) => {
    expect(retryAfterMs(header, now, limits)).toBe(ms);
  });
});

test('a body is not read past its limit', async () => {
  expect(await readBounded(new Response('abc'), 3)).toBe('abc');
  await expect(readBounded(new Response('abcd'), 3)).rejects.toBeInstanceOf(TooLarge);
});
