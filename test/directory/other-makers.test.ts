// Directories as other makers shape them: names of languages instead of codes, code systems in other spellings, places without a
// position, people who are named and have no record. What they hold is found, by the API and on the pages.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { languageCode, languagesIn } from '../../src/names/language-codes.ts';
import { directory } from './fixture.ts';
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

test('the list of specialties in its other spellings is the same list; another one, or none, is not', async () => {
  expect(await found('PractitionerRole?specialty-like=family doctor')).toEqual(['https', 'oid']);
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
