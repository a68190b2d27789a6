// Entries that follow from other resources, after whatever changes of them: compared with what a look at all resources gives.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { beforeReach, CARE_HELD, HELD, REACH_STAGING } from '../../directory/resource/resource-reach.ts';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import { createStaging } from '../../directory/resource/resource-staging.ts';
import { joinCare } from '../../directory/search/care-at.ts';
import { pageStatement } from '../../directory/search/search-page.ts';
import { estimates } from '../../directory/search/token-frequency.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { CITIES, NETWORKS } from '../../src/fhir/search/reached.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { PLAN_NET, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { BASE, deletion, directory, entries, keyOf, NOW } from '../directory/fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory([]);
});
afterAll(() => d.close());

const reference = (key: string) => ({ reference: key });
const person = (id: string): Resource => ({ resourceType: 'Practitioner', id, name: [{ family: 'Roe' }] });
type Position = { latitude: number; longitude: number };
const place = (id: string, city: string | undefined, position?: Position): Resource => ({
  resourceType: 'Location',
  id,
  name: 'Site',
  ...(city === undefined ? {} : { address: { city } }),
  ...(position === undefined ? {} : { position }),
});
const NUCC = 'http://nucc.org/provider-taxonomy';
const codings = (...of: (readonly [string | undefined, string])[]): JsonObject[] =>
  of.map(([system, code]) => ({ coding: [{ ...(system === undefined ? {} : { system }), code }] }));
const role = (
  id: string,
  of: string | undefined,
  networks: string[],
  places: string[],
  specialty: JsonObject[] = [],
): Resource => ({
  resourceType: 'PractitionerRole',
  id,
  ...(specialty.length === 0 ? {} : { specialty }),
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

const NETS = ['n1', 'n2', 'n3'];
async function stored() {
  const { sql } = d.database;
  const networks = await sql.unsafe<{ key: string; network: string }[]>(
    `select r.key, 'Organization/' || n as network from unnest($1::text[]) n
     join directory.lookup l on l.token = ${referenceToken(`hashtextextended('Organization/' || n, 0)`, NETWORKS.id)}
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
});

test('of a person with very many roles only those that are written are looked at', async () => {
  const roles = (n: number, network: string) =>
    Array.from({ length: n }, (_, i) => role(`busy${i}`, 'busy', [network], []));
  const own = await directory([person('busy'), ...roles(300, 'n1')]);
  const client = own.database.dedicated('work');
  try {
    await createStaging(client);
    const [counts] = await client.begin(async (tx) => {
      await tx`insert into reaching select rk, type from directory.resource where key = 'PractitionerRole/busy7'`;
      return tx.unsafe<{ n: number }[]>(`select count(*)::int as n from (${HELD}) h`);
    });
    expect(counts?.n).toBe(1);
    const networks = async () =>
      (
        await Promise.all(NETS.map((n) => own.find(`Practitioner?_has:PractitionerRole:practitioner:network=${n}`)))
      ).map((found) => found.length);
    await own.load(entries([role('busy0', 'busy', ['n2'], [])]));
    expect(await networks()).toEqual([1, 1, 0]);
    await own.load(entries([role('busy0', 'busy', ['n3'], [])]));
    expect(await networks()).toEqual([1, 0, 1]);
    await own.load(entries(roles(300, 'n2')));
    expect(await networks()).toEqual([0, 1, 0]);
    await own.load([deletion('Practitioner/busy')]);
    expect(await networks()).toEqual([0, 0, 0]);
    await own.load(entries([person('busy')]));
    expect(await networks()).toEqual([0, 1, 0]);
  } finally {
    await client.end({ timeout: 1 });
    await own.close();
  }
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

const careRows = async () =>
  (
    await d.database.sql`select token, network, rk, x, y, approximate from directory.care_at order by 1, 2, 3, 4, 5, 6`
  ).map((row) => Object.values(row).join(' '));

/** Keys that a search finds, with its kinds of care, places and networks as one criterion, and without. */
async function bothWays(query: string): Promise<{ joined: string[]; apart: string[] }> {
  const options = { base: BASE, now: NOW, countMax: 500, lenient: false };
  const request = readSearch('PractitionerRole', new URLSearchParams(`${query}&_count=500`), options);
  const joined = joinCare(request, estimates(new Map(), 100_000));
  expect(joined.criteria.map((c) => c.kind)).toContain('care-at');
  const keys = async (of: typeof request) => {
    const { text, values } = pageStatement(of);
    const rows = await d.database.sql.unsafe<{ key: string }[]>(text, values);
    return rows.map((r) => r.key).filter((key) => typeof key === 'string' && key.includes('/'));
  };
  return { joined: await keys(joined), apart: await keys(request) };
}

/** Kilometers, by another formula than the store's. */
function kilometers(a: Position, b: Position): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [p, q] = [a, b].map(({ latitude, longitude }) => {
    const [f, l] = [radians(latitude), radians(longitude)];
    return [Math.cos(f) * Math.cos(l), Math.cos(f) * Math.sin(l), Math.sin(f)] as const;
  });
  if (!p || !q) throw new Error('two points');
  return 6371 * Math.acos(Math.min(1, p[0] * q[0] + p[1] * q[1] + p[2] * q[2]));
}

const CODES = ['207Q00000X', '207R00000X', '208000000X'];
const POINTS: Position[] = [
  { latitude: 41.5, longitude: -72.75 }, // on the edges of squares
  { latitude: 41.6, longitude: -72.6 },
  { latitude: 41.9, longitude: -73.2 },
  { latitude: -17.1, longitude: 179.95 },
  { latitude: -17.2, longitude: -179.98 },
];

test('kinds of care near a point and in networks are found by one entry, whatever is changed in whatever order', async () => {
  const { below, of } = drawer(11);
  const some = <T>(list: readonly T[]) => list.filter(() => below(2) === 0);
  const held: Held = new Map();
  for (const r of await d.find('PractitionerRole?_count=500')) await d.load([deletion(r)]);
  for (const r of await d.find('Location?_count=500')) await d.load([deletion(r)]);
  const places = ['k0', 'k1', 'k2', 'k3', 'k4'];
  const manyNets = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
  const makes = [
    () => place(of(places), 'Bristol', of([undefined, ...POINTS])),
    () => {
      const n = below(8);
      // of more networks than are entered, of none, and of some
      const networks = n < 2 ? manyNets : n === 2 ? [] : some(NETS);
      const specialty = some(CODES).map((code) => [of([NUCC, NUCC, undefined, 'urn:other']), code] as const);
      return { ...role(`c${n}`, undefined, networks, some(places), codings(...specialty)), active: below(2) === 0 };
    },
  ];
  const asks = [
    '',
    '&network=Organization/n1',
    '&network=Organization/n7',
    '&network=Organization/n2,Organization/n5',
    '&active=true',
  ];
  let found = 0;
  for (let step = 0; step < 9; step++) {
    const changes = Array.from({ length: step === 0 ? 30 : 1 + below(4) }, () => {
      const made = of(makes)();
      return { key: keyOf(made), made: step > 0 && below(5) === 0 ? undefined : made };
    });
    await d.load(changes.flatMap(({ key, made }) => (made === undefined ? [deletion(key)] : entries([made]))));
    for (const { key, made } of changes)
      if (made === undefined) held.delete(key);
      else held.set(key, made);
    const roles = [...held.values()].filter((r) => r.resourceType === 'PractitionerRole');
    for (const [code, system] of [
      [CODES[0], NUCC],
      [CODES[1], undefined],
      [CODES[2], ''],
      [`${CODES[0]},${CODES[2]}`, undefined],
    ] as const) {
      const point = of(POINTS);
      const km = of([1, 30, 90]);
      const query = `specialty=${system === undefined ? '' : `${system}|`}${code}&location.near=${point.latitude}|${point.longitude}|${km}|km`;
      const near = roles.filter((r) => {
        const text = JSON.stringify(r);
        const isOf = code
          ?.split(',')
          .some((one) =>
            system === undefined
              ? text.includes(`"code":"${one}"`)
              : text.includes(`"coding":[{${system === '' ? '' : `"system":"${system}",`}"code":"${one}"`),
          );
        return (
          isOf === true &&
          keysOf(r, (key) => key.startsWith('Location/')).some((key) => {
            const { position } = (held.get(key) ?? {}) as { position?: Position };
            return position !== undefined && kilometers(position, point) <= km;
          })
        );
      });
      for (const more of asks) {
        const networks = /network=(.*)/.exec(more)?.[1]?.split(',');
        const expected = near
          .filter((r) => networks?.some((n) => JSON.stringify(r).includes(`"${n}"`)) ?? true)
          .filter((r) => more !== '&active=true' || r['active'] === true)
          .map(keyOf)
          .sort();
        const { joined, apart } = await bothWays(query + more);
        expect(joined.toSorted(), `step ${step}: ${query}${more}`).toEqual(expected);
        expect(joined).toEqual(apart);
        found += expected.length;
      }
    }
  }
  expect(found).toBeGreaterThan(50);
  // the same rows from a reindex and from a first load
  const before = await careRows();
  expect(before.filter((row) => row.includes(' 0 ')).length).toBeGreaterThan(3);
  expect(before.length).toBeGreaterThan(20);
  await d.database.sql`update directory.state set extraction_version = 0`;
  await reindex(d.database, BASE);
  expect(await careRows()).toEqual(before);
  await d.close();
  d = await directory([...held.values(), ...held.values()]);
  expect(await careRows()).toEqual(before);
});

test('a role whose text holds what the database has no value for is found by its kinds of care, and stops nothing', async () => {
  const odd = {
    half: '"valueString":"HALF"',
    escaped: '"valueString":"\\\\ud83d"',
    pair: '"valueString":"\\ud83d\\ude00"',
    power: '"valueDecimal":1e-200000',
    digits: `"valueDecimal":0.${'1'.repeat(20_000)}`,
  };
  const texts = (code: string, at: number) => [
    JSON.stringify(place('o1', undefined, { latitude: at, longitude: -80.1 })),
    ...Object.entries(odd).map(([id, value]) => {
      const text = JSON.stringify(role(`odd-${id}`, undefined, ['n1'], ['o1'], codings([NUCC, code])));
      return text.replace('"extension":[', `"extension":[{"url":"https://plan.example/x",${value}},`);
    }),
  ];
  const own = await directory(texts('207Q00000X', 30.1));
  try {
    const care = async () => own.database.sql`select * from directory.care_at order by token, network, rk, x, y`;
    // which an older program took
    const halve = () => own.database.sql`update directory.resource set body = replace(body, 'HALF', '\\ud83d')`;
    await halve();
    await own.load(entries(texts('207Q00000X', 30.2)));
    await own.load(entries(texts('208000000X', 30.2).slice(1)));
    await halve();
    const near = 'PractitionerRole?location.near=30.2|-80.1|5|km&specialty=';
    expect((await own.find(`${near}208000000X`)).sort()).toEqual(
      Object.keys(odd)
        .map((id) => `PractitionerRole/odd-${id}`)
        .sort(),
    );
    expect(await own.find(`${near}207Q00000X`)).toEqual([]);
    const before = await care();
    expect(before).toHaveLength(5);
    await own.database.sql`update directory.state set extraction_version = 0`;
    await reindex(own.database, BASE);
    expect(await care()).toEqual(before);
  } finally {
    await own.close();
  }
});

test('a role of more kinds of care, places and networks together than any has is refused, one with many is not', async () => {
  const numbered = (n: number, name: string) => Array.from({ length: n }, (_, i) => `${name}${i}`);
  const large = (id: string, kinds: number, networks: string[], places: string[]) =>
    role(id, undefined, networks, places, codings(...numbered(kinds, 'kind').map((code) => [NUCC, code] as const)));
  const places = numbered(160, 'wide');
  const own = await directory(places.map((id, i) => place(id, undefined, { latitude: 31 + i / 1000, longitude: -80 })));
  try {
    const loaded = await own.load(
      entries([
        large('many', 5, ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'], places),
        large('vast', 160, ['n1', 'n2', 'n3', 'n4'], places),
        large('nowhere', 700, ['n1', 'n2', 'n3', 'n4'], []),
      ]),
    );
    expect(loaded).toMatchObject({ created: 2, rejected: 1, reasons: { 'invalid-resource': 1 } });
    expect(await own.database.sql`select count(*)::int as n from directory.care_at`).toEqual([{ n: 800 }]);
    expect(await own.find('PractitionerRole?specialty=kind4&location.near=31.1|-80|1|km&network=n6')).toEqual([
      'PractitionerRole/many',
    ]);
  } finally {
    await own.close();
  }
});

test('roles of a place are looked at when it is somewhere else afterwards, and not for its name', async () => {
  const own = await directory([
    place('hub', 'Derby', { latitude: 33.1, longitude: -95.1 }),
    ...NETS.map((n) => role(`at-${n}`, undefined, [n], ['hub'], codings([NUCC, '207Q00000X']))),
  ]);
  const client = own.database.dedicated('work');
  try {
    await createStaging(client);
    const [was] = await client<{ sort: string }[]>`select sort from directory.resource where key = 'Location/hub'`;
    const lookedAt = async (action: string, sort: string, more: object) => {
      const counts = await client.begin(async (tx) => {
        await tx`insert into incoming (seq, key, type, deleted, content_hash, head, tail, params, tokens, token_seeds, refs, ref_params, words, raws,
            word_params, dates, date_params, sort, more)
          values (1, 'Location/hub', ${TYPE_IDS.Location}, false, '', '', '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', ${sort},
            ${JSON.stringify(more)}::text::jsonb)`;
        await tx`insert into plan select seq, rk, ${action}::text::"char", 2 from incoming`;
        await beforeReach(tx);
        return tx<{ n: number }[]>`select count(*)::int as n from reaching`;
      });
      return counts[0]?.n;
    };
    const sort = was?.sort ?? '';
    expect(sort).toContain('derby');
    const here = { place: '(-95.1,33.1)' };
    expect(await lookedAt('u', sort.replace('site', 'other'), here)).toBe(0);
    expect(await lookedAt('u', sort.replace('derby', 'ansonia'), here)).toBe(3);
    expect(await lookedAt('u', sort, { place: '(-95.1,33.2)' })).toBe(3);
    expect(await lookedAt('u', sort, {})).toBe(3);
    expect(await lookedAt('d', sort, here)).toBe(3);
  } finally {
    await client.end({ timeout: 1 });
    await own.close();
  }
});

test('the nearest of a kind of care come first, each with the distance of its nearest place', async () => {
  const at = (latitude: number) => ({ latitude, longitude: -90.1 });
  await d.load(
    entries([
      place('m1', undefined, at(35.1)),
      place('m2', undefined, at(35.2)),
      place('m3', undefined, at(35.3)),
      role('far', undefined, ['n1'], ['m3'], codings([NUCC, '103T00000X'])),
      role('two', undefined, ['n1'], ['m1', 'm3'], codings([NUCC, '103T00000X'], [NUCC, '207Q00000X'])),
      role('mid', undefined, ['n2'], ['m2'], codings([NUCC, '103T00000X'])),
    ]),
  );
  const near = 'PractitionerRole?specialty=103T00000X&location.near=35|-90.1|50|km&_sort=near';
  expect(await d.find(near)).toEqual(['PractitionerRole/two', 'PractitionerRole/mid', 'PractitionerRole/far']);
  expect(await d.find(`${near}&network=n1`)).toEqual(['PractitionerRole/two', 'PractitionerRole/far']);
  const bundle = (await (await d.get(near)).json()) as {
    total: number;
    entry: { search: { extension: { valueDistance: { value: number } }[] } }[];
  };
  const away = bundle.entry.map(({ search }) => search.extension.map((e) => e.valueDistance.value));
  expect(away.flat().map(Math.round)).toEqual([11, 22, 33]);
  expect(bundle.total).toBe(3);
  const first = (await (await d.get(`${near}&_count=2`)).json()) as { link: { relation: string; url: string }[] };
  const next = first.link.find((l) => l.relation === 'next')?.url.split('/fhir/')[1] ?? '';
  expect(await d.find(next)).toEqual(['PractitionerRole/far']);
});

test('what a batch changes is found by keys, also when statistics know nothing of roles yet', async () => {
  const own = await directory([]);
  try {
    // an import of people alone, which the server has counted, before one of their roles
    await own.load(entries(Array.from({ length: 400 }, (_, i) => person(`q${i}`))));
    const { sql } = own.database;
    const plans = await sql.begin(async (tx) => {
      await tx.unsafe(`analyze directory.resource; analyze directory.lookup; analyze directory.place; ${REACH_STAGING};
        insert into reaching select rk, type from directory.resource; analyze reaching; set local enable_seqscan = off`);
      const lines: string[] = [];
      for (const held of [HELD, CARE_HELD])
        for (const row of await tx.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${held}`)) lines.push(row['QUERY PLAN']);
      return lines;
    });
    const conditions = plans.filter((line) => line.includes('Index Cond:'));
    expect(conditions.length).toBeGreaterThan(5);
    expect(conditions.filter((line) => !/\b(rk|token) = /.test(line))).toEqual([]);
  } finally {
    await own.close();
  }
});
