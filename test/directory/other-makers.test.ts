// Directories as other makers shape them: names of languages instead of codes, code systems in other spellings, places without a
// position, people who are named and have no record. What they hold is found, by the API and on the pages.
import type { OperationOutcome } from 'fhir/r4.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import { objects, type Resource } from '../../src/fhir/resource.ts';
import { zipCentre } from '../../src/fhir/search/zip.ts';
import { languageCode, languagesIn } from '../../src/names/language-codes.ts';
import { BASE, directory, entries } from './fixture.ts';
import { siteOver } from './pages-fixture.ts';

const ref = (reference: string) => ({ reference });
const speaker = (id: string, ...communication: object[]): Resource =>
  ({ resourceType: 'Practitioner', id, name: [{ family: id }], communication }) as Resource;
const place = (id: string, address: object, more = {}): Resource =>
  ({ resourceType: 'Location', id, status: 'active', name: `Place ${id}`, address, ...more }) as Resource;
const role = (id: string, more: object): Resource =>
  ({ resourceType: 'PractitionerRole', id, active: true, ...more }) as Resource;
const taxonomy = (code: string, system?: string) => [{ coding: [{ ...(system ? { system } : {}), code }] }];
const FAMILY = '207Q00000X';

const DATA: Resource[] = [
  speaker('text', { text: 'Spanish; Portuguese' }),
  speaker('three', { coding: [{ system: 'http://example.org/languages', code: 'spa' }] }),
  speaker('shown', { coding: [{ display: 'Chinese' }] }),
  speaker('mandarin', { coding: [{ system: 'urn:ietf:bcp:47', code: 'cmn-Hans' }] }),
  speaker('named', { coding: [{ system: 'urn:ietf:bcp47', code: 'Tagalog' }] }),
  speaker('both', { coding: [{ system: 'urn:ietf:bcp:47', code: 'vi' }], text: 'French' }),
  place('juan', { line: ['URB LAS LOMAS', '12 CALLE 5'], city: 'San Juan', state: 'PR', postalCode: '00921' }),
  place('boston', { city: 'Boston', state: 'MA', postalCode: '021181234', country: 'USA' }),
  place('berlin', { city: 'Berlin', postalCode: '02118', country: 'DE' }),
  place(
    'measured',
    { city: 'Boston', state: 'MA', postalCode: '90210' },
    { position: { latitude: 42.34, longitude: -71.07 } },
  ),
  { resourceType: 'Organization', id: 'lab', active: true, name: 'Quick Lab' },
  {
    resourceType: 'HealthcareService',
    id: 'draw',
    active: true,
    providedBy: ref('Organization/lab'),
    specialty: [
      {
        coding: [
          { system: 'http://nucc.org/provider-taxonomy', code: '291U00000X', display: 'Clinical Medical Laboratory' },
        ],
      },
    ],
    location: [ref('Location/boston')],
  } as Resource,
  role('https', {
    specialty: taxonomy(FAMILY, 'https://nucc.org/provider-taxonomy'),
    location: [ref('Location/juan')],
  }),
  role('oid', { specialty: taxonomy(FAMILY, 'urn:oid:2.16.840.1.113883.6.101') }),
  role('bare', { specialty: taxonomy(FAMILY) }),
  role('other', { specialty: taxonomy(FAMILY, 'http://example.org/own-list') }),
  role('display', {
    practitioner: { display: 'Dr. Only Display' },
    specialty: taxonomy('1223G0001X', 'http://nucc.org/provider-taxonomy'),
    location: [ref('Location/measured')],
  }),
  role('contained', {
    contained: [{ resourceType: 'Practitioner', id: 'p1', name: [{ family: 'Within', given: ['Connie'] }] }],
    practitioner: ref('#p1'),
    specialty: taxonomy('1223G0001X', 'http://nucc.org/provider-taxonomy'),
    location: [ref('Location/measured')],
  }),
  role('service', { practitioner: ref('Practitioner/text'), healthcareService: [ref('HealthcareService/draw')] }),
];

let d: Awaited<ReturnType<typeof directory>>;
let site: ReturnType<typeof siteOver>;
beforeAll(async () => {
  d = await directory(DATA);
  site = siteOver(d.database);
});
afterAll(() => d.close());

const found = async (query: string) => (await d.find(query)).map((key) => key.split('/')[1]).sort();
const page = async (path: string) => {
  const answer = await site(path);
  expect(answer.status).toBe(200);
  return answer.text();
};

test.each([
  ['es', ['text', 'three']],
  ['pt', ['text']],
  ['zh', ['mandarin', 'shown']],
  ['cmn', []],
  ['cmn-Hans', ['mandarin']],
  ['tl', ['named']],
  ['vi', ['both']],
  ['fr', []],
  ['urn:ietf:bcp:47|tl', ['named']],
])('who speaks %s', async (code, people) => {
  expect(await found(`Practitioner?communication=${code}`)).toEqual(people);
});

test('names of languages, of their own too', () => {
  expect(languagesIn('English, Español/Tiếng Việt and Mandarin Chinese')).toEqual(['en', 'es', 'vi', 'cmn']);
  expect(['Tagalog', 'Klingonish', 'constructor'].map(languageCode)).toEqual(['tl', undefined, undefined]);
});

test('the list of specialties in its other spellings is the same list; another one, or none, is not, but for plain words', async () => {
  expect(await found('PractitionerRole?specialty-like=family doctor')).toEqual(['bare', 'https', 'oid', 'other']);
  expect(await found(`PractitionerRole?specialty=http://nucc.org/provider-taxonomy|${FAMILY}`)).toEqual([
    'https',
    'oid',
  ]);
  expect(await found(`PractitionerRole?specialty=${FAMILY}`)).toEqual(['bare', 'https', 'oid', 'other']);
  expect(await found(`PractitionerRole?specialty=|${FAMILY}`)).toEqual(['bare']);
});

test('a place without a position is near from the middle of its ZIP code area, where that is one', async () => {
  expect(await found('Location?near-zip=00921|5|mi')).toEqual(['juan']);
  expect(await found('PractitionerRole?location.near-zip=00921|5|mi')).toEqual(['https']);
  expect(await found('Location?near-zip=02118|5|mi')).toEqual(['boston', 'measured']);
  expect(await found('Location?near-zip=90210|5|mi')).toEqual([]);
  const results = await page('/en/find?kind=person&care=family+doctor&zip=00921');
  expect(results).toContain('counted from the middle of its ZIP code');
  expect(results).toMatch(/<svg[^>]*class="map"|<svg/);
  expect(await page('/en/find?kind=person&care=dentist&zip=02118')).not.toContain('counted from the middle');
});

/** Of what a search by distance finds, the places that have no position in their record; and how many it finds. */
async function unplaced(query: string): Promise<[string[], number]> {
  const keys = await d.find(query);
  const without: string[] = [];
  for (const key of keys) {
    const record = DATA.find((r) => key === `${r.resourceType}/${String(r.id)}`);
    const places =
      record?.resourceType === 'Location' ? [key] : objects(record?.['location']).map((r) => String(r['reference']));
    const held = places.map((p) => DATA.find((r) => p === `Location/${String(r.id)}`));
    if (held.every((r) => r?.['position'] === undefined)) without.push(key);
  }
  return [without, keys.length];
}

test('a search by point finds places that have a position in their record, and nobody at others', async () => {
  const boston = '42.34|-71.07|50|km';
  const juan = zipCentre('00921');
  const there = `${juan?.latitude}|${juan?.longitude}|5|km`;
  const dentist = `specialty=http://nucc.org/provider-taxonomy|1223G0001X`;
  const family = `specialty=http://nucc.org/provider-taxonomy|${FAMILY}`;
  for (const [query, count] of [
    [`Location?near=${boston}`, 1],
    [`Location?near=${boston}&_sort=near`, 1],
    [`Location?near=${boston}&_sort=-near`, 1],
    [`Location?near=${boston},${there}`, 1],
    [`Location?near=${boston}&status=active&_sort=near`, 1],
    [`Location?near=${there}`, 0],
    [`Location?near=${there}&_sort=near`, 0],
    [`PractitionerRole?location.near=${boston}`, 2],
    [`PractitionerRole?location.near=${boston}&_sort=near`, 2],
    [`PractitionerRole?location.near=${boston}&${dentist}`, 2],
    [`PractitionerRole?location.near=${there}`, 0],
    [`PractitionerRole?location.near=${there}&${family}`, 0],
    [`PractitionerRole?location.near=${there}&${family}&_sort=near`, 0],
    [`HealthcareService?location.near=${boston}`, 0],
  ] as const)
    expect([query, ...(await unplaced(query))]).toEqual([query, [], count]);
  expect(await found('Location?near-zip=02118|5|mi&_sort=near')).toEqual(['boston', 'measured']);
  expect(await found(`PractitionerRole?location.near-zip=00921|5|mi&${family}`)).toEqual(['https']);
  expect(await found(`PractitionerRole?location.near-zip=00921|5|mi&${family}&_sort=near`)).toEqual(['https']);
  expect(await found('HealthcareService?location.near-zip=02118|5|mi')).toEqual(['draw']);
  expect(await found('Location?near:missing=true')).toEqual(['berlin', 'boston', 'juan']);
});

test('a place that is told a position, or told it no more, is found so, by its roles too', async () => {
  const own = await directory(DATA);
  try {
    const juan = zipCentre('00921') ?? { latitude: 0, longitude: 0 };
    const there = `${juan.latitude}|${juan.longitude}|5|km`;
    const queries = [
      `Location?near=${there}`,
      `PractitionerRole?location.near=${there}`,
      `PractitionerRole?location.near=${there}&specialty=http://nucc.org/provider-taxonomy|${FAMILY}`,
      'PractitionerRole?location.near-zip=00921|5|mi',
      `PractitionerRole?location.near-zip=00921|5|mi&specialty=http://nucc.org/provider-taxonomy|${FAMILY}`,
    ];
    const all = async () => (await Promise.all(queries.map((q) => own.find(q)))).map((keys) => keys.length);
    const load = (position: object | undefined) =>
      own.load(
        entries([
          place(
            'juan',
            { city: 'San Juan', state: 'PR', postalCode: '00921' },
            position === undefined ? {} : { position },
          ),
        ]),
      );
    expect(await all()).toEqual([0, 0, 0, 1, 1]);
    // exactly where it was taken to be
    await load(juan);
    expect(await all()).toEqual([1, 1, 1, 1, 1]);
    const rows = () => own.database.sql`select * from directory.care_at order by 1, 2, 3, 4, 5, 6`;
    const places = () => own.database.sql`select rk, at::text, approximate from directory.place order by 1`;
    await load(undefined);
    expect(await all()).toEqual([0, 0, 0, 1, 1]);
    const before = [await rows(), await places()];
    await own.database.sql`update directory.state set extraction_version = 10`;
    await own.database.sql`update directory.place set approximate = false`;
    await own.database.sql`update directory.care_at set approximate = false`;
    await reindex(own.database, BASE);
    expect([await rows(), await places()]).toEqual(before);
    expect(await all()).toEqual([0, 0, 0, 1, 1]);
  } finally {
    await own.close();
  }
});

test('who is named and has no record has a card of their own, which leads to a page', async () => {
  const results = await page('/en/find?kind=person&care=dentist&zip=02118');
  for (const name of ['Dr. Only Display', 'Connie Within']) expect(results).toContain(name);
  expect(results).not.toContain('Name not given');
  for (const [, path] of results.matchAll(/<h3><a href="([^"]+)"/g)) await page(path ?? '');
  const services = await page('/en/find?kind=place&care=laboratory');
  expect(services).toMatch(/<h3><a [^>]*>Quick Lab</);
  expect(await page('/en/provider/HealthcareService/draw')).toMatch(/<h1[^>]*>[^<]*Clinical Medical Laboratory/);
});

test('the page of a person shows the places of their services, and languages as they are written', async () => {
  const shown = await page('/en/provider/Practitioner/text');
  expect(shown).toContain('Place boston');
  expect(shown).toContain('Spanish; Portuguese');
});

test('roles at the places of services are found by several circles, and through one step more', async () => {
  const zips = (count: number) =>
    Array.from({ length: count }, (_, i) => `${['02118', '90210'][i % 2]}|${i + 2}|mi`).join(',');
  expect(await found(`PractitionerRole?place.near-zip=${zips(4)}`)).toEqual(['contained', 'display', 'service']);
  expect(await found('Practitioner?_has:PractitionerRole:practitioner:place.near-zip=02118|5|mi')).toEqual(['text']);
  expect(await found('Practitioner?_has:PractitionerRole:practitioner:place.near-zip=00921|5|mi')).toEqual([]);
  expect(await found(`PractitionerRole?place.near-zip=${zips(11)}`)).toEqual(['contained', 'display', 'service']);
  const refused = await d.get(`PractitionerRole?place.near-zip=${zips(12)}`);
  const outcome: OperationOutcome = await refused.json();
  expect([refused.status, outcome.issue[0]?.code]).toEqual([400, 'too-costly']);
});
