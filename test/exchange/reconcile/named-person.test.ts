// Whom a reference to a record's person names beside it.
import { expect, test } from 'vitest';
import { isNamedAnother } from '../../../exchange/reconcile/named-person.ts';
import type { UnitMember } from '../../../exchange/reconcile/unit-person.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';

const person = (family: string, given: string[], numbers: string[], cards: string[]): UnitMember => ({
  memberId: `m-${given[0]}`,
  policy: 'regular',
  withdrawn: false,
  person: { births: [], family: [family], given, numbers, cards, gender: null },
});
const anna = person('alpha', ['anna', 'ann'], ['N1'], ['C1', 'FAMILY']);
const bertha = person('othello', ['bertha'], ['N2'], ['C2']);
const carl = person('alpha', ['carl'], ['N3'], ['FAMILY']);
const members = new Map([
  ['p1', anna],
  ['p2', bertha],
  ['p3', carl],
]);
const about = (beside: JsonObject) => ({
  resourceType: 'Observation',
  subject: { reference: 'Patient/p1', ...beside },
});

test.each<[string, JsonObject]>([
  ['another one’s number here', { identifier: { value: 'N2' } }],
  ['another one’s number there', { identifier: { value: 'c-2' } }],
  ['another one’s name', { display: 'Bertha Othello' }],
  ['another one’s name the other way round', { display: 'OTHELLO, Bertha M.' }],
  ['another one of the family', { display: 'Carl Alpha' }],
])('names another member: %s', (_, beside) => {
  expect(isNamedAnother(about(beside), anna, members)).toBe(true);
});

test.each<[string, JsonObject]>([
  ['nothing', {}],
  ['the member’s number', { identifier: { value: 'n-1' } }],
  ['a number that the family has in common', { identifier: { value: 'FAMILY' } }],
  ['a number that no one has', { identifier: { value: 'MRN-7' } }],
  ['the member’s name', { display: 'Ann Alpha' }],
  ['the member by another family name', { display: 'Anna Othello' }],
  ['a family name alone', { display: 'Othello' }],
  ['a word for whom it is', { display: 'Self, patient' }],
  ['someone who is none of them', { display: 'Dora Delta' }],
])('says nothing against the member: %s', (_, beside) => {
  expect(isNamedAnother(about(beside), anna, members)).toBe(false);
});
