// Answers kept in memory: the same bytes as before, and never those of an older directory.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answers } from '../../directory/answers.ts';
import { createDirectory } from '../../directory/app.ts';
import { placesOf, workOf } from '../../directory/work.ts';
import { readConfig } from '../../src/config.ts';
import { admission } from '../../src/http/admission.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import type { Database } from '../../src/store/database.ts';
import { RUN_RAW } from '../../src/store/raw-rows.ts';
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
    { answers: answers(1_000_000, () => time) },
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

test('the second answer comes from memory and is the same', async () => {
  const c = counted();
  const first = await c.get('Practitioner?name=ana');
  const before = c.asked();
  const second = await c.get('Practitioner?name=ana');
  expect(c.asked()).toBe(before);
  expect(await second.text()).toBe(await first.text());
  for (const name of ['etag', 'content-type', 'cache-control', 'access-control-allow-origin'])
    expect(second.headers.get(name)).toBe(first.headers.get(name));
  expect(first.headers.get('etag')).toMatch(/^W\/"\d+\.[0-9a-f]+\.\d+\.[0-9a-f]+"$/);
  expect((await c.get('Practitioner?name=ana', {}, 'HEAD')).status).toBe(200);
  await c.get('Practitioner/p1');
  const read = c.asked();
  expect((await c.get('Practitioner/p1')).headers.get('etag')).toBe('W/"1"');
  expect((await c.get('Practitioner/p1', { 'if-none-match': 'W/"1"' })).status).toBe(304);
  expect(c.asked()).toBe(read);
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

test('a write shows within a quarter of a second', async () => {
  const c = counted();
  const find = async () => (await body(await c.get('Organization?_total=accurate'))).total;
  const count = await find();
  const etag = (await c.get('Organization?_total=accurate')).headers.get('etag') ?? '';
  await d.load(entries([{ resourceType: 'Organization', id: 'extra', active: true, name: 'Extra' }]));
  c.later(200);
  expect(await find()).toBe(count);
  c.later(60);
  expect(await find()).toBe((count ?? 0) + 1);
  expect((await c.get('Organization?_total=accurate', { 'if-none-match': etag })).status).toBe(200);
  expect((await c.get('Organization/extra')).status).toBe(200);
  await d.load([deletion('Organization/extra')]);
  c.later(260);
  expect((await c.get('Organization/extra')).status).toBe(410);
  expect(await find()).toBe(count);
});

test('errors, moving dates and other days are asked anew; errors carry no entity tag', async () => {
  let now = NOW;
  const c = counted(() => now);
  const twice = async (path: string) => {
    await c.get(path);
    const before = c.asked();
    const answer = await c.get(path);
    return { answer, again: c.asked() > before };
  };
  const fault = await twice('Practitioner?nonsense=1');
  expect(fault.answer.status).toBe(400);
  expect(fault.answer.headers.get('etag')).toBeNull();
  expect((await twice('PractitionerRole?period=ap2027')).again).toBe(true);
  expect((await twice('PractitionerRole?period=2027,ap2022')).again).toBe(true);
  expect((await twice('PractitionerRole?period=2027')).again).toBe(false);
  now = new Date(NOW.getTime() + 86_400_000);
  const before = c.asked();
  await c.get('PractitionerRole?period=2027');
  expect(c.asked()).toBeGreaterThan(before);
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

test('_format comes before Accept, whether the answer is in memory or not', async () => {
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

test('memory is bounded, the least used goes first', () => {
  const kept = answers(20_000, () => 0);
  const answer = (n: number) => ({ body: new Uint8Array(n), headers: {}, route: '/' });
  kept.set('big', '1', answer(5000));
  expect(kept.get('big', '1')).toBeUndefined();
  for (let i = 0; i < 30; i++) {
    kept.set(`q${i}`, '1', answer(500));
    kept.get('q0', '1');
  }
  expect(kept.get('q0', '1')).toBeDefined();
  expect(kept.get('q1', '1')).toBeUndefined();
  expect(kept.get('q29', '1')).toBeDefined();
  kept.set('new', '2', answer(1));
  expect(kept.get('q29', '1')).toBeUndefined();
  kept.set('late', '1', answer(1)); // made before the change
  expect(kept.get('new', '2')).toBeDefined();
  expect(kept.get('late', '1')).toBeUndefined();
});

test('a request takes one place, however many come at once', async () => {
  const places = { now: 0, most: 0, entered: 0 };
  const config = readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0', DIRECTORY_CACHE_MB: '0' });
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
    DIRECTORY_CACHE_MB: '0',
    DATABASE_POOL: '2',
  });
  // however long that takes on a busy machine
  const patient = admission(placesOf(config.databasePool), config.directoryWaiting, Number.POSITIVE_INFINITY);
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
