// An NPI is the same under its address, under its OID, as in records made from C-CDA, and under the address with https.
import { expect, test } from 'vitest';
import { namesPayer } from '../../../exchange/members/consent/evaluate.ts';
import { npiOf } from '../../../exchange/members/enrolment/read-own.ts';
import { claimFacts } from '../../../exchange/reconcile/chain/facts.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const value = '1234567893';
const claimOf = (more: object) =>
  claimFacts({ resourceType: 'ExplanationOfBenefit', use: 'claim', ...more } as Resource)?.insurerId;
const known = [
  'http://hl7.org/fhir/sid/us-npi',
  'urn:oid:2.16.840.1.113883.4.6',
  'https://hl7.org/fhir/sid/us-npi',
] as const;

test.each(known)('%s', (system) => {
  const identifier = { system, value };
  expect(npiOf({ identifier: [identifier] })).toBe(value);
  const insurerId = `${known[0]}|${value}`;
  expect(claimOf({ insurer: { identifier } })).toBe(insurerId);
  const contained = [{ resourceType: 'Organization', id: 'i', identifier: [{ system: 'x', value: '1' }, identifier] }];
  expect(claimOf({ contained, insurer: { reference: '#i' } })).toBe(insurerId);
  expect(namesPayer({ identifier }, { npi: value, name: 'Us' })).toBe(true);
});

test('another system is none', () => {
  const identifier = { system: 'urn:oid:2.16.840.1.113883.4.4', value };
  expect(npiOf({ identifier: [identifier] })).toBeUndefined();
  expect(claimOf({ insurer: { identifier } })).toBe(`${identifier.system}|${value}`);
  expect(namesPayer({ identifier }, { npi: value, name: 'Us' })).toBe(false);
});
