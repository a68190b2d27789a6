// Claims, fills, doses, authorizations and covers: what makes two of them one, a part at a time.
import { expect, test } from 'vitest';
import { claimOfFill } from '../../../exchange/reconcile/judge/claims.ts';
import { judge } from '../../../exchange/reconcile/judge/judge.ts';
import type { Known } from '../../../exchange/reconcile/judge/verdict.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const RX = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const NDC = 'http://hl7.org/fhir/sid/ndc';
const cc = (system: string, code: string) => ({ coding: [{ system, code }] });
const ref = (reference: string) => ({ reference });
const LINKED = new Map([
  ['Encounter/x', new Set(['Encounter/y'])],
  ['Encounter/y', new Set(['Encounter/x'])],
]);
const known: Known = { npi: () => undefined, linked: (key) => LINKED.get(key) };
const is = (a: object, b: object): string => {
  const verdict = judge(a as Resource, b as Resource, known);
  if (!verdict) return 'nothing';
  return verdict.kind === 'conflict' ? verdict.conflict : `${verdict.kind} ${verdict.rule} ${verdict.score}`;
};

const KNEE = cc('http://www.ama-assn.org/go/cpt', '29881');
const on = (servicedDate: string) => ({ item: [{ sequence: 1, productOrService: KNEE, servicedDate }] });
const numberedRequest = (value: string) => ({ identifier: [{ system: 'https://insurer.example/pa', value }] });
const request = (more: object = {}) => ({
  resourceType: 'ExplanationOfBenefit',
  use: 'preauthorization',
  status: 'active',
  insurer: ref('Organization/i'),
  provider: ref('Practitioner/p'),
  created: '2026-03-04',
  item: [{ sequence: 1, productOrService: KNEE }],
  ...more,
});
test.each([
  ['asked on one day by one provider for one service', {}, 'same-event authorization 0.9'],
  ['asked on another day', { created: '2026-03-05' }, 'nothing'],
  ['the day is not reported', { created: undefined }, 'nothing'],
  ['by another provider', { provider: ref('Practitioner/q') }, 'nothing'],
  ['of another insurer', { insurer: ref('Organization/j') }, 'nothing'],
  ['no insurer is reported', { insurer: undefined }, 'nothing'],
  ['for another service', { item: [{ productOrService: cc('http://www.ama-assn.org/go/cpt', '29880') }] }, 'nothing'],
  ['a claim', { use: 'claim' }, 'nothing'],
  ['for a day that one tells', on('2026-04-01'), 'same-event authorization 0.7'],
  ['with a number that one tells', numberedRequest('7'), 'same-event authorization 0.9'],
])('an authorization without a number in common, %s', (_, more, verdict) => {
  expect(is(request(), request(more))).toBe(verdict);
});
test('the same asked twice in one day is two, by the days for which it is asked, or by its numbers', () => {
  expect(is(request(on('2026-04-01')), request(on('2026-04-01')))).toBe('same-event authorization 0.9');
  expect(is(request(on('2026-04-01')), request(on('2026-05-01')))).toBe('nothing');
  expect(is(request(numberedRequest('7')), request(numberedRequest('8')))).toBe('nothing');
});
test('an authorization of which neither tells the day is not one by its service', () =>
  expect(is(request({ created: undefined }), request({ created: undefined }))).toBe('nothing'));

const cover = (more: object = {}) => ({
  resourceType: 'Coverage',
  status: 'active',
  type: cc('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'HMO'),
  payor: [ref('Organization/i')],
  subscriberId: 'S1',
  period: { start: '2026-01-01' },
  ...more,
});
const DENTAL = cc('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'DENTAL');
const other = { payor: [ref('Organization/j')] };
test.each([
  ['of one subscriber', {}, {}, 'same-record subscriber 1'],
  ['of which one tells which dependent', { dependent: '01' }, {}, 'same-event coverage 0.9'],
  ['of which one tells which dependent, and not since when', { dependent: '01', period: {} }, {}, 'nothing'],
  ['of two dependents', { dependent: '01', period: {} }, { dependent: '02' }, 'nothing'],
  ['of one dependent', { dependent: '01' }, { dependent: '01' }, 'same-record subscriber 1'],
  ['of another subscriber, from one day', {}, { subscriberId: 'S2' }, 'same-event coverage 0.9'],
  ['of another subscriber and kind', {}, { subscriberId: 'S2', type: cc('x', 'PPO') }, 'nothing'],
  ['of another subscriber, from another day', {}, { subscriberId: 'S2', period: { start: '2026-02-01' } }, 'nothing'],
  ['health and teeth', {}, { type: DENTAL }, 'nothing'],
  ['teeth and no kind reported', { type: DENTAL }, { type: undefined }, 'same-record subscriber 1'],
  ['no kind reported and teeth', { type: undefined }, { type: DENTAL }, 'same-record subscriber 1'],
  ['one over before the other', { period: { start: '2025-01-01', end: '2025-12-31' } }, {}, 'nothing'],
  ['at two payers at once', {}, other, 'coverage-overlap'],
  ['at two payers, of which one was cancelled', {}, { ...other, status: 'cancelled' }, 'nothing'],
  ['at two payers, the first cancelled', { status: 'cancelled' }, other, 'nothing'],
  ['at two payers, one of which says no day', {}, { ...other, period: {} }, 'nothing'],
  ['at two payers, one after the other', { period: { start: '2025-01-01', end: '2025-12-31' } }, other, 'nothing'],
])('covers %s', (_, a, b, verdict) => expect(is(cover(a), cover(b))).toBe(verdict));

const dose = (more: object = {}) => ({
  resourceType: 'MedicationAdministration',
  status: 'completed',
  medicationCodeableConcept: cc(RX, '197696'),
  effectiveDateTime: '2026-03-04T09:00:00Z',
  ...more,
});
const numbered = { identifier: [{ system: 'urn:order', value: '7' }] };
test.each([
  ['of one visit', { context: ref('Encounter/x') }, { context: ref('Encounter/y') }, 'same-event administration 0.9'],
  ['of two visits', { context: ref('Encounter/x') }, { context: ref('Encounter/z') }, 'nothing'],
  ['of which one tells no visit', {}, { context: ref('Encounter/y') }, 'same-event administration 0.7'],
  ['of one number and minute', numbered, numbered, 'same-record identifier 1'],
  ['of one number, an hour later', numbered, { ...numbered, effectiveDateTime: '2026-03-04T10:00:00Z' }, 'nothing'],
  [
    'of one number, the day alone',
    numbered,
    { ...numbered, effectiveDateTime: '2026-03-04' },
    'same-record identifier 1',
  ],
  ['of one number, another day alone', numbered, { ...numbered, effectiveDateTime: '2026-03-09' }, 'nothing'],
])('doses %s', (_, a, b, verdict) => expect(is(dose(a), dose(b))).toBe(verdict));

const sale = (more: object = {}, item: object = {}) => ({
  resourceType: 'ExplanationOfBenefit',
  use: 'claim',
  type: cc('http://terminology.hl7.org/CodeSystem/claim-type', 'pharmacy'),
  provider: ref('Organization/shop'),
  supportingInfo: [{ category: cc('x', 'dayssupply'), valueQuantity: { value: 30 } }],
  item: [
    {
      servicedDate: '2026-03-04',
      productOrService: cc(NDC, '00093-7146-56'),
      quantity: { value: 60 },
      ...item,
    },
  ],
  ...more,
});
const fill = (more: object = {}) => ({
  resourceType: 'MedicationDispense',
  status: 'completed',
  medicationCodeableConcept: cc(NDC, '00093714656'),
  whenHandedOver: '2026-03-04',
  quantity: { value: 60 },
  daysSupply: { value: 30 },
  performer: [{ actor: ref('Organization/shop') }],
  ...more,
});
test.each([
  ['with all of it the same', sale(), fill(), 0.9],
  ['of another package', sale({}, { productOrService: cc(NDC, '00093-7146-57') }), fill(), undefined],
  ['of other days’ supply', sale(), fill({ daysSupply: { value: 90 } }), undefined],
  ['of another quantity', sale(), fill({ quantity: { value: 30 } }), undefined],
  ['on another day', sale({}, { servicedDate: '2026-03-05' }), fill(), undefined],
  ['at another pharmacy', sale(), fill({ performer: [{ actor: ref('Organization/other') }] }), undefined],
  ['at one that is not reported', sale(), fill({ performer: undefined }), undefined],
  ['of one that tells no quantity, for as many days', sale({}, { quantity: undefined }), fill(), 0.9],
  [
    'of one that tells no quantity, for other days',
    sale({}, { quantity: undefined }),
    fill({ daysSupply: { value: 90 } }),
    undefined,
  ],
  [
    'of one that tells neither quantity nor days',
    sale({ supportingInfo: undefined }, { quantity: undefined }),
    fill(),
    undefined,
  ],
  ['for which it is only asked', sale({ use: 'preauthorization' }), fill(), undefined],
  ['of a doctor’s office', sale({ type: cc('x', 'professional') }), fill(), undefined],
])('a claim and the fill that it is about, %s', (_, claim, of, score) => {
  const verdict = claimOfFill(claim as Resource, of as Resource, known);
  expect(verdict?.kind === 'derived-from' ? verdict.score : undefined).toBe(score);
});
