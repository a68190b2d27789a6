// _sort with its pages in both directions, few matches and many, and distance.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchPage } from '../../directory/search/search.ts';
import { binder, isShort, pageStatement } from '../../directory/search/search-page.ts';
import { sortedHits } from '../../directory/search/search-sorted.ts';
import { fold } from '../../src/fhir/fold.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { BASE, type Bundle, body, deletion, directory, entries, ids, keyOf, NOW } from './fixture.ts';

const DATA = [...directoryResources({ seed: 5, resources: 900 })];
let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(DATA);
});
afterAll(() => d.close());

const url = (bundle: Bundle, relation: string) =>
  bundle.link.find((l) => l.relation === relation)?.url.replace(`${BASE}/`, '');
const page = async (path: string) => body(await d.get(path));

/** All pages forwards, then back again by `prev`. */
async function walk(path: string): Promise<{ forward: string[]; back: string[]; resources: Resource[] }> {
  const forward: string[] = [];
  const resources: Resource[] = [];
  let at = await page(path);
  for (let n = 0; ; n++) {
    expect(n).toBeLessThan(200);
    forward.push(...ids(at, 'match'));
    resources.push(...(at.entry ?? []).map((e) => e.resource));
    const next = url(at, 'next');
    if (next === undefined) break;
    at = await page(next);
  }
  const back = [...ids(at, 'match')];
  for (let previous = url(at, 'prev'); previous !== undefined; previous = url(at, 'prev')) {
    at = await page(previous);
    back.unshift(...ids(at, 'match'));
  }
  return { forward, back, resources };
}

type Name = { family?: string; given?: string[] };
type Address = { city?: string; postalCode?: string; state?: string };
const first = (r: Resource, key: string) => (r[key] as unknown[] | undefined)?.[0];
const KEYS: Record<string, (r: Resource) => string | undefined> = {
  family: (r) => (first(r, 'name') as Name | undefined)?.family,
  given: (r) => (first(r, 'name') as Name | undefined)?.given?.[0],
  name: (r) => r['name'] as string,
  city: (r) => ((first(r, 'address') ?? r['address']) as Address | undefined)?.city,
  zip: (r) => ((first(r, 'address') ?? r['address']) as Address | undefined)?.postalCode,
  id: (r) => keyOf(r),
};

/** In order by these keys, nothing last? */
function ordered(resources: Resource[], keys: string[], descending: boolean): boolean {
  const compare = (a: Resource, b: Resource): number => {
    for (const key of keys) {
      const [x, y] = [a, b].map((r) => KEYS[key]?.(r)).map((v) => (v === undefined ? undefined : fold(v)));
      if (x === y) continue;
      if (x === undefined || y === undefined) return x === undefined ? 1 : -1;
      return (x < y ? -1 : 1) * (descending ? -1 : 1);
    }
    return 0;
  };
  return resources.every((r, i) => i === 0 || compare(resources[i - 1] as Resource, r) <= 0);
}

const CASES: [path: string, keys: string[], descending: boolean, type: string][] = [
  ['Practitioner?_sort=name&_count=37', ['family', 'given'], false, 'Practitioner'],
  ['Practitioner?_sort=-family&_count=41', ['family'], true, 'Practitioner'],
  ['Practitioner?_sort=address-city&_count=40', ['city'], false, 'Practitioner'],
  ['Practitioner?_sort=-address-city,given&_count=40', ['city'], true, 'Practitioner'],
  ['Location?_sort=address-postalcode,name&_count=9', ['zip', 'name'], false, 'Location'],
  ['Organization?_sort=-name&_count=11', ['name'], true, 'Organization'],
  ['Endpoint?_sort=name&_count=2', ['name'], false, 'Endpoint'],
];

describe.each(CASES)('%s', (path, keys, descending, type) => {
  const count = DATA.filter((r) => r.resourceType === type).length;
  // a criterion that all meet: the matches are sorted instead of walked
  test.each(['', '&_lastUpdated=gt2015'])('%s', async (more) => {
    const { forward, back, resources } = await walk(`${path}${more}`);
    expect(forward.length).toBe(count);
    expect(new Set(forward).size).toBe(count);
    expect(ordered(resources, keys, descending)).toBe(true);
    expect(back).toEqual(forward);
  });
});

test.each(['_id', '-_id', '_lastUpdated', '-_lastUpdated'])(
  '_sort=%s, and no sort at all, go both ways',
  async (sort) => {
    const { forward, back, resources } = await walk(`Location?_sort=${sort}&_count=7`);
    expect([...forward].sort()).toEqual(
      DATA.filter((r) => r.resourceType === 'Location')
        .map(keyOf)
        .sort(),
    );
    expect(back).toEqual(forward);
    if (sort.endsWith('_id')) expect(ordered(resources, ['id'], sort.startsWith('-'))).toBe(true);
    const plain = await walk('Location?_count=7');
    expect(plain.back).toEqual(plain.forward);
    const few = await walk('Location?_count=7&status=active');
    expect(few.back).toEqual(few.forward);
    expect(few.forward).toEqual(plain.forward);
  },
);

test.each([
  ['Practitioner?_sort=family&_count=30', ''],
  ['Practitioner?_sort=-family,given&_count=30', ''],
  ['Practitioner?_sort=address-city&_count=30', '&_lastUpdated=gt2015'],
  ['Organization?_sort=name&_count=10', ''],
])(
  '%s: rows that pages ended with are deleted, or get other names; all others are given once, there and back',
  async (path, more) => {
    const other = await directory(DATA);
    const get = async (query: string) => body(await other.get(query));
    const all = ids(await get(`${path.replace(/_count=\d+/, '_count=1000')}${more}`), 'match');
    const changed = new Set<string>();
    /** deletes every second of them, and gives the others a name at the other end */
    const change = async (bundle: Bundle, place: 0 | -1) => {
      const key = ids(bundle, 'match').at(place) ?? '';
      const resource = (bundle.entry ?? []).find((e) => keyOf(e.resource) === key)?.resource;
      if (resource === undefined || changed.has(key)) return;
      changed.add(key);
      if (changed.size % 2 === 0) await other.load([deletion(key)]);
      else {
        const name = resource.resourceType === 'Organization' ? 'aa' : [{ family: path.includes('-') ? 'zz' : 'aa' }];
        await other.load(entries([{ ...resource, name, address: [{ city: 'Aa' }] } as unknown as Resource]));
      }
    };
    const forward: string[] = [];
    let at = await get(path + more);
    for (let n = 0; ; n++) {
      expect(n).toBeLessThan(100);
      forward.push(...ids(at, 'match'));
      const next = url(at, 'next');
      if (next === undefined) break;
      await change(at, -1);
      at = await get(next);
    }
    const back = ids(at, 'match');
    for (let n = 0, previous = url(at, 'prev'); previous !== undefined && n < 100; n++, previous = url(at, 'prev')) {
      await change(at, 0);
      at = await get(previous);
      back.unshift(...ids(at, 'match'));
    }
    expect(changed.size).toBeGreaterThan(8);
    for (const given of [forward, back])
      expect(given.filter((key) => !changed.has(key))).toEqual(all.filter((key) => !changed.has(key)));
    await other.close();
  },
);

test('a position whose version is not kept any more is refused, not guessed', async () => {
  const other = await directory(DATA);
  const first = await body(await other.get('Practitioner?_sort=family&_count=20'));
  const next = url(first, 'next') ?? '';
  await other.load([deletion(ids(first, 'match').at(-1) ?? '')]);
  expect((await other.get(next)).status).toBe(200);
  await other.database.sql`delete from directory.history`;
  const answer = await other.get(next);
  expect(answer.status).toBe(400);
  expect((await body(answer)).issue?.[0]?.code).toBe('value');
  await other.close();
});

test('many matches are walked in the same order as few are sorted', async () => {
  const request = readSearch(
    'Practitioner',
    [
      ['gender', 'female'],
      ['_sort', 'family'],
    ],
    { base: BASE, now: NOW, countMax: 500, lenient: false },
  );
  const found: string[][] = [];
  for (const cap of [10_000, 3]) {
    const { values, bind } = binder();
    const sorted = sortedHits(request, bind, {
      size: '50',
      limit: bind('51', 'int'),
      carried: '',
      cap,
    });
    const rows = await d.database.sql.unsafe<{ key: string }[]>(
      `with ${sorted.tables.join(', ')} select key from (${sorted.page}) page`,
      values,
    );
    found.push(rows.map((r) => r.key));
  }
  expect(found[0]?.length).toBe(51); // one more than the page
  expect(found[1]).toEqual(found[0]);
});

describe('distance', () => {
  const point = (r: Resource) => r['position'] as { latitude: number; longitude: number } | undefined;
  const sites = DATA.filter((r) => r.resourceType === 'Location' && point(r));
  const centre = point(sites[0] as Resource) as { latitude: number; longitude: number };
  /** Kilometers by the spherical law of cosines: another formula than the store's. */
  const km = (r: Resource): number => {
    const p = point(r);
    if (!p) return Number.POSITIVE_INFINITY;
    const [a, b, c] = [centre.latitude, p.latitude, p.longitude - centre.longitude].map((x) => (x * Math.PI) / 180) as [
      number,
      number,
      number,
    ];
    return 6371.0088 * Math.acos(Math.min(1, Math.sin(a) * Math.sin(b) + Math.cos(a) * Math.cos(b) * Math.cos(c)));
  };
  const around = `${centre.latitude}|${centre.longitude}`;
  const distances = (bundle: Bundle) =>
    (bundle.entry ?? []).map(
      (e) =>
        (
          e.search as unknown as {
            extension: { url: string; valueDistance: { value: number; unit: string; code: string; system: string } }[];
          }
        ).extension[0]?.valueDistance,
    );

  test.each([
    ['5|km', 5],
    ['200|km', 200],
    ['200000|m', 200],
    ['100|mi', 160.9344],
    ['', 50],
    ['20000|km', 20000],
  ])('near=…|%s', async (distance, reach) => {
    const hits = await d.find(`Location?near=${around}${distance === '' ? '' : `|${distance}`}&_count=500`);
    expect(hits.sort()).toEqual(
      sites
        .filter((r) => km(r) <= reach)
        .map(keyOf)
        .sort(),
    );
    expect(hits.length).toBeGreaterThan(0);
  });

  test('sorted by distance, in the unit asked for, page by page and back', async () => {
    const path = `Location?near=${around}|300|mi&_sort=near&_count=9`;
    const { forward, back } = await walk(path);
    const expected = sites.filter((r) => km(r) <= 300 * 1.609344).sort((a, b) => km(a) - km(b));
    expect(forward.length).toBe(expected.length);
    expect(back).toEqual(forward);
    const at = await page(path);
    const shown = distances(at);
    shown.forEach((v, i) => {
      expect(v).toMatchObject({ unit: 'mi', code: '[mi_i]', system: 'http://unitsofmeasure.org' });
      expect(v?.value).toBeCloseTo(km(expected[i] as Resource) / 1.609344, 3);
    });
    expect(at.total).toBe(expected.length);
    const farthest = await walk(path.replace('_sort=near', '_sort=-near'));
    expect(farthest.back).toEqual(farthest.forward);
    expect(farthest.forward.reverse()).toEqual(forward);
  });

  test('is a short statement for the first of the nearest, and for nothing that may look at all places', () => {
    const short = (query: string) =>
      isShort(
        readSearch('Location', new URLSearchParams(query), { base: BASE, now: NOW, countMax: 200, lenient: false }),
      );
    expect(short('near=42.36|-71.06|25|mi&_sort=near')).toBe(true);
    expect(short('near=42.36|-71.06|25|mi')).toBe(false);
    expect(short('near=42.36|-71.06|25|mi&_sort=-near')).toBe(false);
    expect(short('near=42.36|-71.06|25|mi&_sort=near,_id')).toBe(false);
    expect(short('near=42.36|-71.06|25|mi&_sort=near&status=active')).toBe(false);
    expect(short('near=42.36|-71.06|25|mi&_sort=near&_count=200')).toBe(false);
    expect(short('near=52|179.99|25|mi&_sort=near')).toBe(false);
    expect(short('near=42.36|-71.06|9000|mi&_sort=near')).toBe(false);
  });

  test('chained: the nearest place counts, also through two hops and _has', async () => {
    const nearest = new Map<string, number>();
    for (const r of DATA.filter((one) => one.resourceType === 'PractitionerRole')) {
      const places = (r['location'] as { reference: string }[]).map((l) => sites.find((s) => keyOf(s) === l.reference));
      nearest.set(keyOf(r), Math.min(...places.map((s) => (s ? km(s) : Number.POSITIVE_INFINITY))));
    }
    const within = [...nearest].filter(([, n]) => n <= 100).map(([key]) => key);
    const at = await page(`PractitionerRole?location.near=${around}|100|km&_sort=near&_count=500`);
    expect(ids(at, 'match').sort()).toEqual(within.sort());
    const shown = distances(at).map((v) => v?.value ?? -1);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
    (at.entry ?? []).forEach((e, i) => {
      expect(shown[i]).toBeCloseTo(nearest.get(keyOf(e.resource)) ?? -1, 3);
    });
    const people = await page(
      `Practitioner?_has:PractitionerRole:practitioner:location.near=${around}|100|km&_sort=near&_count=500`,
    );
    const expected = new Set(
      DATA.filter((r) => within.includes(keyOf(r))).map((r) => (r['practitioner'] as { reference: string }).reference),
    );
    expect(new Set(ids(people, 'match'))).toEqual(expected);
    expect(ids(people, 'match').length).toBe(expected.size);
    const combined = await page(
      `PractitionerRole?location.near=${around}|100|km&active=true&specialty:missing=false&_sort=near&_count=500`,
    );
    expect(ids(combined, 'match')).toEqual(ids(at, 'match'));
  });

  test('and active on a day: what has no period, and what has one that holds on one of the days', async () => {
    const own = await directory([
      { resourceType: 'Location', id: 'l', status: 'active', name: 'L', position: { longitude: -72, latitude: 41 } },
      { resourceType: 'Location', id: 'm', status: 'active', name: 'M', position: { longitude: -72.1, latitude: 41 } },
      { resourceType: 'Practitioner', id: 'p', active: true, name: [{ family: 'Oak' }] },
      ...[
        undefined,
        { start: '2026-01-01', end: '2026-12-31' },
        { start: '2027-01-01' },
        { end: '2025-12-31' },
        { start: '2028-01-01', end: '2028-01-31' },
      ].map((period, i) => ({
        resourceType: 'PractitionerRole',
        id: `r${i}`,
        active: true,
        practitioner: { reference: 'Practitioner/p' },
        location: [{ reference: 'Location/l' }, { reference: 'Location/m' }],
        ...(period ? { period } : {}),
      })),
    ]);
    const roles = async (query: string) =>
      (await own.find(`PractitionerRole?${query}`)).map((key) => key.split('/r')[1]).sort();
    for (const by of ['location.near=41|-72|50|km&_sort=near', 'practitioner.name-like=oak']) {
      expect(await roles(`${by}&active-on=2026-12-31`)).toEqual(['0', '1']);
      expect(await roles(`${by}&active-on=2027-01-01`)).toEqual(['0', '2']);
      expect(await roles(`${by}&active-on=2026-05-05,2028-01-31`)).toEqual(['0', '1', '2', '4']);
      expect(await roles(`${by}&active-on=2025-05-05&active-on=2026-05-05`)).toEqual(['0']);
    }
    await own.close();
  });

  test('across the date line and at the poles', async () => {
    const own = await directory(
      [
        [179.99, 10],
        [-179.99, 10],
        [0, 89.9],
        [180, 89.95],
        [0, 10],
        // far in the north a degree of longitude is short: what is near on the map is not what is near
        ...Array.from({ length: 12 }, (_, i) => [30 + 0.1 * i, 65]),
        ...Array.from({ length: 12 }, (_, i) => [30, 65 + 0.07 * i]),
        ...Array.from({ length: 9 }, () => [30.2, 65.1]),
      ].map(([longitude, latitude], i) => ({
        resourceType: 'Location',
        id: `l${i}`,
        status: 'active',
        name: 'x',
        position: { longitude: longitude as number, latitude: latitude as number },
      })),
    );
    expect((await own.find('Location?near=10|180|5|km')).sort()).toEqual(['Location/l0', 'Location/l1']);
    expect((await own.find('Location?near=10|-179.999|5|km')).sort()).toEqual(['Location/l0', 'Location/l1']);
    expect((await own.find('Location?near=90|0|20|km')).sort()).toEqual(['Location/l2', 'Location/l3']);
    expect((await own.find('Location?near=10|0|1|km,10|180|5|km')).sort()).toEqual([
      'Location/l0',
      'Location/l1',
      'Location/l4',
    ]);
    for (const _sort of ['near', '-near'])
      for (const _count of [1, 4, 7]) {
        const shown: number[] = [];
        const seen = new Set<string>();
        let next: string | undefined = `Location?near=65|30|40|km&_sort=${_sort}&_count=${_count}`;
        while (next !== undefined) {
          const at: Bundle = await body(await own.get(next));
          shown.push(...distances(at).map((v) => v?.value ?? -1));
          for (const key of ids(at, 'match')) seen.add(key);
          expect(at.total).toBe(24); // nine eastward (4.7 km each), six northward (7.8 km), nine at one point
          next = url(at, 'next');
        }
        const up = _sort === 'near' ? shown : [...shown].reverse();
        expect(up).toEqual([...up].sort((a, b) => a - b));
        expect([shown.length, seen.size]).toEqual([24, 24]);
      }
    await own.close();
  });

  test('numbers the wrong way round are hinted at, not exchanged', async () => {
    const at = await page(`Location?near=${centre.longitude}|${centre.latitude}|5|km`);
    expect(at.total).toBe(0);
    expect(JSON.stringify(at.entry?.at(-1))).toContain('Latitude comes first');
    expect((await page('Location?near=1|2|5|km')).entry).toBeUndefined();
  });

  test.each([
    'Location?_sort=near',
    `Location?near=${around}|5|km,${around}|6|km&_sort=near`,
    'Location?near=91|0|5|km',
    'Location?near=1|181|5|km',
    'Location?near=1|2|-5|km',
    'Location?near=1|2|5|parsec',
    'Location?near=1|2|5|km|x',
    'Location?near=1',
    'Location?near=NaN|1|5|km',
    'Location?near=1e400|1|5|km',
    'Location?near-zip=99999|5|mi',
    'Location?near-zip=abc|5|mi',
    'Location?contains=1',
    'Location?open-at=xyz|10:00',
    'Location?open-at=mon|24:00',
    'Practitioner?_sort=shoe',
    'Practitioner?_sort=family&_cursor=AAAAAAAAAAA',
    'Practitioner?active-on=ge2020',
    'Practitioner?phone=abc',
    'PractitionerRole?new-patient-and-from-network=newpt',
    'Practitioner?stale=maybe',
  ])('%s is refused', async (path) => {
    const response = await d.get(path);
    expect(response.status).toBe(400);
    expect((await body(response)).issue?.[0]?.code).toBe('value');
  });
});

test.each([
  'PractitionerRole?active=true&_sort=_lastUpdated',
  'PractitionerRole?location.near=41.8|-87.6|5000|km&active=true&_sort=-_lastUpdated',
  'Practitioner?_has:PractitionerRole:practitioner:active=true&_sort=family,-given',
  'Organization?active=true&_sort=-name',
  'Location?near=41.8|-87.6|500|km&_sort=near',
])('what is known to be of many comes in the same order without being counted: %s', async (path) => {
  const [type = '', query = ''] = path.split('?');
  const request = readSearch(type as 'Practitioner', new URLSearchParams(query), {
    base: BASE,
    now: NOW,
    countMax: 500,
    lenient: false,
  });
  const keysOf = async (many: boolean) => {
    const keys: string[] = [];
    for (let after: typeof request.after, n = 0; n < 40; n++) {
      const found = await searchPage(d.database.sql, { ...request, count: 40, after, ...(many ? { many: true } : {}) });
      keys.push(...found.entries.map((e) => Buffer.from(e.key).toString()));
      after = found.next;
      if (after === undefined) break;
    }
    return keys;
  };
  const counted = await keysOf(false);
  expect(counted.length).toBeGreaterThan(10);
  expect(await keysOf(true)).toEqual(counted);
  const { text } = pageStatement({ ...request, many: true });
  expect(text.includes('select count(*) from matched')).toBe(path.includes('_sort=near') && text.includes('matched'));
});
