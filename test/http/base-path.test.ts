import { expect, test } from 'vitest';
import { answerUnder, basePath, underBase, withoutBase } from '../../src/http/base-path.ts';

test('the path of the public address', () => {
  expect(basePath('https://node.example.org')).toBe('');
  expect(basePath('https://node.example.org/')).toBe('');
  expect(basePath('https://node.example.org/health/payer/')).toBe('/health/payer');
});

test('a path is taken away once, where it is one', () => {
  const of = (target: string) => withoutBase(target, '/payer');
  expect(of('/payer/find?zip=60601')).toBe('/find?zip=60601');
  expect(of('/payer')).toBe('/');
  expect(of('/payer?lang=es')).toBe('/?lang=es');
  expect(of('/find')).toBe('/find');
  expect(of('/payers/find')).toBe('/payers/find');
  expect(of('/payer/payer/find')).toBe('/payer/find');
  expect(of('*')).toBe('*');
  expect(withoutBase('/payer/find', '')).toBe('/payer/find');
});

const page = (body: string, headers: Record<string, string> = {}) =>
  new Response(body, { headers: { 'content-type': 'text/html; charset=utf-8', ...headers } });

test('links, forms and pictures of a page stand under the path; other hosts, other kinds and shown text do not', async () => {
  const given = `<link href="/directory.css"><a href="/">x</a><a href="//cdn.example/x">y</a><a href="#main">z</a>
<a href="https://other.example/find">o</a><form action="/find"><img src="/icon.svg"><p>href=&quot;/find&quot;</p>`;
  const answer = await underBase(page(given, { etag: '"a"', 'content-length': String(given.length) }), '/payer');
  expect(await answer.text()).toBe(
    `<link href="/payer/directory.css"><a href="/payer/">x</a><a href="//cdn.example/x">y</a><a href="#main">z</a>
<a href="https://other.example/find">o</a><form action="/payer/find"><img src="/payer/icon.svg"><p>href=&quot;/find&quot;</p>`,
  );
  expect([answer.headers.get('etag'), answer.headers.get('content-length')]).toEqual(['"a"', null]);
  const json = new Response('{"a":"href=\\"/x\\""}', { headers: { 'content-type': 'application/json' } });
  expect(await underBase(json, '/payer')).toBe(json);
  const same = page(given);
  expect(await underBase(same, '')).toBe(same);
});

test('a redirect goes under the path, with its cookies; one to elsewhere goes where it went', async () => {
  const moved = (location: string) =>
    new Response(null, {
      status: 303,
      headers: [
        ['location', location],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    });
  const answer = await underBase(moved('/staff/pulls'), '/payer');
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/payer/staff/pulls']);
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  for (const other of ['https://login.example/authorize', '//login.example/x'])
    expect((await underBase(moved(other), '/payer')).headers.get('location')).toBe(other);
});

test('a Worker is asked with the whole path, and stays at its host whatever the path says', async () => {
  const seen: string[] = [];
  const ask = (url: string, base = 'https://node.example.org/payer') =>
    answerUnder(base, new Request(url), async (request) => {
      seen.push(request.url);
      return page('<a href="/x">x</a>');
    });
  expect(await (await ask('https://node.example.org/payer/find?zip=60601')).text()).toBe('<a href="/payer/x">x</a>');
  await ask('https://node.example.org/payer//evil.example/x');
  expect(await (await ask('https://node.example.org/payer/find', 'https://node.example.org')).text()).toBe(
    '<a href="/x">x</a>',
  );
  expect(seen).toEqual([
    'https://node.example.org/find?zip=60601',
    'https://node.example.org//evil.example/x',
    'https://node.example.org/payer/find',
  ]);
});
