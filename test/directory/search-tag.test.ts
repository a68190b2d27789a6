// Entity tags of searches: who has the newest answer is told so without a search, and never of an older directory.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDirectory } from '../../directory/app.ts';
import { changeCounter } from '../../directory/change-counter.ts';
import { placesOf, workOf } from '../../directory/work.ts';
import { readConfig } from '../../src/config.ts';
import type { Database } from '../../src/db/database.ts';
import { RUN_RAW } from '../../src/db/raw-rows.ts';
import { admission } from '../../src/http/admission.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { body, deletion, directory, entries, keysFor, NOW, ORIGIN } from './fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
});
afterAll(() => d.close());

/** A directory whose statements are counted and whose clocks are set by the test. */
function counted(now = () => NOW) {
  let time = 0;
  let asked = 0;
  const sql = new Proxy(d.database.sql, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== 'unsafe' && name !== RUN_RAW) return value;
      return (text: string, ...rest: unknown[]) => {
        if (!text.startsWith("select change || '.'")) asked++;
        return (value as (...all: unknown[]) => unknown).call(target, text, ...rest);
      };
    },
  });
  const app = createDirectory(
    {
      config: readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0' }),
      clock: now,
      database: { ...d.database, sql } as Database,
      keys: keysFor(),
      blobs: d.blobs,
      log: () => {},
      metrics: noMetrics,
    },
    { changes: changeCounter(() => time) },
  );
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    app.request(`/directory/fhir/${path}`, { headers, method });
  return {
    get,
    later: (ms: number) => {
      time += ms;
    },
    asked: () => asked,
  };
}

test('the second answer is the same, and has the same tag', async () => {
  const c = counted();
  const first = await c.get('Practitioner?name=ana');
  const second = await c.get('Practitioner?name=ana');
  expect(await second.text()).toBe(await first.text());
  for (const name of ['etag', 'content-type', 'cache-control', 'access-control-allow-origin'])
    expect(second.headers.get(name)).toBe(first.headers.get(name));
  expect(first.headers.get('etag')).toMatch(/^W\/"\d+\.[0-9a-f]+\.\d+\.[0-9a-f]+"$/);
  const head = await c.get('Practitioner?name=ana', {}, 'HEAD');
  expect([head.status, head.headers.get('etag')]).toEqual([200, first.headers.get('etag')]);
  expect((await c.get('Practitioner/p1')).headers.get('etag')).toBe('W/"1"');
  expect((await c.get('Practitioner/p1', { 'if-none-match': 'W/"1"' })).status).toBe(304);
});

test('304 without a search for a client that has the newest answer', async () => {
  const c = counted();
  const etag = (await c.get('Organization?type=ntwk')).headers.get('etag') ?? '';
  const fresh = counted(); // nothing in memory
  const answer = await fresh.get('Organization?type=ntwk', { 'if-none-match': etag });
  expect(answer.status).toBe(304);
  expect(answer.headers.get('etag')).toBe(etag);
  expect(fresh.asked()).toBe(0);
  expect((await fresh.get('Organization?type=ntwk', { 'if-none-match': 'W/"0.1"' })).status).toBe(200);
});

test('a write shows at once, and the tag of the answer before is good for a quarter of a second at most', async () => {
  const c = counted();
  const ask = (headers: Record<string, string> = {}) => c.get('Organization?_total=accurate', headers);
  const first = await ask();
  const etag = first.headers.get('etag') ?? '';
  const count = (await body(first)).total ?? 0;
  await d.load(entries([{ resourceType: 'Organization', id: 'extra', active: true, name: 'Extra' }]));
  c.later(200);
  expect((await body(await ask())).total).toBe(count + 1);
  expect((await ask({ 'if-none-match': etag })).status).toBe(304);
  c.later(60);
  expect((await ask({ 'if-none-match': etag })).status).toBe(200);
  expect((await c.get('Organization/extra')).status).toBe(200);
  await d.load([deletion('Organization/extra')]);
  expect((await c.get('Organization/extra')).status).toBe(410);
  expect((await body(await ask())).total).toBe(count);
});

test('errors and moving dates have no tag; the one of yesterday is not good today', async () => {
  let now = NOW;
  const c = counted(() => now);
  const tagOf = async (path: string) => (await c.get(path)).headers.get('etag');
  const fault = await c.get('Practitioner?nonsense=1');
  expect([fault.status, fault.headers.get('etag')]).toEqual([400, null]);
  expect(await tagOf('PractitionerRole?period=ap2027')).toBeNull();
  expect(await tagOf('PractitionerRole?period=2027,ap2022')).toBeNull();
  const etag = (await tagOf('PractitionerRole?period=2027')) ?? '';
  const again = () => c.get('PractitionerRole?period=2027', { 'if-none-match': etag });
  expect((await again()).status).toBe(304);
  now = new Date(NOW.getTime() + 86_400_000);
  expect((await again()).status).toBe(200);
  expect((await c.get('Practitioner?name=ana', { accept: 'text/csv' })).status).toBe(406);
});

test('lenient and strict are two questions', async () => {
  const c = counted();
  expect((await c.get('Practitioner?nonsense=1', { prefer: 'handling=lenient' })).status).toBe(200);
  expect((await c.get('Practitioner?nonsense=1')).status).toBe(400);
  const lenient = await c.get('Practitioner?nonsense=1', { prefer: 'handling=lenient' });
  const etag = lenient.headers.get('etag') ?? '';
  expect((await c.get('Practitioner?nonsense=1', { 'if-none-match': etag })).status).toBe(400);
});

test('the tag of one question answers no other, and * is not taken for knowledge of the answer', async () => {
  const c = counted();
  const etag = (await c.get('Practitioner?name=ana')).headers.get('etag') ?? '';
  expect((await c.get('Practitioner?family=o', { 'if-none-match': etag })).status).toBe(200);
  expect((await c.get('Practitioner?nonsense=1', { 'if-none-match': etag })).status).toBe(400);
  expect((await c.get('Practitioner?nonsense=1', { 'if-none-match': '*' })).status).toBe(400);
  expect((await c.get('Patient', { 'if-none-match': etag })).status).toBe(404);
});

test('_format comes before Accept', async () => {
  const c = counted();
  const xml = { accept: 'application/fhir+xml' };
  const formOf = (answer: Response) => /fhir\+(\w+)/.exec(answer.headers.get('content-type') ?? '')?.[1];
  for (let i = 0; i < 2; i++) {
    expect(formOf(await c.get('Practitioner?name=ana&_format=json', xml))).toBe('json');
    expect(formOf(await c.get('Practitioner?name=ana&_format=xml'))).toBe('xml');
    expect(formOf(await c.get('Practitioner?name=ana', xml))).toBe('xml');
    expect(formOf(await c.get('Practitioner?name=ana'))).toBe('json');
    expect((await c.get('Practitioner?name=ana&_format=ttl')).status).toBe(406);
  }
});

test('a directory loaded anew with the same count of changes is another one', async () => {
  const first = (await counted().get('Organization?type=ntwk')).headers.get('etag') ?? '';
  const [before] = await d.database.sql<{ at: Date }[]>`select changed_at as at from directory.state`;
  await d.database.sql`update directory.state set changed_at = changed_at + interval '1 minute'`;
  const again = await counted().get('Organization?type=ntwk', { 'if-none-match': first });
  expect(again.status).toBe(200);
  await d.database.sql`update directory.state set changed_at = ${before?.at ?? null}`;
});

test('a request takes one place, however many come at once', async () => {
  const places = { now: 0, most: 0, entered: 0 };
  const config = readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0' });
  const counted = {
    enter: async (level = 0) => {
      places.entered++;
      places.most = Math.max(places.most, ++places.now);
      return level;
    },
    leave: () => void places.now--,
  };
  const app = createDirectory(
    {
      config,
      clock: () => NOW,
      database: d.database,
      keys: keysFor(),
      blobs: d.blobs,
      log: () => {},
      metrics: noMetrics,
    },
    { work: workOf(config, { admission: counted }) },
  );
  const paths = [
    'Practitioner?name=ana',
    'Practitioner/p1',
    'Practitioner/p1/_history',
    'Practitioner/nobody',
    'Practitioner?x=1',
  ];
  // then the change counter is known
  await app.request('/directory/fhir/Practitioner?name=ana');
  places.entered = 0;
  const many = Array.from({ length: 50 }, async (_, i) => app.request(`/directory/fhir/${paths[i % paths.length]}`));
  const statuses = (await Promise.all(many)).map((a) => a.status);
  expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 404, 400]);
  // what cannot be read takes none
  expect(places).toEqual({ now: 0, most: 40, entered: 40 });
});

test('more than there are places for wait and are answered', async () => {
  const config = readConfig({
    BASE_URL: ORIGIN,
    DIRECTORY_RATE_PER_MINUTE: '0',
    DATABASE_POOL: '2',
  });
  // however long that takes on a busy machine
  const patient = admission(placesOf(config.databasePool), config.directoryQueueMax, Number.POSITIVE_INFINITY);
  const app = createDirectory(
    {
      config,
      clock: () => NOW,
      database: d.database,
      keys: keysFor(),
      blobs: d.blobs,
      log: () => {},
      metrics: noMetrics,
    },
    { work: workOf(config, { admission: patient }) },
  );
  const many = Array.from({ length: 300 }, async () => app.request('/directory/fhir/Practitioner?name=ana'));
  expect(new Set((await Promise.all(many)).map((a) => a.status))).toEqual(new Set([200]));
});
