// Our own nodes federate: two by their chains, three in a ring by their merged bases. What came from others is never published
// as ours, and what is ours is recognised when it comes back.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDirectory } from '../../directory/app.ts';
import { createFederation } from '../../directory/federation/app.ts';
import { linkDue } from '../../directory/federation/link.ts';
import { mergeDue } from '../../directory/federation/merge.ts';
import { publishNow } from '../../directory/publish/work.ts';
import { importResources } from '../../directory/resource/resource-import.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { records } from '../directory/federation/scripted-directory.ts';
import { type World, world } from '../directory/federation/world.ts';
import { deletion, entries, keysFor } from '../directory/fixture.ts';

type Node = World & { base: string; server: Server; load(list: Resource[]): Promise<unknown>; requests: string[] };
/** a ring may be watched for longer: RING_ROUNDS=100 */
const ROUNDS = Number(process.env['RING_ROUNDS'] ?? 4);
let nodes: Node[];

async function startNode(people: number, family: string): Promise<Node> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const w = await world({
    BASE_URL: base,
    DIRECTORY_RATE_PER_MINUTE: '0',

    PUBLISH_EVERY: 'P1D',
  });
  w.state.now = new Date(w.state.now.getTime() + people); // no two payers write in the same millisecond
  const deps = { ...w.deps, keys: keysFor(), metrics: noMetrics } as never;
  const own = createDirectory(deps);
  const merged = createFederation(deps);
  const requests: string[] = [];
  server.on(
    'request',
    getRequestListener((request) => {
      const { pathname } = new URL(request.url);
      requests.push(pathname);
      return pathname.startsWith('/directory/all/') ? merged.fetch(request) : own.fetch(request);
    }),
  );
  const load = (list: Resource[]) =>
    importResources(w.database, entries(list), { base: `${base}/directory/fhir`, clock: () => w.state.now });
  await load(
    records(people).map((r) =>
      r.resourceType === 'Practitioner'
        ? { ...r, name: [{ family: `${family}${String(r['id'])}`, given: ['Ana'] }] }
        : r,
    ),
  );
  await mergeDue(w.deps);
  return { ...w, base, server, load, requests };
}

beforeAll(async () => {
  nodes = await Promise.all([startNode(3, 'Elm'), startNode(4, 'Oak'), startNode(5, 'Fir')]);
});
afterAll(async () => {
  for (const n of nodes) {
    n.server.closeAllConnections();
    n.server.close();
    await n.close();
  }
});

const node = (i: number): Node => nodes[i % 3] as Node;
const size = async (n: Node, schema = 'merged') =>
  Number((await n.sql.unsafe(`select count(*)::int as n from ${schema}.resource where not deleted`))[0]?.['n']);

describe('two nodes', () => {
  test('one takes the chain of the other: all, then what changed, then nothing', async () => {
    const [a, b] = [node(0), node(1)];
    await publishNow(b.deps);
    await a.add('oak', `${b.base}/directory/fhir/$bulk-publish`);
    expect(await a.harvest('oak')).toMatchObject({ state: 'done' });
    expect(await a.counts('oak')).toEqual({ l: 11 });
    b.state.now = new Date(b.state.now.getTime() + 60_000);
    const p1 = records(1).find((r) => r['id'] === 'p1') as Resource;
    await b.load([{ ...p1, gender: 'other' }]);
    await importResources(b.database, [deletion('PractitionerRole/r2')], {
      base: `${b.base}/directory/fhir`,
      clock: () => b.state.now,
    });
    b.state.now = new Date(b.state.now.getTime() + 60_000);
    await publishNow(b.deps);
    const done = await a.harvest('oak');
    expect(done.types.map((t) => [t.type, t.rung, t.counters['updated'] ?? 0, t.counters['deleted'] ?? 0])).toEqual([
      [7, 1, 1, 0],
      [8, 1, 0, 1],
    ]);
    expect(await a.counts('oak')).toEqual({ l: 10, t: 1 });
    expect((await a.harvest('oak')).state).toBe('unchanged');
    await mergeDue(a.deps);
    await linkDue(a.deps);
    const meta = (await a.sql`select body from merged.resource where key = 'Practitioner/oak.p1'`)[0]?.['body'];
    expect(String(meta)).toContain(`${b.base}/directory/fhir/Practitioner/p1`);
    await a.sql`update federation.peer set state = 'paused' where slug = 'oak'`;
  });
});

describe('a peer that answers with our own records', () => {
  test('has them left out, marked or not', async () => {
    const [a, c] = [node(0), node(2)];
    const copies = (await c.sql<{ body: string }[]>`select body from directory.resource where not deleted`).map(
      (r) => r.body,
    );
    const mirror = createServer((request, answer) => {
      answer.setHeader('content-type', 'application/json');
      if (request.url === '/m/f') answer.end(copies.map((body) => `${body}\n`).join(''));
      else
        answer.end(
          JSON.stringify({
            transactionTime: '2027-03-01T00:00:00Z',
            requiresAccessToken: false,
            output: [{ type: 'Practitioner', url: `${base}/m/f` }],
          }),
        );
    });
    mirror.listen(0, '127.0.0.1');
    await new Promise((done) => mirror.once('listening', done));
    const base = `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`;
    try {
      await c.add('mirror', `${base}/m/$bulk-publish`);
      const done = await c.harvest('mirror');
      expect(done.types.find((t) => t.type === 7)?.counters['own']).toBe(5);
      expect(await c.counts('mirror')).toEqual({});
      // to somebody else they are records of that peer
      await a.add('mirror', `${base}/m/$bulk-publish`);
      await a.harvest('mirror');
      expect(await a.counts('mirror')).toEqual({ l: 5 });
    } finally {
      for (const n of [a, c]) await n.sql`delete from federation.outbox`;
      for (const n of [a, c]) await n.sql`update federation.peer set state = 'paused' where slug = 'mirror'`;
      mirror.closeAllConnections();
      mirror.close();
    }
  });
});

describe('three nodes in a ring, each reading the merged base of the next', () => {
  test('many rounds: counts stay as they are, nothing of others is ours, nothing comes back', async () => {
    for (const i of [0, 1, 2]) await node(i).add('ring', `${node(i + 1).base}/directory/all/fhir`);
    const seen: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const i of [0, 1, 2]) {
        const n = node(i);
        n.day();
        const done = await n.harvest('ring');
        expect(['done', 'unchanged']).toContain(done.state);
        await mergeDue(n.deps);
        await linkDue(n.deps);
      }
      seen.push((await Promise.all(nodes.map((n) => size(n)))).join(' '));
    }
    // own: 9, 11 - 1, 13; beside each the own ones of the next, and oak's at the first
    expect(new Set(seen.slice(1)).size).toBe(1);
    expect(await Promise.all(nodes.map((n) => size(n, 'directory')))).toEqual([9, 10, 13]);
    expect(await node(0).counts('ring')).toEqual({ l: 10, t: 1 });
    expect(await node(1).counts('ring')).toEqual({ l: 13 });
    expect(await node(2).counts('ring')).toEqual({ l: 9 });
    const hops = await node(2)
      .sql`select distinct t ->> 'code' as hop from merged.resource r, jsonb_array_elements(r.body::jsonb -> 'meta' -> 'tag') t where r.key like '%/ring.%' and not r.deleted and t ->> 'system' like '%/hop'`;
    expect(hops.map((h) => h['hop'])).toEqual(['1']);
  }, 180_000);

  test('with more hops allowed, our own come back and are recognised', async () => {
    const n = node(0);
    (n.deps.config as { federationHopLimit: number }).federationHopLimit = 5;
    (node(1).deps.config as { federationHopLimit: number }).federationHopLimit = 5;
    (node(2).deps.config as { federationHopLimit: number }).federationHopLimit = 5;
    let before = '';
    for (let round = 0; round < 6; round++) {
      for (const i of [0, 1, 2]) {
        await node(i).sql`update federation.peer set cursor = '{}' where slug = 'ring'`;
        node(i).day();
        expect(['done', 'unchanged']).toContain((await node(i).harvest('ring')).state);
        await mergeDue(node(i).deps);
      }
      const now = (await Promise.all(nodes.map((x) => size(x)))).join(' ');
      if (round === 5) expect(now).toBe(before);
      before = now;
    }
    const own = await n.sql<
      { n: number }[]
    >`select coalesce(sum((counters ->> 'own')::int), 0)::int as n from federation.run_type`;
    expect(own[0]?.n).toBeGreaterThan(0);
    expect(await size(n, 'directory')).toBe(9);
    const ours =
      await n.sql`select key from merged.resource where key like '%/ring.%' and not deleted and body like ${`%"source":"${n.base}/%`}`;
    expect(ours).toEqual([]);
  }, 180_000);
});
