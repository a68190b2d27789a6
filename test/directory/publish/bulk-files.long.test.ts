// A snapshot in streams side by side: everything once, in files of one type, or nothing of it.
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BULK_ORDER, LeaseLost, writeFull } from '../../../directory/publish/bulk-files.ts';
import { TableMoved } from '../../../directory/publish/changed-rows.ts';
import { openPublication } from '../../../directory/publish/publication.ts';
import type { Database } from '../../../src/db/database.ts';
import type { Blobs } from '../../../src/deps.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { directoryResources } from '../../../src/seed/plan-net/index.ts';
import { directory, keyOf, NOW } from '../fixture.ts';

const DATA = [...directoryResources({ seed: 3, resources: 2000 })];
let d: Awaited<ReturnType<typeof directory>>;
let snapshot: Awaited<ReturnType<typeof openPublication>>;
beforeAll(async () => {
  d = await directory(DATA);
  snapshot = await openPublication(d.database, NOW);
});
afterAll(async () => {
  await snapshot.end();
  await d.close();
});

async function textOf(key: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of (await d.blobs.get(key)) ?? []) parts.push(part);
  return gunzipSync(Buffer.concat(parts)).toString();
}

test.each([
  [3, 2],
  [40, 2],
  [1_000_000, 1],
])('stretches of %i pages: each resource once', async (stretch, streams) => {
  const files = await writeFull(d, snapshot.id, `made/${stretch}`, () => true, [], stretch);
  const lines: string[] = [];
  for (const file of files) {
    const held = (await textOf(file.blobKey)).trimEnd().split('\n');
    expect(held.length).toBe(file.lines);
    for (const line of held) {
      const resource = JSON.parse(line) as Resource;
      expect(resource.resourceType).toBe(file.type);
      lines.push(keyOf(resource));
    }
  }
  expect(lines.sort()).toEqual(DATA.map(keyOf).sort());
  expect(files.map((f) => f.position)).toEqual(files.map((_, i) => i));
  const ranks = files.map((f) => (BULK_ORDER as readonly string[]).indexOf(f.type));
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  expect(files.filter((f) => f.type === 'PractitionerRole').length).toBe(streams);
});

test('a table that is written anew between two stretches: nothing is left of what was read', async () => {
  const owner = d.database.dedicated('work');
  let stretches = 0;
  const database: Database = {
    ...d.database,
    dedicated: (use) => {
      const client = d.database.dedicated(use);
      const begin = (text: string) =>
        ++stretches === 3
          ? owner.unsafe('vacuum full directory.resource').then(() => client.unsafe(text))
          : client.unsafe(text);
      return new Proxy(client, {
        get: (target, name, self) =>
          name === 'unsafe'
            ? (text: string) => (text.startsWith('begin') ? begin(text) : target.unsafe(text))
            : Reflect.get(target, name, self),
      });
    },
  };
  const work = writeFull({ ...d, database }, snapshot.id, 'anew', () => true, [], 10);
  await expect(work).rejects.toThrow(TableMoved);
  expect(await d.blobs.list('anew/')).toEqual([]);
  await owner.end();
});

test('one stream fails: the other stops, nothing is left', async () => {
  let begun = 0;
  const blobs: Blobs = {
    ...d.blobs,
    put: (key, source) => {
      if (++begun === 4) return Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
      return d.blobs.put(key, source);
    },
  };
  const work = writeFull({ ...d, blobs }, snapshot.id, 'failed', () => true, [], 1);
  await expect(work).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await d.blobs.list('failed/')).toEqual([]);
});

test('a lease that is lost ends all streams', async () => {
  let asked = 0;
  const work = writeFull(d, snapshot.id, 'lost', () => ++asked < 5, [], 1);
  await expect(work).rejects.toThrow(LeaseLost);
  expect(await d.blobs.list('lost/')).toEqual([]);
});

test.each([
  ['one connection', () => 1],
  ['none for a while', (asked: number) => (asked % 5 === 0 ? 1 : 0)],
])('a server that has %s to give: all is written', async (_, free) => {
  let open = 0;
  let asked = 0;
  let refused = 0;
  const database: Database = {
    ...d.database,
    dedicated: (use) => {
      const client = d.database.dedicated(use);
      const has = open < free(++asked);
      if (has) open++;
      else refused++;
      return new Proxy(client, {
        get: (target, name, self) => {
          if (name === 'unsafe' && !has)
            return () => Promise.reject(Object.assign(new Error('sorry, too many clients already'), { code: '53300' }));
          if (name === 'end' && has)
            return (options: object) => {
              open--;
              return target.end(options);
            };
          return Reflect.get(target, name, self);
        },
      });
    },
  };
  const files = await writeFull({ ...d, database }, snapshot.id, `few/${asked}`, () => true, [], 10, 1);
  expect(files.reduce((lines, f) => lines + f.lines, 0)).toBe(DATA.length);
  expect(refused).toBeGreaterThan(0);
});

test('a server that never has one fails the publication, and a lease that is lost meanwhile ends it', async () => {
  const database: Database = {
    ...d.database,
    dedicated: (use) => {
      const client = d.database.dedicated(use);
      return new Proxy(client, {
        get: (target, name, self) =>
          name === 'unsafe'
            ? () => Promise.reject(Object.assign(new Error('sorry, too many clients already'), { code: '53300' }))
            : Reflect.get(target, name, self),
      });
    },
  };
  const write = (alive: () => boolean) => writeFull({ ...d, database }, snapshot.id, 'never', alive, [], 10, 1);
  await expect(write(() => true)).rejects.toMatchObject({ code: '53300' });
  let asked = 0;
  await expect(write(() => ++asked < 3)).rejects.toThrow(LeaseLost);
  expect(await d.blobs.list('never/')).toEqual([]);
});
