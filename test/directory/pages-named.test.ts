// Pages of directories whose records name others by words alone: as display, contained, or by a record that is not here; and whose
// contacts, addresses and services lack what others have. Whatever the record tells is read, and no link leads nowhere.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { directory } from './fixture.ts';
import { siteOver } from './pages-fixture.ts';

const ref = (reference: string) => ({ reference });
const network = (valueReference: object) => ({
  url: `${PLAN_NET}/StructureDefinition/network-reference`,
  valueReference,
});
const taxonomy = (code: string) => [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code }] }];
const role = (id: string, more: object): Resource =>
  ({
    resourceType: 'PractitionerRole',
    id,
    active: true,
    practitioner: ref(`Practitioner/${id}`),
    ...more,
  }) as Resource;
const person = (id: string, more: object = {}): Resource =>
  ({ resourceType: 'Practitioner', id, active: true, name: [{ family: `Person ${id}` }], ...more }) as Resource;

const DATA: Resource[] = [
  person('shown'),
  role('shown', {
    specialty: taxonomy('1223G0001X'),
    organization: { display: 'Shown Dental Group' },
    location: [{ display: 'Shown Place' }],
    extension: [
      network({ display: 'Shown Network', identifier: { system: 'urn:x', value: 'N-1' } }),
      {
        url: `${PLAN_NET}/StructureDefinition/newpatients`,
        extension: [
          {
            url: 'acceptingPatients',
            valueCodeableConcept: { coding: [{ system: `${PLAN_NET}/CodeSystem/AcceptingPatientsCS`, code: 'newpt' }] },
          },
        ],
      },
    ],
    telecom: [
      { value: '860-555-0177' },
      { value: 'desk@dental.example' },
      { system: 'other', value: 'www.dental.example' },
    ],
  }),
  person('within'),
  role('within', {
    contained: [
      { resourceType: 'Organization', id: 'o', active: true, name: 'Contained Dental Group' },
      {
        resourceType: 'Location',
        id: 'l',
        status: 'active',
        name: 'Contained Place',
        address: { line: ['9 Oak Lane'], city: 'Hartford', state: 'CT' },
      },
    ],
    specialty: taxonomy('1223G0001X'),
    organization: ref('#o'),
    location: [ref('#l')],
    extension: [network(ref('Organization/not-here'))],
  }),
  person('homeless', {
    address: [
      { use: 'home', line: ['1 Private Road'], city: 'Hartford' },
      { use: 'work', line: ['5 Own Street'], city: 'Hartford', state: 'CT' },
    ],
  }),
  {
    resourceType: 'Organization',
    id: 'owner',
    active: true,
    name: 'Owner Clinic',
    address: [{ text: '12 Main Street, Hartford, CT 06103', state: 'CT', postalCode: '06103' }],
  },
  {
    resourceType: 'HealthcareService',
    id: 'coded',
    active: true,
    providedBy: ref('Organization/owner'),
    specialty: taxonomy('207RC0000X'),
  },
  { resourceType: 'HealthcareService', id: 'bare', active: true, providedBy: ref('Organization/owner') },
  {
    resourceType: 'Location',
    id: 'written',
    status: 'active',
    address: { text: 'Corner of 5th, , and Main' },
    telecom: [{ system: 'phone', value: 'tel:+1-860-555-0111' }],
  },
  ...['Half', 'Whole', 'Zipless'].map(
    (name): Resource => ({
      resourceType: 'Location',
      id: name.toLowerCase(),
      status: 'active',
      name: `${name} Place`,
      address: {
        text: {
          Half: '7 Elm Street',
          Whole: '8 Elm Street, Hartford, CT 06103-1234',
          Zipless: '9 Elm Street, Hartford',
        }[name],
        ...(name === 'Half' ? {} : { city: 'Hartford' }),
        state: 'CT',
        postalCode: '06103',
      } as never,
    }),
  ),
  person('sited'),
  ...['half', 'zipless'].flatMap((at): Resource[] => [
    { resourceType: 'HealthcareService', id: `at-${at}`, active: true, location: [ref(`Location/${at}`)] },
    role(`sited-${at}`, {
      practitioner: ref('Practitioner/sited'),
      healthcareService: [ref(`HealthcareService/at-${at}`)],
    }),
  ]),
  {
    resourceType: 'PractitionerRole',
    id: 'service',
    active: true,
    healthcareService: [ref('HealthcareService/coded')],
  },
];

let d: Awaited<ReturnType<typeof directory>>;
let site: ReturnType<typeof siteOver>;
beforeAll(async () => {
  d = await directory(DATA);
  site = siteOver(d.database);
});
afterAll(() => d.close());

const page = async (path: string): Promise<string> => {
  const answer = await site(path);
  expect(answer.status).toBe(200);
  return answer.text();
};

test('what a role names by words alone stands on the page of the person, and on the card', async () => {
  for (const path of ['/en/provider/Practitioner/shown', '/en/find?kind=person&care=dentist']) {
    const shown = await page(path);
    expect(shown).toContain('Shown Place');
    expect(shown).toContain('Listed for Shown Network');
    expect(shown).toContain('Accepts new patients');
  }
  const own = await page('/en/provider/Practitioner/shown');
  expect(own).toContain('Shown Dental Group');
  expect(own).not.toContain('names no network');
  expect(own).not.toContain('At a glance'); // nothing stands there
});

test('so does what a role contains, with its address', async () => {
  const own = await page('/en/provider/Practitioner/within');
  for (const said of ['Contained Dental Group', 'Contained Place', '9 Oak Lane']) expect(own).toContain(said);
  expect(own).not.toContain('names no network');
  expect(own).toContain('a network that is not described here');
  expect(await page('/en/find?kind=person&care=dentist')).toContain('9 Oak Lane, Hartford, CT');
});

test('contacts without a kind are what they look like', async () => {
  const own = await page('/en/provider/Practitioner/shown');
  expect(own).toContain('<a href="tel:8605550177"');
  expect(own).toContain('(860) 555-0177');
  expect(own).toContain('<a href="mailto:desk@dental.example"');
  expect(own).toContain('www.dental.example');
  const place = await page('/en/provider/Location/written');
  expect(place).toContain('(860) 555-0111');
  expect(place).not.toContain('tel:tel');
});

test('a person without a place has the address of the record, but not the home', async () => {
  const own = await page('/en/provider/Practitioner/homeless');
  expect(own).toContain('5 Own Street');
  expect(own).not.toContain('1 Private Road');
});

test('an address that is text alone is read, and calls a place without a name', async () => {
  expect(await page('/en/provider/Organization/owner')).toContain('12 Main Street, Hartford, CT 06103');
  expect(await page('/en/provider/Location/written')).toContain('>Corner of 5th, and Main<');
});

test('what the text of an address does not say is told beside it', async () => {
  const lines = async (id: string) =>
    /<p class="address">(.*?)<\/p>|<address[^>]*>(.*?)<\/address>/s.exec(
      await page(`/en/provider/Location/${id}`),
    )?.[0] ?? '';
  expect(await lines('half')).toMatch(/7 Elm Street.*CT 06103/s);
  expect(await lines('zipless')).toMatch(/9 Elm Street, Hartford.*CT 06103/s);
  expect(await lines('zipless')).not.toMatch(/Hartford.*Hartford/s);
  expect(await lines('whole')).toContain('8 Elm Street, Hartford, CT 06103-1234');
  expect(await lines('whole')).not.toMatch(/06103.*CT 06103/s);
});

test('of a person with roles at services of several places all are shown', async () => {
  const own = await page('/en/provider/Practitioner/sited');
  expect(own).toContain('Half Place');
  expect(own).toContain('Zipless Place');
});

test('a service without a name is called by what it is, or by who offers it', async () => {
  expect(await page('/en/provider/HealthcareService/coded')).toMatch(/<h1[^>]*>Heart doctor/);
  expect(await page('/en/provider/HealthcareService/bare')).toMatch(/<h1[^>]*>Owner Clinic</);
  expect(await page('/es/provider/HealthcareService/coded')).toMatch(/<h1[^>]*>Cardi/);
});

test('every card of people leads to a page', async () => {
  const results = await page('/en/find?kind=person');
  const paths = [...results.matchAll(/<h3><a href="([^"]+)"/g)].map(([, path]) => path ?? '');
  expect(paths.length).toBeGreaterThan(2);
  for (const path of paths) await page(path);
});
