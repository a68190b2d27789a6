// Values as other payers publish them, and databases of other locales than the embedded one has.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnfitDatabase } from '../../src/db/migrate.ts';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { databaseOf } from '../support/db.ts';
import { directory, entries } from './fixture.ts';

const NUCC = 'http://nucc.org/provider-taxonomy';
const OWN = 'https://payer.example/id';
const logical = (system: string | undefined, value?: string) => ({
  identifier: { ...(system === undefined ? {} : { system }), ...(value === undefined ? {} : { value }) },
});
const npi = (value: string) => [{ system: NPI_SYSTEM, value }];
const specialty = (code: string, display: string, system = NUCC) => [{ coding: [{ system, code, display }] }];

const DATA: Resource[] = [
  { resourceType: 'Practitioner', id: 'known', identifier: npi('9000000007'), name: [{ family: 'Élodie' }] },
  {
    resourceType: 'Practitioner',
    id: 'local',
    identifier: [{ system: OWN, value: '1' }],
    name: [{ family: 'Elodie' }],
  },
  { resourceType: 'Practitioner', id: 'plain', name: [{ family: 'İzmirli' }] },
  { resourceType: 'Organization', id: 'o1', identifier: npi('9000000015'), name: 'Größe & (Söhne) #1' },
  {
    resourceType: 'PractitionerRole',
    id: 'through',
    practitioner: { reference: 'Practitioner/known' },
    organization: logical(OWN, 'A-1'),
    specialty: specialty('207R00000X', 'Médecine interne'),
  },
  {
    resourceType: 'PractitionerRole',
    id: 'own',
    identifier: npi('9000000007'),
    practitioner: { reference: 'Practitioner/local' },
    organization: logical(undefined, 'A-1'),
    specialty: specialty('ÜX1', 'Medecine', 'https://payer.example/codes'),
    location: [{ reference: 'Location/l1' }],
  },
  {
    resourceType: 'PractitionerRole',
    id: 'none',
    practitioner: { reference: 'Practitioner/local' },
    organization: logical(OWN),
    location: [{ reference: 'Location/l1' }],
    specialty: specialty('QI0000000X', 'Interna'),
  },
  { resourceType: 'OrganizationAffiliation', id: 'of', organization: { reference: 'Organization/o1' } },
  { resourceType: 'OrganizationAffiliation', id: 'without' },
  {
    resourceType: 'Location',
    id: 'l1',
    name: 'Place',
    position: { latitude: 41.5, longitude: -72.5 },
  },
];

const finder = (own: Awaited<ReturnType<typeof directory>>) => (type: string, name: string, value: string) =>
  own
    .find(`${type}?${name}=${encodeURIComponent(value)}`)
    .then((keys) => keys.map((k) => k.slice(type.length + 1)).sort());

describe('values', () => {
  let own: Awaited<ReturnType<typeof directory>>;
  let find: ReturnType<typeof finder>;
  beforeAll(async () => {
    own = await directory(DATA);
    find = finder(own);
  });
  afterAll(() => own.close());

  test.each([
    ['médecine', ['own', 'through']],
    ['MEDECINE INT', ['through']],
    ['Mêd', ['own', 'through']],
  ])(':text does not mind accents: %s', async (value, expected) => {
    expect(await find('PractitionerRole', 'specialty:text', value)).toEqual(expected);
  });

  test.each([
    [`${OWN}|`, ['none', 'through']],
    [`${OWN}|a-1`, ['through']],
    ['|A-1', ['own']],
    ['A-1', ['own', 'through']],
  ])(':identifier takes every form of a token: %s', async (value, expected) => {
    expect(await find('PractitionerRole', 'organization:identifier', value)).toEqual(expected);
  });

  test.each([
    ['Practitioner', ['local', 'plain'], ['known']],
    ['Organization', [], ['o1']],
    ['PractitionerRole', ['none'], ['own', 'through']],
    ['OrganizationAffiliation', ['without'], ['of']],
  ])('who has no NPI, whatever other identifiers there are: %s', async (type, missing, held) => {
    expect(await find(type, 'npi:missing', 'true')).toEqual(missing);
    expect(await find(type, 'npi:missing', 'false')).toEqual(held);
  });
});

describe.each([
  ["encoding 'UTF8' locale_provider libc locale 'C'"],
  ["encoding 'UTF8' locale_provider icu icu_locale 'tr-TR' locale 'C'"],
])('in a database of %s', (locale) => {
  let own: Awaited<ReturnType<typeof directory>>;
  let find: ReturnType<typeof finder>;
  beforeAll(async () => {
    own = await directory(DATA, {}, undefined, (options) => databaseOf(locale, options));
    find = finder(own);
  });
  afterAll(() => own.close());

  test.each([
    ['Practitioner', 'family', 'ÉLO', ['known']],
    ['Practitioner', 'family', 'élodie', ['known']],
    ['Practitioner', 'family', 'elo', ['known', 'local']],
    ['Practitioner', 'family', 'i\u0307zmir', []],
    ['Practitioner', 'family', 'İZMIR', ['plain']],
    ['Practitioner', 'name:contains', 'LODİE', ['known', 'local']],
    ['Organization', 'name', 'GRÖSSE', []],
    ['Organization', 'name', 'größe & (SÖHNE) #1', ['o1']],
    ['Organization', 'name:contains', 'ö', ['o1']],
  ])('%s %s %s', async (type, name, value, expected) => {
    expect(await find(type, name, value)).toEqual(expected);
  });

  test.each([
    ['qi0000000x', ['none']],
    ['QI0000000X', ['none']],
    ['üx1', ['own']],
  ])('a kind of care near a point: %s', async (code, expected) => {
    const keys = await own.find(`PractitionerRole?specialty=${encodeURIComponent(code)}&location.near=41.5|-72.5|5|km`);
    expect(keys).toEqual(expected.map((id) => `PractitionerRole/${id}`));
    expect((await own.database.sql`select * from directory.care_at`).length).toBeGreaterThan(0);
  });

  test('a kind of care near a point that comes into a directory which is not empty', async () => {
    const location = [{ reference: 'Location/l1' }];
    const later = { resourceType: 'PractitionerRole', id: 'later', location, specialty: specialty('QI1111111X', 'I') };
    await own.load(entries([later]));
    const keys = await own.find('PractitionerRole?specialty=qi1111111x&location.near=41.5|-72.5|5|km');
    expect(keys).toEqual(['PractitionerRole/later']);
  });
});

test('a database that cannot hold every letter is refused', async () => {
  await expect(databaseOf("encoding 'LATIN1' locale_provider libc locale 'C'")).rejects.toThrow(UnfitDatabase);
});
