// Reads and searches over a real Node server: headers, lengths, conditions, the limit of a client and the lines in the log.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDirectory } from '../../directory/app.ts';
import { readConfig } from '../../src/config.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { nodeListener } from '../../src/runtime/node-listener.ts';
import { directory, keysFor, NOW, ORIGIN } from './fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
let base: string;
let app: ReturnType<typeof createDirectory>;
let lines: Record<string, unknown>[] = [];
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  d = await directory();
  app = createDirectory(
    {
      config: readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '80' }),
      clock: () => NOW,
      database: d.database,
      keys: keysFor(),
      blobs: d.blobs,
      log: (level, event, fields) => lines.push({ level, event, ...fields }),
      metrics: noMetrics,
    },
    { peer: () => '127.0.0.1' },
  );
  server = createServer(nodeListener(app.fetch, '127.0.0.1'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/directory/fhir`;
});
afterAll(async () => {
  server.close();
  await d.close();
});

const plain = (answer: Response) => {
  const headers = Object.fromEntries(answer.headers);
  for (const name of [
    'x-request-id',
    'date',
    'ratelimit',
    'keep-alive',
    'connection',
    'transfer-encoding',
    'content-length',
  ])
    delete headers[name];
  return headers;
};

test('the same answer, header by header, with its line in the log', async () => {
  const first = await fetch(`${base}/Practitioner?name=ana`);
  const body = await first.text();
  lines = [];
  const second = await fetch(`${base}/Practitioner?name=ana`, { headers: { 'x-request-id': 'mine' } });
  expect(await second.text()).toBe(body);
  expect(plain(second)).toEqual(plain(first));
  expect(second.headers.get('x-request-id')).toBe('mine');
  expect(second.headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
  expect(lines).toEqual([
    expect.objectContaining({
      event: 'request',
      service: 'directory',
      method: 'GET',
      route: '/:type',
      status: 200,
      requestId: 'mine',
    }),
  ]);
});

test('a client that has gone is told so in the log', async () => {
  lines = [];
  const form = { method: 'POST', body: 'name=gone', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  const gone = { outgoing: { destroyed: true }, incoming: { socket: {} } };
  await app.fetch(new Request(`${ORIGIN}/directory/fhir/Practitioner?name=gone`), gone);
  await app.fetch(new Request(`${ORIGIN}/directory/fhir/Practitioner/_search`, form), gone);
  const told = lines.map(({ event, route, status }) => ({ event, route, status }));
  expect(told).toEqual([
    { event: 'request', route: '/:type', status: 499 },
    { event: 'request', route: '/:type/_search', status: 499 },
  ]);
});

test('304 for the newest answer, of a search and of a read; the tag of another question is none', async () => {
  const search = await fetch(`${base}/Practitioner?name=ana`);
  const read = await fetch(`${base}/Practitioner/p1`);
  const again = async (path: string, answer: Response) => {
    const found = await fetch(`${base}/${path}`, { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } });
    return [found.status, found.headers.get('etag') === answer.headers.get('etag'), (await found.text()) === ''];
  };
  expect(await again('Practitioner?name=ana', search)).toEqual([304, true, true]);
  expect(await again('Practitioner/p1', read)).toEqual([304, true, true]);
  expect(await again('Organization?name=never-asked', search)).toEqual([200, false, false]);
});

test.each([
  'Practitioner/p1',
  'Practitioner/p1?_elements=name',
  'Practitioner/nobody',
  'Practitioner?name=ana&_include=nonsense',
  'Practitioner?nonsense=1',
  'Practitioner?_cursor=broken',
  'Practitioner?_summary=count',
  'PractitionerRole?_has:Nothing:here:there=1',
])('%s is answered the same in another spelling of its address', async (path) => {
  lines = [];
  const direct = await fetch(`${base}/${path}`);
  const routed = await fetch(`${base}//${path}`);
  expect(direct.status).toBe(routed.status);
  expect(await direct.text()).toBe(await routed.text());
  // the tag of a search is that of its address
  const { etag, ...headers } = plain(direct);
  const { etag: other, ...expected } = plain(routed);
  expect(headers).toEqual(expected);
  if (path.startsWith('Practitioner/')) expect(etag).toBe(other);
  const seen = lines.map(({ ms: _, requestId: id, ...rest }) => ({ ...rest, id: typeof id }));
  expect(seen).toHaveLength(2);
  expect(seen[0]).toEqual(seen[1]);
});

test('HEAD tells the length that GET has, and the same status', async () => {
  for (const path of ['/Practitioner?name=ana', '/Practitioner/p1', '/Practitioner/nobody', '/metadata']) {
    const whole = await fetch(`${base}${path}`);
    const head = await fetch(`${base}${path}`, { method: 'HEAD' });
    const length = String((await whole.arrayBuffer()).byteLength);
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([whole.status, length, '']);
  }
});

test('what cannot be accepted is refused; other methods and other paths have their own answers', async () => {
  await fetch(`${base}/Practitioner?name=ana`);
  expect((await fetch(`${base}/Practitioner?name=ana`, { headers: { accept: 'text/csv' } })).status).toBe(406);
  expect((await fetch(`${base}/Practitioner?name=ana`, { method: 'DELETE' })).status).toBe(405);
  expect((await fetch(`${base}/Practitioner?name=ana`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${base}/metadata`)).status).toBe(200);
  expect((await fetch(`${base}/SearchParameter/none`)).status).toBe(404);
  expect((await fetch(`${base}/Nothing`)).status).toBe(404);
});

test('a client has a limit of requests', async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 100; i++) statuses.push((await fetch(`${base}/Practitioner?name=ana`)).status);
  expect(statuses[0]).toBe(200);
  expect(statuses.at(-1)).toBe(429);
});
