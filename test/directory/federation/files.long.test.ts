// Harvests of files: the chain of $bulk-publish, indexes of Bundles, exports; and what is wrong with files.
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { typeOfFileName } from '../../../directory/federation/harvest/files.ts';
import { filesOf } from '../../../directory/federation/harvest/index-files.ts';
import { harvestPeer } from '../../../directory/federation/harvest/run.ts';
import { HarvestFault } from '../../../directory/federation/reasons.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { type Answer, json, npi, outcome, records, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

let dir: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
let paths: Record<string, Answer | 'cut' | ((headers: Record<string, unknown>) => Answer)>;
beforeAll(async () => {
  dir = await scriptedDirectory();
});
afterAll(() => dir.close());
beforeEach(async () => {
  dir.reset();
  paths = {};
  dir.script.first = (request, url) => {
    const found = paths[url.pathname];
    return typeof found === 'function' ? found(request.headers) : found;
  };
  w = await world();
});
afterEach(() => w.close());

const ndjson = (list: readonly unknown[]) =>
  list.map((r) => `${typeof r === 'string' ? r : JSON.stringify(r)}\n`).join('');
const file = (body: string | Buffer, headers: Record<string, string> = {}): Answer => ({
  headers: { 'content-type': 'application/fhir+ndjson', ...headers },
  body,
});
const manifest = (at: string, output: [string, string, number?][], next?: string, deleted: string[] = []) =>
  json({
    transactionTime: at,
    requiresAccessToken: false,
    output: output.map(([type, path, count]) => ({
      type,
      url: `${dir.base}${path}`,
      ...(count === undefined ? {} : { count }),
    })),
    ...(deleted.length === 0 ? {} : { deleted: deleted.map((path) => ({ url: `${dir.base}${path}` })) }),
    ...(next === undefined
      ? {}
      : { link: [{ relation: 'next', url: next.startsWith('#') ? next : `${dir.base}${next}` }] }),
  });
const of = (type: string, list: Resource[] = records()) => list.filter((r) => r.resourceType === type);
const ROOT = '/fhir/$bulk-publish';

function chain(): void {
  paths[ROOT] = manifest(
    '2027-03-01T04:00:00Z',
    [
      ['Practitioner', '/f/p', 12],
      ['Organization', '/f/o', 2],
    ],
    '/chain/1',
  );
  paths['/f/p'] = file(ndjson(of('Practitioner')));
  paths['/f/o'] = file(ndjson(of('Organization')));
  paths['/chain/1'] = { ...manifest('2027-03-01T04:00:00Z', [], '#pending') };
}

describe('$bulk-publish', () => {
  beforeEach(async () => {
    chain();
    await w.add('oak', `${dir.base}${ROOT}`);
  });

  test.each([
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/p.ndjson',
    'https://[fd00::1]/p.ndjson',
    'https://[::ffff:10.0.0.1]/p.ndjson',
    'http://192.168.1.1/p.ndjson',
    'file:///etc/hosts',
  ])('files that lie within are never asked for: %s', async (url) => {
    expect((await w.harvest('oak')).state).toBe('done');
    await w.sql`update federation.peer set cursor = '{}'`;
    paths[ROOT] = json({
      transactionTime: '2027-03-02T04:00:00Z',
      requiresAccessToken: false,
      output: [{ type: 'Practitioner', url }],
    });
    w.day();
    expect(await w.harvest('oak')).toMatchObject({ state: 'failed', reason: 'refused-address' });
    expect(await w.counts('oak')).toEqual({ l: 14 });
  });

  test('deletions at another directory are none here', async () => {
    expect((await w.harvest('oak')).state).toBe('done');
    const entry = (url: string) => ({ request: { method: 'DELETE', url } });
    paths['/chain/1'] = manifest('2027-03-01T04:00:00Z', [], '/chain/2');
    paths['/chain/2'] = manifest('2027-03-02T04:00:00Z', [], '#pending', ['/f/gone']);
    paths['/f/gone'] = file(
      ndjson([
        {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [
            entry('https://plan.example/directory/fhir/Practitioner/p1'),
            entry('Practitioner/p2'),
            entry('Practitioner/never'),
          ],
        },
      ]),
    );
    w.day();
    expect((await w.harvest('oak')).state).toBe('done');
    expect(await w.keys('oak', 't')).toEqual(['Practitioner/oak.p2']);
  });

  test('root, then the chain: changes and deletions', async () => {
    expect((await w.harvest('oak')).state).toBe('done');
    expect(await w.counts('oak')).toEqual({ l: 14 });
    w.day();
    expect((await w.harvest('oak')).state).toBe('unchanged');
    paths['/chain/1'] = manifest('2027-03-01T04:00:00Z', [], '/chain/2');
    const changed = { ...of('Practitioner')[0], gender: 'male' };
    // Q25: what is deleted on the page that brings it is deleted
    paths['/chain/2'] = manifest('2027-03-02T04:00:00Z', [['Practitioner', '/f/p2', 2]], '#pending', ['/f/d2']);
    paths['/f/p2'] = file(ndjson([changed, of('Practitioner')[4]]));
    paths['/f/d2'] = file(
      ndjson([
        {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: ['p3', 'p5'].map((id) => ({ request: { method: 'DELETE', url: `Practitioner/${id}` } })),
        },
      ]),
    );
    const done = await w.harvest('oak');
    expect(done.types).toMatchObject([
      { type: 7, rung: 1, complete: false, counters: { updated: 1, deleted: 2, tombstones: 2 } },
    ]);
    expect(await w.keys('oak', 't')).toEqual(['Practitioner/oak.p3', 'Practitioner/oak.p5']);
  });

  test('Q24: #closed begins again from the root, beside the old data', async () => {
    await w.harvest('oak');
    w.day();
    paths['/chain/1'] = manifest('2027-03-01T04:00:00Z', [], '#closed');
    paths[ROOT] = manifest(
      '2027-03-02T04:00:00Z',
      [
        ['Practitioner', '/f/p', 12],
        ['Organization', '/f/o', 2],
      ],
      '/chain/9',
    );
    paths['/chain/9'] = manifest('2027-03-02T04:00:00Z', [], '#pending');
    const done = await w.harvest('oak');
    expect(done.types.map((t) => [t.type, t.complete])).toEqual([
      [5, true],
      [7, true],
    ]);
    expect(await w.counts('oak')).toEqual({ l: 14 });
    expect((await w.peer('oak')).cursor.bulk?.page).toBe(`${dir.base}/chain/9`);
  });

  test.each<[string, Parameters<typeof manifest>[2] | undefined]>([
    ['is closed at once', '#closed'],
    ['begins with a page that is not there', undefined],
  ])('a chain that %s: the snapshot counts, and later pages of it are found', async (_name, next) => {
    if (next === undefined) delete paths['/chain/1'];
    else paths['/chain/1'] = manifest('2027-03-01T04:00:00Z', [], next);
    expect((await w.harvest('oak')).state).toBe('done');
    expect(await w.counts('oak')).toEqual({ l: 14 });
    w.day();
    expect((await w.harvest('oak')).state).toBe('unchanged');
    paths['/chain/1'] = manifest('2027-03-02T04:00:00Z', [], '#pending', ['/f/d']);
    paths['/f/d'] = file(
      ndjson([
        {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [{ request: { method: 'DELETE', url: 'Practitioner/p3' } }],
        },
      ]),
    );
    w.day();
    expect((await w.harvest('oak')).state).toBe('done');
    expect(await w.keys('oak', 't')).toEqual(['Practitioner/oak.p3']);
  });

  test('a chain that comes back to a page of its own is left there, and nothing is taken for gone', async () => {
    paths['/chain/1'] = manifest('2027-03-01T04:00:00Z', [], '/chain/2');
    paths['/chain/2'] = manifest('2027-03-02T04:00:00Z', [], '/chain/1');
    expect(await w.harvest('oak')).toMatchObject({ state: 'partial', reason: 'page-loop' });
    w.day();
    await w.harvest('oak');
    expect(await w.counts('oak')).toEqual({ l: 14 });
  });

  test('the page of the chain is gone: from the root', async () => {
    await w.harvest('oak');
    delete paths['/chain/1'];
    paths[ROOT] = manifest('2027-03-02T04:00:00Z', [
      ['Practitioner', '/f/p'],
      ['Organization', '/f/o'],
    ]);
    w.day();
    expect((await w.harvest('oak')).state).toBe('done');
  });

  test('Q26: an entity tag that never changes is not believed for ever', async () => {
    const pages: [Answer, Answer] = [
      manifest('2027-03-01T04:00:00Z', [], '#pending'),
      manifest('2027-03-01T04:00:00Z', [], '/chain/2'),
    ];
    let changed = false;
    paths['/chain/1'] = (headers) =>
      headers['if-none-match'] === '"x"'
        ? { status: 304, body: '' }
        : { ...(changed ? pages[1] : pages[0]), headers: { etag: '"x"' } };
    await w.harvest('oak');
    changed = true;
    paths['/chain/2'] = manifest('2027-03-02T04:00:00Z', [['Practitioner', '/f/n']], '#pending');
    paths['/f/n'] = file(ndjson([{ ...of('Practitioner')[0], id: 'n' }]));
    const states: string[] = [];
    for (let poll = 0; poll < 10; poll++) {
      w.day();
      states.push((await w.harvest('oak')).state);
    }
    expect(states.filter((s) => s === 'done')).toHaveLength(1);
    expect(await w.counts('oak')).toEqual({ l: 15 });
  });

  test.each<[string, () => void, string, number]>([
    ['Q21: gzip without saying so', () => (paths['/f/p'] = file(gzipSync(ndjson(of('Practitioner'))))), '', 12],
    ['zstd without saying so', () => (paths['/f/p'] = file(zstdCompressSync(ndjson(of('Practitioner'))))), '', 12],
    [
      'Q21: truncated gzip',
      () => (paths['/f/p'] = file(gzipSync(ndjson(of('Practitioner'))).subarray(0, 300))),
      'damaged-file',
      0,
    ],
    [
      'Q22: BOM, CRLF, blank lines, no last newline',
      () => (paths['/f/p'] = file(`\ufeff${ndjson(of('Practitioner')).replaceAll('\n', '\r\n\r\n').trimEnd()}`)),
      '',
      12,
    ],
    [
      'Q22: a broken line',
      () =>
        (paths['/f/p'] = file(ndjson([...of('Practitioner').slice(0, 11), '{"resourceType":"Practitioner","id":']))),
      'damaged-file',
      11,
    ],
    [
      'a line of another type',
      () => (paths['/f/p'] = file(ndjson([...of('Practitioner').slice(0, 11), of('Location')[0]]))),
      'damaged-file',
      11,
    ],
    [
      'fewer lines than the manifest says',
      () => (paths['/f/p'] = file(ndjson(of('Practitioner').slice(0, 9)))),
      'count-differs',
      9,
    ],
  ])('%s', async (_name, set, reason, live) => {
    set();
    const done = await w.harvest('oak');
    const type = done.types.find((t) => t.type === 7);
    expect([type?.reason, type?.complete]).toEqual([reason, reason === '']);
    expect((await w.keys('oak')).filter((k) => k.startsWith('Practitioner/'))).toHaveLength(live);
  });

  test('damage to a file that was whole takes nothing away, and the next time all is read again', async () => {
    await w.harvest('oak');
    paths['/chain/1'] = manifest('2027-03-01T04:00:00Z', [], '#closed');
    paths['/f/p'] = file(ndjson([...of('Practitioner').slice(0, 5), 'x']));
    paths[ROOT] = manifest('2027-03-02T04:00:00Z', [
      ['Practitioner', '/f/p'],
      ['Organization', '/f/o'],
    ]);
    w.day();
    const damaged = await w.harvest('oak');
    expect(damaged.types.map((t) => [t.type, t.complete, t.reason])).toEqual([
      [5, true, ''],
      [7, false, 'damaged-file'],
    ]);
    expect(damaged.state).toBe('partial');
    expect(await w.counts('oak')).toEqual({ l: 14 });
    expect((await w.sql`select * from federation.missing`).length).toBe(0);
    expect((await w.peer('oak')).cursor.bulk).toBeUndefined();
  });

  test('Q20: an address that has expired is asked for again', async () => {
    let fetched = 0;
    paths[ROOT] = () => {
      fetched++;
      return manifest('2027-03-01T04:00:00Z', [['Practitioner', `/signed/${fetched}`, 12]]);
    };
    for (const n of [1, 2]) paths[`/signed/${n}`] = outcome(403);
    paths['/signed/3'] = file(ndjson(of('Practitioner')));
    const done = await w.harvest('oak');
    expect(done.state).toBe('done');
    expect(await w.counts('oak')).toEqual({ l: 12 });
  });

  test('Q49: a file that was cut is asked for from where it broke off', async () => {
    const body = Buffer.from(ndjson(of('Practitioner')));
    const ranges: unknown[] = [];
    let cut = true;
    dir.script.first = (request, url) => {
      if (url.pathname !== '/f/p') return paths[url.pathname] as Answer | undefined;
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (request.headers.range) ranges.push(from);
      if (cut) {
        cut = false;
        return {
          headers: { 'content-length': String(body.length) },
          body: body.subarray(0, 700),
          status: 200,
          broken: true,
        } as Answer;
      }
      return from === 0
        ? file(body)
        : {
            status: 206,
            headers: { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` },
            body: body.subarray(from),
          };
    };
    expect((await w.harvest('oak')).state).toBe('done');
    expect(ranges).toEqual([700]);
    expect(await w.counts('oak')).toEqual({ l: 14 });
  });
});

describe('a run that is begun again', () => {
  beforeEach(async () => {
    chain();
    await w.add('oak', `${dir.base}${ROOT}`);
  });

  test('after it died between two types: what was judged is not judged again', async () => {
    await w.sql.unsafe(
      `create function public.dies() returns trigger language plpgsql as $$ begin raise 'killed'; end $$`,
    );
    await w.sql.unsafe(
      `create trigger dies before update on federation.run_type for each row when (new.state = 'applied' and new.type = 5) execute function public.dies()`,
    );
    await expect(w.harvest('oak')).rejects.toThrow('killed');
    expect(await w.counts('oak')).toEqual({ l: 12 });
    await w.sql.unsafe('drop trigger dies on federation.run_type');
    const done = await w.harvest('oak');
    expect([done.state, done.reason]).toEqual(['done', '']);
    expect(await w.counts('oak')).toEqual({ l: 14 });
  });

  // longer than what is handed on at once
  const long = () =>
    of('Practitioner').map((r) => ({ ...r, text: { status: 'empty' as const, div: 'x'.repeat(150_000) } }));
  const taken = async () =>
    (await w.sql<{ seq: number }[]>`select (position ->> 'seq')::int as seq from federation.run`)[0]?.seq;

  test('within a file that was cut: it goes on after what is written, and counts each record once', async () => {
    const body = Buffer.from(ndjson(long()));
    let asked = 0;
    const cut = { headers: { 'content-length': String(body.length) }, body: body.subarray(0, -700), broken: true };
    paths['/f/p'] = () => (++asked === 1 ? (cut as Answer) : file(body));
    const done = await w.harvest('oak');
    expect([done.state, asked > 1, await taken()]).toEqual(['done', true, 14]);
    expect(done.types.find((t) => t.type === 7)?.counters).toMatchObject({ read: 12, staged: 12, new: 12 });
  });

  test('within a file that is another one by then: it is read from its beginning', async () => {
    const body = Buffer.from(ndjson(long()));
    const other = Buffer.from(ndjson(long().reverse()));
    let asked = 0;
    const cut = { headers: { 'content-length': String(body.length) }, body: body.subarray(0, -700), broken: true };
    paths['/f/p'] = () => (++asked === 1 ? (cut as Answer) : file(other));
    const done = await w.harvest('oak');
    expect(done.state).toBe('done');
    expect(await taken()).toBeGreaterThan(14);
    expect(await w.counts('oak')).toEqual({ l: 14 });
    expect(done.types.find((t) => t.type === 7)?.counters).toMatchObject({ read: 12, staged: 12, new: 12 });
  });

  test('in another process, in the middle of a file: the part that is written is passed over', async () => {
    const body = Buffer.from(ndjson(long()));
    const real = w.deps.fetch;
    const cut = { headers: { 'content-length': String(body.length) }, body: body.subarray(0, -700), broken: true };
    let killed = false;
    paths['/f/p'] = () => cut as Answer;
    w.deps.fetch = ((...given: Parameters<typeof fetch>) => {
      // the second request for the file is that for the rest
      if (String(given[0]).endsWith('/f/p') && killed) throw new TypeError('killed');
      killed ||= String(given[0]).endsWith('/f/p');
      return real(...given);
    }) as typeof fetch;
    expect((await harvestPeer(w.deps, await w.peer('oak'))).state).toBe('later');
    const [run] = await w.sql<
      { part: { bytes: number; records: number } }[]
    >`select position -> 'part' as part from federation.run`;
    expect(run?.part.records).toBeGreaterThan(5);
    w.deps.fetch = real;
    paths['/f/p'] = file(body);
    const done = await w.harvest('oak');
    expect([done.state, await taken()]).toEqual(['done', 14]);
    expect(done.types.find((t) => t.type === 7)?.counters).toMatchObject({ read: 12, staged: 12, new: 12 });
  });
});

describe('files that follow each other', () => {
  let asked: number;
  beforeEach(async () => {
    chain();
    const first = paths['/f/p'] as Answer;
    asked = 0;
    paths['/f/p'] = () => {
      asked++;
      return first;
    };
    await w.add('oak', `${dir.base}${ROOT}`);
  });

  test('what the database refuses of one is a fault, whatever becomes of the next', async () => {
    await w.sql.unsafe(
      `create function public.refuses() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); raise 'refused'; end $$`,
    );
    await w.sql.unsafe(
      `create trigger refuses before insert on federation.content for each row when (new.raw like '%"resourceType":"Practitioner"%') execute function public.refuses()`,
    );
    const whole = paths['/f/o'];
    paths['/f/o'] = { headers: { 'content-length': '9000' }, body: '{"resourceType":', broken: true } as Answer;
    await expect(w.harvest('oak')).rejects.toThrow('refused');
    expect(asked).toBe(1);
    await w.sql.unsafe('drop trigger refuses on federation.content');
    paths['/f/o'] = whole as Answer;
    const done = await w.harvest('oak');
    expect([done.state, done.reason]).toEqual(['done', '']);
    expect(done.types.map((t) => [t.type, t.counters['read']])).toEqual([
      [5, 2],
      [7, 12],
    ]);
  });

  test('the first is not asked for again when the second ends a process', async () => {
    const real = w.deps.fetch;
    w.deps.fetch = ((...given: Parameters<typeof fetch>) => {
      if (String(given[0]).endsWith('/f/o')) throw new TypeError('killed');
      return real(...given);
    }) as typeof fetch;
    expect((await harvestPeer(w.deps, await w.peer('oak'))).state).toBe('later');
    w.deps.fetch = real;
    const done = await w.harvest('oak');
    expect(done.state).toBe('done');
    expect(asked).toBe(1);
    expect(done.types.map((t) => [t.type, t.counters['read'], t.counters['new']])).toEqual([
      [5, 2, 2],
      [7, 12, 12],
    ]);
  });

  test('each is held to its own count', async () => {
    paths[ROOT] = manifest('2027-03-01T04:00:00Z', [
      ['Practitioner', '/f/p', 13],
      ['Organization', '/f/o', 2],
      ['Practitioner', '/f/none', 0],
    ]);
    paths['/f/none'] = file('');
    const done = await w.harvest('oak');
    expect(done.types.map((t) => [t.type, t.complete, t.reason, t.counters['count-differs'] ?? 0])).toEqual([
      [5, false, 'damaged-file', 0],
      [7, false, 'count-differs', 1],
    ]);
  });
});

describe('an index of files', () => {
  const bundle = (list: Resource[]) =>
    json({ resourceType: 'Bundle', type: 'collection', entry: list.map((resource) => ({ resource })) });
  test('Bundles, and what is in none of them is missing', async () => {
    paths['/mpf/H1234/2027/index.json'] = json({ provider_urls: [`${dir.base}/mpf/a.json`, `${dir.base}/mpf/b.json`] });
    paths['/mpf/a.json'] = bundle(of('Practitioner'));
    paths['/mpf/b.json'] = bundle([...of('Organization'), ...of('PractitionerRole')]);
    await w.add('elm', `${dir.base}/mpf/H1234/2027`);
    expect((await w.harvest('elm')).state).toBe('done');
    expect(await w.counts('elm')).toEqual({ l: 26 });
    paths['/mpf/a.json'] = bundle(of('Practitioner').slice(1));
    w.day();
    const done = await w.harvest('elm');
    expect(done.types.find((t) => t.type === 7)).toMatchObject({ rung: 2, complete: true, counters: { absent: 1 } });
    paths['/mpf/a.json'] = outcome(404);
    w.day();
    expect(await w.harvest('elm')).toMatchObject({ state: 'failed', reason: 'not-found' });
    expect(await w.counts('elm')).toEqual({ l: 26 });
  });

  test.each([
    [
      'a Bundle',
      (record: string) => `{"resourceType":"Bundle","type":"collection","total":1.0,"entry":[{"resource":${record}}]}`,
    ],
    ['an array', (record: string) => `[${record}]`],
  ])('numbers of %s are kept as they are written', async (_, around) => {
    const position = '"position":{"latitude":41.70,"longitude":-72.600,"altitude":1e1}';
    paths['/mpf/H1234/2027/index.json'] = json({ provider_urls: [`${dir.base}/mpf/a.json`] });
    const place = `{"resourceType":"Location","id":"l1","status":"active","name":"A 1.0",${position}}`;
    paths['/mpf/a.json'] = file(around(place));
    await w.add('elm', `${dir.base}/mpf/H1234/2027`);
    expect((await w.harvest('elm')).state).toBe('done');
    const kept = await w.sql<{ raw: string }[]>`select raw from federation.content`;
    expect(kept.map((r) => r.raw)).toEqual([place]);
  });

  test('files that say they are as they were are not read; one that is not has all of them read', async () => {
    paths['/mpf/H1234/2027/index.json'] = json({ provider_urls: [`${dir.base}/mpf/a.json`, `${dir.base}/mpf/b.json`] });
    const read: string[] = [];
    const dated =
      (name: string, version: () => string, list: () => Resource[]) => (headers: Record<string, unknown>) => {
        const etag = `"${version()}"`;
        if (headers['if-none-match'] === etag) return { status: 304, headers: { etag }, body: '' };
        read.push(name);
        const answer = bundle(list());
        return { ...answer, headers: { ...answer.headers, etag } };
      };
    let practitioners = of('Practitioner');
    paths['/mpf/a.json'] = dated(
      'a',
      () => String(practitioners.length),
      () => practitioners,
    );
    paths['/mpf/b.json'] = dated(
      'b',
      () => 'b1',
      () => of('Organization'),
    );
    await w.add('elm', `${dir.base}/mpf/H1234/2027`);
    expect((await w.harvest('elm')).state).toBe('done');
    read.length = 0;
    w.day();
    expect((await w.harvest('elm')).state).toBe('unchanged');
    expect(read).toEqual([]);
    practitioners = practitioners.slice(1);
    w.day();
    const done = await w.harvest('elm');
    expect([done.state, ...new Set(read)]).toEqual(['done', 'a', 'b']);
    expect(await w.counts('elm')).toEqual({ l: 14 });
    expect(done.types.find((t) => t.type === 7)).toMatchObject({ complete: true, counters: { absent: 1 } });
  });

  test('what cannot be read may have been of any type', async () => {
    paths['/mpf/H1234/2027/index.json'] = json({ provider_urls: [`${dir.base}/mpf/a.json`] });
    // whatever comes first in them
    const turned = (r: Resource) => Object.fromEntries(Object.entries(r).reverse());
    paths['/mpf/a.json'] = file(ndjson([...of('Practitioner'), ...of('Organization')].map(turned)));
    await w.add('elm', `${dir.base}/mpf/H1234/2027`);
    await w.harvest('elm');
    paths['/mpf/a.json'] = file(`${ndjson(of('Practitioner').slice(1))}{"resourceType":"Organiz`);
    w.day();
    const done = await w.harvest('elm');
    expect(done).toMatchObject({ state: 'partial', reason: 'damaged-file' });
    expect(done.types.map((t) => t.complete)).toEqual([false, false]);
    expect(await w.counts('elm')).toEqual({ l: 14 });
  });

  describe('of the Marketplace', () => {
    const PLAN = '12345PA0010001';
    const provider = (n: number, more: object = {}) => ({
      npi: npi(n),
      type: 'INDIVIDUAL',
      plans: [{ plan_id_type: 'HIOS-PLAN-ID', plan_id: PLAN, network_tier: 'PREFERRED', years: [2027] }],
      name: { first: 'Ana', last: `Silva${n}` },
      addresses: [{ address: '1 Elm St', city: 'Erie', state: 'PA', zip: '16501', phone: '8145550100' }],
      specialty: ['Family Medicine Physician'],
      accepting: 'accepting',
      languages: ['Spanish'],
      last_updated_on: '2027-02-20',
      ...more,
    });
    const hospital = {
      ...provider(50),
      type: 'FACILITY',
      name: undefined,
      facility_name: 'Elm Hospital',
      facility_type: ['General Acute Care Hospital'],
      specialty: undefined,
    };
    const plans = [
      { plan_id_type: 'HIOS-PLAN-ID', plan_id: PLAN, marketing_name: 'Elm Silver', network: [], years: [2027] },
      { plan_id_type: 'HIOS-PLAN-ID', plan_id: '12345PA0020001', marketing_name: 'Nobody', network: [], years: [2027] },
    ];
    const serve = (providers: unknown[]) => {
      paths['/cms-data-index.json'] = json({
        provider_urls: [`${dir.base}/qhp/1.json`, 'qhp/2.json', `${dir.base}/qhp/1.json`],
        plan_urls: [`${dir.base}/qhp/plans.json`],
        formulary_urls: [`${dir.base}/qhp/drugs.json`],
      });
      paths['/qhp/1.json'] = json(providers);
      paths['/qhp/2.json'] = json([hospital]);
      paths['/qhp/plans.json'] = json(plans);
    };
    beforeEach(async () => {
      serve([provider(1), provider(2), provider(3, { npi: null })]);
      await w.add('ash', `${dir.base}/cms-data-index.json`);
    });

    test('providers, places, networks and plans become records of the peer; who left is missing', async () => {
      const done = await w.harvest('ash');
      expect([done.state, done.reason]).toEqual(['done', '']);
      const names = (await w.keys('ash')).map((k) => k.replace(/\.(net|role|svc|aff|loc)[^/]*$/, '.$1'));
      expect(names).toContain(`Practitioner/ash.npi-${npi(1)}`);
      expect(names).toContain(`Organization/ash.org-${npi(50)}`);
      expect(names).toContain('Organization/ash.payer');
      expect(names).toContain(`InsurancePlan/ash.plan-${PLAN}`);
      expect(names.filter((n) => n.startsWith('Location/'))).toHaveLength(2);
      expect(names.filter((n) => n.startsWith('PractitionerRole/'))).toHaveLength(2);
      const counters = Object.assign({}, ...done.types.map((t) => t.counters)) as Record<string, number>;
      expect([counters['no-npi'], counters['no-network']]).toEqual([1, 1]);
      const [person] = await w.sql<{ updated: Date }[]>`select peer_updated as updated from federation.source
        where key = ${`Practitioner/ash.npi-${npi(1)}`}`;
      expect(person?.updated).toEqual(new Date('2027-02-20T00:00:00Z'));
      w.day();
      expect((await w.harvest('ash')).types.every((t) => !('new' in t.counters) && !('updated' in t.counters))).toBe(
        true,
      );
      serve([provider(2)]);
      w.day();
      const later = await w.harvest('ash');
      expect(later.types.find((t) => t.type === 7)).toMatchObject({ complete: true, counters: { absent: 1 } });
    });

    test.each([
      ['an NPI with a wrong check digit', [provider(1, { npi: '1234567890' }), provider(2)]],
      ['a record that is none', [provider(2), 'provider']],
    ])('%s: nobody is taken for gone', async (_what, providers) => {
      await w.harvest('ash');
      serve(providers);
      w.day();
      const done = await w.harvest('ash');
      expect([done.state, done.reason]).toEqual(['partial', 'damaged-file']);
      expect(done.types.find((t) => t.type === 7)?.counters['absent'] ?? 0).toBe(0);
      expect((await w.keys('ash')).filter((k) => k.startsWith('Practitioner/'))).toHaveLength(2);
    });

    test('a file that is cut: nobody is taken for gone', async () => {
      await w.harvest('ash');
      paths['/qhp/1.json'] = file(JSON.stringify([provider(2), provider(4)]).slice(0, -20));
      w.day();
      const done = await w.harvest('ash');
      expect([done.state, done.reason]).toEqual(['partial', 'damaged-file']);
      expect(done.types.every((t) => !t.complete)).toBe(true);
      expect((await w.keys('ash')).filter((k) => k.startsWith('Practitioner/'))).toHaveLength(2);
    });

    test('a process that dies between two files: the next reads all of them, and networks are whole', async () => {
      paths['/qhp/2.json'] = 'cut';
      const first = await w.harvest('ash');
      expect(first.state).toBe('later');
      serve([provider(1), provider(2), provider(3, { npi: null })]);
      w.day();
      expect(await w.harvest('ash')).toMatchObject({ run: first.run, state: 'done' });
      const networks = (await w.keys('ash')).filter((k) => k.startsWith('Organization/ash.net-'));
      expect(networks).toHaveLength(1);
    });
  });

  test('Q23: names are matched whole, unknown ones are a failure', () => {
    for (const [name, type] of [
      ['OrganizationAffiliation_2026-08-20.ndjson', 'OrganizationAffiliation'],
      ['08-Organization.ndjson.zst', 'Organization'],
      ['Organization.ndjson', 'Organization'],
      ['Organizations.ndjson', undefined],
    ] as const)
      expect(typeOfFileName(name)).toBe(type);
    expect(filesOf({ files: { '06-Practitioner.ndjson.zst': {} } }, 'https://dir.example/x/manifest.json')).toEqual([
      { url: 'https://dir.example/x/06-Practitioner.ndjson.zst', type: 'Practitioner' },
    ]);
    expect(() => filesOf({ files: { 'Doctors.ndjson': {} } }, 'https://dir.example/')).toThrow(HarvestFault);
    expect(() => filesOf([], 'https://dir.example/')).toThrow(HarvestFault);
  });
});

test('an export, whole and then since', async () => {
  paths['/fhir/metadata'] = json({ resourceType: 'CapabilityStatement', rest: [{ operation: [{ name: 'export' }] }] });
  let since: string | null = null;
  let polls = 0;
  const list = records();
  dir.script.first = (_request, url) => {
    if (url.pathname === '/fhir/$export') {
      since = url.searchParams.get('_since');
      polls = 0;
      return { status: 202, headers: { 'content-location': `${dir.base}/fhir/status/1` }, body: '' };
    }
    if (url.pathname === '/fhir/status/1') {
      if (polls++ === 0) return { status: 202, headers: { 'retry-after': '3' }, body: '' };
      const output = [{ type: 'Practitioner', url: `${dir.base}/f/p`, count: since ? 1 : 12 }];
      return json({
        transactionTime: '2027-03-01T10:00:00Z',
        requiresAccessToken: false,
        output,
        error: [],
        deleted: since ? [{ type: 'Bundle', url: `${dir.base}/f/d` }] : [],
      });
    }
    if (url.pathname === '/f/p')
      return file(ndjson(since ? [{ ...list.find((r) => r['id'] === 'p1'), gender: 'male' }] : of('Practitioner')));
    if (url.pathname === '/f/d')
      return file(
        ndjson([
          {
            resourceType: 'Bundle',
            type: 'transaction',
            entry: [{ request: { method: 'DELETE', url: 'Practitioner/p2' } }],
          },
        ]),
      );
    return paths[url.pathname] as Answer | undefined;
  };
  await w.add('fir', dir.fhir);
  expect((await w.harvest('fir')).types).toMatchObject([{ type: 7, rung: 3, complete: true }]);
  w.day();
  const done = await w.harvest('fir');
  expect(since).toBe('2027-03-01T10:00:00Z');
  expect(done.types).toMatchObject([{ type: 7, complete: false, counters: { updated: 1, deleted: 1 } }]);
});

describe('an export that is not ready', () => {
  let asked: number;
  let job: Answer;
  const ready = () =>
    json({
      transactionTime: '2027-03-01T10:00:00Z',
      requiresAccessToken: false,
      output: [{ type: 'Practitioner', url: `${dir.base}/f/p`, count: 12 }],
      error: [],
    });
  const pending: Answer = { status: 202, headers: { 'retry-after': '120' }, body: '' };
  beforeEach(async () => {
    paths['/fhir/metadata'] = json({
      resourceType: 'CapabilityStatement',
      rest: [{ operation: [{ name: 'export' }] }],
    });
    asked = 0;
    job = pending;
    dir.script.first = (_request, url) => {
      if (url.pathname === '/fhir/$export') {
        const headers = { 'content-location': `${dir.base}/fhir/status/${++asked}` };
        return { status: 202, headers, body: '' };
      }
      if (url.pathname === `/fhir/status/${asked}`) return job;
      if (url.pathname.startsWith('/fhir/status/')) return { status: 404, body: '' };
      if (url.pathname === '/f/p') return file(ndjson(of('Practitioner')));
      return paths[url.pathname] as Answer | undefined;
    };
    await w.add('fir', dir.fhir);
  });
  const whole = [{ type: 7, rung: 3, complete: true, counters: { new: 12 } }];

  test('leaves other directories their turn, and is looked at again without being asked for anew', async () => {
    const first = await w.harvest('fir');
    expect(first).toMatchObject({ state: 'later', reason: 'export-pending' });
    const inFiveMinutes = new Date(w.state.now.getTime() + 300_000);
    expect(await w.peer('fir')).toMatchObject({ failures: 0, nextDue: inFiveMinutes });
    job = ready();
    expect(await w.harvest('fir')).toMatchObject({ run: first.run, state: 'done', types: whole });
    expect(asked).toBe(1);
  });

  test('is asked for anew when the peer has forgotten it', async () => {
    const first = await w.harvest('fir');
    const before = dir.script.first;
    dir.script.first = (request, url) =>
      url.pathname === '/fhir/status/1' ? { status: 410, body: '' } : before?.(request, url);
    job = ready();
    expect(await w.harvest('fir')).toMatchObject({ run: first.run, state: 'done', types: whole });
    expect(asked).toBe(2);
  });

  test('of one that was half read the rest is not taken from another one', async () => {
    const files = [
      { type: 'Practitioner', url: `${dir.base}/f/p`, count: 12 },
      { type: 'Organization', url: `${dir.base}/f/o`, count: 2 },
    ];
    const manifestOf = (output: typeof files) =>
      json({ transactionTime: '2027-03-01T10:00:00Z', requiresAccessToken: false, output, error: [] });
    job = manifestOf(files);
    const before = dir.script.first;
    let isReady = false;
    let isForgotten = false;
    dir.script.first = (request, url) => {
      if (url.pathname === '/f/o')
        return isReady
          ? file(ndjson(of('Organization')))
          : { status: 429, headers: { 'retry-after': '3600' }, body: '' };
      if (isForgotten && url.pathname === '/fhir/status/1') return { status: 410, body: '' };
      return before?.(request, url);
    };
    expect(await w.harvest('fir')).toMatchObject({ state: 'later' });
    isReady = true;
    isForgotten = true;
    job = manifestOf(files.toReversed());
    const again = await w.harvest('fir');
    expect(again.state).toBe('done');
    expect(again.types.filter((t) => t.type === 5 || t.type === 7)).toMatchObject([
      { type: 5, complete: true, counters: { new: 2 } },
      { type: 7, complete: true, counters: { new: 12 } },
    ]);
    expect(asked).toBe(1);
  });

  test('is given up after a day: the types are read page by page', async () => {
    const first = await w.harvest('fir');
    w.day();
    const done = await w.harvest('fir');
    expect(done).toMatchObject({ run: first.run, state: 'done' });
    expect(done.types.map((t) => t.rung)).not.toContain(3);
    expect(asked).toBe(1);
  });
});
