// Pages of records: one ends where it is large enough, whatever _count says, and every record comes once; few are made at once.
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

const { rivera } = PEOPLE;
const me = idOf(rivera);
const MEGABYTE = 1024 * 1024;
let node: TestNode;
let them: ExportClient;
let token: string;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  token = await them.signIn();
  const long = (id: string, megabytes: number, status = 'final') => ({
    resourceType: 'Observation',
    id,
    status,
    code: { text: 'x' },
    subject: { reference: `Patient/${me}` },
    valueString: 'long '.repeat((megabytes * MEGABYTE) / 5),
  });
  const records = [0.9, 0.9, 0.9, 3, 0.1, 0.1, 0.9].map((size, i) =>
    long(`o${i}`, size, i % 2 === 0 ? 'final' : 'amended'),
  );
  const large = (id: string, megabytes: number) => ({
    resourceType: 'Organization',
    id,
    active: true,
    name: id,
    alias: ['long '.repeat((megabytes * MEGABYTE) / 5)],
  });
  const team = {
    resourceType: 'CareTeam',
    id: 'team',
    subject: { reference: `Patient/${me}` },
    participant: ['g0', 'g1', 'g2', 'g3', 'g4'].map((id) => ({ member: { reference: `Organization/${id}` } })),
  };
  const organizations = [0.9, 0.9, 0.9, 3, 0.1].map((size, i) => large(`g${i}`, size));
  const seen = ['g0', 'g1', 'g2', 'g0', 'g3', 'g4'].map((id, i) => ({
    resourceType: 'Encounter',
    id: `e${i}`,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: `Patient/${me}` },
    participant: [{ individual: { reference: `Practitioner/p${i}` } }],
    location: [{ location: { reference: `Location/${id}` } }],
  }));
  const places = organizations.map(({ alias, id }) => ({ resourceType: 'Location', id, status: 'active', alias }));
  await enrol(node.deps, [rivera], [...records, team, ...organizations, ...places, ...seen]);
  await them.group([card(rivera)]);
});
afterAll(() => node.close());

type Page = { total?: number; link: { relation: string; url: string }[]; entry?: { resource: { id: string } }[] };

/** Ids of each page, and whether any was larger than what one record may add to the most. */
async function pages(path: string): Promise<{ ids: string[][]; largest: number }> {
  const ids: string[][] = [];
  let largest = 0;
  for (let url: string | undefined = path; url !== undefined; ) {
    const answer = await them.call(url);
    expect(answer.status).toBe(200);
    largest = Math.max(largest, answer.bytes.length);
    const page = answer.json() as Page;
    ids.push((page.entry ?? []).map((e) => e.resource.id));
    url = page.link.find((l) => l.relation === 'next')?.url;
  }
  return { ids, largest };
}

test.each([
  ['$everything', () => `/Patient/${me}/$everything?_type=Observation`],
  ['a search', () => `/Observation?patient=${me}&_count=200`],
])('%s', async (_, path) => {
  const { ids, largest } = await pages(path());
  expect(ids.flat()).toEqual(['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6']);
  expect(ids).toEqual([['o0', 'o1', 'o2'], ['o3'], ['o4', 'o5', 'o6']]);
  expect(largest).toBeLessThan(3.1 * MEGABYTE);
});

test('a search that leaves out some of them', async () => {
  const { ids } = await pages(`/Observation?patient=${me}&status=amended&_count=200`);
  expect(ids).toEqual([['o1', 'o3'], ['o5']]);
});

test.each([
  [
    '$everything',
    () => `/Patient/${me}/$everything?_type=CareTeam,Organization`,
    [['team', 'g0', 'g1', 'g2'], ['g3'], ['g4']],
  ],
  ['a search', () => `/Organization?patient=${me}&_count=200`, [['g0', 'g1', 'g2'], ['g3'], ['g4']]],
  [
    'a search by more',
    () => `/Organization?patient=${me}&active=true&_count=200`,
    [['g0', 'g1', 'g2'], ['g3'], ['g4']],
  ],
])('directory entries of %s', async (_, path, expected) => {
  const { ids, largest } = await pages(path());
  expect(ids).toEqual(expected);
  expect(largest).toBeLessThan(3.1 * MEGABYTE);
});

test('what records bring along: a page ends before it is too much', async () => {
  const { ids, largest } = await pages(
    `/Encounter?patient=${me}&_include=Encounter:location&_revinclude=Provenance:target`,
  );
  const kept = ids.map((page) => page.filter((id) => /^[eg]\d$/.test(id)));
  expect(kept).toEqual([
    ['e0', 'e1', 'e2', 'e3', 'g0', 'g1', 'g2'],
    ['e4', 'g3'],
    ['e5', 'g4'],
  ]);
  expect(largest).toBeLessThan(3.2 * MEGABYTE);
});

test('what one record alone brings along: what is missing is reported', async () => {
  const answer = await them.call(`/CareTeam?patient=${me}&_include=CareTeam:participant`);
  const { entry, link, total } = answer.json() as Omit<Page, 'entry'> & {
    entry: { resource: { id: string; issue?: { code: string }[] }; search: { mode: string } }[];
  };
  expect(entry.map((e) => [e.search.mode, e.resource.id ?? e.resource.issue?.[0]?.code])).toEqual([
    ['match', 'team'],
    ['include', 'g0'],
    ['include', 'g1'],
    ['include', 'g2'],
    ['outcome', 'incomplete'],
  ]);
  expect([total, link.map((l) => l.relation)]).toEqual([1, ['self']]);
});

test('directory entries after a page of records that is full, and who transmits all of them', async () => {
  const { ids } = await pages(`/Patient/${me}/$everything?_type=Observation,Organization`);
  expect(ids.flat()).toEqual(['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6', 'g0', 'g1', 'g2', 'g3', 'g4']);
  const full = await pages(`/Patient/${me}/$everything?_type=CareTeam,Organization&_count=1`);
  expect(full.ids).toEqual([['team'], ['g0'], ['g1'], ['g2'], ['g3'], ['g4']]);
  let sent: string[] = [];
  for (let url: string | undefined = `/Patient/${me}/$everything`; url !== undefined; ) {
    const page = (await them.call(url)).json() as Page & {
      entry: { resource: { resourceType: string; target?: { reference: string }[] } }[];
    };
    for (const { resource } of page.entry)
      if (resource.resourceType === 'Provenance') sent = [...sent, ...(resource.target ?? []).map((t) => t.reference)];
    url = page.link.find((l) => l.relation === 'next')?.url;
  }
  expect(sent.filter((t) => t.startsWith('Organization/g')).sort()).toEqual(
    ['g0', 'g1', 'g2', 'g3', 'g4'].map((id) => `Organization/${id}`),
  );
});

test('_count counts as before', async () => {
  const { ids } = await pages(`/Patient/${me}/$everything?_type=Observation&_count=2`);
  expect(ids).toEqual([['o0', 'o1'], ['o2', 'o3'], ['o4', 'o5'], ['o6']]);
});

test('of one payer four pages of records are made at once; who waits comes in turn, and nothing is read for who has gone', async () => {
  const { url, sql } = node.deps.database as typeof node.deps.database & { url: string };
  const many = openDatabase(url, { max: 12 });
  // however slow the machine is, no one has waited too long
  const now = node.deps.clock();
  const app = createExchange({ ...node.deps, database: many, clock: () => now });
  const leaving = new AbortController();
  const ask = async (path: string, signal?: AbortSignal) =>
    app.fetch(
      new Request(`${node.base}/exchange/fhir/${path}`, {
        headers: { authorization: `Bearer ${token}` },
        ...(signal === undefined ? {} : { signal }),
      }),
    );
  const page = (n: number) =>
    n % 2 === 0 ? `Patient/${me}/$everything?_count=1` : `Observation?_count=1&patient=${me}`;
  try {
    const { held, asked, gone } = await sql.begin(async (tx) => {
      await tx`lock table exchange.audit in share mode`;
      const waiting = async () => {
        const [row] = await sql<{ n: number }[]>`
          select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        return row?.n ?? 0;
      };
      const first = Array.from({ length: 4 }, (_, n) => ask(page(n)));
      while ((await waiting()) < 4) await new Promise((r) => setTimeout(r, 10));
      const gone = Array.from({ length: 4 }, (_, n) => ask(page(n), leaving.signal));
      const later = Array.from({ length: 4 }, (_, n) => ask(page(n)));
      // time enough for them to be looked at
      await new Promise((r) => setTimeout(r, 300));
      leaving.abort();
      return { held: await waiting(), asked: [...first, ...later], gone };
    });
    expect(held).toBe(4);
    expect((await Promise.all(asked)).map((a) => a.status)).toEqual(asked.map(() => 200));
    expect((await Promise.all(gone)).map((a) => a.status)).toEqual(gone.map(() => 503));
  } finally {
    await many.close();
  }
});

test('a page has its place until it has been sent', async () => {
  const app = createExchange(node.deps);
  const ask = async (path: string, outgoing?: object, signal?: { aborted: boolean }) => {
    const request = new Request(`${node.base}/exchange/fhir/${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (signal) Object.defineProperty(request, 'signal', { value: signal });
    return (await app.fetch(request, outgoing && { incoming: { socket: new EventEmitter() }, outgoing })).status;
  };
  const paths = [
    `Patient/${me}/$everything?_count=1`,
    `Observation?_count=1&patient=${me}`,
    `Organization?_count=1&patient=${me}`,
    `Patient/${me}/$everything?_count=1`,
  ];
  /** Gone as soon as it has to wait. */
  const impatient = (path: string) => {
    let looks = 0;
    return ask(path, undefined, {
      get aborted() {
        return ++looks > 1;
      },
    });
  };
  const sent = paths.map(() => new EventEmitter());
  for (const [i, path] of paths.entries()) expect(await ask(path, sent[i])).toBe(200);
  for (const path of paths) expect(await impatient(path)).toBe(503);
  sent[0]?.emit('close');
  for (const path of paths) expect(await impatient(path)).toBe(200);
  // a search that names no member has one of two
  const wide = ['Patient?_count=1', 'Organization?_count=1'].map((path) => ({ path, sent: new EventEmitter() }));
  for (const { path, sent } of wide) expect(await ask(path, sent)).toBe(200);
  for (const { path } of wide) expect(await impatient(path)).toBe(503);
  for (const { sent } of wide) sent.emit('close');
  for (const { path } of wide) expect(await impatient(path)).toBe(200);
  for (const one of sent.slice(1)) one.emit('close');
});
