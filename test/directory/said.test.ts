// What other makers tell in words or by way of something else: specialties as text, services that have only a category, roles whose places
// are those of their services, addresses that are text alone. Strict parameters stay strict.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import { joinCare } from '../../directory/search/care-at.ts';
import { resolveBeside } from '../../directory/search/care-beside.ts';
import { pageStatement } from '../../directory/search/search-page.ts';
import { estimates } from '../../directory/search/token-frequency.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import { zipCentre } from '../../src/fhir/search/zip.ts';
import { BASE, deletion, directory, entries } from './fixture.ts';
import { siteOver } from './pages-fixture.ts';

const ref = (reference: string) => ({ reference });
const NUCC = 'http://nucc.org/provider-taxonomy';
const heart = [{ coding: [{ system: NUCC, code: '207RC0000X' }] }];
const role = (id: string, more: object): Resource =>
  ({ resourceType: 'PractitionerRole', id, active: true, ...more }) as Resource;
const service = (id: string, more: object): Resource =>
  ({ resourceType: 'HealthcareService', id, active: true, ...more }) as Resource;
const place = (id: string, more: object): Resource =>
  ({ resourceType: 'Location', id, status: 'active', name: `Place ${id}`, ...more }) as Resource;

const inNetwork = {
  extension: [
    {
      url: 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference',
      valueReference: ref('Organization/net'),
    },
  ],
};

const DATA: Resource[] = [
  place('hartford', {
    address: { line: ['1 Main'], city: 'Hartford', state: 'CT', postalCode: '06103' },
    position: { latitude: 41.766, longitude: -72.673 },
    extension: [
      {
        url: 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/accessibility',
        valueCodeableConcept: {
          coding: [
            {
              system: 'http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/AccessibilityCS',
              code: 'handiaccess',
            },
          ],
        },
      },
    ],
  }),
  place('boston', { address: { city: 'Boston', state: 'MA', postalCode: '02118' } }),
  place('written', { address: { text: '12 Main Street, Hartford, CT 06103' } }),
  place('foreign', { address: { text: 'Hauptstraße 12, 06103 Halle' } }),
  service('clinic', { location: [ref('Location/hartford')] }),
  service('away', { location: [ref('Location/boston')] }),
  { resourceType: 'Practitioner', id: 'p', active: true, name: [{ family: 'Served', given: ['Sue'] }] },
  // of plain words
  role('text', { specialty: [{ text: 'Cardiology' }] }),
  role('spanish', { specialty: [{ text: 'Cardióloga' }] }),
  role('shown', {
    specialty: [{ coding: [{ system: 'http://local.example', code: 'CARD', display: 'Heart doctor' }] }],
  }),
  role('bare', { specialty: [{ coding: [{ code: '207RC0000X' }] }] }),
  role('more', { specialty: [{ text: 'Cardiology and hang gliding' }] }),
  role('other', { specialty: [{ coding: [{ system: NUCC, code: '122300000X' }], text: 'Cardiology' }] }),
  service('drugs', {
    category: [
      {
        coding: [
          {
            system: 'http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/HealthcareServiceCategoryCS',
            code: 'pharm',
          },
        ],
      },
    ],
    location: [ref('Location/hartford')],
  }),
  service('typed', { type: [{ text: 'Pharmacy' }], location: [ref('Location/boston')] }),
  // of places
  role('own', { ...inNetwork, specialty: heart, location: [ref('Location/hartford')] }),
  role('served', {
    ...inNetwork,
    practitioner: ref('Practitioner/p'),
    specialty: heart,
    healthcareService: [ref('HealthcareService/clinic')],
  }),
  role('said-served', { specialty: [{ text: 'Cardiology' }], healthcareService: [ref('HealthcareService/clinic')] }),
  role('both', {
    specialty: heart,
    location: [ref('Location/boston')],
    healthcareService: [ref('HealthcareService/clinic')],
  }),
  role('far', { specialty: heart, healthcareService: [ref('HealthcareService/away')] }),
];

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory(DATA);
});
afterAll(() => d.close());
const ids = async (of: typeof d, query: string) => (await of.find(query)).map((key) => key.split('/')[1]).sort();
const found = (query: string) => ids(d, query);

const HEARTS = ['bare', 'both', 'far', 'own', 'said-served', 'served', 'shown', 'spanish', 'text'];

test('specialties that are text alone, or a code without its system, are found by plain words', async () => {
  expect(await found('PractitionerRole?specialty-like=heart doctor')).toEqual(HEARTS);
  expect(await found('PractitionerRole?specialty-like=cardiologo')).toEqual(HEARTS);
  expect(await found('PractitionerRole?specialty-like=207RC0000X')).toEqual(HEARTS);
  expect(await found('PractitionerRole?specialty-like=dentist')).toEqual(['other']);
  expect(await found('HealthcareService?specialty-like=pharmacy')).toEqual(['drugs', 'typed']);
  expect(await found('Practitioner?_has:PractitionerRole:practitioner:specialty-like=heart doctor')).toEqual(['p']);
});

test('the parameter of the guide finds codes and nothing else', async () => {
  expect(await found('PractitionerRole?specialty=207RC0000X')).toEqual(['bare', 'both', 'far', 'own', 'served']);
  expect(await found(`PractitionerRole?specialty=${NUCC}|207RC0000X`)).toEqual(['both', 'far', 'own', 'served']);
  expect(await found(`PractitionerRole?specialty=${NUCC}|`)).toEqual(['both', 'far', 'other', 'own', 'served']);
  expect(await found('PractitionerRole?specialty:missing=true')).toEqual([]);
});

const zip = (miles: number) => `06103|${miles}|mi`;

test('a role that names services and no place is where these are', async () => {
  const hearts = 'specialty-like=heart doctor';
  expect(await found(`PractitionerRole?place.near-zip=${zip(5)}`)).toEqual(['own', 'said-served', 'served']);
  expect(await found(`PractitionerRole?place.near-zip=${zip(5)}&${hearts}`)).toEqual(['own', 'said-served', 'served']);
  expect(await found(`PractitionerRole?place.near-zip=${zip(5)}&${hearts}&_sort=near`)).toEqual([
    'own',
    'said-served',
    'served',
  ]);
  expect(await found(`PractitionerRole?place.near=41.766|-72.673|5|mi&specialty=207RC0000X&_sort=near`)).toEqual([
    'own',
    'served',
  ]);
  expect(await d.find(`PractitionerRole?place.near-zip=${zip(150)}&${hearts}&_sort=-near`)).toHaveLength(5);
  expect(await found('PractitionerRole?place.accessibility=handiaccess')).toEqual(['own', 'said-served', 'served']);
  expect(await found('PractitionerRole?place.address-city=boston')).toEqual(['both', 'far']);
  expect(await found('PractitionerRole?place=Location/hartford')).toEqual(['own', 'said-served', 'served']);
  // as FHIR has it
  expect(await found(`PractitionerRole?location.near-zip=${zip(5)}`)).toEqual(['own']);
  expect(
    (await (await d.get('PractitionerRole?_include=PractitionerRole:place')).json()).entry.at(-1).search.mode,
  ).toBe('outcome');
});

test('few of a kind are looked up before, more from the places near, many are searched for with the rest: the same are found, as far away', async () => {
  const options = { base: BASE, now: new Date('2026-11-28T12:00:00Z'), countMax: 500, lenient: false };
  const ways = async (query: string) => {
    const request = readSearch('PractitionerRole', new URLSearchParams(query), options);
    const joined = joinCare(request, estimates(new Map(), 100_000));
    const found = [];
    const fromPlaces = { most: 5000, many: 0, times: 0.001 };
    for (const bounds of [undefined, fromPlaces, { ...fromPlaces, most: 0 }]) {
      const placed = await resolveBeside(d.database.sql, joined, bounds);
      expect(placed.criteria.map((c) => c.kind)).toContain(bounds?.most === 0 ? 'any' : 'care-at');
      const { text, values } = pageStatement(placed);
      const rows = await d.database.sql.unsafe<Record<string, string>[]>(text, values);
      found.push(
        rows.flatMap((r) =>
          String(r['key']).includes('/') ? `${r['key']} ${String(r['distance'] ?? '').slice(0, 6)}` : [],
        ),
      );
    }
    return found;
  };
  for (const miles of [5, 150])
    for (const more of ['', '&network=Organization/net', '&_sort=near', '&active=true&_sort=near', '&active=false'])
      for (const kind of ['specialty-like=heart doctor', 'specialty=207RC0000X']) {
        const [before, near, along] = await ways(`place.near-zip=${zip(miles)}&${kind}${more}`);
        expect([before, near], `${miles} ${more} ${kind}`).toEqual([along, along]);
        if (more === '' && kind.includes('like')) expect(before?.length).toBe(miles === 5 ? 3 : 5);
        if (more.includes('network')) expect(before?.length).toBe(2);
      }
});

test('pages by distance follow one another without a gap', async () => {
  const seen: string[] = [];
  let path = `PractitionerRole?place.near-zip=${zip(150)}&specialty-like=heart doctor&_sort=near&_count=2`;
  for (let i = 0; i < 5 && path !== ''; i++) {
    const bundle = await (await d.get(path)).json();
    for (const e of bundle.entry) {
      seen.push(e.resource.id);
      expect(e.search.extension[0].valueDistance.unit).toBe('mi');
    }
    const next: string | undefined = bundle.link.find((k: { relation: string }) => k.relation === 'next')?.url;
    path = next?.split('/directory/fhir/')[1] ?? '';
  }
  expect(seen.sort()).toEqual(['both', 'far', 'own', 'said-served', 'served']);
});

test('an address that is text alone has the ZIP code at its end', async () => {
  expect(await found(`Location?near-zip=${zip(5)}`)).toEqual(['hartford', 'written']);
  const { latitude, longitude } = zipCentre('06103') ?? { latitude: 0, longitude: 0 };
  expect(await found(`Location?near=${latitude}|${longitude}|5|mi`)).toEqual(['hartford']);
});

test('cards and pages show where the service is', async () => {
  const site = siteOver(d.database);
  const results = await (await site('/en/find?kind=person&care=heart+doctor&zip=06103')).text();
  expect(results).toContain('Served');
  expect(results).toContain('Place hartford');
  expect(results).toContain('1 Main, Hartford, CT 06103');
  const there = await (await site('/en/find?kind=person&at=Location/hartford')).text();
  expect(there).toContain('Served');
});

test('what comes and goes is found so, and a reindex finds the same', async () => {
  const own = await directory(DATA.filter((r) => r.id !== 'served' && r.id !== 'said-served' && r.id !== 'far'));
  try {
    const near = `PractitionerRole?place.near-zip=${zip(5)}&specialty-like=heart doctor`;
    expect(await ids(own, near)).toEqual(['own']);
    await own.load(entries(DATA.filter((r) => r.id === 'served' || r.id === 'said-served')));
    expect(await ids(own, near)).toEqual(['own', 'said-served', 'served']);
    await own.load(entries([service('clinic', { location: [ref('Location/boston')] })]));
    expect(await ids(own, near)).toEqual(['own']);
    await own.load(entries([service('clinic', { location: [ref('Location/hartford')] })]));
    await own.database.sql`update directory.state set extraction_version = 11`;
    await own.database
      .sql`delete from directory.lookup where rk in (select rk from directory.resource where key like '%served')`;
    await reindex(own.database, BASE);
    expect(await ids(own, near)).toEqual(['own', 'said-served', 'served']);
    await own.load([deletion('PractitionerRole/served')]);
    expect(await ids(own, near)).toEqual(['own', 'said-served']);
  } finally {
    await own.close();
  }
});
