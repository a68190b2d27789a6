import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { nodeId } from '../../directory/federation/client.ts';
import { mergeDue } from '../../directory/federation/merge.ts';
import { publishNow } from '../../directory/publish/work.ts';
import { readConfig } from '../../src/config.ts';
import { body, directory, ids } from '../directory/fixture.ts';
import { type WorkerUser, workerUser } from '../support/db.ts';
import { smoke } from './directory-smoke.ts';

let server: ReturnType<typeof createTestHarness>;
let origin: URL;
let user: WorkerUser;
let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
  user = await workerUser(d.database.url);
  process.env['CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'] = user.url;
  server = createTestHarness({ workers: [{ configPath: './wrangler.toml', env: 'directory' }] });
  origin = (await server.listen()).url;
});
afterAll(async () => {
  await server.close();
  await d.close();
  await user.drop();
});

const fetchWorker = (path: string, init?: RequestInit) =>
  server.fetch(path, init as never) as unknown as Promise<Response>; // wrangler types its own undici

test('the directory in workerd', async () => {
  await smoke(fetchWorker);
});

test('one request after the other, and many at once', async () => {
  const read = async () => (await fetchWorker('/directory/fhir/PractitionerRole?specialty=207RC0000X')).status;
  for (let i = 0; i < 5; i++) expect(await read()).toBe(200);
  expect(await Promise.all(Array.from({ length: 10 }, read))).toEqual(Array.from({ length: 10 }, () => 200));
});

test('the pages in workerd', async () => {
  for (const [path, said] of [
    ['/', 'Find care'],
    ['/es/find?name=ana&zip=06103', 'Practitioner/p1'],
    ['/provider/Practitioner/p1', 'Oak Gold Network'],
    ['/answer?provider=Practitioner/p1&plan=ip1&date=2027-03-01', 'Yes: listed'],
    ['/developers', 'curl'],
  ] as const) {
    const response = await fetchWorker(path);
    expect(response.status, path).toBe(200);
    expect(await response.text(), path).toContain(said);
  }
});

test('the merged view in workerd: search, compare, pages, and a crawl that has come back', async () => {
  await mergeDue({ ...d, clock: () => new Date('2027-03-01T12:00:00Z'), fetch, log: () => {} } as never);
  const search = await body(await fetchWorker('/directory/all/fhir/Practitioner?family=o'));
  expect(ids(search, 'match')).toEqual(['Practitioner/p1']);
  expect((await fetchWorker('/directory/all/fhir/Practitioner/none')).status).toBe(404);
  const compared = await fetchWorker('/directory/all/fhir/$compare?organization=Organization/clinic1');
  expect([compared.status, (await body(compared)).resourceType]).toEqual([200, 'Parameters']);
  for (const path of ['/all', '/all/find?name=ana', '/directory/all/peers', '/directory/all/compare'])
    expect((await fetchWorker(path)).status, path).toBe(200);
  const via = { via: `1.1 ${nodeId(readConfig({}))}` };
  expect((await fetchWorker('/directory/fhir/Practitioner', { headers: via })).status).toBe(508);
});

test('published files out of R2: the same bytes and headers as on Node', async () => {
  const clock = () => new Date('2027-03-01T12:00:00.123Z');
  await publishNow({ config: d.config, clock, database: d.database, blobs: d.blobs, log: () => {} });
  const { BLOBS } = await server.getWorker<{ BLOBS: R2 }>().getEnv();
  const keys = await d.blobs.list('publication/');
  expect(keys.length).toBeGreaterThan(10);
  for (const key of keys) {
    const chunks = [];
    for await (const chunk of (await d.blobs.get(key)) ?? []) chunks.push(chunk);
    await BLOBS.put(key, new Uint8Array(Buffer.concat(chunks)));
  }
  const ORIGIN = d.config.baseUrl;
  const listed = await body(await d.app.request(`${ORIGIN}/publications.json`));
  const urls = [...new Set(JSON.stringify(listed).match(/https:\/\/plan\.example\/publications\/files\/[^"]+/g))];
  const names = urls.map((url) => url.slice(ORIGIN.length));
  expect(names.some((n) => n.endsWith('.ndjson')) && names.some((n) => n.endsWith('.json'))).toBe(true);
  const HEADERS = [
    'content-type',
    'content-length',
    'content-encoding',
    'content-range',
    'etag',
    'cache-control',
    'vary',
  ];
  const told = async (r: Response) => ({
    status: r.status,
    headers: HEADERS.map((name) => [name, r.headers.get(name)]),
    bytes: Buffer.from(await r.arrayBuffer()),
  });
  let packed = 0;
  for (const path of names)
    for (const init of [
      { headers: { 'accept-encoding': 'identity' } },
      { headers: { 'accept-encoding': 'identity', range: 'bytes=3-9' } },
      { headers: { 'accept-encoding': 'identity' }, method: 'HEAD' },
      { headers: { 'accept-encoding': 'gzip' } },
      { headers: { 'accept-encoding': 'gzip', range: 'bytes=-5' } },
    ]) {
      // Cloudflare leaves alone what says no-transform, its local stand-in packs it
      if (path.endsWith('.json') && init.headers['accept-encoding'] === 'gzip') continue;
      const node = await told(await d.app.request(`${ORIGIN}${path}`, init));
      const worker = await told(await fetchRaw(path, init));
      expect(worker, `${path} ${JSON.stringify(init)}`).toEqual(node);
      if (node.headers.some(([name, value]) => name === 'content-encoding' && value === 'gzip')) packed++;
    }
  expect(packed).toBeGreaterThan(5);
  const path = names[0] ?? '';
  const { headers } = await fetchWorker(path);
  expect((await fetchWorker(path, { headers: { 'if-none-match': headers.get('etag') ?? '' } })).status).toBe(304);
  expect((await fetchWorker('/directory/fhir/$bulk-publish')).status).toBe(200);
  await BLOBS.delete(keys.find((key) => path.endsWith(key.split('/').at(-1) ?? '-')) ?? '');
  expect((await fetchWorker('/publications/files/nothing.ndjson')).status).toBe(404);
});

type R2 = { put(key: string, value: Uint8Array): Promise<unknown>; delete(key: string): Promise<void> };

/** As the bytes come over the wire: fetch would inflate them. */
async function fetchRaw(path: string, init: { headers: Record<string, string>; method?: string }): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  request(new URL(path, origin), { headers: init.headers, method: init.method ?? 'GET' }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => {
      const headers = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) headers.set(name, String(value));
      resolve(
        new Response(chunks.length === 0 ? null : Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers }),
      );
    });
  })
    .on('error', reject)
    .end();
  return promise;
}
