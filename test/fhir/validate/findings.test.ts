import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { validate } from '../../../src/fhir/validate/validate.ts';

const issues = (resource: JsonObject) =>
  validate(resource).map((i) => `${i.severity} ${i.code} ${i.path.slice(i.path.indexOf('.') + 1)}`);
const THO = 'http://terminology.hl7.org/CodeSystem';
const concept = (system: string, code: string) => ({ coding: [{ system: `${THO}/${system}`, code }] });
const patient = (more: JsonObject): JsonObject => ({ resourceType: 'Patient', ...more });
const observation = (more: JsonObject): JsonObject => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  ...more,
});
const condition = (more: JsonObject): JsonObject => ({
  resourceType: 'Condition',
  subject: { reference: 'Patient/1' },
  ...more,
});
const allergy = (more: JsonObject): JsonObject => ({
  resourceType: 'AllergyIntolerance',
  patient: { reference: 'Patient/1' },
  ...more,
});
const period = (start: string, end: string) => patient({ name: [{ text: 'x', period: { start, end } }] });

describe('invariants of base R4', () => {
  const unit = { value: 1, unit: 'mg', code: 'mg' };
  const photo = { data: 'aGFsbG8=' };
  const organization = { resourceType: 'Organization', id: 'o', name: 'x' };
  const wrong = concept('condition-ver-status', 'entered-in-error');
  const allergyWrong = concept('allergyintolerance-verification', 'entered-in-error');
  test.each<[string, JsonObject, string[]]>([
    ['a period that ends before it starts', period('2024-02', '2024-01'), ['per-1 name[0].period']],
    ['a period within one day', period('2024-01-01T10:00:00Z', '2024-01-01'), []],
    ['a period within one year', period('2024-06', '2024'), []],
    ['a unit code without system', observation({ valueQuantity: unit }), ['qty-3 valueQuantity']],
    ['a unit code with system', observation({ valueQuantity: { ...unit, system: 'http://unitsofmeasure.org' } }), []],
    ['data without content type', patient({ photo: [photo] }), ['att-1 photo[0]']],
    ['a telecom without system', patient({ telecom: [{ value: 'x' }] }), ['cpt-2 telecom[0]']],
    ['a contact with only a gender', patient({ contact: [{ gender: 'male' }] }), ['pat-1 contact[0]']],
    [
      'a value and a reason for none',
      observation({ valueString: 'x', dataAbsentReason: { text: 'x' } }),
      ['obs-6 Observation'],
    ],
    [
      'an abatement of something active',
      condition({ abatementDateTime: '2020', clinicalStatus: concept('condition-clinical', 'active') }),
      ['con-4 clinicalStatus'],
    ],
    [
      'a status of something wrong',
      condition({ verificationStatus: wrong, clinicalStatus: concept('condition-clinical', 'resolved') }),
      ['con-5 clinicalStatus'],
    ],
    ['an allergy without status', allergy({}), ['ait-1 clinicalStatus']],
    ['a wrong allergy without status', allergy({ verificationStatus: allergyWrong }), []],
    [
      'a wrong allergy with status',
      allergy({ verificationStatus: allergyWrong, clinicalStatus: concept('allergyintolerance-clinical', 'active') }),
      ['ait-2 clinicalStatus'],
    ],
    [
      'a contained resource that is there',
      patient({ contained: [organization], managingOrganization: { reference: '#o' } }),
      [],
    ],
    [
      'a contained resource that is not there',
      patient({ managingOrganization: { reference: '#o' } }),
      ['ref-1 managingOrganization.reference'],
    ],
    [
      'a contained resource that names its sibling',
      patient({ contained: [organization, { ...organization, id: 'q', partOf: { reference: '#o' } }] }),
      [],
    ],
    [
      'a container within',
      patient({ contained: [{ ...organization, contained: [organization] }] }),
      ['dom-2 contained[0]'],
    ],
    [
      'a search for a reference',
      patient({ managingOrganization: { reference: 'Organization?name=x' } }),
      ['conditional-reference managingOrganization.reference'],
    ],
  ])('%s', (_, resource, expected) => {
    expect(issues(resource)).toEqual(expected.map((e) => `finding ${e}`));
  });

  test('ids of a contained resource are those of its own container in a Bundle', () => {
    const entry = [
      { resource: patient({ contained: [organization], managingOrganization: { reference: '#o' } }) },
      { resource: patient({ managingOrganization: { reference: '#o' } }) },
    ];
    expect(issues({ resourceType: 'Bundle', type: 'collection', entry })).toEqual([
      'finding ref-1 entry[1].resource.managingOrganization.reference',
    ]);
  });
});

describe('profiles of member data', () => {
  const claim: JsonObject = {
    resourceType: 'ExplanationOfBenefit',
    meta: { profile: ['http://hl7.org/fhir/us/carin-bb/StructureDefinition/C4BB-ExplanationOfBenefit-Pharmacy-Basis'] },
    identifier: [
      {
        type: { coding: [{ system: 'http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType', code: 'uc' }] },
        value: '1',
      },
    ],
    status: 'active',
    type: concept('claim-type', 'pharmacy'),
    use: 'claim',
    patient: { reference: 'Patient/1' },
    billablePeriod: { start: '2024-01-01' },
    created: '2024-01-02',
    insurer: { reference: 'Organization/1' },
    provider: { reference: 'Organization/2' },
    outcome: 'complete',
    insurance: [{ focal: true, coverage: { reference: 'Coverage/1' } }],
  };
  const authorization = {
    ...claim,
    use: 'preauthorization',
    meta: { profile: ['http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-priorauthorization'] },
  };
  const member = patient({
    meta: { profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0'] },
    identifier: [{ system: 'http://x.example', value: '1' }],
    name: [{ family: 'Roe' }],
    gender: 'unknown',
  });
  test.each<[string, JsonObject, JsonObject, string[]]>([
    ['a claim', claim, {}, []],
    ['a claim of another use', claim, { use: 'predetermination' }, ['profile-fixed use']],
    ['a claim without its own number', claim, { identifier: [{ value: '1' }] }, ['profile-required identifier']],
    ['a claim of another type', claim, { type: concept('claim-type', 'oral') }, ['profile-required type']],
    ['a claim without start', claim, { billablePeriod: { end: '2024' } }, ['profile-required billablePeriod.start']],
    ['an authorization', authorization, {}, []],
    ['an authorization that is a claim', authorization, { use: 'claim' }, ['profile-fixed use']],
    ['a member', member, {}, []],
  ])('%s', (_, resource, change, expected) => {
    const found = validate({ ...resource, ...change }).filter((i) => i.severity === 'finding');
    expect(found.map((i) => `${i.code} ${i.path.slice(i.path.indexOf('.') + 1)}`)).toEqual(expected);
  });

  test('a member without name, gender and number', () => {
    const { meta } = member;
    expect(issues(patient({ ...(meta === undefined ? {} : { meta }), birthDate: '1970-01-01' }))).toEqual([
      'finding profile-required identifier',
      'finding profile-required name',
      'finding profile-required gender',
    ]);
  });
});
