// What directories do that they should not, a row each (docs/federation.md): the view before, what the peer does, what the
// node makes of it. Every row begins with a whole harvest, unless it is the first harvest that goes wrong.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { currentFacts } from '../../../directory/federation/fact.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { type Answer, json, npi, outcome, type Script, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

let dir: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
beforeAll(async () => {
  dir = await scriptedDirectory();
  w = await world();
});
afterAll(async () => {
  await w.close();
  await dir.close();
});

const ALL = 27;
const role = (s: Script, id: string): Resource => {
  const found = s.records.find((r) => r['id'] === id);
  if (!found) throw new Error(id);
  return found;
};
const html: Answer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Are you human?</title>',
};
const pages = (url: URL) => url.searchParams.has('_from');

type Row = {
  id: string;
  does: string;
  /** before the first harvest */
  set?: (s: Script) => void;
  /** after a whole one; absent: the first harvest is the one that counts */
  later?: (s: Script) => void;
  state: string;
  reason?: string;
  /** reason of one type */
  types?: Record<number, string>;
  /** records afterwards, live unless all went well */
  live?: number;
  facts?: Record<string, string>;
  more?: (slug: string, run: Awaited<ReturnType<World['harvest']>>) => Promise<void>;
};

const count = async (text: string) => Number((await w.sql.unsafe(text))[0]?.['n']);

const ROWS: Row[] = [
  {
    id: 'Q01',
    does: 'ignores _count, three a page',
    set: (s) => (s.stride = 3),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner count': 'fixed 3' },
  },
  {
    id: 'Q02',
    does: 'counts every record twice',
    set: (s) => (s.total = (n) => n * 2),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner total': 'factor 2' },
  },
  {
    id: 'Q03',
    does: 'has no total',
    set: (s) => (s.total = () => undefined),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner total': 'absent' },
  },
  {
    id: 'Q04',
    does: 'total is that of the page',
    set: (s) => Object.assign(s, { stride: 5, total: (_n: number, p: number) => p }),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner total': 'page' },
  },
  {
    id: 'Q05',
    does: 'links to an internal host by http',
    set: (s) => Object.assign(s, { stride: 5, link: (u: string) => u.replace(/127\.0\.0\.1:\d+/, 'internal.local') }),
    state: 'done',
    live: ALL,
  },
  {
    id: 'Q05b',
    does: 'links to another path of another host',
    set: (s) =>
      Object.assign(s, { stride: 5, link: (u: string) => u.replace(/http:\/\/[^?]+/, 'https://internal.local/else') }),
    state: 'partial',
    types: { 7: 'foreign-host' },
    live: 13,
  },
  {
    id: 'Q06',
    does: 'links to the page before for ever',
    set: (s) => Object.assign(s, { stride: 5, link: (u: string) => u.replace('_from=10', '_from=0') }),
    state: 'partial',
    types: { 7: 'page-loop', 8: 'page-loop' },
    live: 23,
  },
  {
    id: 'Q06b',
    does: 'repeats ids under ever new links',
    set: (s) => {
      s.stride = 5;
      s.page = (b, url, n) =>
        String(url.pathname).endsWith('/Practitioner') && !url.searchParams.has('_id')
          ? {
              ...b,
              entry: (b['entry'] as JsonObject[])
                .slice(0, 0)
                .concat(wrap(dir.script.records.filter((r) => r.resourceType === 'Practitioner').slice(0, 5))),
              link: [{ relation: 'next', url: `${url.origin}${url.pathname}?_count=5&_from=5&x=${n}` }],
            }
          : b;
    },
    state: 'partial',
    types: { 7: 'page-loop' },
  },
  {
    id: 'Q07',
    does: 'lets links expire, once',
    set: (s) => {
      s.stride = 5;
      let n = 0;
      s.first = (_r, url) =>
        pages(url) && url.pathname.endsWith('/PractitionerRole') && ++n === 2 ? outcome(410) : undefined;
    },
    state: 'done',
    live: ALL,
  },
  {
    id: 'Q07b',
    does: 'lets every link expire',
    set: (s) =>
      Object.assign(s, {
        stride: 5,
        first: (_r: unknown, url: URL) =>
          pages(url) && url.pathname.endsWith('/PractitionerRole') ? outcome(404) : undefined,
      }),
    state: 'partial',
    types: { 8: 'page-link-lost' },
    live: 20,
  },
  {
    id: 'Q08',
    does: 'wants a parameter',
    set: (s) => (s.bareSearch = false),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner bare-search': 'refused' },
  },
  {
    id: 'X01',
    does: 'takes no page of more than fifty',
    set: (s) => (s.first = (_, url) => (Number(url.searchParams.get('_count') ?? 0) > 50 ? outcome(400) : undefined)),
    state: 'done',
    live: ALL,
  },
  {
    id: 'X02',
    does: 'links by a query alone',
    set: (s) => Object.assign(s, { stride: 5, link: (u: string) => new URL(u).search }),
    state: 'done',
    live: ALL,
  },
  {
    id: 'X03',
    does: 'links by a path',
    set: (s) => Object.assign(s, { stride: 5, link: (u: string) => new URL(u).pathname + new URL(u).search }),
    state: 'done',
    live: ALL,
  },
  {
    id: 'X04',
    does: 'gives totals as text, entries without search and outcomes among them',
    set: (s) => {
      s.stride = 5;
      s.page = (b) => ({
        ...b,
        total: String(b['total']),
        entry: [
          { resource: { resourceType: 'OperationOutcome', issue: [] }, search: { mode: 'outcome' } },
          ...(b['entry'] as JsonObject[]).map(({ search: _, ...e }) => e),
        ],
      });
    },
    state: 'done',
    live: ALL,
  },
  {
    id: 'X06',
    does: 'has entries with nothing in them: something may be lost',
    set: (s) => (s.page = (b) => ({ ...b, entry: [...(b['entry'] as JsonObject[]), {}] })),
    state: 'partial',
    reason: 'damaged-file',
    live: ALL,
  },
  {
    id: 'X05',
    does: 'gives the same entry twice on each page',
    set: (s) => {
      s.stride = 5;
      s.page = (b) => ({ ...b, entry: [...(b['entry'] as JsonObject[]), ...(b['entry'] as JsonObject[])] });
    },
    state: 'done',
    live: ALL,
  },
  {
    id: 'X07',
    does: 'writes Latin-1 without saying so',
    later: (s) =>
      (s.first = (_r, url) =>
        url.pathname.endsWith('/Practitioner')
          ? {
              body: Buffer.from(
                JSON.stringify({
                  resourceType: 'Bundle',
                  type: 'searchset',
                  entry: wrap([{ ...role(s, 'p1'), name: [{ family: 'Peña', given: ['José'] }] }]),
                }),
                'latin1',
              ),
            }
          : undefined),
    state: 'partial',
    types: { 7: 'not-utf8' },
    live: ALL,
    more: unchanged,
  },
  {
    id: 'X08',
    does: 'sends some records abridged',
    later: (s) =>
      (s.each = (r) =>
        r['id'] === 'p1' || r['id'] === 'p2'
          ? { resourceType: r.resourceType, id: r['id'], meta: { tag: [{ code: 'SUBSETTED' }] }, active: true }
          : r),
    state: 'partial',
    types: { 7: 'abridged-records' },
    live: ALL,
    more: unchanged,
  },
  {
    id: 'Q09',
    does: '_lastUpdated is 500',
    set: (s) => (s.lastUpdated = 500),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner last-updated': 'error' },
  },
  {
    id: 'Q10',
    does: 'lists nothing without a search',
    set: (s) => (s.enumerates = false),

    state: 'partial',
    reason: 'walk-incomplete',
    live: 0,
  },
  {
    id: 'Q11',
    does: 'refuses identifier and _sort',
    set: (s) =>
      Object.assign(s, {
        sortable: false,
        first: (_r: unknown, url: URL) => (url.searchParams.has('identifier') ? outcome(400) : undefined),
      }),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner search-identifier': 'error' },
  },
  {
    id: 'Q12',
    does: 'ignores _lastUpdated',
    set: (s) => (s.lastUpdated = 'ignored'),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner last-updated': 'ignored' },
  },
  {
    id: 'Q13',
    does: 'answers with a page for browsers',
    later: (s) => (s.first = () => html),
    state: 'failed',
    reason: 'challenge-page',
    live: ALL,
    more: async (slug) => expect((await w.peer(slug)).state).toBe('blocked'),
  },
  {
    id: 'Q14',
    does: 'refuses us',
    later: (s) => (s.first = () => outcome(403)),
    state: 'failed',
    reason: 'forbidden',
    live: ALL,
    more: async (slug) => expect((await w.peer(slug)).state).toBe('blocked'),
  },
  {
    id: 'Q15',
    does: 'asks to wait two minutes',
    later: (s) => {
      let n = 0;
      w.state.waited = [];
      s.first = () => (++n === 1 ? { ...outcome(429), headers: { 'retry-after': '120' } } : undefined);
    },
    state: 'done',
    live: ALL,
    more: async () => expect(w.state.waited).toContain(120_000),
  },
  {
    id: 'Q15b',
    does: 'asks to wait for thirty years',
    later: (s) => (s.first = () => ({ ...outcome(429), headers: { 'retry-after': '999999999' } })),
    state: 'later',
    reason: 'retry-after-absurd',
    live: ALL,
    more: async (slug) => expect((await w.peer(slug)).nextDue?.getTime()).toBe(w.state.now.getTime() + 7 * 86_400_000),
  },
  {
    id: 'Q16',
    does: 'bursts of 502, 503, 504',
    later: (s) => {
      let n = 0;
      s.first = () => (n++ % 4 === 3 ? undefined : outcome(502 + (n % 3)));
    },
    state: 'done',
    live: ALL,
  },
  {
    id: 'Q17',
    does: 'links to an empty page at the end, without totals',
    set: (s) => {
      s.total = () => undefined;
      s.page = (b, url) =>
        b['link'] || pages(url) ? b : { ...b, link: [{ relation: 'next', url: `${url.href}&_from=900` }] };
    },
    state: 'partial',
    types: { 7: 'empty-tail' },
    live: ALL,
  },
  {
    id: 'Q18',
    does: 'gives only the first five results',
    set: (s) => (s.cap = 5),
    state: 'done',
    live: ALL,
    more: async (_s, run) => expect(run.types.find((t) => t.type === 7)?.complete).toBe(true),
  },
  {
    id: 'Q18b',
    does: 'and cannot be parted by time',
    set: (s) => Object.assign(s, { cap: 5, lastUpdated: 'ignored' }),
    state: 'partial',
    types: { 7: 'short-of-total' },
    live: 13,
  },
  {
    id: 'Q18c',
    does: 'and has a record without a time, which no window holds',
    set: (s) => {
      s.cap = 5;
      s.records.push({ ...role(s, 'p1'), id: 'timeless', meta: {} });
    },
    state: 'partial',
    types: { 7: 'short-of-total' },
  },
  {
    id: 'Q19',
    does: 'changes its order between pages',
    set: (s) =>
      Object.assign(s, {
        stride: 4,
        order: (l: Resource[], n: number) => (n % 2 ? l : [...l].reverse()),
        total: () => undefined,
      }),
    state: 'done',
    live: ALL,
    more: async (slug) =>
      expect(await count(`select count(*)::int as n from federation.missing where peer = '${slug}'`)).toBe(0),
  },
  {
    id: 'Q27',
    does: 'restamps every record',
    later: (s) => (s.each = (r) => ({ ...r, meta: { versionId: '9', lastUpdated: '2027-03-02T00:00:00Z' } })),
    state: 'done',
    live: ALL,
    more: unchanged,
  },
  {
    id: 'Q28',
    does: 'changes a record without a new version',
    later: (s) => (role(s, 'p4')['gender'] = 'other'),
    state: 'done',
    live: ALL,
    more: async (_s, run) => expect(run.types.find((t) => t.type === 7)?.counters['updated']).toBe(1),
  },
  {
    id: 'Q29',
    does: 'reorders lists within records',
    later: (s) =>
      (s.each = (r) => ({
        ...r,
        ...(Array.isArray(r['identifier']) ? { identifier: [...r['identifier']].reverse() } : {}),
        ...(Array.isArray(r['telecom']) ? { telecom: [...r['telecom']].reverse() } : {}),
      })),
    state: 'done',
    live: ALL,
    more: unchanged,
  },
  {
    id: 'Q30',
    does: 'marks NPIs in other styles',
    set: (s) => {
      role(s, 'p1')['identifier'] = [{ system: 'http://terminology.hl7.org/NamingSystem/npi', value: npi(1) }];
      role(s, 'p2')['identifier'] = [{ type: { coding: [{ code: 'NPI' }] }, value: npi(2) }];
      role(s, 'p3')['identifier'] = [{ assigner: { display: 'CMS' }, value: npi(3) }];
    },
    state: 'done',
    live: ALL,
    more: async (slug, run) => {
      expect(run.types.find((t) => t.type === 7)?.counters).toMatchObject({
        'npi-style-1': 9,
        'npi-style-2': 1,
        'npi-style-3': 1,
      });
      expect(
        await count(
          `select count(*)::int as n from federation.finding where peer = '${slug}' and code like 'npi-style-%'`,
        ),
      ).toBe(2);
    },
  },
  {
    id: 'Q31',
    does: 'writes NPIs as numbers, with dashes, and wrong ones',
    set: (s) => {
      const id = (value: string | number) => [{ system: 'http://hl7.org/fhir/sid/us-npi', value }];
      role(s, 'p1')['identifier'] = id(Number(npi(1)));
      role(s, 'p2')['identifier'] = id(` ${npi(2).slice(0, 4)}-${npi(2).slice(4)}`);
      role(s, 'p3')['identifier'] = id(String(Number(npi(3)) + 1));
    },
    state: 'done',
    live: ALL,
    more: async (slug) =>
      expect(
        await count(
          `select count(*)::int as n from federation.finding where peer = '${slug}' and code = 'npi-check-digit'`,
        ),
      ).toBe(1),
  },
  {
    id: 'Q33',
    does: 'gives one id to two roles: of the payer, of the practice',
    set: (s) => s.records.push({ ...role(s, 'r1'), organization: { display: 'Oak Health Plan' } }),
    state: 'done',
    live: ALL + 1,
    more: async (slug) => {
      const keys = (await w.keys(slug)).filter((k) => k.startsWith(`PractitionerRole/${slug}.r1`) && !/r1\d/.test(k));
      expect(keys).toHaveLength(2);
      expect(keys[1]).toMatch(/\.r1\.v[0-9a-f]{8}$/);
      expect(
        await count(
          `select count(*)::int as n from federation.finding where peer = '${slug}' and code = 'role-of-payer'`,
        ),
      ).toBe(1);
      w.day();
      await w.sql`update federation.peer set cursor = '{}' where slug = ${slug}`;
      await w.harvest(slug);
      expect((await w.keys(slug)).filter((k) => keys.includes(k))).toEqual(keys);
    },
  },
  {
    id: 'Q34',
    does: 'sends placeholders',
    set: (s) =>
      s.records.push({
        resourceType: 'Organization',
        id: 'ph',
        meta: { lastUpdated: '2027-01-01T00:00:00Z' },
        extension: [{ url: 'urn:server/resource-placeholder', valueBoolean: true }],
      }),
    state: 'done',
    live: ALL,
    more: async (slug) => expect((await w.counts(slug))['h']).toBe(1),
  },
  {
    id: 'Q39',
    does: 'mixes in what has ended',
    set: (s) => (role(s, 'r2')['active'] = false),
    state: 'done',
    live: ALL - 1,
    more: async (slug) => expect((await w.counts(slug))['e']).toBe(1),
  },
  {
    id: 'Q44',
    does: 'has no Organization at all',
    set: (s) => (s.first = (_r, url) => (url.pathname.endsWith('/Organization') ? outcome(404) : undefined)),
    state: 'done',
    live: ALL - 2,
    facts: { 'Organization enumerates': 'no-type' },
  },
  {
    id: 'Q46',
    does: 'writes times with seven digits, offsets, or as days',
    set: (s) => {
      role(s, 'p1')['meta'] = { lastUpdated: '2027-01-01T00:00:00.1234567+00:00' };
      role(s, 'p2')['meta'] = { lastUpdated: '2027-01-02' };
    },
    state: 'done',
    live: ALL,
    more: async (slug) =>
      expect(
        await count(
          `select count(*)::int as n from federation.source where peer = '${slug}' and type = 7 and peer_updated is null`,
        ),
      ).toBe(0),
  },
  {
    id: 'Q47',
    does: 'answers 200 with an OperationOutcome',
    later: (s) =>
      (s.first = (_r, url) => (url.pathname.endsWith('/Practitioner') ? { ...outcome(200), status: 200 } : undefined)),
    state: 'partial',
    types: { 7: 'outcome-instead-of-bundle' },
    live: ALL,
  },
  {
    id: 'Q48',
    does: 'sends XML',
    later: (s) =>
      (s.first = (_r, url) =>
        url.pathname.endsWith('/Practitioner') && url.searchParams.get('_format') !== 'json'
          ? { body: '<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>' }
          : undefined),
    state: 'done',
    live: ALL,
  },
  {
    id: 'Q48b',
    does: 'sends nothing but XML',
    later: (s) =>
      (s.first = (_r, url) =>
        url.pathname.endsWith('/Practitioner')
          ? { body: '<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"/>' }
          : undefined),
    state: 'partial',
    types: { 7: 'xml' },
    live: ALL,
  },
  {
    id: 'Q49',
    does: 'breaks pages off',
    later: (s) => (s.first = (_r, url) => (url.pathname.endsWith('/Practitioner') ? 'cut' : undefined)),
    state: 'partial',
    types: { 7: 'body-cut' },
    live: ALL,
  },
  {
    id: 'Q52',
    does: 'claims what fails',
    set: (s) => Object.assign(s, { lastUpdated: 400 }),
    state: 'done',
    live: ALL,
    facts: { 'Practitioner last-updated': 'error' },
  },
  {
    id: 'Q54',
    does: 'moves to another host',
    later: (s) => (s.first = () => ({ status: 301, headers: { location: 'https://new.example/fhir' }, body: '' })),
    state: 'failed',
    reason: 'moved-host',
    live: ALL,
  },
  {
    id: 'Q54b',
    does: 'redirects within its host',
    later: (s) =>
      (s.first = (_r, url) =>
        url.searchParams.has('moved')
          ? undefined
          : { status: 302, headers: { location: `${url.pathname}?${url.searchParams}&moved=1` }, body: '' }),
    state: 'done',
    live: ALL,
  },
  {
    id: 'Q55',
    does: 'sends our own records among its own',
    set: (s) =>
      s.records.push({
        ...role(s, 'p1'),
        id: 'back',
        meta: { source: 'https://plan.example/directory/fhir/Practitioner/p1#3' },
      }),
    state: 'done',
    live: ALL,
    more: async (_s, run) => expect(run.types.find((t) => t.type === 7)?.counters['own']).toBe(1),
  },
  {
    id: 'Q55b',
    does: 'sends records that it has from others',
    set: (s) =>
      s.records.push({
        ...role(s, 'p1'),
        id: 'far',
        meta: { tag: [{ system: 'https://payer-node.example/fhir/CodeSystem/hop', code: '1' }] },
      }),
    state: 'done',
    live: ALL,
    more: async (_s, run) => expect(run.types.find((t) => t.type === 7)?.counters['far']).toBe(1),
  },
  {
    id: 'Q57',
    does: 'compresses without saying so',
    later: (s) =>
      (s.first = (_r, url) =>
        url.pathname.endsWith('/Location')
          ? {
              headers: { 'content-encoding': 'gzip' },
              body: gzipSync(
                json({
                  resourceType: 'Bundle',
                  type: 'searchset',
                  total: 1,
                  entry: wrap(s.records.filter((r) => r.resourceType === 'Location')),
                }).body as string,
              ),
            }
          : undefined),
    state: 'done',
    live: ALL,
  },
  {
    id: 'Q58',
    does: 'leads back to us',
    later: (s) => (s.first = () => outcome(508)),
    state: 'failed',
    reason: 'via-ourselves',
    live: ALL,
  },
  {
    id: 'Q60',
    does: 'sends half characters and U+0000',
    set: (s) => {
      role(s, 'p1')['name'] = [{ family: 'Half\ud83d' }];
      role(s, 'p2')['name'] = [{ family: 'Nul\u0000' }];
      role(s, 'p3')['name'] = [{ family: 'Whole\ud83d\ude00' }];
    },
    state: 'partial',
    types: { 7: 'damaged-file' },
    live: ALL - 2,
  },
  {
    id: 'Q59',
    does: 'sends entries that are no resources',
    later: (s) =>
      (s.page = (b, url) =>
        url.pathname.endsWith('/Location')
          ? {
              ...b,
              entry: [...(b['entry'] as JsonObject[]), { resource: 7 }, { resource: { resourceType: 'Location' } }],
            }
          : b),
    state: 'partial',
    types: { 4: 'damaged-file' },
    live: ALL,
  },
];

function wrap(list: Resource[]): JsonObject[] {
  return list.map((resource) => ({ resource }));
}

async function unchanged(_slug: string, run: Awaited<ReturnType<World['harvest']>>): Promise<void> {
  expect(run.types.map((t) => (t.counters['updated'] ?? 0) + (t.counters['new'] ?? 0)).reduce((a, b) => a + b, 0)).toBe(
    0,
  );
}

test.each(ROWS)('$id: a peer that $does', async (row) => {
  const slug = row.id.toLowerCase();
  dir.reset();
  row.set?.(dir.script);
  await w.add(slug, `${dir.base}/${slug}/fhir`);
  if (row.later) {
    expect((await w.harvest(slug)).state).toBe('done');
    w.day();
    await w.sql`update federation.peer set cursor = '{}' where slug = ${slug}`;
    row.later(dir.script);
  }
  const run = await w.harvest(slug);
  expect([run.state, ...(row.reason === undefined ? [] : [run.reason])]).toEqual([
    row.state,
    ...(row.reason === undefined ? [] : [row.reason]),
  ]);
  for (const [type, reason] of Object.entries(row.types ?? {}))
    expect(run.types.find((t) => t.type === Number(type))?.reason).toBe(reason);
  if (row.live !== undefined) expect((await w.counts(slug))['l'] ?? 0).toBe(row.live);
  expect((await w.counts(slug))['t'] ?? 0).toBe(0);
  if (row.facts) {
    const facts = Object.fromEntries((await currentFacts(w.sql, slug)).map((f) => [`${f.type} ${f.name}`, f.value]));
    expect(facts).toMatchObject(row.facts);
  }
  await row.more?.(slug, run);
});
