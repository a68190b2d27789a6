// Authorizations as payers send them that are denied or for drugs, though not in the way that the guide writes it.
import { describe, expect, test } from 'vitest';
import { contentFaults } from '../../exchange/compliance/export-check/check-line.ts';
import { isDrugCode } from '../../exchange/records/facts/drug-codes.ts';
import { factsOf } from '../../exchange/records/facts/facts.ts';
import { authorizationFacts } from '../../exchange/records/facts/prior-authorization.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { valueSets } from '../../src/sensitive-value-sets.ts';

const PDEX = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/';
const PAS = 'http://hl7.org/fhir/us/davinci-pas/StructureDefinition/';
const decided = (concept: object, base = PDEX) => ({
  category: { coding: [{ code: 'submitted' }] },
  extension: [
    {
      url: `${base}extension-reviewAction`,
      extension: [{ url: `${base}extension-reviewActionCode`, valueCodeableConcept: concept }],
    },
  ],
});
const code = (c: string) => ({ coding: [{ system: 'https://codesystem.x12.org/005010/306', code: c }] });
const service = (more: object = {}) => ({ sequence: 1, productOrService: { text: 'imaging' }, ...more });
const authorization = (more: object): Resource =>
  ({
    resourceType: 'ExplanationOfBenefit',
    id: 'pa',
    use: 'preauthorization',
    status: 'active',
    created: '2026-10-01',
    item: [service()],
    ...more,
  }) as unknown as Resource;
const reason = (more: object = {}) => ({
  category: { coding: [{ code: 'denialreason' }] },
  reason: { text: 'r' },
  ...more,
});

describe('denied', () => {
  test.each<[string, object, string]>([
    ['by a review action of PAS', { adjudication: [decided(code('A3'), PAS)] }, 'denied'],
    ['in small letters', { adjudication: [decided(code('a3'))] }, 'denied'],
    ['by a display alone', { adjudication: [decided({ coding: [{ display: 'Not Certified' }] })] }, 'denied'],
    ['in words alone', { adjudication: [decided({ text: 'Denied' })] }, 'denied'],
    ['by a code of its own', { adjudication: [decided(code('denied'))] }, 'denied'],
    [
      'maybe, by an extension of the payer alone',
      { extension: [{ url: 'https://cms.example/PA-DECISION', valueCoding: { code: 'N' } }] },
      'unclear',
    ],
    [
      'maybe, by one of its line',
      { item: [service({ extension: [{ url: 'https://cms.example/PA-DECISION', valueString: 'A' }] })] },
      'unclear',
    ],
    ['in other words of its disposition', { disposition: 'Not certified' }, 'unclear'],
    ['for want of need', { disposition: 'The request is not medically necessary' }, 'unclear'],
    [
      'by the reason of its only line',
      { adjudication: [decided(code('A1'))], item: [service({ adjudication: [reason()] })] },
      'denied',
    ],
  ])('%s', (_, more, state) => {
    expect(authorizationFacts(authorization(more)).state).toBe(state);
  });

  test('a line without a review action whose reason was given before the whole was certified leaves; units do too', () => {
    const when = (t: string) => ({ url: `${PDEX}base-ext-when-adjudicated`, valueDateTime: t });
    const header = decided(code('A1'));
    const later = { ...header, extension: [...header.extension, when('2026-10-02T10:00:00Z')] };
    const earlier = reason({ extension: [when('2026-10-01T10:00:00Z')] });
    const units = { category: { coding: [{ code: 'allowedunits' }] }, value: 2 };
    for (const adjudication of [[earlier], [reason(), units]])
      expect(
        authorizationFacts(authorization({ adjudication: [later], item: [service({ adjudication })] })),
      ).toMatchObject({
        state: 'approved',
        removedLines: [],
      });
  });

  test('a detail of a detail, by its reason alone', () => {
    const sub = [service({ adjudication: [reason()] }), service({ sequence: 2 })];
    const item = [service({ adjudication: [decided(code('A1'))], detail: [service({ subDetail: sub })] })];
    const facts = factsOf(authorization({ item }), JSON.stringify(authorization({ item })));
    expect(facts.authorization).toMatchObject({ state: 'approved', removesParts: true });
    expect(JSON.parse(facts.shared ?? '').item[0].detail[0].subDetail).toEqual([service({ sequence: 2 })]);
  });
});

/** Words of a disposition, and why they tell a denial or none. */
describe('where nothing but words was decided', () => {
  test.each<[string, string]>([
    ['Denied', 'said'],
    ['Request denied. If this request is denied, you may appeal.', 'a condition beside it takes nothing back'],
    ['Approved: no Denied: yes', 'a form'],
    ['Approved=No, Denial=Yes', 'a form'],
    ['Approval: no denial: yes', 'a form'],
    ['This service is not covered and is the responsibility of the member', 'of this one'],
    ['Service not covered', 'of this one'],
    ['Services not covered', 'nothing else is said of them'],
    ['Services not covered are denied', 'they are'],
    ['You have the right to appeal this denial', 'this one'],
    ['Not approved, may be resubmitted', 'what may be done about it'],
    ['Cannot be approved', 'in other words'],
    ['Unable to certify', 'in other words'],
    ['The request does not meet medical necessity criteria', 'in other words'],
    ['Clinical criteria not met', 'in other words'],
    ['Not a covered benefit', 'in other words'],
    ['The request was denied because it may be denied', 'both'],
    ['Will be denied', 'it is to come, and nothing is open'],
    ['Should be denied', 'an advice that was followed'],
    ['Line 1 was not denied, line 2 was denied', 'one was'],
    ['Unless records are received the request is denied', 'the time may be over'],
    ['If records do not come by 10/1, the request is denied', 'the time may be over'],
    ['Solicitud denegada', 'in Spanish'],
    ['El servicio no fue autorizado', 'in Spanish'],
  ])('%s: a denial (%s)', (disposition) => {
    expect(authorizationFacts(authorization({ disposition })).state).toBe('unclear');
  });
  test.each<[string, string]>([
    ['Claims for these services may be denied without a referral', 'possible'],
    ['Services that are not medically necessary may be denied', 'possible'],
    ['Out-of-network care may not be covered', 'possible'],
    ['Late submission could result in a claim denial', 'possible'],
    ['Send records within 10 days to avoid denial', 'possible'],
    ["Services not covered are the member's responsibility", 'of whatever is not covered'],
    ['Certain items not covered by your plan may be billed to you', 'of whatever is not covered'],
    ['Non-covered services are the responsibility of the patient', 'of whatever is not covered'],
    ['The member is responsible for any services not covered under the plan', 'of whatever is not covered'],
    ['If the request is denied you may appeal', 'a condition'],
    ['You may appeal any denial', 'a condition'],
    ['This is not a denial', 'none'],
    ['The request has been received, it was not denied', 'none'],
    ['Under review, no denial was issued', 'none'],
    ['Received and not yet approved', 'open'],
    ['Deductible not met', 'of money'],
    ['Approved with conditions', 'none'],
    ['Las solicitudes pueden ser rechazadas sin expediente', 'possible'],
  ])('%s: none (%s)', (disposition) => {
    expect(authorizationFacts(authorization({ disposition })).state).toBe('pended');
  });
});

test.each([
  [authorization({ adjudication: [decided(code('A3'))] })],
  [authorization({ type: { coding: [{ code: 'pharmacy' }] } })],
  [{ resourceType: 'Claim', id: 'pa', total: { value: 3 } } as Resource],
])('contained in another record it stays, and what refers to it is masked', (contained) => {
  const whole = {
    resourceType: 'Condition',
    id: 'c',
    contained: [contained, { resourceType: 'Observation', id: 'o' }],
    evidence: [{ detail: [{ reference: '#pa' }, { reference: '#o' }] }],
  } as unknown as Resource;
  const context = {
    members: new Map(),
    hidden: new Set<string>(),
    hiddenNumbers: new Map(),
    hiddenDocuments: new Map(),
    staying: new Map(),
    revealing: new Map(),
    today: '2026-11-24',
    yearAgo: '2025-11-24',
    windowStart: '2021-01-01',
    peerOrigins: new Set<string>(),
  };
  const form = JSON.parse(factsOf(whole, JSON.stringify(whole)).shared ?? '') as Resource;
  expect(form['contained']).toEqual([{ resourceType: 'Observation', id: 'o' }]);
  expect(JSON.stringify(form['evidence'])).toMatch(/"masked".*"#o"/);
  expect(contentFaults(whole, context)).not.toEqual([]);
  expect(contentFaults(form, context)).toEqual([]);
});

test.each<[string, object, string | undefined]>([
  ['denied', { adjudication: [decided(code('A3'))] }, 'denied'],
  ['for drugs', { type: { coding: [{ code: 'pharmacy' }] } }, 'drug'],
  ['approved', { adjudication: [decided(code('A1'))] }, 'estimate'],
])('an estimate that is %s', (_, more, state) => {
  const estimate = { ...authorization(more), use: 'predetermination' } as unknown as Resource;
  expect(factsOf(estimate, JSON.stringify(estimate)).authorization?.state).toBe(state);
});

test('an estimate that was denied in part leaves as a claim, without those lines', () => {
  const item = [service(), service({ sequence: 2, adjudication: [decided(code('A3'))] })];
  const estimate = {
    ...authorization({ adjudication: [decided(code('A1'))], item }),
    use: 'predetermination',
  } as Resource;
  const facts = factsOf({ ...estimate, billablePeriod: { end: '2026-01-02' } }, JSON.stringify(estimate));
  expect([facts.authorization?.state, facts.serviceEnd]).toEqual(['estimate', '2026-01-02']);
  expect(JSON.parse(facts.shared ?? '').item).toEqual([service()]);
});

describe('for drugs', () => {
  test.each([
    ['http://hl7.org/fhir/sid/ndc|2026', '00002143380'],
    ['https://www.nlm.nih.gov/research/umls/rxnorm', '1551306'],
    ['http://www.nlm.nih.gov/research/umls/rxnorm/', '1551306'],
    ['urn:oid:2.16.840.1.113883.6.68', '66'],
    ['http://www.whocc.no/atc', 'L04AB02'],
    ['http://hl7.org/fhir/sid/cvx', '207'],
    ['http://www.ama-assn.org/go/cpt', 'J1745'],
    ['', 'J1745'],
    ['http://www.ama-assn.org/go/cpt', '90283'],
    ['http://www.ama-assn.org/go/cpt', '91300'],
  ])('%s %s', (system, c) => {
    expect(isDrugCode(system, c, valueSets(undefined))).toBe(true);
  });
  test.each([
    ['http://www.ama-assn.org/go/cpt', '90400'],
    ['http://plan.example/codes', 'J1745'],
    ['', '99213'],
  ])('not %s %s', (system, c) => {
    expect(isDrugCode(system, c, valueSets(undefined))).toBe(false);
  });
  test('not by a number of another list of services', () => {
    const category = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/service-type', code: '88' }] };
    expect(authorizationFacts(authorization({ item: [service({ category })] })).state).toBe('pended');
  });
  test.each([
    { type: { text: 'Pharmacy' } },
    { item: [service({ category: { coding: [{ system: 'https://codesystem.x12.org/005010/1365', code: '88' }] } })] },
  ])('by what kind it is: %j', (more) => {
    expect(authorizationFacts(authorization(more)).state).toBe('drug');
  });
});

describe('a year or a month counts to its last day', () => {
  const PERIOD = `${PAS}extension-itemPreAuthPeriod`;
  test.each<[object, string]>([
    [{ preAuthRefPeriod: [{ start: '2023', end: '2026-11' }] }, '2026-11-30'],
    [{ preAuthRefPeriod: [{ start: '2023', end: '2028-02' }] }, '2028-02-29'],
    [{ preAuthRefPeriod: [{ end: '2026-05-01' }, { end: '2026' }] }, '2026-12-31'],
    [{ item: [service({ extension: [{ url: PERIOD, valuePeriod: { end: '2026-11' } }] })] }, '2026-11-30'],
  ])('until when it holds: %j', (more, end) => {
    expect(authorizationFacts(authorization(more)).end).toBe(end);
  });
  test.each([
    ['2025-11', '2025-11-30'],
    ['2025', '2025-12-31'],
  ])('when it was decided: %s', (when, changed) => {
    const { extension, ...rest } = decided(code('A1'));
    const at = { url: `${PDEX}base-ext-when-adjudicated`, valueDateTime: when };
    const adjudication = [{ ...rest, extension: [...extension, at] }];
    expect(authorizationFacts(authorization({ created: '2022-01-01', adjudication })).changed).toBe(changed);
  });
  test('when it was made', () => {
    expect(authorizationFacts(authorization({ created: '2025-11' })).changed).toBe('2025-11-30');
  });
});
