// Two people who share all but themselves are not joined: father and son, partners of a practice, one number typed for another.
import { expect, test } from 'vitest';
import { featuresOf, generation } from '../../../directory/federation/features.ts';
import { judgePair, type Side } from '../../../directory/federation/judge-pair.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { npi } from './scripted-directory.ts';

const side = (r: Resource): Side => {
  const f = featuresOf(r);
  if (!f) throw new Error('no features');
  return {
    ...f,
    peer: '',
    npi: f.npi ?? null,
    address: f.address === undefined ? null : String(f.address),
    street: f.street === undefined ? null : String(f.street),
    phone: f.phone ?? null,
    ids: f.ids.map(String),
    lat: f.lat ?? null,
    lon: f.lon ?? null,
  };
};
const home = { line: ['7 Elm Way'], city: 'Hartford', state: 'CT', postalCode: '06103' };
const person = (name: JsonObject, number: number | undefined = 1) =>
  side({
    resourceType: 'Practitioner',
    ...(number === 0 ? {} : { identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi(number) }] }),
    name: [name],
    address: [home],
    telecom: [{ system: 'phone', value: '860-555-0101' }],
  });
const john = (more: JsonObject = {}) => ({ family: 'Stone', given: ['John'], ...more });

test.each<[string, Side, Side, string | undefined]>([
  ['father and son under one number', person(john({ suffix: ['Sr.'] })), person(john({ suffix: ['Jr.'] })), 'review'],
  [
    'the same, in the family name',
    person(john({ family: 'Stone SR' })),
    person(john({ family: 'Stone, Jr.' })),
    'review',
  ],
  ['II and III', person(john({ suffix: ['II'] })), person(john({ suffix: ['MD', 'III'] })), 'review'],
  ['a suffix on one side only', person(john({ suffix: ['Jr.'] })), person(john()), 'same'],
  ['Junior is Jr.', person(john({ suffix: ['Junior'] })), person({ text: 'STONE JR, JOHN' }), 'same'],
  [
    'father and son without numbers, at one address',
    person(john({ suffix: ['Sr.'] }), 0),
    person(john({ suffix: ['Jr.'] }), 0),
    undefined,
  ],
  ['husband and wife under one number', person(john()), person(john({ given: ['Mary'] })), 'review'],
  ['the number of somebody else', person(john()), person({ family: 'Rivera', given: ['Ana'] }), 'review'],
  ['letters that only look alike', person(john({ family: 'Stоnе' })), person(john()), 'review'],
  ['two numbers', person(john(), 1), person(john(), 2), undefined],
])('%s', (_name, a, b, outcome) => {
  expect(judgePair('Practitioner', a, b)?.outcome).toBe(outcome);
  expect(judgePair('Practitioner', b, a)?.outcome).toBe(outcome);
});

test('generations', () => {
  expect(
    [{ suffix: ['MD', 'Jr.'] }, { family: 'Stone IV' }, { text: 'Stone, John Senior' }, { family: 'Ivory' }].map(
      generation,
    ),
  ).toEqual(['jr', 'iv', 'sr', '']);
});

test('a group of many organizations under one number is not one organization', () => {
  const group = (name: string, line: string) =>
    side({
      resourceType: 'Organization',
      name,
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi(500) }],
      address: [{ ...home, line: [line] }],
    });
  expect(judgePair('Organization', group('Elm Group', '7 Elm Way'), group('Elm Group', '9 Elm Way'))?.outcome).toBe(
    'review',
  );
  expect(judgePair('Organization', group('Elm Group', '7 Elm Way'), group('Oak Radiology', '7 Elm Way'))?.outcome).toBe(
    'review',
  );
});
