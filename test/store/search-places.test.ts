// Places near a point are looked up before the search that combines them with more, and how they are asked for follows from how many they are.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolved } from '../../directory/search/search.ts';
import { rarestFirst } from '../../directory/search/search-course.ts';
import { isSource } from '../../directory/search/search-kinds.ts';
import { pageStatement } from '../../directory/search/search-page.ts';
import { estimates } from '../../directory/search/token-frequency.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { BASE, directory, FIXTURE, NOW } from '../directory/fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  const healthcareService = [{ reference: 'HealthcareService/hs1' }];
  d = await directory([...FIXTURE, { resourceType: 'PractitionerRole', id: 'sited', healthcareService }]);
});
afterAll(() => d.close());

test.each([
  ['location.near', '41.7|-72.6|5|km', 1],
  ['place.near-zip', '96799|5|mi', 0],
])('few places are followed, and not asked of each resource: %s', async (name, value, places) => {
  const pairs: [string, string][] = [
    [name, value],
    ['_lastUpdated', 'gt2000-01-01'],
  ];
  const request = readSearch('PractitionerRole', pairs, { base: BASE, now: NOW, countMax: 500, lenient: false });
  const { criteria } = await resolved(d.database.sql, request);
  const chains = criteria.flatMap(chainsIn);
  expect(chains.length).toBe(name === 'location.near' ? 1 : 3);
  for (const chain of chains) {
    expect(chain.many).toBeUndefined();
    if (chain.of.kind !== 'chain') expect(chain.of).toMatchObject({ kind: 'near', found: { length: places } });
  }
});

test('where very many places are near, the rows of a token are asked whether they are there; few are followed', () => {
  const counts = Array.from({ length: 9 }, (_, i) =>
    i + 1 === TYPE_IDS.PractitionerRole ? 45_000 : i + 1 === TYPE_IDS.Location ? 8000 : 0,
  );
  const known = estimates(new Map(), 16_000, { params: new Map(), counts });
  const pairs: [string, string][] = [
    ['location.near', '41.7|-72.6|300|km'],
    ['new-patient', 'newpt'],
  ];
  const [near, token] = readSearch('PractitionerRole', pairs, {
    base: BASE,
    now: NOW,
    countMax: 500,
    lenient: false,
  }).criteria;
  if (near?.kind !== 'chain' || near.of.kind !== 'near' || token === undefined) throw new Error('A chain and a token.');
  const { of } = near;
  const asked = (places: number) => {
    const found = Array.from({ length: places }, (_, i) => ({ rk: String(i), distance: 0 }));
    return rarestFirst([{ ...near, of: { ...of, found } }, token], known, 20).find((c) => c.kind === 'chain')?.many;
  };
  expect([5, 100, 3000].map(asked)).toEqual([undefined, undefined, true]);
  // the nearest are known when all places have been looked at
  const found = Array.from({ length: 3000 }, (_, i) => ({ rk: String(i), distance: 0 }));
  const sorted = rarestFirst([{ ...near, of: { ...of, found } }, token], known, Number.POSITIVE_INFINITY);
  expect(sorted.find((c) => c.kind === 'chain')?.many).toBeUndefined();
});

test('where very many are near, rows of the type are asked in turn, also back along a step; none is when all are counted', () => {
  const live: Record<number, number> = {
    [TYPE_IDS.PractitionerRole]: 45_000,
    [TYPE_IDS.Practitioner]: 45_000,
    [TYPE_IDS.Location]: 8000,
  };
  const counts = Array.from({ length: 9 }, (_, i) => live[i + 1] ?? 0);
  const known = estimates(new Map(), 16_000, { params: new Map(), counts });
  const found = (c: Criterion, places: number): Criterion => {
    if (c.kind === 'any' || c.kind === 'all') return { ...c, of: c.of.map((one) => found(one, places)) };
    if (c.kind === 'chain' || c.kind === 'reverse-chain') return { ...c, of: found(c.of, places) };
    if (c.kind !== 'near') return c;
    return { ...c, found: Array.from({ length: places }, (_, i) => ({ rk: String(i), distance: 0 })) };
  };
  const begins = (type: 'PractitionerRole' | 'Practitioner', name: string, places: number, page?: number) => {
    const near: [string, string] = [name, '41.7|-72.6|300|km'];
    const read = { base: BASE, now: NOW, countMax: 500, lenient: false };
    const { criteria } = readSearch(type, [near, ['_lastUpdated', 'gt2000-01-01']], read);
    const placed = criteria.map((c) => found(c, places));
    return rarestFirst(placed, known, 20, page).some(isSource);
  };
  const back = '_has:PractitionerRole:practitioner:location.near';
  for (const [type, name] of [
    ['PractitionerRole', 'location.near'],
    ['PractitionerRole', 'place.near'],
    ['Practitioner', back],
  ] as const) {
    expect([name, begins(type, name, 20), begins(type, name, 3000)]).toEqual([name, true, false]);
    expect(begins(type, name, 3000, Number.POSITIVE_INFINITY)).toBe(true);
  }
});

test('of what others refer to, that is found first to which fewer may lead, whatever was asked first', () => {
  const known = estimates(new Map(), 30_000, { params: new Map(), counts: Array.from({ length: 9 }, () => 50_000) });
  const pairs: [string, string][] = [
    ['_has:PractitionerRole:organization:new-patient', 'newpt'],
    ['_has:Location:organization:address-state', 'CO'],
  ];
  for (const asked of [pairs, pairs.toReversed()]) {
    const request = readSearch('Organization', asked, { base: BASE, now: NOW, countMax: 500, lenient: false });
    const course = rarestFirst(request.criteria, known, 20, Number.POSITIVE_INFINITY);
    expect(course.map((c) => c.kind === 'reverse-chain' && c.source)).toEqual(['Location', 'PractitionerRole']);
  }
});

test('of two that others refer to, found by words, none is found again for each row of the other', async () => {
  const pairs: [string, string][] = [
    ['_has:PractitionerRole:organization:practitioner.name', 'smith'],
    ['_has:Location:organization:address-state', 'CO'],
  ];
  const request = readSearch('Organization', pairs, { base: BASE, now: NOW, countMax: 500, lenient: false });
  const { text, values } = pageStatement(await resolved(d.database.sql, request));
  const rows = await d.database.sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${text}`, values);
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('hashed SubPlan');
});

test('who is found from known places by several steps is found once, whatever else is asked', async () => {
  const pairs: [string, string][] = [
    ['_has:PractitionerRole:practitioner:new-patient', 'newpt'],
    ['_has:PractitionerRole:practitioner:location.near', '41.7|-72.6|5|km'],
    ['_has:PractitionerRole:practitioner:location.near', '41.7|-72.6|6|km'],
  ];
  const request = readSearch('Practitioner', pairs, { base: BASE, now: NOW, countMax: 500, lenient: false });
  const { text } = pageStatement(await resolved(d.database.sql, request));
  expect(text).toMatch(/\(d\.rk in \(select u\.ref as rk .*\)\) is true/s);
});

type Chain = Extract<Criterion, { kind: 'chain' }>;

/** Chains, those within alternatives and chains too. */
function chainsIn(c: Criterion): Chain[] {
  if (c.kind === 'any' || c.kind === 'all') return c.of.flatMap(chainsIn);
  return c.kind === 'chain' ? [c, ...chainsIn(c.of)] : [];
}

test('back along a step from what many have, those that are led to are asked in turn; none is when all are counted', () => {
  const counts = Array.from({ length: 9 }, (_, i) => (i + 1 === TYPE_IDS.PractitionerRole ? 45_000 : 30_000));
  const asked = (value: string, having: number, page: number) => {
    const pairs: [string, string][] = [['_has:PractitionerRole:practitioner:new-patient', value]];
    const request = readSearch('Practitioner', pairs, { base: BASE, now: NOW, countMax: 500, lenient: false });
    const known = estimates(new Map(), having, { params: new Map(), counts });
    return rarestFirst(request.criteria, known, 21, page).map((c) => ('many' in c ? c.many : undefined));
  };
  expect(asked('newpt', 16_000, 21)).toEqual([true]);
  expect(asked('newpt', 16_000, Number.POSITIVE_INFINITY)).toEqual([undefined]);
  expect(asked('newpt', 50, 21)).toEqual([undefined]);
});

test('back along a step and on along another, those that are led to are asked in turn; the few to which very many lead, where a good part of these meets it', async () => {
  const counts = Array.from({ length: 9 }, (_, i) =>
    i + 1 === TYPE_IDS.PractitionerRole ? 45_000 : i + 1 === TYPE_IDS.Organization ? 10_000 : 30_000,
  );
  const marked = (name: string, value: string, having: number, page = 21) => {
    const request = readSearch('Organization', [[name, value]], {
      base: BASE,
      now: NOW,
      countMax: 500,
      lenient: false,
    });
    const known = estimates(new Map(), having, { params: new Map(), counts });
    return { ...request, criteria: rarestFirst(request.criteria, known, 21, page) };
  };
  const name = '_has:PractitionerRole:organization:practitioner.gender';
  const many = (...given: Parameters<typeof marked>) => 'many' in (marked(...given).criteria[0] ?? {});
  expect(many(name, 'female', 16_000)).toBe(true);
  expect(many(name, 'female', 50)).toBe(false);
  expect(many(name, 'female', 16_000, Number.POSITIVE_INFINITY)).toBe(false);
  const network = '_has:PractitionerRole:network:practitioner.gender';
  expect(many(network, 'female', 16_000)).toBe(true);
  // all networks are asked when they are counted, and each is done with its first role of a woman
  expect(many(network, 'female', 16_000, Number.POSITIVE_INFINITY)).toBe(true);
  expect(many(network, 'female', 5000)).toBe(false);
  expect(many('_has:PractitionerRole:organization:practitioner.name', 'smith', 16_000)).toBe(false);
  for (const gender of ['female', 'male', 'unknown']) {
    const keys = await Promise.all(
      [16_000, 50].map(async (having) => {
        const { text, values } = pageStatement(marked(name, gender, having));
        return (await d.database.sql.unsafe<{ key: string | null }[]>(text, values)).flatMap(
          ({ key }) => key?.match(/.*\/.*/)?.[0] ?? [],
        );
      }),
    );
    expect(keys[0]).toEqual(keys[1]);
    if (gender === 'female') expect(keys[0]?.length).toBeGreaterThan(0);
  }
});

test('the few to which very many lead are asked in turn for what is called so, where names that begin so are frequent; the same is found', async () => {
  const counts = Array.from({ length: 9 }, (_, i) =>
    i + 1 === TYPE_IDS.PractitionerRole ? 180_000 : i + 1 === TYPE_IDS.Organization ? 24_000 : 86_000,
  );
  const FAMILY = 701;
  const marked = (by: string, name: string, rows: number) => {
    const pairs: [string, string][] = [[`_has:PractitionerRole:${by}:practitioner.name`, name]];
    const request = readSearch('Organization', pairs, { base: BASE, now: NOW, countMax: 500, lenient: false });
    const words = new Map([[FAMILY, [{ folded: `${name}x`, rows }]]]);
    const known = estimates(new Map(), 50, { params: new Map(), counts }, words);
    return { ...request, criteria: rarestFirst(request.criteria, known, 21, 21) };
  };
  const first = (...given: Parameters<typeof marked>) => marked(...given).criteria[0];
  expect(first('network', 'a', 20_000)).toMatchObject({ many: true, of: { many: true } });
  expect(first('network', 'smith', 800)).not.toHaveProperty('many');
  expect(first('organization', 'a', 20_000)).not.toHaveProperty('many');
  let found = 0;
  for (const name of 'abcdefghijklmnopqrstuvwxyz') {
    const [some, other] = await Promise.all(
      [20_000, 0].map(async (rows) => {
        const { text, values } = pageStatement(marked('network', name, rows));
        const rowsOf = await d.database.sql.unsafe<{ key: string | null }[]>(text, values);
        return rowsOf.flatMap(({ key }) => key?.match(/.*\/.*/)?.[0] ?? []);
      }),
    );
    expect(some, name).toEqual(other);
    found += some?.length ?? 0;
  }
  expect(found).toBeGreaterThan(0);
});

test('to what others refer to as well: the targets are found once, unless few lead to each and a page is soon full', () => {
  const counts = Array.from({ length: 9 }, (_, i) => (i + 1 === TYPE_IDS.PractitionerRole ? 45_000 : 30_000));
  const asked = (reference: string, having: number, page: number) => {
    const pairs: [string, string][] = [[`${reference}._has:PractitionerRole:${reference}:role`, 'ph']];
    const request = readSearch('PractitionerRole', pairs, { base: BASE, now: NOW, countMax: 500, lenient: false });
    const known = estimates(new Map(), having, { params: new Map(), counts });
    const [c] = rarestFirst(request.criteria, known, 21, page);
    expect(c).toMatchObject({ kind: 'chain', many: true });
    return c !== undefined && 'whole' in c;
  };
  expect(asked('practitioner', 16_000, 21)).toBe(false);
  expect(asked('practitioner', 50, 21)).toBe(true);
  expect(asked('practitioner', 16_000, Number.POSITIVE_INFINITY)).toBe(true);
  // thousands of roles are in each
  expect(asked('network', 16_000, 21)).toBe(true);
});

test('a row that is asked whether it is near has its places looked up by their keys, however many are in the circle', async () => {
  const places = Array.from({ length: 1500 }, (_, i) => ({
    resourceType: 'Location',
    id: `l${i}`,
    name: 'Site',
    position: { latitude: 41 + i / 10_000, longitude: -72 },
  }));
  const affiliations = places.slice(0, 60).map(({ id }) => ({
    resourceType: 'OrganizationAffiliation',
    id: `a${id}`,
    active: true,
    location: [{ reference: `Location/${id}` }],
  }));
  const own = await directory([...places, ...affiliations]);
  try {
    const pairs: [string, string][] = [
      ['active', 'true'],
      ['location.near', '41|-72|300|mi'],
    ];
    const request = readSearch('OrganizationAffiliation', pairs, {
      base: BASE,
      now: NOW,
      countMax: 500,
      lenient: false,
    });
    const criteria = request.criteria.map((c): Criterion => (c.kind === 'chain' ? { ...c, many: true } : c));
    const { text, values } = pageStatement({ ...request, criteria });
    const rows = await own.database.sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${text}`, values);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('place_pkey');
    expect(plan).not.toMatch(/place_at|place_positioned/);
    expect(await own.database.sql.unsafe(text, values)).toHaveLength(affiliations.length + 1); // and one of numbers
  } finally {
    await own.close();
  }
});
