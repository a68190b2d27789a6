// Whether a Patient that a received record contains can be the member.
import { expect, test } from 'vitest';
import { isAnother, mayBeAnother, type UnitMember } from '../../../exchange/reconcile/unit-person.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';

const person = {
  births: ['2026-05-05'],
  family: ['rivera'],
  cards: [],
  given: ['ana', 'annie', 'analucia'],
  numbers: ['N1', '1EG4TE5MK73', 'U1'],
  gender: 'female',
};
const context = {
  peerBase: 'https://prior.example/fhir',
  ourBase: 'https://ours.example/fhir',
  latest: '2026-11-28',
  members: new Map(),
};
const member = { memberId: 'm1', policy: 'regular', withdrawn: false as const, person };
const named = (...given: string[]) => ({ name: [{ family: 'Rivera', given }] });
const born = { birthDate: '2026-05-05' };

const OTHERS: [string, JsonObject][] = [
  ['who was born on another day, whatever else agrees', { ...named('Ana'), birthDate: '1999-03-04' }],
  ['even under the number of the card', { birthDate: '1999-03-04', identifier: [{ value: 'N1' }] }],
];
const DOUBTED: [string, JsonObject][] = [
  ['a mother by her name', named('Lucia')],
  ['a twin, or the member under a new name', { ...named('Eva'), ...born }],
  ['of whom no name but the sex is reported', { gender: 'male' }],
  ['with another policy’s number', { ...named('Eva'), identifier: [{ value: 'N2' }] }],
];
const SAME: [string, JsonObject][] = [
  ['of whom nothing is reported', {}],
  ['by a name that stands for theirs', named('Annie')],
  ['with accents', named('Aña')],
  ['by a further first name', named('Maria', 'Ana')],
  ['by a further first name in one', named('Maria Ana')],
  ['by an initial', named('E.')],
  ['under another family name', { name: [{ family: 'Smith' }] }],
  ['a newborn before there was a name', { ...named('Baby'), ...born }],
  ['by the number of the card', { ...named('Eva'), identifier: [{ value: 'n-1' }] }],
  ['by the Medicare number, under another sex', { gender: 'male', identifier: [{ value: '1EG4-TE5-MK73' }] }],
  ['by the name, under another sex', { ...named('Ana'), gender: 'male' }],
  ['by the day, under another sex', { ...born, gender: 'male' }],
  ['whose sex is not reported', { gender: 'unknown' }],
];
const said = (who: UnitMember, patient: JsonObject) => [
  isAnother(who, context)(patient),
  mayBeAnother(who, context)(patient),
];
test.each(OTHERS)('another one: %s', (_, patient) => {
  expect(isAnother(member, context)(patient)).toBe(true);
});
test.each(DOUBTED)('for a person to say: %s', (_, patient) => {
  expect(said(member, patient)).toEqual([false, true]);
});
test.each(SAME)('may be the member: %s', (_, patient) => {
  expect(said(member, patient)).toEqual([false, false]);
});
test('of a member of whom nothing is known, anyone may be', () => {
  const unknown = { memberId: 'm1', policy: 'regular', withdrawn: false as const };
  expect(said(unknown, { ...born, gender: 'male' })).toEqual([false, false]);
  const nobody = { births: [], family: [], given: [], numbers: [], cards: [], gender: null };
  expect(said({ ...unknown, person: nobody }, { ...named('Eva'), ...born, gender: 'male' })).toEqual([false, false]);
});
