import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pruneHistory, readHistory } from '../../directory/resource/resource-history.ts';
import { type Resource, text } from '../../src/fhir/resource.ts';
import { BASE, deletion, directory, entries } from './fixture.ts';

type Entry = {
  fullUrl: string;
  resource?: Resource;
  request: { method: string; url: string };
  response: { status: string; etag: string; lastModified: string };
};
type History = { type: string; link: { relation: string; url: string }[]; entry?: Entry[]; issue?: { code: string }[] };

const place = (id: string, name: string): Resource => ({ resourceType: 'Location', id, status: 'active', name });
const at = (minute: number) => new Date(Date.UTC(2027, 0, 1, 0, minute));

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory([]);
  const step = (minute: number, input: Parameters<typeof d.load>[0]) => d.load(input, { clock: () => at(minute) });
  await step(1, entries([place('a', 'A1'), place('b', 'B1')]));
  await step(2, entries([place('a', 'A2'), { resourceType: 'Endpoint', id: 'e', status: 'active' }]));
  await step(3, [deletion('Location/a')]);
  await step(4, entries([place('a', 'A4')]));
  await step(5, [deletion('Location/b')]);
});
afterAll(() => d.close());

const read = async (path: string) => (await (await d.get(path)).json()) as History;
const lines = (h: History) => (h.entry ?? []).map((e) => `${e.request.method} ${e.request.url} ${e.response.etag}`);

/** All pages, by their next links. */
async function walk(path: string): Promise<Entry[]> {
  const found: Entry[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const page: History = await read(next);
    found.push(...(page.entry ?? []));
    next = page.link.find((l) => l.relation === 'next')?.url.slice(BASE.length + 1);
  }
  return found;
}

test('of a resource: newest first, tombstones without a resource', async () => {
  const h = await read('Location/a/_history');
  expect(h.type).toBe('history');
  expect(lines(h)).toEqual([
    'PUT Location/a W/"4"',
    'DELETE Location/a W/"3"',
    'PUT Location/a W/"2"',
    'POST Location W/"1"',
  ]);
  expect(h.entry?.map((e) => e.resource?.['name'])).toEqual(['A4', undefined, 'A2', 'A1']);
  expect(h.entry?.map((e) => [e.response.status, e.response.lastModified, e.fullUrl])).toEqual(
    [
      ['200', at(4)],
      ['204', at(3)],
      ['200', at(2)],
      ['201', at(1)],
    ].map(([s, t]) => [s, (t as Date).toISOString(), `${BASE}/Location/a`]),
  );
});

test('one that is as it was answers 304 until something changes', async () => {
  const own = await directory();
  try {
    const ask = (tag?: string) => own.get('Practitioner/_history', tag === undefined ? {} : { 'if-none-match': tag });
    const first = await ask();
    const tag = first.headers.get('etag') ?? '';
    expect(tag).toMatch(/^W\/"[0-9a-f]{32}"$/);
    const again = await ask(tag);
    expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, tag, '']);
    await own.load([deletion('Practitioner/p1')]);
    const changed = await ask(tag);
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(tag);
  } finally {
    await own.close();
  }
});

test('of a type and of all, oldest first, with inclusive bounds', async () => {
  const all = [
    'POST Location W/"1"',
    'POST Location W/"1"',
    'POST Endpoint W/"1"',
    'PUT Location/a W/"2"',
    'DELETE Location/a W/"3"',
    'PUT Location/a W/"4"',
    'DELETE Location/b W/"2"',
  ];
  const system = lines(await read('_history?_sort=_lastUpdated'));
  expect([...system].sort()).toEqual([...all].sort());
  expect(lines(await read('Location/_history?_sort=_lastUpdated'))).toEqual(all.filter((l) => !l.includes('Endpoint')));
  const since = encodeURIComponent(at(3).toISOString());
  expect(lines(await read(`Location/_history?_since=${since}&_sort=_lastUpdated`))).toEqual(all.slice(4));
  expect(lines(await read(`Location/_history?_since=${since}&_until=${since}`))).toEqual(['DELETE Location/a W/"3"']);
  expect(lines(await read('Endpoint/_history'))).toEqual(['POST Endpoint W/"1"']);
});

test.each(['_history', 'Location/_history', 'Location/a/_history'])(
  'pages of %s give every version once',
  async (path) => {
    const whole = (await read(path)).entry ?? [];
    expect(whole.length).toBeGreaterThan(3);
    for (const sort of ['_lastUpdated', '-_lastUpdated'])
      for (const count of [1, 2, 3]) {
        const found = await walk(`${path}?_count=${count}&_sort=${sort}`);
        const expected = sort === '_lastUpdated' ? [...whole].reverse() : whole;
        expect(found).toEqual(expected);
      }
  },
);

test.each([
  ['Location/nobody/_history', 404],
  ['Patient/_history', 404],
  ['Location/_history?_at=2027', 400],
  ['Location/_history?_since=yesterday', 400],
  ['Location/_history?_count=0', 400],
  ['Location/_history?_cursor=AAAA', 400],
  ['Location/_history?_sort=name', 400],
  ['Location/_history?_since=2027-01-01T00:00:00 00:00', 200],
  ['Location/_history?_since=2027-01-01', 200],
])('%s is %i', async (path, status) => {
  expect((await d.get(path)).status).toBe(status);
});

test('a POST is refused', async () => {
  const r = await d.get('Location/a/_history', {}, 'POST');
  expect([r.status, r.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('a page reads its indexes, not the tables', async () => {
  const seen: string[] = [];
  const spy = {
    unsafe: (text: string, values: string[]) => {
      seen.push(text);
      return { raw: () => d.database.sql.unsafe(text, values).raw() };
    },
  } as unknown as typeof d.database.sql;
  const after = { time: at(3).getTime(), rk: 0n, version: 1 };
  await readHistory(spy, {
    type: undefined,
    key: undefined,
    since: at(1),
    until: at(9),
    count: 10,
    order: 'newest',
    after,
  });
  const plan = await d.database.sql.begin(async (tx) => {
    await tx`set local enable_seqscan = off`;
    await tx`set local enable_sort = off`;
    return tx.unsafe(`explain ${seen[0]}`, [
      '11',
      at(1).toISOString(),
      at(9).toISOString(),
      at(3).toISOString(),
      '0',
      '1',
    ]);
  });
  const text = plan.map((r) => r['QUERY PLAN']).join('\n');
  expect(text).not.toMatch(/Seq Scan on (resource|history)/);
  for (const index of ['resource_last_updated', 'resource_deleted', 'history_last_updated'])
    expect(text).toContain(index);
});

test('what was replaced long ago is forgotten: 410, and out of the history; tombstones stay', async () => {
  const own = await directory([]);
  const step = (minute: number, input: Parameters<typeof own.load>[0]) => own.load(input, { clock: () => at(minute) });
  await step(1, entries([place('a', 'A1')]));
  await step(2, entries([place('a', 'A2')]));
  await step(3, [deletion('Location/a')]);
  await step(4, entries([place('a', 'A4')]));
  await step(5, entries([place('a', 'A5')]));
  expect(await pruneHistory(own.database.sql, at(3))).toBe(1);
  const of = async () => (await (await own.get('Location/a/_history')).json()) as History;
  expect(lines(await of()).map((l) => l.slice(-2, -1))).toEqual(['5', '4', '3', '2']);
  expect(await pruneHistory(own.database.sql, at(9))).toBe(2);
  expect(lines(await of()).map((l) => l.slice(-2, -1))).toEqual(['5', '3']);
  const statuses = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(async (v) => (await own.get(`Location/a/_history/${v}`)).status),
  );
  expect(statuses).toEqual([410, 410, 410, 410, 200, 404]);
  await own.close();
});

test('any changes: the history by type is what was done', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ id: fc.constantFrom('x', 'y', 'z'), name: fc.option(fc.constantFrom('1', '2')) }), {
        minLength: 1,
        maxLength: 12,
      }),
      async (steps) => {
        const own = await directory([]);
        const live = new Map<string, string>();
        const done: string[] = [];
        let minute = 0;
        for (const { id, name } of steps) {
          minute++;
          await own.load(name === null ? [deletion(`Location/${id}`)] : entries([place(id, name)]), {
            clock: () => at(minute),
          });
          if (live.get(id) === (name ?? undefined)) continue;
          done.push(`${id} ${name ?? 'gone'} ${at(minute).toISOString()}`);
          if (name === null) live.delete(id);
          else live.set(id, name);
        }
        const page = (await (await own.get('Location/_history?_sort=_lastUpdated')).json()) as History;
        await own.close();
        expect(
          (page.entry ?? []).map(
            (e) => `${e.fullUrl.split('/').at(-1)} ${text(e.resource?.['name']) ?? 'gone'} ${e.response.lastModified}`,
          ),
        ).toEqual(done);
      },
    ),
    { numRuns: 5, seed: 7 },
  );
});
