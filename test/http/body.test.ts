// Bodies of requests whose length is not announced, and where a client is.
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { boundedText } from '../../src/http/body.ts';
import { clientAddress } from '../../src/http/client-address.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { readForm } from '../../src/http/form.ts';
import { isFromHere } from '../../src/http/rate-limit.ts';

const MIB = 1024 * 1024;

/** A body without a length, of as many bytes as are read. */
function endless() {
  let read = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        read += 65_536;
        if (read > 64 * MIB) controller.close();
        else controller.enqueue(new Uint8Array(65_536).fill(97));
      },
    },
    { highWaterMark: 0 },
  );
  return { body, read: () => read };
}

test.each([
  ['a text', (app: Hono<FhirEnv>) => app.post('/', async (c) => c.text((await boundedText(c, MIB)) ?? 'too long'))],
  ['a form', (app: Hono<FhirEnv>) => app.post('/', async (c) => c.text(String((await readForm(c)) ?? 'too long')))],
])('of %s no more is read than may be', async (_, route) => {
  const app = new Hono<FhirEnv>();
  route(app);
  const { body, read } = endless();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await app.request('/', { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
  expect(await answer.text()).toBe('too long');
  expect(read()).toBeLessThanOrEqual(2 * MIB);
});

test('only a proxy on this machine tells who a client is, and on Workers the platform', () => {
  const headers = (given: Record<string, string>) => (name: string) => given[name];
  const told = headers({ 'cf-connecting-ip': '192.0.2.1', 'x-forwarded-for': '192.0.2.2, 192.0.2.3' });
  expect(clientAddress('198.51.100.1', told)).toBe('198.51.100.1');
  expect(clientAddress('127.0.0.1', told)).toBe('192.0.2.3');
  expect(clientAddress('127.0.0.1', headers({ 'cf-connecting-ip': '192.0.2.1' }))).toBe('127.0.0.1');
  expect(clientAddress(undefined, told)).toBe('192.0.2.1');
  expect(clientAddress(undefined, headers({}))).toBe('unknown');
});

test('of IPv6 a limit counts by the network that a connection has, and not by each of its addresses', () => {
  const at = (address: string) => clientAddress(address, () => undefined);
  const here = ['2001:db8:1:2::1', '2001:DB8:1:2:ffff:ffff:ffff:ffff', '2001:0db8:0001:0002::', '2001:db8:1:2::9%eth0'];
  expect(new Set(here.map(at))).toEqual(new Set(['2001:db8:1:2::/64']));
  expect(at('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64');
  expect([at('2001:db8::1'), at('2001:db8:0:0:1::'), at('fe80::1%eth0')]).toEqual([
    '2001:db8:0:0::/64',
    '2001:db8:0:0::/64',
    'fe80:0:0:0::/64',
  ]);
  expect(['192.0.2.7', 'unknown', 'a:b', '2001:db8:1:2::192.0.2.7'].map(at)).toEqual([
    '192.0.2.7',
    'unknown',
    'a:b',
    '2001:db8:1:2::/64',
  ]);
  // in whatever form it comes: all of IPv4 would be one network of IPv6
  const mapped = ['::ffff:192.0.2.7', '::FFFF:c000:207', '0:0:0:0:0:ffff:192.0.2.7', '64:ff9b::192.0.2.7'];
  expect(new Set([...mapped, '64:ff9b::c000:207'].map(at))).toEqual(new Set(['192.0.2.7']));
  expect(clientAddress('127.0.0.1', () => '2001:db8:1:2::7')).toBe('2001:db8:1:2::/64');
  expect(clientAddress(undefined, (name) => (name === 'cf-connecting-ip' ? '2001:db8:1:2::7' : undefined))).toBe(
    '2001:db8:1:2::/64',
  );
});

test('proxies of named networks are believed, one behind the other; who comes past them is not', () => {
  const ask = (socket: string, forwarded?: string, networks = ['10.1.0.0/16', '2001:db8:5::/48']) =>
    clientAddress(socket, (name) => (name === 'x-forwarded-for' ? forwarded : undefined), networks);
  expect(ask('10.1.2.3', '203.0.113.9')).toBe('203.0.113.9');
  // whatever the client itself has written stands before
  expect(ask('10.1.2.3', '1.2.3.4, 203.0.113.9, 10.1.9.9')).toBe('203.0.113.9');
  expect(ask('::ffff:10.1.2.3', '203.0.113.9:4711')).toBe('203.0.113.9');
  expect(ask('2001:db8:5:1::1', '[2001:db8:9:9::1]:443')).toBe('2001:db8:9:9::/64');
  expect(ask('127.0.0.1', '203.0.113.9, 10.1.0.7')).toBe('203.0.113.9');
  // two on one machine, of which the second has seen the first
  for (const near of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.0.0.1, 10.1.0.7'])
    expect(ask('127.0.0.1', `1.2.3.4, 203.0.113.9, ${near}`)).toBe('203.0.113.9');
  expect(ask('10.1.2.3', '203.0.113.9', ['::ffff:10.1.0.0/112'])).toBe('203.0.113.9');
  expect(ask('10.2.2.3', '203.0.113.9', ['::ffff:10.1.0.0/112'])).toBe('10.2.2.3');
  expect([ask('10.1.2.3', '10.1.0.7'), ask('10.1.2.3')]).toEqual(['10.1.0.7', '10.1.2.3']);
  for (const socket of ['10.2.0.1', '203.0.113.1', '2001:db8:6::1'])
    expect(ask(socket, '198.51.100.1')).toBe(clientAddress(socket, () => undefined));
  expect(ask('10.1.2.3', '203.0.113.9', [])).toBe('10.1.2.3');
});

test('a network that is none is told at the start, and not passed over', () => {
  const read = (networks: string) => readConfig({ TRUSTED_PROXIES: networks }).trustedProxies;
  expect(read('10.0.0.0/8, 2001:db8::/32,::ffff:10.1.0.0/112')).toEqual([
    '10.0.0.0/8',
    '2001:db8::/32',
    '::ffff:10.1.0.0/112',
  ]);
  expect(read('')).toEqual([]);
  for (const wrong of [
    '10.0.0.0/33',
    '999.1.1.1/8',
    '10.0.0.5',
    '10.0.0/8',
    '::/129',
    '1:2/8',
    '10.0.0.0/',
    'all',
    '10.0.0.0/8;::/0',
  ])
    for (const name of ['TRUSTED_PROXIES', 'PEER_ALLOWED_NETWORKS'])
      expect(() => readConfig({ [name]: wrong })).toThrow(`${name}: "${wrong}" is not valid: must be CIDR blocks`);
});

test('who asks through a proxy is not this machine', () => {
  const header = (name: string, value: string) => (asked: string) => (asked === name ? value : undefined);
  expect(isFromHere('127.0.0.1', () => undefined)).toBe(true);
  expect(isFromHere('::ffff:127.0.0.1', () => undefined)).toBe(true);
  expect(isFromHere('198.51.100.1', () => undefined)).toBe(false);
  for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])
    expect(isFromHere('127.0.0.1', header(name, '192.0.2.1'))).toBe(false);
});
