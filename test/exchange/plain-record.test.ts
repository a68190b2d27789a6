// Records as people read them: what a payer says in words is shown in words, wherever it says it.
import { describe, expect, test } from 'vitest';
import { nameOfShared } from '../../exchange/members/member-page-data.ts';
import { plainRecord } from '../../exchange/records/plain-record.ts';
import type { Json, Resource } from '../../src/fhir/resource.ts';

const cc = (code: string, display?: string, system = 'https://c.example'): Json => ({
  coding: [{ system, code, ...(display === undefined ? {} : { display }) }],
});
const said = (
  type: string,
  more: Record<string, Json>,
  names: (key: string) => string | undefined = () => undefined,
) => {
  const { what, facts } = plainRecord({ resourceType: type, ...more } as Resource, names);
  return { what, ...Object.fromEntries(facts.map((f) => [f.label, f.value])) } as Record<string, string>;
};

describe('anyone who did it', () => {
  test('is the member where that is all that is said', () => {
    const by = (more: object) => said('Observation', { performer: [{ reference: 'Patient/m1', ...more }] })['Who'];
    expect(by({})).toBe('the member');
    expect(by({ display: 'Ana Rivera' })).toBe('Ana Rivera');
  });

  test('is called as within the record', () => {
    const contained = [
      { resourceType: 'Practitioner', id: 'a', name: [{ given: ['Eva'], family: 'Brown' }] },
      { resourceType: 'Organization', id: 'b', name: 'A clinic' },
      { resourceType: 'PractitionerRole', id: 'c', specialty: [cc('1', 'Cardiology')] },
      { resourceType: 'PractitionerRole', id: 'd' },
    ];
    const author = ['#a', '#b', '#c', '#d'].map((reference) => ({ reference }));
    expect(said('DocumentReference', { contained, author })['Who']).toBe('Eva Brown, A clinic, Cardiology, #d');
  });

  test('has a role whose record says no name: what the reference says, or the role', () => {
    const role = (more: object) => nameOfShared(JSON.stringify({ resourceType: 'PractitionerRole', ...more }));
    expect(role({ practitioner: { display: 'Dr. Lee' }, code: [cc('1', 'Surgeon')] })).toBe('Dr. Lee');
    expect(role({ code: [cc('1', 'Surgeon')] })).toBe('Surgeon');
    const performer = [{ reference: 'PractitionerRole/r', display: 'Eva Brown, MD' }];
    expect(said('Observation', { performer }, () => role({}))['Who']).toBe('Eva Brown, MD');
  });
});

describe('a claim', () => {
  const item = (concept: Json) => ({ item: [{ productOrService: concept }] });
  const none = cc('not-applicable', 'Not Applicable', 'http://terminology.hl7.org/CodeSystem/data-absent-reason');
  const type = cc('institutional', 'Institutional');

  test('is what was served, else what was done, else of what type it is', () => {
    expect(said('ExplanationOfBenefit', { type, ...item(cc('99213', 'Office visit')) }).what).toBe('Office visit');
    const procedure = [{ procedureCodeableConcept: cc('B01', 'An operation') }];
    expect(said('ExplanationOfBenefit', { type, ...item(none), procedure }).what).toBe('An operation');
    expect(said('ExplanationOfBenefit', { type, subType: cc('inpatient'), ...item(none) }).what).toBe(
      'Institutional, inpatient',
    );
  });

  test('says what for, each once', () => {
    const diagnosis = ['Gout', 'Asthma', 'Gout'].map((d) => ({ diagnosisCodeableConcept: cc(d, d) }));
    expect(said('ExplanationOfBenefit', { diagnosis })['Diagnosis']).toBe('Gout, Asthma');
  });
});

test('a result is shown whatever kind of value it has', () => {
  const value = (v: Record<string, Json>) => said('Observation', { code: cc('x', 'WBC'), ...v }).what;
  const q = (n: number, unit = 'cells') => ({ value: n, unit });
  expect(value({ valueRange: { low: q(6), high: q(10) } })).toBe('WBC 6 cells to 10 cells');
  expect(value({ valueRange: { low: q(6) } })).toBe('WBC from 6 cells');
  expect(value({ valueRange: { high: q(6) } })).toBe('WBC to 6 cells');
  expect(value({ valueRatio: { numerator: q(1, ''), denominator: q(128, '') } })).toBe('WBC 1 : 128');
  expect(value({ valueTime: '08:30:00' })).toBe('WBC 08:30:00');
  expect(value({ valuePeriod: { start: '2026-01-01', end: '2026-01-03' } })).toBe('WBC 2026-01-01 to 2026-01-03');
  expect(value({ valueRange: {} })).toBe('WBC');
});

test('answers are shown with their questions, those within others too; of many the first ones', () => {
  const item = [
    { linkId: '1', text: 'Do you smoke?', answer: [{ valueBoolean: false }] },
    {
      linkId: '2',
      text: 'Group',
      item: [
        { linkId: '2.1', text: 'How often?', answer: [{ valueCoding: { code: 'd', display: 'Daily' } }] },
        {
          linkId: '2.2',
          answer: [{ valueDecimal: 1.5, item: [{ linkId: '2.2.1', answer: [{ valueDate: '2026' }] }] }],
        },
        { linkId: '2.3', text: 'Nothing said' },
      ],
    },
  ];
  const { Answers } = said('QuestionnaireResponse', { item });
  expect(Answers).toBe('Do you smoke?: no; How often?: Daily; 2.2: 1.5; 2.2.1: 2026');
  const many = Array.from({ length: 30 }, (_, i) => ({ linkId: String(i), answer: [{ valueInteger: i }] }));
  expect(said('QuestionnaireResponse', { item: many })['Answers']).toMatch(/^0: 0; .*11: 11; …$/);
});

test('a plan that says all in its narrative is shown by that, and not beyond its beginning', () => {
  const text = (words: string) => ({ text: { status: 'generated', div: `<div><p>${words}</p></div>` } });
  const category = [cc('assess-plan')];
  expect(said('CarePlan', { category, ...text('Colonoscopy &amp; follow-up') })['Plan']).toBe(
    'Colonoscopy & follow-up',
  );
  expect(said('CarePlan', { category, ...text('x '.repeat(500)) })['Plan']).toMatch(/^(?:x ){100,150}…$/);
  expect(said('CarePlan', { title: 'A plan', ...text('Colonoscopy') })['Plan']).toBeUndefined();
});
