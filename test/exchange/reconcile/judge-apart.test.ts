// Different events that look like one: numbers that a series shares, days in two zones, categories that everything has, relatives, tubes,
// cards, and values that differ by less than a careless tolerance. Each row beside the same pair that is one.
import { expect, test } from 'vitest';
import { checkInbound } from '../../../exchange/reconcile/inbound.ts';
import { judge } from '../../../exchange/reconcile/judge/judge.ts';
import type { Known } from '../../../exchange/reconcile/judge/verdict.ts';
import { withNamedWithin } from '../../../exchange/reconcile/named-within.ts';
import { sameQuantity } from '../../../exchange/reconcile/quantities.ts';
import { watchedIn } from '../../../exchange/records/facts/watched-names.ts';
import type { Json, Resource } from '../../../src/fhir/resource.ts';

const LOINC = 'http://loinc.org';
const SCT = 'http://snomed.info/sct';
const NDC = 'http://hl7.org/fhir/sid/ndc';
const US_CORE = 'http://hl7.org/fhir/us/core/CodeSystem/careplan-category';
const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const cc = (system: string, ...codes: string[]) => ({ coding: codes.map((code) => ({ system, code })) });
const ref = (reference: string) => ({ reference });
const id = (value: string) => ({ identifier: [{ system: 'https://maker.example/n', value }] });
const known: Known = { npi: (key) => key.split('/')[1], linked: () => undefined };
const is = (a: object, b: object): string => {
  const verdict = judge(a as Resource, b as Resource, known);
  if (!verdict) return 'nothing';
  return verdict.kind === 'conflict' ? verdict.conflict : `${verdict.kind} ${verdict.score}`;
};

const visit = (start: string, more: object = {}) => ({
  resourceType: 'Encounter',
  class: { code: 'AMB' },
  period: { start },
  serviceProvider: ref('Organization/1'),
  ...more,
});
const stay = (start: string, end?: string) =>
  visit(start, { class: { code: 'IMP' }, period: { start, end }, ...id('S1') });
const fill = (whenHandedOver: string, more: object = id('RX1')) => ({
  resourceType: 'MedicationDispense',
  medicationCodeableConcept: cc(NDC, '99999000101'),
  whenHandedOver,
  ...more,
});
const daily = (value: number) => ({ ...id('RX1'), daysSupply: { value } });
const seenBy = (practitioner: string) => ({ participant: [{ individual: ref(`Practitioner/${practitioner}`) }] });
const dose = (effectiveDateTime: string) => ({
  resourceType: 'MedicationAdministration',
  medicationCodeableConcept: cc(NDC, '99999000101'),
  effectiveDateTime,
  ...id('ORDER1'),
});
const master = { masterIdentifier: { system: 'urn:ietf:rfc:3986', value: 'urn:oid:2.999.1' } };
const note = (data: string, date: string, code = '11506-3') => ({
  resourceType: 'DocumentReference',
  type: cc(LOINC, code),
  date,
  content: [{ attachment: { data: Buffer.from(data).toString('base64') } }],
  ...id('V1'),
});
const soldOn = (servicedDate: string) => ({
  resourceType: 'ExplanationOfBenefit',
  use: 'claim',
  type: cc('t', 'pharmacy'),
  item: [{ servicedDate, productOrService: cc(NDC, '99999000101') }],
  ...id('RX1'),
});
const lab = (effectiveDateTime: string, value = 5) => ({
  resourceType: 'Observation',
  category: [cc('c', 'laboratory')],
  code: cc(LOINC, '2345-7'),
  effectiveDateTime,
  valueQuantity: { value, code: 'mg/dL' },
  ...id('ORDER1'),
});
const report = (code: string, at: string, more: object = id('ACC1')) => ({
  resourceType: 'DiagnosticReport',
  code: cc(LOINC, code),
  effectiveDateTime: at,
  ...more,
});
const order = (authoredOn: string, more: object = {}) => ({
  resourceType: 'ServiceRequest',
  code: cc(SCT, '1'),
  authoredOn,
  requester: ref('Practitioner/1'),
  ...more,
});
const tube = (more: object = {}) => ({
  resourceType: 'Specimen',
  type: cc(SCT, '119297000'),
  collection: { collectedDateTime: '2026-01-05T08:00:00Z' },
  ...more,
});
const plan = (more: object) => ({
  resourceType: 'CarePlan',
  category: [cc(US_CORE, 'assess-plan')],
  period: { start: '2026-01-05' },
  author: ref('Practitioner/1'),
  ...more,
});
const relative = (more: object) => ({
  resourceType: 'FamilyMemberHistory',
  relationship: cc('r', 'NSIS'),
  condition: [{ code: cc(SCT, '44054006') }],
  ...more,
});
const cover = (start: string, end: string, more: object = {}) => ({
  resourceType: 'Coverage',
  payor: [ref('Organization/1')],
  period: { start, end },
  identifier: [{ type: cc('i', 'MB'), value: 'M1' }],
  ...more,
});
const team = (members: string[]) => ({
  resourceType: 'CareTeam',
  name: 'A team',
  participant: members.map((m) => ({ member: ref(m) })),
});
const asked = (number: object) =>
  order('2026-01-05', { requester: { identifier: { ...number, value: '1234567893' } } });
const within = (npi: string | undefined, name = '#a', system = 'http://hl7.org/fhir/sid/us-npi') =>
  withNamedWithin(
    order('2026-01-05', {
      contained: [
        {
          resourceType: 'Practitioner',
          id: name.slice(1),
          ...(npi === undefined ? {} : { identifier: [{ system, value: npi }] }),
        },
      ],
      requester: ref(name),
    }) as Resource,
  );
const planned = (value: string) => ({
  class: [
    { type: cc('c', 'group'), value: value[5] ?? '' },
    { type: cc('c', 'plan'), value },
  ],
});
const shot = (occurrence: object) => ({
  resourceType: 'Immunization',
  status: 'completed',
  vaccineCode: cc('http://hl7.org/fhir/sid/cvx', '208'),
  ...id('I1'),
  ...occurrence,
});

const ROWS: [string, object, object, string][] = [
  ['one account, one visit', visit('2026-01-05', id('A1')), visit('2026-01-05', id('A1')), 'same-record 1'],
  ['one account for a course', visit('2026-01-05', id('A1')), visit('2026-01-06', id('A1')), 'nothing'],
  [
    'an account’s visits of two days, one timed',
    visit('2026-01-05', id('A1')),
    visit('2026-01-06T10:00:00-05:00', id('A1')),
    'nothing',
  ],
  ['… in UTC', visit('2026-01-05', id('A1')), visit('2026-01-06T15:00:00Z', id('A1')), 'nothing'],
  [
    'a visit of the evening as reported in UTC',
    visit('2026-01-06', id('A1')),
    visit('2026-01-05T20:00:00-05:00', id('A1')),
    'same-record 1',
  ],
  [
    'an evening and a quarter of an hour, in two zones',
    visit('2026-01-05T23:30:00-05:00', id('A1')),
    visit('2026-01-06T04:45:00Z', id('A1')),
    'same-record 1',
  ],
  [
    'an evening and the next morning in UTC',
    visit('2026-01-05T23:30:00-05:00', id('A1')),
    visit('2026-01-06T15:00:00Z', id('A1')),
    'nothing',
  ],
  [
    'one account, two practitioners',
    visit('2026-01-05', { ...id('A1'), ...seenBy('1') }),
    visit('2026-01-05', { ...id('A1'), ...seenBy('2') }),
    'same-event 0.7',
  ],
  ['one visit in two zones', visit('2026-01-05', id('A1')), visit('2026-01-06T01:00:00Z', id('A1')), 'same-record 1'],
  ['a stay that began in the emergency', stay('2026-01-05', '2026-01-09'), stay('2026-01-06'), 'same-record 1'],
  ['two stays of one number', stay('2026-01-05', '2026-01-09'), stay('2026-03-01', '2026-03-02'), 'nothing'],
  ['a prescription’s fill', fill('2026-01-05'), fill('2026-01-07'), 'same-record 1'],
  [
    'a part and the rest',
    fill('2026-01-05', { ...id('RX1'), quantity: { value: 10 } }),
    fill('2026-01-07', { ...id('RX1'), quantity: { value: 20 } }),
    'nothing',
  ],
  ['given for two days, again after two', fill('2026-01-05', daily(2)), fill('2026-01-07', daily(2)), 'nothing'],
  ['given for thirty days', fill('2026-01-05', daily(30)), fill('2026-01-07', daily(30)), 'same-record 1'],
  [
    'ready, and fetched after three days',
    fill('2026-01-05', daily(3)),
    { ...fill('', daily(3)), whenHandedOver: undefined, whenPrepared: '2026-01-02' },
    'same-record 1',
  ],
  [
    'two drugs of one order',
    fill('2026-01-05'),
    { ...fill('2026-01-05'), medicationCodeableConcept: cc(NDC, '99999000202') },
    'nothing',
  ],
  ['one day’s fill and the claim of another', fill('2026-01-05', daily(1)), soldOn('2026-01-07'), 'nothing'],
  ['one dose', dose('2026-01-05T08:00:00Z'), dose('2026-01-05T08:00:00Z'), 'same-record 1'],
  ['two doses of one order', dose('2026-01-05T08:00:00Z'), dose('2026-01-05T14:00:00Z'), 'nothing'],
  ['… of two days', dose('2026-01-05'), dose('2026-01-07'), 'nothing'],
  [
    'tubes of one accession on two days',
    tube(id('T1')),
    tube({ ...id('T1'), collection: { collectedDateTime: '2026-01-12T08:00:00Z' } }),
    'nothing',
  ],
  ['one note', note('one', '2026-01-05'), note('two', '2026-01-05'), 'same-record 1'],
  ['a visit’s notes of two days', note('one', '2026-01-05'), note('two', '2026-01-07'), 'nothing'],
  ['… of two kinds', note('one', '2026-01-05'), note('one', '2026-01-05', '18842-5'), 'nothing'],
  [
    'one document, made again',
    { ...note('one', '2026-01-05'), ...master },
    { ...note('two', '2026-02-07'), ...master },
    'same-record 1',
  ],
  ['a prescription that is filled again', fill('2026-01-05'), fill('2026-02-04'), 'nothing'],
  ['a fill and its claim', fill('2026-01-05'), soldOn('2026-01-05'), 'derived-from 1'],
  ['a fill and the claim of the next', fill('2026-01-05'), soldOn('2026-02-04'), 'nothing'],
  ['an order’s result', lab('2026-01-05T08:00:00Z'), lab('2026-01-05T08:00:00Z'), 'same-record 1'],
  ['an order that is repeated', lab('2026-01-05T08:00:00Z'), lab('2026-01-12T08:00:00Z'), 'nothing'],
  ['… with another value', lab('2026-01-05T08:00:00Z'), lab('2026-01-12T08:00:00Z', 7), 'nothing'],
  ['one report', report('58410-2', '2026-01-05'), report('58410-2', '2026-01-05'), 'same-record 1'],
  ['two panels of one accession', report('58410-2', '2026-01-05'), report('24323-8', '2026-01-05'), 'nothing'],
  ['one panel on two days', report('58410-2', '2026-01-05'), report('58410-2', '2026-01-12'), 'nothing'],
  [
    'two accessions of one minute',
    report('58410-2', '2026-01-05'),
    report('58410-2', '2026-01-05', id('ACC2')),
    'nothing',
  ],
  ['one order in two zones', order('2026-01-05T20:00:00-05:00'), order('2026-01-06T01:00:00Z'), 'same-event 0.9'],
  [
    'an order of the evening and one of the next morning',
    order('2026-01-05T20:00:00-05:00'),
    order('2026-01-06T09:00:00-05:00'),
    'nothing',
  ],
  ['two orders of one day', order('2026-01-05', id('O1')), order('2026-01-05', id('O2')), 'nothing'],
  ['one tube', tube(), tube(id('T1')), 'same-event 0.9'],
  ['two tubes', tube(id('T1')), tube(id('T2')), 'nothing'],
  ['blood and urine of one accession', tube(id('T1')), tube({ ...id('T1'), type: cc(SCT, '122575003') }), 'nothing'],
  ['one plan', plan({ title: 'Asthma' }), plan({ title: 'asthma' }), 'same-event 0.9'],
  ['two plans of one day', plan({ title: 'Asthma' }), plan({ title: 'Diabetes' }), 'nothing'],
  ['plans that do not say what they are about', plan({ title: 'Asthma' }), plan({}), 'same-event 0.7'],
  [
    'two kinds of plan',
    plan({ category: [cc(US_CORE, 'assess-plan'), cc(SCT, '53950000')] }),
    plan({ category: [cc(US_CORE, 'assess-plan'), cc(SCT, '698360004')] }),
    'nothing',
  ],
  [
    'one form in two years',
    plan({ category: [], text: { div: '<p>As reported</p>' } }),
    plan({ category: [], text: { div: '<p>As reported</p>' }, period: { start: '2025-01-05' } }),
    'nothing',
  ],
  ['a sister', relative({ name: 'Ana' }), relative({}), 'same-event 0.9'],
  ['two sisters', relative({ name: 'Ana' }), relative({ name: 'Eva' }), 'nothing'],
  ['one year’s cover', cover('2025-01-01', '2025-12-31'), cover('2025-01-01', '2025-12-31'), 'same-record 1'],
  [
    'one team, each payer with the relative under an id of its own',
    team(['Practitioner/1', 'RelatedPerson/a']),
    team(['Practitioner/1', 'RelatedPerson/b']),
    'same-event 0.9',
  ],
  ['teams of relatives alone', team(['RelatedPerson/a']), team(['RelatedPerson/a']), 'nothing'],
  [
    'NPIs reported by the type of the number, or its system',
    asked({ type: cc('t', 'npi') }),
    asked({ system: 'http://hl7.org/fhir/sid/us-npi' }),
    'same-event 0.9',
  ],
  [
    'the same digits that no one calls an NPI',
    asked({ type: cc('t', 'prvdr') }),
    asked({ system: 'http://hl7.org/fhir/sid/us-npi' }),
    'same-event 0.7',
  ],
  ['whom each names within itself by one name', within('1234567893'), within('1245319599'), 'nothing'],
  ['the same within each', within('1234567893'), within('1234567893', '#b'), 'same-event 0.9'],
  [
    'within one, and by number',
    within('1234567893'),
    asked({ system: 'http://hl7.org/fhir/sid/us-npi' }),
    'same-event 0.9',
  ],
  [
    'the NPI within under its OID',
    within('1234567893', '#a', 'urn:oid:2.16.840.1.113883.4.6'),
    asked({ system: 'http://hl7.org/fhir/sid/us-npi' }),
    'same-event 0.9',
  ],
  ['another NPI under its OID', asked({ system: 'urn:oid:2.16.840.1.113883.4.6' }), within('1245319599'), 'nothing'],
  [
    'the same NPI under its OID',
    asked({ system: 'urn:oid:2.16.840.1.113883.4.6' }),
    asked({ system: 'http://hl7.org/fhir/sid/us-npi' }),
    'same-event 0.9',
  ],
  ['no one knows who is within', within(undefined), within(undefined), 'same-event 0.7'],
  [
    'two plans of one number',
    cover('2025-01-01', '', planned('Part A')),
    cover('2025-01-01', '', planned('Part B')),
    'nothing',
  ],
  ['one plan', cover('2025-01-01', '', planned('Part A')), cover('2025-01-01', '', planned('PART A')), 'same-record 1'],
  ['one says no plan', cover('2025-01-01', '', planned('Part A')), cover('2025-01-01', ''), 'same-record 1'],
  ['two years of one card', cover('2025-01-01', '2025-12-31'), cover('2026-01-01', '2026-12-31'), 'nothing'],
  [
    'health and teeth of one card',
    cover('2025-01-01', '2025-12-31', { type: cc(ACT, 'EHCPOL') }),
    cover('2025-01-01', '2025-12-31', { type: cc(ACT, 'DENTAL') }),
    'nothing',
  ],
  [
    'one shot, of which one does not say the day',
    shot({ occurrenceDateTime: '2026-01-05' }),
    shot({ occurrenceDateTime: '2026-01' }),
    'same-record 1',
  ],
  [
    'answers to nothing',
    { resourceType: 'QuestionnaireResponse', questionnaire: 'q', authored: '2026-01-05T08:00:00Z' },
    { resourceType: 'QuestionnaireResponse', questionnaire: 'q', authored: '2026-01-05T08:00:00Z' },
    'nothing',
  ],
];

test.each(ROWS)('%s', (_, a, b, expected) => {
  expect(is(a, b)).toBe(expected);
  expect(is(b, a)).toBe(expected);
});

const q = (value: number, unit: string): Json => ({ value, unit });
const VALUES: [string, Json, Json, boolean][] = [
  ['a fever is no fever', q(37.3, 'Cel'), q(98.6, '[degF]'), false],
  ['a temperature', q(37, 'Cel'), q(98.6, '[degF]'), true],
  ['sodium by equivalents', q(140, 'mEq/L'), q(140, 'mmol/L'), true],
  ['one more', q(140, 'mEq/L'), q(141, 'mmol/L'), false],
  ['pounds, rounded', q(180, 'lb'), q(81.6, 'kg'), true],
  ['other pounds', q(180, 'lb'), q(82.2, 'kg'), false],
  ['a protein', q(1.04, 'mg/dL'), q(10.4, 'mg/L'), true],
  ['filtration in two spellings', q(88, 'mL/min/{1.73_m2}'), q(88, 'mL/min/1.73 m2'), true],
  ['… in a third', q(88, 'mL/min/[1.73_m2]'), q(88, 'mL/min/1.73m²'), true],
  ['… in words, and as a product', q(88, 'mL/min per 1.73m2'), q(88, 'mL/(min.1.73_m2)'), true],
  ['clearance is not by surface', q(88, 'mL/min'), q(88, 'mL/min/1.73 m2'), false],
  ['sedimentation', q(12, 'mm/h'), q(12, 'mm/hr'), true],
  ['body mass', q(24.1, 'kg/m2'), q(24.1, 'kg/m²'), true],
  ['a unit that one leaves out', q(7.2, 'K/uL'), { value: 7.2 }, true],
  ['… of another value', q(7.2, 'K/uL'), { value: 7.3 }, false],
  ['a ratio', q(1.1, 'ratio'), q(1.1, '{INR}'), true],
  ['degrees in words', q(37, 'degrees C'), q(98.6, 'degrees F'), true],
  ['pounds without their brackets', q(180.5, 'lb_av'), q(81.87, 'kg'), true],
  ['clotting', q(12.4, 's'), q(12.4, 'sec'), true],
];
test.each(VALUES)('%s', (_, a, b, expected) => {
  const sodium = ['http://loinc.org|2951-2'];
  expect(sameQuantity(a, b, sodium)).toBe(expected);
  expect(sameQuantity(b, a, sodium)).toBe(expected);
});

test('a low glucose in mmol/L, which are reported to a tenth', () => {
  const glucose = ['http://loinc.org|2345-7'];
  expect(sameQuantity(q(62, 'mg/dL'), q(3.4, 'mmol/L'), glucose)).toBe(true);
  expect(sameQuantity(q(62, 'mg/dL'), q(3.3, 'mmol/L'), glucose)).toBe(false);
  expect(sameQuantity(q(40, 'mg/dL'), q(2, 'mmol/L'), glucose)).toBe(false);
});

test('a dosage in words is the same in capitals', () => {
  const order = (text: string) => ({
    resourceType: 'MedicationRequest',
    status: 'completed',
    intent: 'order',
    medicationCodeableConcept: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '197361' }] },
    authoredOn: '2026-01-05',
    dosageInstruction: [{ text }],
  });
  expect(is(order('1 tablet daily'), order('1  Tablet Daily'))).toBe('same-event 0.9');
  expect(is(order('1 tablet daily'), order('2 tablets daily'))).toBe('nothing');
});

test('panels of which each payer sent other results are one where what is missing explains it, and a result is the same', () => {
  const panel = (...results: (string | undefined)[]) => ({
    resourceType: 'DiagnosticReport',
    code: cc(LOINC, '58410-2'),
    effectiveDateTime: '2026-01-05T15:42:11Z',
    performer: [ref('Organization/9')],
    // of a result that did not come its number there is left
    result: results.map((r) => (r === undefined ? id('elsewhere') : ref(`Observation/${r}`))),
  });
  expect(is(panel('1', '2', undefined), panel('1', undefined, '3'))).toBe('same-event 0.9');
  expect(is(panel('1', '2'), panel('1', '3'))).toBe('nothing');
  expect(is(panel('1', '2', undefined), panel('1', '3'))).toBe('nothing');
  expect(is(panel('2', undefined), panel(undefined, '3'))).toBe('nothing');
  // or all of them are the same by their names
  const named = (display: string[], ...results: (string | undefined)[]) => {
    const of = panel(...results);
    return { ...of, result: of.result.map((r, i) => ({ ...r, display: display[i] })) };
  };
  const [both, other] = [
    ['Sodium', 'Potassium'],
    ['Sodium', 'Chloride'],
  ];
  expect(is(named(both, '1', undefined), named(both, undefined, '4'))).toBe('same-event 0.9');
  expect(is(named(both, undefined, undefined), named(both, '3', '4'))).toBe('same-event 0.9');
  expect(is(named(both, '1', undefined), named(other, undefined, '4'))).toBe('nothing');
  expect(is(named(both, '1', '2'), named(both, '3', '4'))).toBe('nothing');
});

test('a dosage is the same in whatever order, words and spellings its parts are reported', () => {
  const order = (dosage: object, status = 'active') => ({
    resourceType: 'MedicationRequest',
    status,
    intent: 'order',
    medicationCodeableConcept: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '197361' }] },
    authoredOn: '2026-01-05',
    dosageInstruction: [dosage],
  });
  const rate = (display: string) => ({
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/dose-rate-type', code: 'ordered', display }],
  });
  const a = {
    timing: { repeat: { frequency: 1, period: 1, periodUnit: 'd' } },
    doseAndRate: [{ type: rate('Ordered'), doseQuantity: { value: 5, unit: 'mL', code: 'mL' } }],
  };
  const b = (value: number) => ({
    doseAndRate: [{ doseQuantity: { unit: 'ml', value }, type: rate('ORDERED') }],
    timing: { repeat: { periodUnit: 'd', period: 1, frequency: 1 } },
  });
  expect(is(order(a), order(b(5)))).toBe('same-event 0.9');
  expect(is(order(a), order(b(10)))).toBe('dosage-mismatch');
  expect(is(order(a, 'completed'), order(b(10), 'completed'))).toBe('nothing');
  // what is taken when needed is no more taken each day, whatever else is the same; who says that it is not says no more than who is silent
  expect(is(order(a), order({ ...b(5), asNeededBoolean: true }))).toBe('dosage-mismatch');
  expect(is(order(a), order({ ...b(5), asNeededCodeableConcept: { text: 'pain' } }))).toBe('dosage-mismatch');
  expect(is(order(a), order({ ...b(5), asNeededBoolean: false }))).toBe('same-event 0.9');
  const route = (code: string) => ({ route: { coding: [{ system: 'http://snomed.info/sct', code }] } });
  expect(is(order({ ...a, ...route('26643006') }), order({ ...b(5), ...route('47625008') }))).toBe('dosage-mismatch');
  expect(is(order({ ...a, ...route('26643006') }), order(b(5)))).toBe('same-event 0.9');
  const often = (code: string, more: object = {}) => order({ timing: { code: { coding: [{ code, ...more }] } } });
  expect(is(often('BID'), often('TID'))).toBe('dosage-mismatch');
  expect(is(often('BID'), often('bid', { display: 'twice a day' }))).toBe('same-event 0.9');
});

test('how often a drug is taken is the same as code, in words and as frequency and period', () => {
  const order = (timing: object) => ({
    resourceType: 'MedicationRequest',
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '197361' }] },
    authoredOn: '2026-01-05',
    dosageInstruction: [{ timing, doseAndRate: [{ doseQuantity: { value: 5, code: 'mg' } }] }],
  });
  const gts = 'http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation';
  const coded = (code: string, system?: string) => ({ code: { coding: [{ code, ...(system ? { system } : {}) }] } });
  const said = (words: string) => ({ code: { text: words } });
  const times = (frequency: number | undefined, period: number, periodUnit: string, more: object = {}) => ({
    repeat: { ...(frequency === undefined ? {} : { frequency }), period, periodUnit, ...more },
  });
  const same: object[][] = [
    [
      coded('BID', gts),
      coded('bid'),
      said('B.I.D.'),
      said('Twice  daily'),
      said('2 times a day'),
      times(2, 1, 'd'),
      times(2, 24, 'h'),
      { ...coded('BID', gts), ...times(2, 1, 'd') },
      { code: { coding: [{ system: 'urn:oid:1.2.3', code: '77', display: 'Twice daily' }] } },
    ],
    [coded('QD', gts), said('daily'), said('once a day'), times(1, 1, 'd'), times(undefined, 1, 'd')],
    [coded('Q12H'), said('every 12 hours'), times(1, 12, 'h'), times(1, 720, 'min')],
    [coded('TID', gts), said('three times a day'), times(3, 1, 'd')],
    [coded('Q8H', gts), times(1, 8, 'h')],
    [times(1, 1, 'wk'), times(1, 7, 'd')],
    [times(2, 2, 'd')],
    [times(1, 1, 'mo')],
    // what else they say counts
    [times(2, 1, 'd', { when: ['AC'] }), { ...said('twice a day'), repeat: { when: ['AC'] } }],
    [times(2, 1, 'd', { boundsDuration: { value: 7, code: 'd' } })],
    [times(1, 24, 'h', { periodMax: 36 })],
    [times(1, 1, 'd', { periodMax: 36 })],
    // a code that contradicts what stands beside it, and words that say more
    [{ ...coded('BID', gts), ...times(3, 1, 'd') }],
    [said('twice a day with meals')],
    [{ ...said('twice a day with meals'), ...times(2, 1, 'd') }],
  ];
  for (const [i, group] of same.entries())
    for (const a of group)
      for (const [j, others] of same.entries())
        for (const b of others)
          expect(is(order(a), order(b)), JSON.stringify([a, b])).toBe(i === j ? 'same-event 0.9' : 'dosage-mismatch');
});

test('answers are the same in whatever order and words they are informed', () => {
  const answered = (item: object) => ({
    resourceType: 'QuestionnaireResponse',
    status: 'completed',
    questionnaire: 'http://forms.example/7',
    authored: '2026-01-05T08:00:00Z',
    item: [item],
  });
  const answer = (code: string, display: string) => ({ valueCoding: { system: 'http://loinc.org', code, display } });
  const a = { linkId: '1', text: 'Do you smoke?', answer: [answer('LA33-6', 'Yes')] };
  const b = (code: string) => ({ answer: [answer(code, 'yes')], text: 'DO YOU SMOKE?', linkId: '1' });
  expect(is(answered(a), answered(b('LA33-6')))).toBe('same-event 0.9');
  expect(is(answered(a), answered(b('LA32-8')))).toBe('nothing');
  // the numbers of questions are those of one form: where none is named the words count
  const nameless = (item: object) => ({ ...answered(item), questionnaire: undefined });
  expect(is(nameless(a), nameless({ ...a, text: 'Do you drink?' }))).toBe('nothing');
  expect(is(nameless(a), nameless(b('LA33-6')))).toBe('same-event 0.9');
  const who = (display: string) => answered({ linkId: '1', answer: [{ valueReference: { display } }] });
  expect(is(who('Dr. Lee'), who('Dr. Poe'))).toBe('nothing');
  expect(is(who('Dr. Lee'), who('DR. LEE'))).toBe('same-event 0.9');
});

test('procedures without a performer are one from minute to minute, and proposed where no more than the day or the beginning is the same', () => {
  const done = (start: string, end?: string, more: object = {}) => ({
    resourceType: 'Procedure',
    status: 'completed',
    code: { coding: [{ system: 'http://snomed.info/sct', code: '1260009003' }] },
    performedPeriod: { start, ...(end === undefined ? {} : { end }) },
    ...more,
  });
  const [start, end] = ['2026-01-05T14:41:50Z', '2026-01-05T15:02:43Z'];
  expect(is(done(start, end), done('2026-01-05T09:41:50-05:00', end))).toBe('same-event 0.9');
  expect(is(done(start, end), done(start, '2026-01-05T15:10:00Z'))).toBe('same-event 0.7');
  expect(is(done(start), done(start))).toBe('same-event 0.7');
  expect(is(done(start, start), done(start, start))).toBe('same-event 0.7');
  expect(is(done('2026-01-05', '2026-01-06'), done('2026-01-05', '2026-01-06'))).toBe('same-event 0.7');
  const site = (code: string) => ({ bodySite: [{ coding: [{ system: 'http://snomed.info/sct', code }] }] });
  expect(is(done(start, end, site('1')), done(start, end, site('2')))).toBe('nothing');
});

test('a value in words is one with the quantity that it says', () => {
  const at = '2026-01-05T08:00:00Z';
  const told = (valueString: string) => ({ ...lab(at), valueQuantity: undefined, valueString });
  for (const [words, expected] of [
    ['5', 'same-record 1'],
    ['5.0 mg/dl', 'same-record 1'],
    ['<5', 'value-mismatch'],
    ['5 (H)', 'same-record 1'],
    ['5 mmol/L', 'value-mismatch'],
    ['5,000', 'value-mismatch'],
    ['5 to 7', 'value-mismatch'],
    ['pending', 'value-mismatch'],
  ] as const)
    expect(is(lab(at), told(words)), words).toBe(expected);
});

test('what is taken out of a record leaves its numbers as they are written', () => {
  const json =
    '{"resourceType":"Observation","text":{"div":"<script>"},"valueQuantity":{"value":1.50},"x":[{"value":0.12345678901234567890}]}';
  const { kept } = checkInbound(JSON.parse(json) as Resource, json, json, watchedIn(JSON.parse(json)), '2027-01-01', 0);
  expect(kept).toBe(
    '{"resourceType":"Observation","valueQuantity":{"value":1.50},"x":[{"value":0.12345678901234567890}]}',
  );
});

test('notes of one minute with other words are proposed, and the same people of two visits of a day are two teams', () => {
  const note = (data?: string) => ({
    resourceType: 'DiagnosticReport',
    status: 'final',
    code: cc(LOINC, '34117-2'),
    effectiveDateTime: '2026-06-24T17:14:31Z',
    performer: [ref('Practitioner/1')],
    ...(data === undefined ? {} : { presentedForm: [{ contentType: 'text/plain', data }] }),
  });
  expect(is(note('b25l'), note('b25l'))).toBe('same-event 0.9');
  expect(is(note('b25l'), note())).toBe('same-event 0.9');
  expect(is(note('b25l'), note('dHdv'))).toBe('same-event 0.7');
  const team = (start: string, end?: string) => ({
    resourceType: 'CareTeam',
    participant: [{ member: ref('Practitioner/1') }],
    period: { start, ...(end === undefined ? {} : { end }) },
  });
  const first = team('2021-04-29T06:19:54Z', '2021-04-29T07:09:52Z');
  expect(is(first, first)).toBe('same-event 0.9');
  expect(is(first, team('2021-04-29T06:19:54Z'))).toBe('same-event 0.9');
  expect(is(first, team('2021-04-29'))).toBe('same-event 0.9');
  expect(is(first, team('2021-04-29T07:09:52Z', '2021-05-29T21:09:52Z'))).toBe('nothing');
  const moment = team('2021-04-29T06:19:54Z', '2021-04-29T06:19:54Z');
  expect(is(moment, moment)).toBe('same-event 0.9');
});

test('stays at one place that have days in common are one, and proposed when their kinds differ', () => {
  const at = (start: string, end: string, code?: string) =>
    visit(start, {
      class: { code: 'IMP' },
      period: { start, end },
      ...(code === undefined ? {} : { type: [cc(SCT, code)] }),
    });
  const admission = at('2023-06-17', '2023-06-18', '32485007');
  expect(is(admission, at('2023-06-18', '2023-06-20', '32485007'))).toBe('same-event 0.9');
  expect(is(admission, at('2023-06-18', '2023-06-20'))).toBe('same-event 0.9');
  expect(is(admission, at('2023-06-18', '2023-06-20', '397821002'))).toBe('same-event 0.7');
  expect(is(admission, at('2023-06-20', '2023-06-22', '32485007'))).toBe('nothing');
});
