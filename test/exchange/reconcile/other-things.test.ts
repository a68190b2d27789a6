// Records that are no copies of each other, whatever address they are called by.
import { expect, test } from 'vitest';
import { areOfOtherThings } from '../../../exchange/reconcile/other-things.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const CVX = 'http://hl7.org/fhir/sid/cvx';
const coded = (system: string, ...codes: string[]) => ({ coding: codes.map((code) => ({ system, code })) });
const other = (a: object, b: object): boolean => {
  const [one, two] = [areOfOtherThings(a as Resource, b as Resource), areOfOtherThings(b as Resource, a as Resource)];
  expect(one).toBe(two);
  return one;
};

test('orders are of other drugs unless they name one in common: by code, or as one Medication', () => {
  const order = (more: object) => ({ resourceType: 'MedicationRequest', id: 'x', ...more });
  const coding = (...codes: string[]) => order({ medicationCodeableConcept: coded(RXNORM, ...codes) });
  const naming = (reference: string) => order({ medicationReference: { reference } });
  expect(other(coding('197541'), coding('197541'))).toBe(false);
  expect(other(coding('197541', '1'), coding('2', '197541'))).toBe(false);
  expect(other(coding('197541'), coding('197542'))).toBe(true);
  expect(other(naming('Medication/m1'), naming('Medication/m1'))).toBe(false);
  expect(other(naming('Medication/m1'), naming('Medication/m2'))).toBe(true);
  // what is contained is called the same by everybody, and one that tells no drug is no member's copy
  expect(other(naming('#m'), naming('#m'))).toBe(true);
  expect(other(coding('197541'), naming('Medication/m1'))).toBe(true);
  expect(other(order({}), order({}))).toBe(true);
});

test('doses are of other vaccines where both say which, and none is the other’s', () => {
  const dose = (more: object) => ({ resourceType: 'Immunization', id: 'x', ...more });
  const of = (system: string, ...codes: string[]) => dose({ vaccineCode: coded(system, ...codes) });
  expect(other(of(CVX, '208'), of(CVX, '208'))).toBe(false);
  expect(other(of(CVX, '208'), of(CVX, '207'))).toBe(true);
  expect(other(of(CVX, '08'), of(CVX, '8'))).toBe(false);
  expect(other(of(CVX, '208', '207'), of(CVX, '207'))).toBe(false);
  expect(other(of(CVX, '208'), of('http://hl7.org/fhir/sid/ndc', '59267-1000-1'))).toBe(false);
  expect(other(of(CVX, '207'), of('http://hl7.org/fhir/sid/ndc', '59267-1000-1'))).toBe(true);
  expect(other(of(CVX, '208'), dose({}))).toBe(false);
});

test('other codes, types or numbers of one system are other things; what one of them does not say is none', () => {
  const result = (more: object) => ({ resourceType: 'Observation', id: 'x', ...more });
  const LOINC = 'http://loinc.org';
  expect(other(result({ code: coded(LOINC, '718-7') }), result({ code: coded(LOINC, '2345-7') }))).toBe(true);
  // a copy keeps a code of its record
  expect(other(result({ code: coded(LOINC, '718-7') }), result({ code: coded('urn:local', '9') }))).toBe(true);
  expect(other(result({ code: coded(LOINC, '718-7') }), result({}))).toBe(false);
  const numbered = (value: string) => result({ identifier: [{ system: 'https://lab.example', value }] });
  expect(other(numbered('1'), numbered('2'))).toBe(true);
  expect(other(numbered('1'), numbered('1'))).toBe(false);
  expect(other(numbered('1'), result({}))).toBe(false);
  const document = (code: string) => ({ resourceType: 'DocumentReference', id: 'x', type: coded(LOINC, code) });
  expect(other(document('34133-9'), document('18842-5'))).toBe(true);
});
