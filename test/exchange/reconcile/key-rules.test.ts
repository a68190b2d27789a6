// What is stored is found by keys that were made when it was stored. Anyone who changes the rules of keys has it keyed again.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { businessKeys } from '../../../exchange/reconcile/business-keys.ts';
import { KEY_RULES, recordKeys } from '../../../exchange/reconcile/record-keys.ts';
import { contentHashes, MEMBER_CONTENT } from '../../../src/fhir/canonical.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const TYPES =
  'AllergyIntolerance CareTeam Coverage RelatedPerson CarePlan Condition Device DiagnosticReport DocumentReference Encounter ExplanationOfBenefit FamilyMemberHistory Goal Immunization MedicationAdministration MedicationDispense MedicationRequest Observation Procedure Provenance QuestionnaireResponse ServiceRequest Specimen Organization Location Practitioner Medication Patient'.split(
    ' ',
  );
const EVENING = '2026-03-01T20:30:00-05:00';
const CODE = {
  coding: [
    { system: 'urn:oid:2.16.840.1.113883.6.90', code: 'e119' },
    { system: 'http://hl7.org/fhir/sid/ndc', code: '0002-1433-80' },
    { system: 'http://hl7.org/fhir/sid/cvx', code: '8' },
    { system: 'http://loinc.org', code: '2345-7' },
    { system: 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', code: '99213' },
  ],
};

/** A record that says all that any rule reads. */
const record = (resourceType: string, more: object = {}) =>
  ({
    resourceType,
    id: 'x',
    identifier: [
      { system: 'https://payer.example/number', value: '00-17 a' },
      {
        type: { coding: [{ system: 'http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType', code: 'uc' }] },
        value: 'CLM-0042',
      },
    ],
    code: CODE,
    type: CODE,
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'survey' }] }],
    class: { code: 'AMB' },
    description: { text: 'Walk 30 minutes', ...CODE },
    relationship: CODE,
    vaccineCode: CODE,
    medicationCodeableConcept: CODE,
    effectiveDateTime: EVENING,
    performedDateTime: EVENING,
    occurrenceDateTime: EVENING,
    whenHandedOver: EVENING,
    authoredOn: EVENING,
    authored: EVENING,
    recorded: EVENING,
    startDate: '2026-03-01',
    birthDate: '1970-02-03',
    questionnaire: 'https://payer.example/q',
    period: { start: EVENING },
    collection: { collectedDateTime: EVENING },
    content: [
      { attachment: { data: 'SGVsbG8=' } },
      { attachment: { url: 'https://payer.example/d', hash: 'qvTGHdzF6KLavt4PO0gs2a6pQ00=' } },
    ],
    udiCarrier: [{ deviceIdentifier: '00844588003288' }],
    preAuthRef: ['PA-7'],
    item: [{ sequence: 1, servicedDate: '2026-03-01', productOrService: CODE }],
    billablePeriod: { start: '2026-03-01', end: '2026-03-02' },
    name:
      resourceType === 'Practitioner' || resourceType === 'Patient'
        ? [{ family: 'Núñez', given: ['Ana'] }]
        : 'Harbor Clinic',
    address: [{ line: ['1 Main St.'], postalCode: '06101-1234' }],
    ...more,
  }) as unknown as Resource;

/** The drug stands in what it contains. */
const byContained = (type: string) =>
  record(type, {
    medicationCodeableConcept: undefined,
    medicationReference: { reference: '#m' },
    contained: [{ resourceType: 'Medication', id: 'm', code: CODE }],
  });

/** By number of the rules, each with a line of its own: what was keyed otherwise under the same number would never be found again. */
const KEYS_OF: Readonly<Record<number, string>> = {
  2: '366888b943c07142d3ff53e946a80ea519ff1de698e97611ede84e9a85a94752',
  3: '75a73df9a300e25a830fb7ddd40e790c82d21ec5ca16757a549ab0c95a61bd78',
  4: '281335df1d9a7a8fe556d8b8015a2d46c755abe694224c77dc17e784324fc9e0',
  5: '70ef6cdb89a8b64366b15ed34c90cc7be2f616ef6618f896163a664594c7255f',
  6: '898a3d0ee7b60c008c45bcb4f6e9edbfa0f4904c0bfe0ebc4a03c0781e46c651',
  // the same of a number with blanks around it as 6 made of one without
  7: '898a3d0ee7b60c008c45bcb4f6e9edbfa0f4904c0bfe0ebc4a03c0781e46c651',
  // the same keys; what chains know of claims is made again
  8: '898a3d0ee7b60c008c45bcb4f6e9edbfa0f4904c0bfe0ebc4a03c0781e46c651',
  // the same keys; substances are made again
  9: '898a3d0ee7b60c008c45bcb4f6e9edbfa0f4904c0bfe0ebc4a03c0781e46c651',
  // of more records: copies of one are found by what they are copies of
  10: '738318a5a59209286802492ea1ea5ae5b6e10d8fb2d5025e2ac7c21ad802b8b7',
  // the same keys; chains know of claims whether they are inpatient or outpatient
  11: '738318a5a59209286802492ea1ea5ae5b6e10d8fb2d5025e2ac7c21ad802b8b7',
  // an authorization by the day on which it was asked for
  12: '7ff7f845bcb8b9955bea7f49a700ff7c2de106f72e6f68d2b09f207727ee4c31',
  // the same keys; chains know insurers by an NPI under its OID
  13: '7ff7f845bcb8b9955bea7f49a700ff7c2de106f72e6f68d2b09f207727ee4c31',
  // the same keys; the substance of what came with money is that of what is left
  14: '7ff7f845bcb8b9955bea7f49a700ff7c2de106f72e6f68d2b09f207727ee4c31',
  // clinicians without the numbers of whom they work for
  15: 'bdae1f533d3ecb40562fdaa6ddab1d696e333926b7d16c8ed346821e4a04e87f',
};
/** The same of the substance, since 9. */
const SUBSTANCE_OF: Readonly<Record<number, string>> = {
  9: 'dd5b6e7f75122d9426aef6f2408bcf6610750383b457262f2741dcdc9ff00a1b',
  10: 'dd5b6e7f75122d9426aef6f2408bcf6610750383b457262f2741dcdc9ff00a1b',
  11: 'dd5b6e7f75122d9426aef6f2408bcf6610750383b457262f2741dcdc9ff00a1b',
  12: 'dd5b6e7f75122d9426aef6f2408bcf6610750383b457262f2741dcdc9ff00a1b',
  13: 'dd5b6e7f75122d9426aef6f2408bcf6610750383b457262f2741dcdc9ff00a1b',
  // the same of the same text; of what came with money it is that of what is left
  14: 'dd5b6e7f75122d9426aef6f2408bcf6610750383b457262f2741dcdc9ff00a1b',
  15: 'dd5b6e7f75122d9426aef6f2408bcf6610750383b457262f2741dcdc9ff00a1b',
};

/** A claim that tells the number of its group first. */
const inGroup = (code: string) =>
  record('ExplanationOfBenefit', {
    type: { coding: [{ code }] },
    identifier: [
      { system: 'https://bluebutton.cms.gov/resources/identifier/claim-group', value: '99999999999' },
      { system: 'https://bluebutton.cms.gov/resources/variables/clm_id', value: ' 12 ' },
    ],
  });

test('the keys of a record are those of the number of their rules; others need a higher number', () => {
  const keys = TYPES.flatMap((type) => [
    record(type),
    record(type, { use: 'preauthorization', class: { code: 'IMP' } }),
    record(type, {
      status: 'active',
      category: [
        {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'encounter-diagnosis' }],
        },
      ],
    }),
    ...(type.startsWith('Medication') && type !== 'Medication' ? [byContained(type)] : []),
    ...(type === 'ExplanationOfBenefit' ? ['pharmacy', 'professional'].map(inGroup) : []),
    ...(type === 'Practitioner'
      ? [record(type, { identifier: [{ system: 'urn:oid:2.16.840.1.113883.4.4', value: '12' }] })]
      : []),
    record(type, { identifier: [{ use: 'secondary', system: `https://payer.example/fhir/${type}`, value: 'a' }] }),
  ]).map((r) => [r.resourceType, recordKeys(r), businessKeys(r)] as const);
  expect(keys.filter(([, own, shared]) => own.length + shared.length === 0)).toEqual([]);
  expect(createHash('sha256').update(JSON.stringify(keys)).digest('hex')).toBe(KEYS_OF[KEY_RULES]);
});

test('so is the substance of a record', () => {
  const standIn = (type: string) => ({ identifier: { system: `https://payer.example/fhir/${type}`, value: 'v1' } });
  const { substance } = contentHashes(
    record('DocumentReference', {
      identifier: [{ system: 'https://payer.example/fhir/DocumentReference', value: 'a', use: 'secondary' }],
      author: [{ reference: 'Practitioner/1' }, standIn('Practitioner'), standIn('NAIC')],
    }),
    MEMBER_CONTENT,
  );
  expect(substance).toBe(SUBSTANCE_OF[KEY_RULES]);
});
