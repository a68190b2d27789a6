// What two records are to each other, a row a case. Numbers are those of the specification's test list.
import { describe, expect, test } from 'vitest';
import { judge } from '../../../exchange/reconcile/judge/judge.ts';
import { demographics } from '../../../exchange/reconcile/judge/people.ts';
import type { Known } from '../../../exchange/reconcile/judge/verdict.ts';
import { recordKeys } from '../../../exchange/reconcile/record-keys.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const LOINC = 'http://loinc.org';
const SCT = 'http://snomed.info/sct';
const ICD = 'http://hl7.org/fhir/sid/icd-10-cm';
const CPT = 'http://www.ama-assn.org/go/cpt';
const RX = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const cc = (system: string, ...codes: string[]) => ({ coding: codes.map((code) => ({ system, code })) });
const ref = (reference: string) => ({ reference });
const id = (value: string, system = 'https://lab.example/accession') => [{ system, value }];
const LINKED = new Map([
  ['Encounter/x', new Set(['Encounter/y'])],
  ['Encounter/y', new Set(['Encounter/x'])],
]);
const known: Known = { npi: () => undefined, linked: (key) => LINKED.get(key) };
const is = (a: object, b: object, k = known): string => {
  const verdict = judge(a as Resource, b as Resource, k);
  if (!verdict) return 'nothing';
  return verdict.kind === 'conflict' ? verdict.conflict : `${verdict.kind} ${verdict.score}`;
};

const lab = (more: object) => ({
  resourceType: 'Observation',
  status: 'final',
  category: [cc('c', 'laboratory')],
  code: cc(LOINC, '2345-7'),
  effectiveDateTime: '2026-01-01T08:00:00Z',
  valueQuantity: { value: 99, code: 'mg/dL' },
  ...more,
});
const vital = (more: object) => ({ ...lab(more), category: [cc('c', 'vital-signs')], code: cc(LOINC, '85354-9') });
const visit = (more: object) => ({
  resourceType: 'Encounter',
  status: 'finished',
  class: { code: 'AMB' },
  period: { start: '2026-01-05T09:00:00Z', end: '2026-01-05T09:30:00Z' },
  serviceProvider: ref('Organization/f'),
  participant: [{ individual: ref('Practitioner/p') }],
  ...more,
});
const op = (more: object) => ({
  resourceType: 'Procedure',
  status: 'completed',
  code: cc(CPT, '66984'),
  performedDateTime: '2026-01-05',
  performer: [{ actor: ref('Practitioner/p') }],
  ...more,
});
const allergy = (code: string, more: object = {}) => ({
  resourceType: 'AllergyIntolerance',
  category: ['medication'],
  verificationStatus: cc('v', 'confirmed'),
  code: cc(SCT, code),
  ...more,
});
const problem = (codes: object, more: object = {}) => ({
  resourceType: 'Condition',
  category: [cc('c', 'problem-list-item')],
  clinicalStatus: cc('s', 'active'),
  code: codes,
  ...more,
});
const diagnosis = (more: object) => ({
  resourceType: 'Condition',
  category: [cc('c', 'encounter-diagnosis')],
  code: cc(ICD, 'J20.9'),
  ...more,
});
const shot = (more: object) => ({
  resourceType: 'Immunization',
  status: 'completed',
  vaccineCode: cc('http://hl7.org/fhir/sid/cvx', '208'),
  occurrenceDateTime: '2026-01-05',
  ...more,
});
const order = (more: object) => ({
  resourceType: 'MedicationRequest',
  status: 'completed',
  intent: 'order',
  medicationCodeableConcept: cc(RX, '1'),
  authoredOn: '2026-01-05',
  requester: ref('Practitioner/p'),
  dosageInstruction: [{ text: 'one a day' }],
  ...more,
});
const fill = (more: object) => ({
  resourceType: 'MedicationDispense',
  status: 'completed',
  medicationCodeableConcept: cc('http://hl7.org/fhir/sid/ndc', '99999-0001-01'),
  whenHandedOver: '2026-01-05T10:00:00Z',
  quantity: { value: 90 },
  daysSupply: { value: 90 },
  performer: [{ actor: ref('Organization/ph') }],
  ...more,
});
const eob = (more: object) => ({
  resourceType: 'ExplanationOfBenefit',
  use: 'claim',
  status: 'active',
  type: cc('t', 'professional'),
  insurer: ref('Organization/us'),
  provider: ref('Organization/f'),
  identifier: [{ type: cc('i', 'uc'), system: 'https://a.example', value: '1' }],
  item: [{ productOrService: cc(CPT, '99213'), servicedDate: '2026-01-05' }],
  ...more,
});
const filled = (value: string, servicedDate: string) =>
  eob({
    identifier: [uc('https://bb.example/pde_id', value), uc('https://bb.example/rx_srvc_rfrnc_num', '799999')],
    item: [{ productOrService: cc(CPT, '99213'), servicedDate }],
  });
const stay = (kind: string | undefined) =>
  eob({
    type: cc('t', 'institutional'),
    ...(kind === undefined
      ? {}
      : { subType: cc('http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBInstitutionalClaimSubType', kind) }),
  });
const uc = (system: string, value?: string) => ({
  type: cc('i', 'uc'),
  system,
  ...(value === undefined ? {} : { value }),
});
const rxClaim = (more: object = {}) =>
  eob({
    type: cc('t', 'pharmacy'),
    provider: ref('Organization/ph'),
    item: [
      {
        productOrService: cc('http://hl7.org/fhir/sid/ndc', '99999000101'),
        servicedDate: '2026-01-05',
        quantity: { value: 90 },
      },
    ],
    ...more,
  });
const others = {
  npi: (key: string) =>
    ({
      'Practitioner/p': '1',
      'Practitioner/q': '2',
      'Organization/us': '3',
      'Organization/them': '4',
      'Organization/g': '6',
      'Organization/f': '5',
    })[key],
  linked: known.linked,
};

const CASES: [string, object, object, string, Known?][] = [
  ['R19 the same accession', lab({ identifier: id('A') }), lab({ identifier: id('A') }), 'same-record 1'],
  [
    'R20 the same accession, another value',
    lab({ identifier: id('A') }),
    lab({ identifier: id('A'), valueQuantity: { value: 5, code: 'mg/dL' } }),
    'value-mismatch',
  ],
  ['another accession of one laboratory', lab({ identifier: id('A') }), lab({ identifier: id('B') }), 'nothing'],
  [
    'one accession for two tests',
    lab({ identifier: id('A') }),
    lab({ identifier: id('A'), code: cc(LOINC, '718-7') }),
    'nothing',
  ],
  [
    'R21 mg/dL and mmol/L in one minute',
    lab({}),
    lab({ valueQuantity: { value: 5.5, code: 'mmol/L' } }),
    'same-event 0.9',
  ],
  [
    'R21 with the code for moles',
    lab({}),
    lab({ code: cc(LOINC, '14749-6'), valueQuantity: { value: 5.5, code: 'mmol/L' } }),
    'same-event 0.9',
  ],
  ['mg/dL and another mmol/L', lab({}), lab({ valueQuantity: { value: 6.5, code: 'mmol/L' } }), 'value-mismatch'],
  [
    'the same minute, another laboratory',
    lab({ performer: [ref('Organization/f')] }),
    lab({ performer: [ref('Organization/g')] }),
    'nothing',
    others,
  ],
  ['the same minute, one without laboratory', lab({ performer: [ref('Organization/f')] }), lab({}), 'same-event 0.7'],
  ['R22 blood pressure by day and by minute', vital({ effectiveDateTime: '2026-01-01' }), vital({}), 'nothing'],
  [
    'blood pressure by day twice',
    vital({ effectiveDateTime: '2026-01-01' }),
    vital({ effectiveDateTime: '2026-01-01' }),
    'nothing',
  ],
  ['a vital sign by minute', vital({}), vital({}), 'same-event 0.9'],
  [
    'a vital sign, and one that does not say what it is',
    vital({}),
    { ...vital({}), category: undefined },
    'same-event 0.9',
  ],
  [
    'a vital sign, and another kind of observation',
    vital({}),
    { ...vital({}), category: [cc('c', 'exam')] },
    'nothing',
  ],
  [
    'R23 one day, two practitioners',
    visit({}),
    visit({ participant: [{ individual: ref('Practitioner/q') }] }),
    'nothing',
    others,
  ],
  ['one day, one practitioner', visit({}), visit({ period: { start: '2026-01-05T15:00:00Z' } }), 'same-event 0.9'],
  ['R24 emergency and admission', visit({ class: { code: 'EMER' } }), visit({ class: { code: 'IMP' } }), 'nothing'],
  [
    'two spans of one stay',
    visit({ class: { code: 'IMP' }, period: { start: '2026-01-05', end: '2026-01-09' } }),
    visit({ class: { code: 'IMP' }, period: { start: '2026-01-06', end: '2026-01-09' } }),
    'same-event 0.9',
  ],
  ['two visit numbers of one clinic', visit({ identifier: id('V1') }), visit({ identifier: id('V2') }), 'nothing'],
  ['R25 left and right', op({ bodySite: [cc('s', 'LT')] }), op({ bodySite: [cc('s', 'RT')] }), 'nothing'],
  [
    'R26 modifier 76',
    op({}),
    op({
      code: {
        coding: [
          { system: CPT, code: '66984' },
          { system: CPT, code: '76' },
        ],
      },
    }),
    'nothing',
  ],
  ['one procedure', op({}), op({}), 'same-event 0.9'],
  ['a procedure not done', op({}), op({ status: 'not-done' }), 'nothing'],
  ['a procedure without who', op({}), op({ performer: [] }), 'same-event 0.7'],
  ['R27 no known allergy and penicillin', allergy('716186003'), allergy('91936005'), 'status-mismatch'],
  ['no known allergy twice', allergy('716186003'), allergy('716186003'), 'same-event 0.9'],
  ['one allergy', allergy('91936005'), allergy('91936005'), 'same-event 0.9'],
  [
    'refuted and confirmed',
    allergy('91936005'),
    allergy('91936005', { verificationStatus: cc('v', 'refuted') }),
    'status-mismatch',
  ],
  [
    'an allergy that is over with one payer',
    allergy('91936005', { clinicalStatus: cc('s', 'active') }),
    allergy('91936005', { clinicalStatus: cc('s', 'resolved') }),
    'status-mismatch',
  ],
  [
    'an allergy that is over, and one of another category that is not',
    allergy('91936005', { category: ['food'], clinicalStatus: cc('s', 'active') }),
    allergy('91936005', { category: ['medication'], clinicalStatus: cc('s', 'resolved') }),
    'nothing',
  ],
  [
    'an allergy of which one payer does not say whether it is over',
    allergy('91936005', { clinicalStatus: cc('s', 'inactive') }),
    allergy('91936005'),
    'same-event 0.9',
  ],
  ['two allergies', allergy('91936005'), allergy('227493005'), 'nothing'],
  ['R28 header and child', problem(cc(ICD, 'E11')), problem(cc(ICD, 'E11.9')), 'nothing'],
  [
    'R28 with one SNOMED code',
    problem({ coding: [...cc(ICD, 'E11').coding, ...cc(SCT, '44054006').coding] }),
    problem({ coding: [...cc(ICD, 'E11.9').coding, ...cc(SCT, '44054006').coding] }),
    'nothing',
  ],
  [
    'one problem',
    problem(cc(ICD, 'E11.9'), { onsetDateTime: '2018-01-01' }),
    problem(cc(ICD, 'E11.9'), { onsetDateTime: '2020-02-02' }),
    'same-event 0.9',
  ],
  [
    'one problem, coded by OID',
    problem(cc(ICD, 'E11.9')),
    problem(cc('urn:oid:2.16.840.1.113883.6.90', 'E11.9')),
    'same-event 0.9',
  ],
  [
    'active and resolved',
    problem(cc(ICD, 'E11.9')),
    problem(cc(ICD, 'E11.9'), { clinicalStatus: cc('s', 'resolved') }),
    'status-mismatch',
  ],
  [
    'a nullFlavor is no code',
    problem(cc('http://terminology.hl7.org/CodeSystem/v3-NullFlavor', 'UNK')),
    problem(cc('http://terminology.hl7.org/CodeSystem/v3-NullFlavor', 'UNK')),
    'nothing',
  ],
  ['a diagnosis and a problem', problem(cc(ICD, 'J20.9')), diagnosis({}), 'nothing'],
  [
    'a problem that is a diagnosis as well, and a problem',
    problem(cc(ICD, 'J20.9'), { category: [cc('c', 'problem-list-item'), cc('c', 'encounter-diagnosis')] }),
    problem(cc(ICD, 'J20.9')),
    'same-event 0.9',
  ],
  [
    'a diagnosis and a problem of one number',
    problem(cc(ICD, 'J20.9'), { identifier: [{ system: 'urn:n', value: '1' }] }),
    diagnosis({ identifier: [{ system: 'urn:n', value: '1' }] }),
    'same-event 0.7',
  ],
  [
    'diagnoses of two visits',
    diagnosis({ encounter: ref('Encounter/a'), recordedDate: '2026-01-05' }),
    diagnosis({ encounter: ref('Encounter/b'), recordedDate: '2026-01-05' }),
    'nothing',
  ],
  [
    'diagnoses of linked visits',
    diagnosis({ encounter: ref('Encounter/x') }),
    diagnosis({ encounter: ref('Encounter/y') }),
    'same-event 0.9',
  ],
  ['R29 not done and completed', shot({}), shot({ status: 'not-done' }), 'nothing'],
  [
    'R30 CVX and NDC',
    shot({}),
    shot({ vaccineCode: cc('http://hl7.org/fhir/sid/ndc', '59267-1000-1') }),
    'same-event 0.9',
  ],
  [
    'another dose number',
    shot({ protocolApplied: [{ doseNumberPositiveInt: 1 }] }),
    shot({ protocolApplied: [{ doseNumberPositiveInt: 2 }] }),
    'nothing',
  ],
  ['another lot', shot({ lotNumber: 'A' }), shot({ lotNumber: 'B' }), 'same-event 0.7'],
  ...(
    [
      [500, 'mg', 0.5, 'g', 'same-event 0.9'],
      [50, 'ug', 0.05, 'mg', 'same-event 0.9'],
      [50, 'µg', 50, 'mcg', 'same-event 0.9'],
      [5, 'mL', 0.005, 'L', 'same-event 0.9'],
      [5, 'mg', 5, 'g', 'dosage-mismatch'],
    ] as const
  ).map(([x, of, y, other, is]): (typeof CASES)[number] => {
    const dosed = (value: number, code: string) =>
      order({
        status: 'active',
        dosageInstruction: [
          { doseAndRate: [{ doseQuantity: { value, unit: code, system: 'http://unitsofmeasure.org', code } }] },
        ],
      });
    return [`a dose of ${x} ${of} and one of ${y} ${other}`, dosed(x, of), dosed(y, other), is];
  }),
  [
    'R31 two active dosages',
    order({ status: 'active' }),
    order({ status: 'active', authoredOn: '2026-02-01', dosageInstruction: [{ text: 'two a day' }] }),
    'dosage-mismatch',
  ],
  [
    'two active orders',
    order({ status: 'active' }),
    order({ status: 'active', authoredOn: '2026-02-01' }),
    'duplicate-order',
  ],
  ['one order', order({}), order({}), 'same-event 0.9'],
  ['order and plan', order({}), order({ intent: 'plan' }), 'nothing'],
  ['R32 claim and fill', rxClaim(), fill({}), 'derived-from 0.9'],
  [
    'R32 fill and claim, by number',
    fill({ identifier: id('F1') }),
    rxClaim({ identifier: id('F1') }),
    'derived-from 1',
  ],
  ['claim and another fill', rxClaim({ identifier: id('F1') }), fill({ identifier: id('F2') }), 'nothing'],
  ['one fill', fill({}), fill({}), 'same-event 0.9'],
  ['another amount', fill({}), fill({ quantity: { value: 30 } }), 'nothing'],
  [
    'R41 another payer’s claim of one service',
    eob({}),
    eob({ insurer: ref('Organization/them'), identifier: [] }),
    'coordination-of-benefits 0.9',
    others,
  ],
  ['one claim', eob({}), eob({}), 'same-record 1'],
  [
    'one claim, blanks around its number',
    eob({}),
    eob({ identifier: [uc('https://a.example', ' 1 ')] }),
    'same-record 1',
  ],
  ['two claims whose numbers were left out', eob({ identifier: [uc('n')] }), eob({ identifier: [uc('n')] }), 'nothing'],
  ...['https://www.claim-group.example/eob', 'https://a-claim-group.example'].map((system): (typeof CASES)[number] => {
    const of = () => eob({ identifier: [uc(system, '1')] });
    return [`one claim of ${system}`, of(), of(), 'same-record 1'];
  }),
  ...(['uc', ''] as const).map((typed): (typeof CASES)[number] => {
    const number = (system: string, value: string) => ({
      ...(typed === '' ? {} : { type: cc('i', typed) }),
      system: `https://bluebutton.cms.gov/resources/${system}`,
      value,
    });
    const of = (id: string) =>
      eob({ identifier: [number('identifier/claim-group', '99999999999'), number('variables/clm_id', id)] });
    return [`two claims of one group${typed === '' ? '' : ', all numbers typed'}`, of('1'), of('2'), 'nothing'];
  }),
  ['one number, another type', eob({}), eob({ type: cc('t', 'institutional') }), 'nothing'],
  [
    'one number, another type with a code of the payer’s own in common',
    eob({ type: cc('t', 'professional', 'V') }),
    eob({ type: cc('t', 'institutional', 'V') }),
    'nothing',
  ],
  [
    'one number, codes of the payer’s own beside the type',
    eob({ type: cc('t', 'professional', '40') }),
    eob({ type: cc('t', 'professional') }),
    'same-record 1',
  ],
  // Blue Button tells the number of the prescription as one of each of its claims
  ['two claims of one prescription', filled('1', '2026-01-05'), filled('2', '2026-01-05'), 'nothing'],
  ['one claim of a prescription', filled('1', '2026-01-05'), filled('1', '2026-01-05'), 'same-record 1'],
  ['one number, other days', eob({}), eob({ item: [{ servicedDate: '2025-01-05' }] }), 'nothing'],
  ['one number, inpatient and outpatient', stay('inpatient'), stay('outpatient'), 'nothing'],
  ['one number, one does not say which', stay('inpatient'), stay(undefined), 'same-record 1'],
  [
    'periods of two payers overlap',
    { resourceType: 'Coverage', payor: [ref('Organization/us')], period: { start: '2025-01-01' } },
    { resourceType: 'Coverage', payor: [ref('Organization/them')], period: { start: '2024-01-01', end: '2025-06-30' } },
    'coverage-overlap',
    others,
  ],
  [
    'two visits’ documents of one text',
    { resourceType: 'DocumentReference', date: '2026-01-01', content: [{ attachment: { data: 'eA==' } }] },
    { resourceType: 'DocumentReference', date: '2026-02-01', content: [{ attachment: { data: 'eA==' } }] },
    'nothing',
  ],
  [
    'one document',
    { resourceType: 'DocumentReference', date: '2026-01-01', content: [{ attachment: { data: 'eA==' } }] },
    { resourceType: 'DocumentReference', date: '2026-01-01', content: [{ attachment: { data: 'eA==' } }] },
    'same-record 1',
  ],
  [
    'one document, within ours and by address there',
    { resourceType: 'DocumentReference', date: '2026-01-01', content: [{ attachment: { data: 'eA==' } }] },
    {
      resourceType: 'DocumentReference',
      date: '2026-01-01',
      content: [{ attachment: { url: 'https://prior.example/Binary/1', hash: 'EfatjsUqKYSrqv18O1FlA3hcIHI=' } }],
    },
    'same-record 1',
  ],
  [
    'a document by address that says another hash',
    { resourceType: 'DocumentReference', date: '2026-01-01', content: [{ attachment: { data: 'eQ==' } }] },
    {
      resourceType: 'DocumentReference',
      date: '2026-01-01',
      content: [{ attachment: { url: 'https://prior.example/Binary/1', hash: 'EfatjsUqKYSrqv18O1FlA3hcIHI=' } }],
    },
    'nothing',
  ],
  [
    'a problem of one number in two code systems',
    problem(cc(SCT, '44054006'), { identifier: id('P1') }),
    problem(cc(ICD, 'E11.9'), { identifier: id('P1') }),
    'same-record 1',
  ],
  [
    'one number, two codes of one system',
    problem(cc(ICD, 'I10'), { identifier: id('P1') }),
    problem(cc(ICD, 'E11.9'), { identifier: id('P1') }),
    'nothing',
  ],
  [
    'an allergy of one number in two code systems',
    allergy('387207008', { identifier: id('A1') }),
    { ...allergy('387207008', { identifier: id('A1') }), code: cc(RX, '7980') },
    'same-record 1',
  ],
  [
    'a prescription of one number, whose drug is a Medication there',
    {
      resourceType: 'MedicationRequest',
      intent: 'order',
      status: 'active',
      identifier: id('RX1'),
      medicationCodeableConcept: cc(RX, '860975'),
    },
    {
      resourceType: 'MedicationRequest',
      intent: 'order',
      status: 'active',
      identifier: id('RX1'),
      medicationReference: ref('Medication/m'),
    },
    'same-record 1',
  ],
  [
    'a prescription of one number for another drug',
    {
      resourceType: 'MedicationRequest',
      intent: 'order',
      status: 'active',
      identifier: id('RX1'),
      medicationCodeableConcept: cc(RX, '860975'),
    },
    {
      resourceType: 'MedicationRequest',
      intent: 'order',
      status: 'active',
      identifier: id('RX1'),
      medicationCodeableConcept: cc(RX, '7980'),
    },
    'nothing',
  ],
  [
    'a procedure of one number, whose day one does not say',
    op({ identifier: id('OP1') }),
    op({ identifier: id('OP1'), performedDateTime: undefined }),
    'same-record 1',
  ],
  [
    'a procedure of one number on two days',
    op({ identifier: id('OP1') }),
    op({ identifier: id('OP1'), performedDateTime: '2026-01-06' }),
    'nothing',
  ],
  [
    'one device',
    { resourceType: 'Device', udiCarrier: [{ deviceIdentifier: 'D' }], serialNumber: 'S' },
    { resourceType: 'Device', udiCarrier: [{ deviceIdentifier: 'D' }], serialNumber: 'S' },
    'same-record 1',
  ],
  [
    'two devices of one model',
    { resourceType: 'Device', udiCarrier: [{ deviceIdentifier: 'D' }], serialNumber: 'S' },
    { resourceType: 'Device', udiCarrier: [{ deviceIdentifier: 'D' }], serialNumber: 'T' },
    'nothing',
  ],
];

const many = <T>(one: (i: number) => T, n = 60_000): T[] => Array.from({ length: n }, (_, i) => one(i));
const codesOf = (of: string, system: (i: number) => string) => ({
  coding: many((i) => ({ system: system(i), code: `${of}${i}` })),
});
const part = (i: number) => ({ code: cc(LOINC, `${i}-0`), valueString: `of ${i}` });
const results = (of: (i: number) => number) => ({
  resourceType: 'DiagnosticReport',
  code: cc(LOINC, '24323-8'),
  effectiveDateTime: '2026-01-01T08:00:00Z',
  result: many((i) => ref(`Observation/${of(i)}`)),
});
const LONG: [string, object, object, string][] = [
  [
    'components',
    lab({ component: many(part, 8000) }),
    lab({ component: many((i) => part(7999 - i), 8000), performer: [ref('Practitioner/p')] }),
    'same-event 0.7',
  ],
  [
    'components of one code',
    lab({ component: many((i) => ({ ...part(0), valueString: `a${i}` })) }),
    lab({ component: many((i) => ({ ...part(0), valueString: `b${i}` })) }),
    'value-mismatch',
  ],
  [
    'performers',
    lab({ performer: many((i) => ref(`Practitioner/a${i}`)) }),
    lab({ performer: many((i) => ref(`Practitioner/b${i}`)) }),
    'same-event 0.7',
  ],
  [
    'codes of as many systems',
    lab({ code: codesOf('x', (i) => `s${i}`) }),
    lab({ code: codesOf('x', (i) => `s${i}`) }),
    'same-event 0.9',
  ],
  [
    'numbers',
    lab({ identifier: many((i) => ({ system: `s${i}`, value: 'a' })) }),
    lab({ identifier: many((i) => ({ system: `t${i}`, value: 'a' })) }),
    'same-event 0.9',
  ],
  ['results', results((i) => i), results((i) => 59_999 - i), 'same-event 0.9'],
];

describe('pairs', () => {
  test.each(CASES)('%s', (_, a, b, expected, k = known) => {
    expect(is(a, b, k)).toBe(expected);
    expect(is(b, a, k)).toBe(expected);
  });

  test.each(LONG)('are reported in a moment however long a list is: %s', (_, a, b, expected) => {
    expect(is(a, b)).toBe(expected);
  });

  test('every pair that is something shares a key, so that it is looked at', () => {
    for (const [name, a, b, expected] of CASES) {
      if (expected === 'nothing') continue;
      const [ka, kb] = [recordKeys(a as Resource), recordKeys(b as Resource)];
      expect(
        ka.some((k) => kb.includes(k)),
        name,
      ).toBe(true);
    }
  });
});

test('a person: what differs, and how much it weighs', () => {
  const ours = {
    resourceType: 'Patient',
    birthDate: '1970-01-01',
    gender: 'female',
    name: [{ family: 'Lee', given: ['Ann'] }],
    address: [{ line: ['1 A St'], city: 'X', postalCode: '12345' }],
  } as Resource;
  const kinds = (more: object) =>
    demographics({ ...ours, ...more } as Resource, ours).map((v) => (v.kind === 'conflict' ? v.conflict : v.kind));
  expect(kinds({})).toEqual([]);
  expect(kinds({ birthDate: '1970-01-02' })).toEqual(['identity-doubt']);
  expect(kinds({ deceasedBoolean: true })).toEqual(['deceased-mismatch']);
  expect(kinds({ address: [{ line: ['2 B St'], city: 'X', postalCode: '12345' }] })).toEqual(['demographic-mismatch']);
  expect(kinds({ gender: 'unknown' })).toEqual([]);
});
