import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { addSet } from '../../../directory/publish/file-set.ts';
import { openPublication } from '../../../directory/publish/publication.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { deletion, entries, FIXTURE, keyOf } from '../fixture.ts';
import { Consumer } from './consumer.ts';
import { publishing } from './support.ts';

const ROOT = 'https://plan.example/directory/fhir/$bulk-publish';
type Manifest = {
  transactionTime: string;
  output?: { type: string; url: string; count: number; fileSize: number }[];
  deleted?: { url: string; count: number }[];
  link: { relation: string; url: string }[];
};
const place = (id: string, name: string): Resource => ({ resourceType: 'Location', id, status: 'active', name });

let p: Awaited<ReturnType<typeof publishing>> | undefined;
afterEach(async () => {
  await p?.close();
  p = undefined;
});
const begin = async (...given: Parameters<typeof publishing>) => {
  p = await publishing(...given);
  return p;
};

test('before the first publication: 503 with an OperationOutcome and Retry-After', async () => {
  const d = await begin();
  const r = await d.fetch(ROOT);
  expect([r.status, r.headers.get('retry-after')]).toEqual([503, '60']);
  expect(await r.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'transient' }] });
});

test('root, stub and files as the specification has them', async () => {
  const d = await begin();
  expect(await d.publish()).toMatchObject({ number: 1, chain: 1, changesSet: null });
  const r = await d.fetch(ROOT);
  expect(r.status).toBe(200);
  expect(r.headers.get('content-type')).toBe('application/json');
  expect(r.headers.get('cache-control')).toBe('public, max-age=10');
  const root = (await r.json()) as Manifest;
  expect(root).toMatchObject({
    manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkPublishManifest',
    transactionTime: '2027-03-01T12:00:00.123Z',
    requiresAccessToken: false,
    updateCadence: 'P1D',
    outputFormat: 'application/fhir+ndjson',
    link: [{ relation: 'next', url: 'https://plan.example/publications/bulk/start-1.json' }],
  });
  expect(root).not.toHaveProperty('deleted');
  expect(root.output?.map((o) => [o.type, o.count])).toEqual([
    ['Organization', 3],
    ['Location', 2],
    ['Endpoint', 1],
    ['HealthcareService', 1],
    ['InsurancePlan', 1],
    ['Practitioner', 1],
    ['PractitionerRole', 1],
    ['OrganizationAffiliation', 1],
    ['VerificationResult', 3],
  ]);
  const stub = await d.fetch(root.link[0]?.url ?? '');
  expect(stub.headers.get('cache-control')).toBe('public, max-age=10');
  expect(await stub.json()).toEqual({
    manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkPublishManifest',
    transactionTime: '2027-03-01T12:00:00.123Z',
    requiresAccessToken: false,
    updateCadence: 'P1D',
    outputFormat: 'application/fhir+ndjson',
    link: [{ relation: 'next', url: '#pending' }],
  });
  const etag = r.headers.get('etag') ?? '';
  expect((await d.fetch(ROOT, { headers: { 'if-none-match': etag } })).status).toBe(304);
  expect((await d.fetch('https://plan.example/directory/fhir/%24bulk-publish')).status).toBe(200);
  expect((await d.fetch(ROOT, { method: 'POST' })).status).toBe(405);
  const preflight = await d.fetch(ROOT, { method: 'OPTIONS' });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
});

test('a file: gzip as stored, inflated else, HEAD, 304, ranges of both', async () => {
  const d = await begin();
  await d.publish();
  const root = (await (await d.fetch(ROOT)).json()) as Manifest;
  const file = root.output?.find((o) => o.type === 'Organization');
  if (!file) throw new Error('no file');
  expect(file.url).toMatch(
    /^https:\/\/plan\.example\/publications\/files\/1\/full\/Organization-0001\.[0-9a-f]{16}\.ndjson$/,
  );
  const get = (headers: Record<string, string>, method = 'GET') => d.fetch(file.url, { headers, method });
  const plain = await get({});
  const text = Buffer.from(await plain.arrayBuffer());
  expect(text.length).toBe(file.fileSize);
  expect(text.toString().trimEnd().split('\n').length).toBe(3);
  expect(
    Object.fromEntries(
      ['content-type', 'content-length', 'cache-control', 'vary', 'last-modified'].map((h) => [
        h,
        plain.headers.get(h),
      ]),
    ),
  ).toEqual({
    'content-type': 'application/fhir+ndjson',
    'content-length': String(file.fileSize),
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'Accept-Encoding',
    'last-modified': 'Mon, 01 Mar 2027 12:00:00 GMT',
  });
  const packed = await get({ 'accept-encoding': 'br, gzip' });
  const zipped = Buffer.from(await packed.arrayBuffer());
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(gunzipSync(zipped).equals(text)).toBe(true);
  expect(packed.headers.get('etag')).not.toBe(plain.headers.get('etag'));
  expect((await get({ 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding')).toBeNull();
  const head = await get({ 'accept-encoding': 'gzip' }, 'HEAD');
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
    200,
    String(zipped.length),
    '',
  ]);
  expect((await get({ 'if-none-match': plain.headers.get('etag') ?? '' })).status).toBe(304);
  expect((await get({ 'if-modified-since': 'Mon, 01 Mar 2027 12:00:00 GMT' })).status).toBe(304);
  for (const [headers, whole] of [
    [{}, text],
    [{ 'accept-encoding': 'gzip' }, zipped],
  ] as const)
    for (const [asked, from, to] of [
      ['bytes=3-20', 3, 21],
      ['bytes=-7', whole.length - 7, whole.length],
      ['bytes=5-', 5, whole.length],
    ] as const) {
      const r = await get({ ...headers, range: asked });
      expect([r.status, r.headers.get('content-range')]).toEqual([206, `bytes ${from}-${to - 1}/${whole.length}`]);
      expect(Buffer.from(await r.arrayBuffer()).equals(whole.subarray(from, to))).toBe(true);
    }
  const beyond = await get({ range: `bytes=${text.length}-` });
  expect(beyond.status).toBe(416);
  // a cache that kept it would answer it to who wants the file
  expect(beyond.headers.get('cache-control')).toBe('no-store');
  expect((await get({ range: 'bytes=0-3', 'if-range': '"other"' })).status).toBe(200);
  for (const path of ['1/full/none.ndjson', '../../etc/passwd', '1/full/'])
    expect((await d.fetch(`/publications/files/${path}`)).status).toBe(404);
});

test('a chain: differences by version, deletions, weekly roots, the end', async () => {
  const d = await begin([place('a', '1'), place('b', '1'), place('c', '1')]);
  await d.publish();
  const page = async (name: string) => (await (await d.fetch(`/publications/bulk/${name}.json`)).json()) as Manifest;
  d.pass(1);
  await d.load(entries([place('a', '2')]));
  await d.load(entries([place('a', '1')])); // and back again
  await d.load(entries([place('b', '2'), place('d', '1'), place('x', '1')]));
  await d.load([deletion('Location/c'), deletion('Location/x')]);
  expect(await d.publish()).toMatchObject({ number: 2, chain: 1, rootSet: null });
  expect((await page('start-1')).link[0]?.url).toBe('https://plan.example/publications/bulk/page-2.json');
  const two = await page('page-2');
  expect(two.link).toEqual([{ relation: 'next', url: '#pending' }]);
  expect(two.output?.map((o) => [o.type, o.count])).toEqual([['Location', 3]]);
  const sent = (await (await d.fetch(two.output?.[0]?.url ?? '')).text()).trimEnd().split('\n');
  expect(sent).toContain(await (await d.get('Location/a')).text());
  const [line] = (await (await d.fetch(two.deleted?.[0]?.url ?? '')).text()).split('\n');
  expect(line).toBe(
    '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Location/c"}}]}',
  );
  // nothing changed: no page
  d.pass(1);
  await d.publish();
  expect((await page('page-2')).link[0]?.url).toBe('#pending');
  expect((await d.fetch('/publications/bulk/page-3.json')).status).toBe(404);
  d.pass(6);
  await d.load(entries([place('e', '1')]));
  expect(await d.publish()).toMatchObject({ number: 4, chain: 1 });
  expect((await page('page-2')).link[0]?.url).toMatch(/page-4\.json$/);
  const root = (await (await d.fetch(ROOT)).json()) as Manifest;
  expect([root.output?.[0]?.count, root.link[0]?.url]).toEqual([
    4,
    'https://plan.example/publications/bulk/start-4.json',
  ]);
  d.pass(60);
  expect(await d.publish()).toMatchObject({ number: 5, chain: 5 });
  for (const name of ['page-4', 'start-4']) expect((await page(name)).link[0]?.url).toBe('#closed');
  expect((await d.fetch('/publications/bulk/page-4.json')).headers.get('cache-control')).toContain('immutable');
  // the files of the old chain stay for the grace period
  const old = two.output?.[0]?.url ?? '';
  expect((await d.fetch(old)).status).toBe(200);
  d.pass(29);
  await d.publish();
  expect((await d.fetch(old)).status).toBe(200);
  d.pass(2);
  await d.publish();
  expect((await d.fetch(old)).status).toBe(404);
  expect((await d.fetch('/publications/bulk/page-2.json')).status).toBe(404);
  expect((await d.blobs.list('publication/2/')).length).toBe(0);
});

test('what is published is settled: a change is dated after it, whatever the clock', async () => {
  const d = await begin([place('a', '1')]);
  await d.publish();
  await d.load(entries([place('a', '2')]));
  const r = (await (await d.get('Location/a')).json()) as { meta: { lastUpdated: string } };
  expect(r.meta.lastUpdated).toBe('2027-03-01T12:00:00.124Z');
  expect(await d.publish()).toMatchObject({ number: 2, covers: new Date('2027-03-01T12:00:00.124Z') });
});

test('while another process publishes, nothing is done; one that died is cleared away', async () => {
  const d = await begin();
  await d.database
    .sql`update directory.publish_lease set owner = gen_random_uuid(), lease_until = ${new Date(d.clock.now.getTime() + 5000)}`;
  expect(await d.publish()).toBe('busy');
  const dead = await openPublication(d.database, d.clock.now);
  const id = await addSet(d.database.sql, 'full', dead.publication.number);
  await d.blobs.put(
    `publication/1/${id}/half.ndjson.gz`,
    (async function* () {
      yield Buffer.from('half');
    })(),
  );
  await dead.end();
  expect((await d.fetch(ROOT)).status).toBe(503);
  d.pass(1);
  expect(await d.publish()).toMatchObject({ number: 1 });
  expect((await d.blobs.list('publication/')).filter((k) => k.includes('half'))).toEqual([]);
  expect(await d.database.sql`select from directory.file_set where id = ${id}`).toHaveLength(0);
});

test('a consumer written from the specification ends with the live directory, whatever happens', async () => {
  const ids = ['a', 'b', 'c', 'd'];
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('put' as const),
        id: fc.constantFrom(...ids),
        name: fc.constantFrom('1', '2', '3'),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), id: fc.constantFrom(...ids) }) },
    { weight: 5, arbitrary: fc.constant({ do: 'publish' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'crash' as const }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), days: fc.constantFrom(0, 1, 8, 35, 61) }) },
    { weight: 2, arbitrary: fc.constant({ do: 'join' as const }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('poll' as const), who: fc.nat(5) }) },
  );
  let starts = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), async (steps) => {
      const d = await publishing([FIXTURE[0] ?? '', place('a', '1')]);
      const consumers: Consumer[] = [];
      try {
        await d.publish();
        const join = () => new Consumer(ROOT, (url, headers) => d.fetch(url, { headers }));
        consumers.push(join());
        for (const s of steps) {
          if (s.do === 'put') await d.load(entries([place(s.id, s.name)]));
          else if (s.do === 'delete') await d.load([deletion(`Location/${s.id}`)]);
          else if (s.do === 'publish') await d.publish();
          else if (s.do === 'pass') d.pass(s.days);
          else if (s.do === 'crash') await (await openPublication(d.database, d.clock.now)).end();
          else if (s.do === 'poll') await consumers[s.who % consumers.length]?.poll();
          else {
            const late = join();
            await late.begin();
            consumers.push(late);
          }
        }
        await d.publish();
        const live = new Map<string, unknown>();
        for (const type of ['Organization', 'Location'])
          for (const e of ((await (await d.get(type)).json()) as { entry?: { resource: Resource }[] }).entry ?? [])
            live.set(keyOf(e.resource), e.resource);
        for (const consumer of [...consumers, join()]) {
          await consumer.poll();
          expect(consumer.data).toEqual(live);
          const read = consumer.filesRead;
          await consumer.poll();
          expect(consumer.filesRead).toBe(read); // nothing new, nothing read
          starts += consumer.starts;
        }
      } finally {
        await d.close();
      }
    }),
    { numRuns: 4, seed: 20 },
  );
  expect(starts).toBeGreaterThan(6);
}, 180_000);
