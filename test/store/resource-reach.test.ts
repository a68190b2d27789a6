// Entries that follow from other resources, after whatever changes of them: compared with what a look at all resources gives.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { CITIES, NETWORKS } from '../../src/fhir/search/reached.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { reindex } from '../../src/store/resource-reindex.ts';
import { BASE, deletion, directory, entries, keyOf } from '../directory/fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory([]);
});
afterAll(() => d.close());

const reference = (key: string) => ({ reference: key });
const person = (id: string): Resource => ({ resourceType: 'Practitioner', id, name: [{ family: 'Roe' }] });
const place = (id: string, city: string | undefined): Resource => ({
  resourceType: 'Location',
  id,
  name: 'Site',
  ...(city === undefined ? {} : { address: { city } }),
});
const role = (id: string, of: string | undefined, networks: string[], places: string[]): Resource => ({
  resourceType: 'PractitionerRole',
  id,
  extension: networks.map((n) => ({
    url: `${PLAN_NET}/StructureDefinition/network-reference`,
    valueReference: reference(`Organization/${n}`),
  })),
  ...(of === undefined ? {} : { practitioner: reference(`Practitioner/${of}`) }),
  location: places.map((p) => reference(`Location/${p}`)),
});

type Held = Map<string, Resource>;
const keysOf = (r: Resource, what: (path: string) => boolean): string[] =>
  [...JSON.stringify(r).matchAll(/"reference":"([^"]+)"/g)].map((m) => m[1] ?? '').filter(what);
const pairs = (rows: [string, string][]) => [...new Set(rows.map((row) => row.join(' ')))].sort();

/** By a look at all resources: people and the networks of their roles, roles and the cities of their places. */
function expected(held: Held) {
  const roles = [...held.values()].filter((r) => r.resourceType === 'PractitionerRole');
  const named = (r: Resource, type: string) => keysOf(r, (key) => key.startsWith(`${type}/`));
  return {
    networks: pairs(
      roles.flatMap((r) =>
        named(r, 'Practitioner')
          .filter((key) => held.has(key))
          .flatMap((key) => named(r, 'Organization').map((network): [string, string] => [key, network])),
      ),
    ),
    cities: pairs(
      roles.flatMap((r) =>
        named(r, 'Location').flatMap((key) => {
          const { address } = (held.get(key) ?? {}) as { address?: { city: string } };
          return address === undefined ? [] : [[keyOf(r), address.city.toLowerCase()] as [string, string]];
        }),
      ),
    ),
  };
}

const MIGRATION = readFileSync('drizzle/20261126195501_reached/migration.sql', 'utf8');
const NETS = ['n1', 'n2', 'n3'];
async function stored() {
  const { sql } = d.database;
  const networks = await sql.unsafe<{ key: string; network: string }[]>(
    `select r.key, 'Organization/' || n as network from unnest($1::text[]) n
     join directory.lookup l on l.token = hashint8extended(hashtextextended('Organization/' || n, 0), ${NETWORKS.id})
     join directory.resource r on r.rk = l.rk`,
    [`{${NETS.join(',')}}`],
  );
  const cities = await sql.unsafe<{ key: string; folded: string }[]>(
    `select r.key, w.folded from directory.words w join directory.resource r on r.rk = w.rk where w.param = ${CITIES.id}`,
  );
  // nothing is there twice
  return {
    networks: networks.map((n) => `${n.key} ${n.network}`).sort(),
    cities: cities.map((c) => `${c.key} ${c.folded}`).sort(),
  };
}

/** Numbers that look drawn and are always the same. */
function drawer(seed: number) {
  let state = seed;
  const below = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  return { below, of: <T>(list: readonly T[]) => list[below(list.length)] as T };
}

test('a person has the networks of the roles, a role the cities of its places, whatever is changed in whatever order', async () => {
  const { below, of } = drawer(7);
  const some = (list: readonly string[]) => list.filter(() => below(2) === 0);
  const held: Held = new Map();
  const makes = [
    () => person(`p${below(4)}`),
    () => place(`l${below(4)}`, of([undefined, 'Hartford', 'Bristol', 'New Haven'])),
    () => role(`r${below(6)}`, of([undefined, 'p0', 'p1', 'p2', 'p3']), some(NETS), some(['l0', 'l1', 'l2', 'l3'])),
  ];
  const seen = { networks: 0, cities: 0 };
  for (let step = 0; step < 10; step++) {
    const changes = Array.from({ length: step === 0 ? 30 : 1 + below(4) }, () => {
      const made = of(makes)();
      return { key: keyOf(made), made: step > 0 && below(4) === 0 ? undefined : made };
    });
    await d.load(changes.flatMap(({ key, made }) => (made === undefined ? [deletion(key)] : entries([made]))));
    for (const { key, made } of changes)
      if (made === undefined) held.delete(key);
      else held.set(key, made);
    const now = expected(held);
    expect(await stored(), `step ${step}`).toEqual(now);
    seen.networks += now.networks.length;
    seen.cities += now.cities.length;
  }
  expect(Math.min(seen.networks, seen.cities)).toBeGreaterThan(20);
  const before = await stored();
  await d.database.sql`update directory.state set extraction_version = 0`;
  expect(await reindex(d.database, BASE)).toBe(held.size);
  expect(await stored()).toEqual(before);
  // a directory of an older program gets them with its migration
  await d.database.sql.unsafe(`delete from directory.lookup; delete from directory.words where param = ${CITIES.id}`);
  for (const statement of MIGRATION.split('--> statement-breakpoint')) await d.database.sql.unsafe(statement);
  expect(await stored()).toEqual(before);
});

test('an answer through another resource changes with it', async () => {
  const rows = [person('pa'), place('la', 'Derby'), role('ra', 'pa', ['n9'], ['la'])];
  await d.load(entries(rows));
  const byNetwork = () => d.find('Practitioner?_has:PractitionerRole:practitioner:network=n9');
  const byCity = () => d.find('PractitionerRole?location.address-city=der');
  expect([await byNetwork(), await byCity()]).toEqual([['Practitioner/pa'], ['PractitionerRole/ra']]);
  expect(await d.find('PractitionerRole?location.address-city:exact=Derby')).toEqual(['PractitionerRole/ra']);
  await d.load(entries([place('la', 'Ansonia'), role('ra', 'pa', ['n8'], ['la'])]));
  expect([await byNetwork(), await byCity()]).toEqual([[], []]);
  expect(await d.find('PractitionerRole?location.address-city=ansonia')).toEqual(['PractitionerRole/ra']);
  await d.load([deletion('Location/la'), deletion('Practitioner/pa')]);
  expect(await d.find('PractitionerRole?location.address-city=ansonia')).toEqual([]);
  expect(await d.find('Practitioner?_has:PractitionerRole:practitioner:network=n8')).toEqual([]);
});
