// Links against generated truth: the people and organizations of one directory, written by another payer in its own way. No two
// are taken for one, and most that are the same are found.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { featuresOf } from '../../../directory/federation/features.ts';
import { linkDue } from '../../../directory/federation/link.ts';
import { writeFeatures } from '../../../directory/federation/merge-rows.ts';
import { type JsonObject, objects, type Resource, strings, text } from '../../../src/fhir/resource.ts';
import { directoryResources } from '../../../src/seed/index.ts';
import { type World, world } from './world.ts';

const PEOPLE = 1500;
let w: World;
/** what the other payer does to its copy of number n */
const habits: ((r: Resource, n: number) => Resource)[] = [
  (r) => r,
  (r) => ({
    ...r,
    name: objects(r['name']).map((n) => ({
      family: text(n['family'])?.toUpperCase() ?? '',
      given: strings(n['given']).map((g) => g.toUpperCase()),
    })),
  }),
  (r) => ({
    ...r,
    name: objects(r['name']).map((n) => ({
      text: `${text(n['family'])?.toUpperCase()}, ${strings(n['given'])[0] ?? ''} MD`,
    })),
  }),
  (r) => ({
    ...r,
    name: objects(r['name']).map((n) => ({
      family: `${text(n['family'])} Jr.`,
      given: strings(n['given']).slice(0, 1),
    })),
  }),
  (r) => ({
    ...r,
    name: objects(r['name']).map((n) => ({
      family: text(n['family'])?.replace(/(.)$/, '$1$1') ?? '',
      given: strings(n['given']),
    })),
  }),
  // another name under the number: married, or a mistake
  (r) => ({ ...r, name: [{ family: 'Quixote', given: ['Zed'] }] }),
  // no number at all
  (r) => ({ ...r, identifier: [] }),
  // the number of somebody else, by a slip
  (r, n) => ({
    ...r,
    identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npis[(n + 1) % npis.length] ?? '' }],
  }),
];
let npis: string[] = [];
const npiOf = (r: Resource) =>
  text(objects(r['identifier']).find((i) => text(i['system'])?.endsWith('us-npi'))?.['value']);

beforeAll(async () => {
  w = await world();
  const people: Resource[] = [];
  const others: Resource[] = [];
  for (const r of directoryResources({ seed: 5, resources: 12_000 }) as Iterable<Resource>) {
    if (r.resourceType === 'Practitioner' && people.length < PEOPLE) people.push(r);
    if (r.resourceType === 'Organization') others.push(r);
  }
  npis = people.map((p) => npiOf(p) ?? '');
  const sql = w.database.dedicated('work');
  const rows = (list: Resource[], peer: string) =>
    list.flatMap((r) => {
      const f = featuresOf(r);
      return f ? [{ ...f, key: `${r.resourceType}/${peer === '' ? '' : `${peer}.`}${String(r['id'])}`, peer }] : [];
    });
  await writeFeatures(sql, [...rows(people, ''), ...rows(others, '')], [], w.state.now);
  const copies = people.map((p, n) => (habits[n % habits.length] as (typeof habits)[number])(p, n));
  const abbreviated = others.map((o) => ({
    ...o,
    name: `${text(o['name'])?.toUpperCase()}, LLC`,
    address: objects(o['address']).map((a: JsonObject) => ({
      ...a,
      line: strings(a['line']).map((l) => l.replace('Street', 'ST').replace('Avenue', 'Ave.')),
    })),
  }));
  await writeFeatures(sql, [...rows(copies, 'oak'), ...rows(abbreviated, 'oak')], [], w.state.now);
  await sql.end();
  await linkDue(w.deps);
});
afterAll(() => w.close());

type Pair = { a: string; b: string; outcome: string };
const pairs = (type: number) => w.sql<Pair[]>`select fa.key as a, fb.key as b, l.outcome from federation.link l
  join federation.feature fa on fa.rk = l.a join federation.feature fb on fb.rk = l.b where l.type = ${type}`;
const id = (key: string) => key.split('/')[1]?.replace(/^oak\./, '') ?? '';

test('people: none is taken for another, all that have their number and a like name are found', async () => {
  const all = await pairs(7);
  const same = all.filter((p) => p.outcome === 'same');
  expect(same.filter((p) => id(p.a) !== id(p.b))).toEqual([]);
  // the first five habits keep number and name
  const expected = Math.floor(PEOPLE / habits.length) * 5;
  expect(same.length).toBeGreaterThanOrEqual(expected);
  // other names and other numbers are seen by a person, never joined
  const review = new Set(all.filter((p) => p.outcome === 'review').map((p) => id(p.a)));
  expect(review.size).toBeGreaterThan(PEOPLE / habits.length);
  const mixed =
    await w.sql`select cluster from federation.cluster c join federation.feature f on f.rk = c.rk where f.type = 7 group by 1
    having count(distinct regexp_replace(f.key, '^Practitioner/(oak[.])?', '')) > 1`;
  expect(mixed.length).toBe(0);
});

test('organizations: none is taken for another; networks are in no link', async () => {
  const all = await pairs(5);
  expect(all.filter((p) => p.outcome === 'same' && id(p.a) !== id(p.b))).toEqual([]);
  const [n] = await w.sql<
    { n: number }[]
  >`select count(*)::int as n from federation.link l join federation.feature f on f.rk in (l.a, l.b) where f.is_network`;
  expect(n?.n).toBe(0);
  const [providers] = await w.sql<
    { n: number }[]
  >`select count(*)::int as n from federation.feature where type = 5 and peer = '' and npi is not null and address is not null`;
  const found = new Set(all.filter((p) => p.outcome === 'same').map((p) => id(p.a)));
  expect(found.size).toBeGreaterThanOrEqual((providers?.n ?? 0) * 0.95);
});

/** Facts of so many of each of two payers. */
async function given(make: (n: number, peer: string) => Resource, count: number): Promise<void> {
  const sql = w.database.dedicated('work');
  for (const peer of ['elm', 'ash']) {
    const rows = Array.from({ length: count }, (_, n) => make(n, peer)).flatMap((r) => {
      const f = featuresOf(r);
      return f ? [{ ...f, key: `${r.resourceType}/${peer}.${String(r['id'])}`, peer }] : [];
    });
    await writeFeatures(sql, rows, [], w.state.now);
  }
  await sql.end();
  await linkDue(w.deps);
}

test('hundreds without a number who share a family name, an initial and a state: each is seen beside its like', async () => {
  const NAMES = 150;
  await given(
    (n) => ({
      resourceType: 'Practitioner',
      id: `n${n}`,
      name: [{ family: 'Villanueva', given: [`A${String.fromCharCode(97 + (n % 26), 97 + ((n * 7) % 26))}${n}`] }],
      telecom: [{ system: 'phone', value: `860-555-${1000 + n}` }],
      address: [{ line: [`${n} Elm Way`], city: 'Hartford', state: 'CT', postalCode: '06103' }],
    }),
    NAMES,
  );
  const own = (key: string) => key.replace(/^Practitioner\/(?:elm|ash)\./, '');
  const seen = (await pairs(7)).filter((p) => /\/(?:elm|ash)\.n/.test(p.a) && own(p.a) === own(p.b));
  expect(seen.length).toBe(NAMES);
});

test('a thousand places that are one hang together, and each is linked with few of them', async () => {
  const PLACES = 1000;
  await given(
    (n) => ({
      resourceType: 'Location',
      id: `l${n}`,
      status: 'active',
      name: 'Elm Clinic',
      telecom: [{ system: 'phone', value: '860-555-0101' }],
      address: { line: ['1 Elm Way'], city: 'Hartford', state: 'CT', postalCode: '06103' },
      position: { latitude: 41.7, longitude: -72.6 },
    }),
    PLACES,
  );
  const [clusters] = await w.sql<{ n: number; members: number }[]>`
    select count(distinct cluster)::int as n, count(*)::int as members from federation.cluster c join federation.feature f on f.rk = c.rk where f.type = 4`;
  expect(clusters).toEqual({ n: 1, members: 2 * PLACES });
  expect((await pairs(4)).length).toBeLessThan(2 * PLACES * 24);
});
