// Peers that mean harm, or are badly broken: what they send may cost them their own records and nothing else. Each row sends
// what it likes beside a whole and honest directory; the others' merged view must come about all the same.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkDue } from '../../../directory/federation/link.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { type Script, scriptedDirectory } from './scripted-directory.ts';
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

const of = (s: Script, id: string): Resource => {
  const found = s.records.find((r) => r['id'] === id);
  if (!found) throw new Error(id);
  return found;
};
const ALL = 27;

const random = (n: number) => {
  let x = 7;
  return Array.from({ length: n }, () => {
    x = (x * 1_103_515_245 + 12_345) % 2_147_483_648;
    return String.fromCharCode(97 + (x % 26));
  }).join('');
};
const deep = (n: number): JsonObject => {
  let value: JsonObject = {};
  for (let i = 0; i < n; i++) value = { url: 'urn:x', extension: [value] };
  return value;
};

type Row = { id: string; does: string; set: (s: Script) => void; state?: string; more?: number };
const ROWS: Row[] = [
  {
    id: 'h1',
    does: 'names somebody with ten thousand letters',
    set: (s) => (of(s, 'p1')['name'] = [{ family: random(10_000), given: [random(9000)] }]),
  },
  {
    id: 'h2',
    does: 'lies in a place that is nowhere',
    set: (s) => (of(s, 'loc')['position'] = { latitude: 1e300, longitude: -1e300 }),
  },
  {
    id: 'h3',
    does: 'writes times beyond the calendar',
    set: (s) => {
      of(s, 'p1')['meta'] = { lastUpdated: '9999-12-31T23:59:59-12:00' };
      of(s, 'p2')['meta'] = { lastUpdated: '0000-01-01' };
    },
  },
  {
    id: 'h4',
    does: 'nests a thousand levels deep',
    state: 'partial',
    more: -1,
    set: (s) => (of(s, 'p1')['extension'] = [deep(500)]),
  },
  {
    id: 'h7',
    does: 'has an identifier of a megabyte',
    set: (s) => (of(s, 'clinic')['identifier'] = [{ system: `urn:${random(5000)}`, value: random(1_000_000) }]),
  },
  {
    id: 'h8',
    does: 'has values of the wrong kind everywhere',
    set: (s) =>
      Object.assign(of(s, 'p1'), {
        name: [[1], null, 'x', { family: ['x'], given: 'y' }],
        telecom: [{ system: 'phone', value: { a: 1 } }],
        address: { line: 'x', postalCode: [], state: {} },
        identifier: [null, 7, { system: 7, value: {} }],
      }),
  },
  {
    id: 'h9',
    does: 'has ids that differ by case, are long, or no ids',
    more: 6,
    set: (s) =>
      s.records.push(
        ...['P1', 'x'.repeat(65), `p1${' '}`, '../p1', 'p1.v00000000', 'Ⅷ'].map((id) => ({
          ...structuredClone(of(s, 'p1')),
          id,
        })),
      ),
  },
  {
    id: 'h10',
    does: 'has a state of a thousand letters and a phone of digits',
    set: (s) =>
      (of(s, 'p1')['address'] = [{ line: [random(9000)], state: random(9000), postalCode: `06103${random(9000)}` }]),
  },
  {
    id: 'h11',
    does: 'has a position of words',
    set: (s) => (of(s, 'loc')['position'] = { latitude: 'NaN', longitude: 'Infinity' }),
  },
];

test.each(ROWS)(
  '$id: a peer that $does',
  async (row) => {
    dir.reset();
    row.set(dir.script);
    await w.add(row.id, `${dir.base}/${row.id}/fhir`);
    const run = await w.harvest(row.id);
    expect(run.state).toBe(row.state ?? 'done');
    expect((await w.counts(row.id))['l']).toBe(ALL + (row.more ?? 0));
    expect(await mergeDue(w.deps)).toMatchObject({ deleted: 0, rejected: 0 });
    expect(await linkDue(w.deps)).toBeDefined();
  },
  12_000,
);
