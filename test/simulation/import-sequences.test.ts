// Imports in any order, in parts of any size, two at once: resources come, change, go, come again, by themselves and together. What is indexed
// afterwards is what a directory has that was filled at once with what there is; histories have no gap.
import { expect, test } from 'vitest';
import type { ImportEntry } from '../../directory/resource/resource-import.ts';
import { isObject, type JsonObject, type Resource } from '../../src/fhir/resource.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { deletion, directory, entries, FIXTURE, keyOf } from '../directory/fixture.ts';

const DATA = [...FIXTURE, ...directoryResources({ seed: 7, resources: 170 })];
type Directory = Awaited<ReturnType<typeof directory>>;

/** All references within. */
function references(value: unknown): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isObject(value as never)) return [];
  const of = value as JsonObject;
  return [...(typeof of['reference'] === 'string' ? [of] : []), ...Object.values(of).flatMap(references)];
}

/** The resource with a part of another one of its type, with a reference led elsewhere, or by identifier instead. */
function changed(draw: Draw, given: Resource): Resource {
  const resource = structuredClone(given);
  const peers = DATA.filter((r) => r.resourceType === given.resourceType);
  const reference = references(resource).length === 0 ? undefined : draw.pick(references(resource));
  const type = String(reference?.['reference']).split('/').at(-2);
  const targets = DATA.filter((r) => r.resourceType === type);
  if (reference === undefined || targets.length === 0 || draw.chance(0.4)) {
    const from = draw.pick(peers);
    const name = draw.pick(Object.keys(from).filter((n) => n !== 'id' && n !== 'resourceType'));
    return { ...resource, [name]: structuredClone(from[name]) } as Resource;
  }
  const target = draw.pick(targets);
  const [identifier] = Array.isArray(target['identifier']) ? target['identifier'] : [];
  if (identifier === undefined || draw.chance(0.5)) reference['reference'] = keyOf(target);
  else {
    delete reference['reference'];
    Object.assign(reference, { type: type ?? '', identifier: structuredClone(identifier) });
  }
  return resource;
}

/** Rows of what searches read. Words of names and patterns of hours are kept for the next who has them. */
async function indexed({ database: { sql } }: Directory): Promise<[string, string[]][]> {
  const found: [string, string[]][] = [];
  const named =
    'key, type, content_hash, refs, ref_params, hours, sort, array(select unnest(params) order by 1) as params, findings';
  for (const [table, columns] of [
    ['resource', named],
    ...['lookup', 'words', 'dates', 'place', 'boundary', 'verification', 'care_at', 'logical'].map((t) => [t, '*']),
  ]) {
    const rows = await sql.unsafe<{ row: string }[]>(
      `select t::text as row from (select ${columns} from directory.${table}${table === 'resource' ? ' where not deleted' : ''}) t order by 1`,
    );
    found.push([String(table), rows.map((r) => r.row)]);
  }
  return found;
}

async function history(d: Directory, key: string): Promise<string[]> {
  const told = (await (await d.get(`${key}/_history?_count=500`)).json()) as {
    entry?: { request: { method: string }; response: { etag: string } }[];
  };
  return (told.entry ?? []).map((e) => `${e.response.etag} ${e.request.method}`).reverse();
}

async function held(d: Directory): Promise<Resource[]> {
  const rows = await d.database.sql.unsafe<{ body: Uint8Array }[]>(
    'select body from directory.resource where not deleted',
  );
  return rows.map(({ body }) => JSON.parse(Buffer.from(body).toString('utf8')) as Resource);
}

test.each([1, 3])('the index after any imports is that of one (%i)', async (seed) => {
  const draw = new Draw(seed, kindKey('import-sequences'), 0);
  const d = await directory(DATA.filter(() => draw.chance(0.7)));
  try {
    for (let step = 0; step < 5; step++) {
      const world = new Map((await held(d)).map((r) => [keyOf(r), r]));
      const expected = new Map<string, boolean>();
      const batch: ImportEntry[] = [];
      for (let i = 0; i < 10 + draw.int(50); i++) {
        const known = draw.pick([...world.values()]);
        const isGone = draw.chance(0.3);
        const next = draw.chance(0.3) ? draw.pick(DATA) : changed(draw, known);
        const key = keyOf(isGone ? known : next);
        batch.push(...(isGone ? [deletion(key)] : entries([next])));
        if (!isGone) world.set(key, next);
        expected.set(key, !isGone);
      }
      const at = draw.chance(0.5) ? draw.int(batch.length) : 0;
      const parts = at === 0 ? [batch] : [batch.slice(0, at), batch.slice(at)];
      const done = await Promise.all(parts.map((part) => d.load(part, { batch: 1 + draw.int(25) })));
      expect(done.map((s) => s.rejected)).toEqual(parts.map(() => 0));
      for (const [key, isLive] of expected) {
        const { status } = await d.get(key);
        // of two at once either may be the last
        if (parts.length === 1) expect([key, status === 200]).toEqual([key, isLive]);
        const told = await history(d, key);
        const methods = told.map((line, i) => line.slice(`W/"${i + 1}" `.length));
        expect([key, told]).toEqual([key, methods.map((method, i) => `W/"${i + 1}" ${method}`)]);
        expect([key, methods.filter((m, i) => (m === 'POST') !== (i === 0))]).toEqual([key, []]);
        expect([key, methods.some((m, i) => m === 'DELETE' && methods[i - 1] === 'DELETE')]).toEqual([key, false]);
      }
      const once = await directory(await held(d));
      try {
        expect(await indexed(d)).toEqual(await indexed(once));
      } finally {
        await once.close();
      }
    }
  } finally {
    await d.close();
  }
});
