// Answers of the directory in gzip, for whom asks for it, over a real server.
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSite } from '../../directory/site.ts';
import { compressed } from '../../src/http/compressed.ts';
import { acceptsGzip } from '../../src/http/negotiate.ts';
import { nodeListener } from '../../src/runtime/node-listener.ts';
import { directory } from '../directory/fixture.ts';
import { siteDeps } from '../directory/pages-fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  d = await directory();
  const site = createSite(siteDeps(d.database, {}));
  const app = new Hono().all('*', compressed, (c) => site.fetch(c.req.raw, c.env));
  server = createServer(nodeListener(app.fetch, '127.0.0.1'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(async () => {
  server.close();
  await d.close();
});

type Got = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer };
/** As it is on the wire. */
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> =>
  new Promise((done, fail) => {
    const { port } = server.address() as AddressInfo;
    get({ port, host: '127.0.0.1', path, headers, method, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        done({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
      );
    }).on('error', fail);
  });
const GZIP = { 'accept-encoding': 'gzip, deflate, br' };

test.each([
  '/directory/fhir/PractitionerRole?_include=*',
  '/directory/fhir/PractitionerRole?_include=*&_format=xml',
  '/directory/fhir/PractitionerRole?_include=*&_pretty=true',
  '/directory/fhir/metadata',
  '/directory/fhir/_history',
  '/en',
  '/en/find?name=ana',
  '/directory.css',
])('%s is the same in gzip, and shorter', async (path) => {
  const [plain, small] = [await ask(path), await ask(path, GZIP)];
  const codings = [small.headers['content-encoding'], plain.headers['content-encoding']];
  expect([small.status, ...codings]).toEqual([200, 'gzip', undefined]);
  expect(gunzipSync(small.body).equals(plain.body)).toBe(true);
  expect(small.body.length).toBeLessThan(plain.body.length / 2);
  expect(Number(small.headers['content-length'] ?? small.body.length)).toBe(small.body.length);
  for (const answer of [plain, small]) expect(answer.headers['vary']).toContain('accept-encoding');
  expect(small.headers['etag']).toBe(plain.headers['etag']);
  const tag = small.headers['etag'];
  if (typeof tag !== 'string') return;
  const known = await ask(path, { ...GZIP, 'if-none-match': tag });
  expect([known.status, known.headers['content-encoding'], known.body.length]).toEqual([304, undefined, 0]);
});

test('what is short, an error, and what is asked without it stay as they are', async () => {
  for (const [path, headers] of [
    ['/directory/fhir/Practitioner?_summary=count', GZIP],
    ['/directory/fhir/Practitioner?shoe=9', GZIP],
    ['/directory/fhir/metadata', { 'accept-encoding': 'br' }],
    ['/directory/fhir/PractitionerRole', { 'accept-encoding': 'gzip;q=0, *' }],
  ] as const) {
    const { headers: told, body } = await ask(path, headers);
    expect(told['content-encoding'], path).toBeUndefined();
    expect(JSON.parse(body.toString())).toHaveProperty('resourceType');
  }
});

test('HEAD tells no length of another form', async () => {
  const head = await ask('/directory/fhir/metadata', GZIP, 'HEAD');
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, undefined, 0]);
  expect((await ask('/directory/fhir/metadata', {}, 'HEAD')).headers['content-length']).toMatch(/^\d{4,}$/);
});

test.each([
  [undefined, false],
  ['', false],
  ['identity', false],
  ['gzip', true],
  ['GZIP;q=0.5', true],
  ['x-gzip', true],
  ['*', true],
  ['*;q=0', false],
  ['gzip;q=0, *', false],
  ['br, gzip;q=0.0', false],
])('Accept-Encoding %s: %s', (accept, is) => {
  expect(acceptsGzip(accept)).toBe(is);
});

const FHIR = { 'content-type': 'application/fhir+json' };
/** As an answer with these headers comes to who accepts gzip. */
const sent = async (body: string, headers: Record<string, string>) =>
  new Hono().get('/', compressed, () => new Response(body, { headers })).request('/', { headers: GZIP });

test('what says so is not touched, and what has a coding gets no second one', async () => {
  const body = 'x'.repeat(5000);
  for (const headers of [
    { ...FHIR, 'content-encoding': 'gzip' },
    { ...FHIR, 'cache-control': 'public, no-transform' },
    { 'content-type': 'application/json' },
    { 'content-type': 'application/fhir+ndjson' },
  ]) {
    const answer = await sent(body, headers);
    expect([Object.fromEntries(answer.headers), await answer.text()]).toEqual([headers, body]);
  }
  const small = await sent(body, { ...FHIR, etag: '"strong"' });
  expect([small.headers.get('etag'), small.headers.get('content-encoding')]).toEqual(['W/"strong"', 'gzip']);
});

test('of many long answers at once all are whole', async () => {
  const texts = Array.from({ length: 30 }, (_, i) => `${i} `.repeat(100_000));
  const all = await Promise.all(texts.map((text) => sent(text, FHIR)));
  const plain = await Promise.all(all.map(async (a) => gunzipSync(await a.arrayBuffer()).toString()));
  expect(plain).toEqual(texts);
});
