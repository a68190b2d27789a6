// Which places a search waits for: by its kind, and by how long others of the kind took.
import { expect, test } from 'vitest';
import { efforts, LEVELS } from '../../directory/search/effort.ts';
import { readSearch } from '../../src/fhir/search/request.ts';
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import { BASE, NOW } from './fixture.ts';

const request = (asked: string) => {
  const [type = '', query = ''] = asked.split('?');
  return readSearch(type as DirectoryType, new URLSearchParams(query), {
    base: BASE,
    now: NOW,
    countMax: 500,
    lenient: false,
  });
};
const FAR = 'PractitionerRole?location.near=41|-87|2000|km&active=true';

test.each([
  'Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1234567893',
  'PractitionerRole?specialty=207Q00000X&_include=PractitionerRole:practitioner',
  'Practitioner?_id=a,b',
  'Location?near=41|-87|2000|km&_sort=near&_count=20',
])('%s is soon done whatever it finds', (asked) => {
  const known = efforts();
  known.of(request(asked)).took(10_000, true);
  expect(known.of(request(asked)).level()).toBe(LEVELS.short);
});

test('a kind is not known, then quick or long by what was measured, whatever the values', () => {
  const known = efforts();
  const levelOf = (asked: string) => known.of(request(asked)).level();
  expect(levelOf(FAR)).toBe(LEVELS.unknown);
  known.of(request(FAR)).took(300, true);
  expect([
    levelOf(FAR),
    levelOf('PractitionerRole?active=false&location.near=30|-100|1900|km'),
    // another kind: nearer, with more alternatives, in another order, of another type
    levelOf('PractitionerRole?location.near=41|-87|10|km&active=true'),
    levelOf('PractitionerRole?location.near=41|-87|2000|km,31|-87|2000|km&active=true'),
    levelOf(`${FAR}&_sort=_lastUpdated`),
    levelOf('HealthcareService?location.near=41|-87|2000|km&active=true'),
  ]).toEqual([LEVELS.long, LEVELS.long, ...Array.from({ length: 4 }, () => LEVELS.unknown)]);
  for (let i = 0; i < 20; i++) known.of(request(FAR)).took(5, true);
  expect(levelOf(FAR)).toBe(LEVELS.quick);
  known.of(request(FAR)).took(2000, true);
  expect(levelOf(FAR)).toBe(LEVELS.long);
});

test('what was broken off counts only when it took longer than others', () => {
  const known = efforts();
  known.of(request(FAR)).took(300, true);
  for (let i = 0; i < 20; i++) known.of(request(FAR)).took(0, false);
  const far = known.of(request(FAR));
  expect([far.level(), far.expected]).toEqual([LEVELS.long, 300]);
  known.of(request(FAR)).took(500, false);
  expect(known.of(request(FAR)).expected).toBe(400);
});

test('kinds are forgotten when there are very many, those that are asked last', () => {
  const known = efforts();
  known.of(request(FAR)).took(300, true);
  const names = [
    'active',
    'organization',
    'practitioner',
    'network',
    'role',
    'specialty',
    'location',
    'telecom',
    'date',
    'service',
    'identifier',
  ];
  for (let i = 0; i < 1100; i++) {
    const some = names.filter((_, bit) => (i >> bit) & 1).map((name) => `${name}:missing=false`);
    known
      .of(request(`PractitionerRole?${['network:missing=true', 'active:missing=true', ...some].join('&')}`))
      .took(1, true);
  }
  expect(known.of(request(FAR)).level()).toBe(LEVELS.unknown);
});
