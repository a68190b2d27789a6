// Quirks of values: phones, names, ZIPs, networks as directories write them (Q35, Q36, Q42, Q43, Q45).
import { expect, test } from 'vitest';
import { humanName, phoneDigits } from '../../../directory/federation/features.ts';
import { normalize } from '../../../directory/federation/normalize.ts';
import { type JsonObject, objects, type Resource } from '../../../src/fhir/resource.ts';

test.each<[string, string | undefined]>([
  ['(557) 427-7991 x5367', '5574277991'],
  ['1-645-738-2193', '6457382193'],
  ['tel:+1-860-555-0101', '8605550101'],
  ['860.555.0101 ext. 12', '8605550101'],
  ['860-555-0101 extension 9', '8605550101'],
  ['555-0101', undefined],
  ['+44 20 7946 0958', undefined],
  ['', undefined],
])('Q42: %s', (given, expected) => expect(phoneDigits(given)).toBe(expected));

test.each<[JsonObject, string, string]>([
  [{ family: 'RIVERA JR', given: ['ANA'] }, 'rivera', 'ana'],
  [{ family: "O'Neil, M.D.", given: ['Ana', 'B.'] }, 'oneil', 'ana b'],
  [{ text: 'RIVERA, ANA N MD' }, 'rivera', 'ana n'],
  [{ text: 'Dr. Ana Rivera' }, 'rivera', 'ana'],
  [{ family: 'Núñez', given: ['José'] }, 'nunez', 'jose'],
])('Q43: %j', (given, family, first) => expect(humanName(given)).toEqual({ family, given: first }));

const context = {
  slug: 'oak',
  base: 'https://oak.example/fhir',
  bases: new Map([['oak.example/fhir', 'oak']]),
  unmarkedNpi: false,
};
const NETWORK = 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference';
const networks = (...list: JsonObject[]) => {
  const role: Resource = {
    resourceType: 'PractitionerRole',
    id: 'r',
    extension: list.map((valueReference) => ({ url: NETWORK, valueReference })),
  };
  const [done] = normalize(role, 'oak.r', 'r', context).records;
  return objects(done?.['extension'] ?? []).map((e) => e['valueReference']);
};

test('Q35: several networks of a role are several references', () =>
  expect(networks({ reference: 'Organization/a' }, { reference: 'https://oak.example/fhir/Organization/b' })).toEqual([
    { reference: 'Organization/oak.a' },
    { reference: 'Organization/oak.b' },
  ]));

test('Q36: a network by name or by identifier stays what it is', () =>
  expect(networks({ display: 'Gold' }, { identifier: { system: 'urn:n', value: '7' } })).toEqual([
    { display: 'Gold' },
    { identifier: { system: 'urn:n', value: '7' } },
  ]));
