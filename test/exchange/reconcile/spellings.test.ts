// One thing as two payers write it: other code systems and spellings, units, time zones, precision. Through whole pulls, because keys have to
// bring the pair together before anyone judges it. Each pair belongs to a member of its own.
import { expect, test } from 'vitest';
import { output, type RawFile, reconciler } from './reconcile-pull.ts';

type R = Record<string, unknown>;
const SCT = 'http://snomed.info/sct';
const ICD = 'http://hl7.org/fhir/sid/icd-10-cm';
const LOINC = 'http://loinc.org';
const CVX = 'http://hl7.org/fhir/sid/cvx';
const NDC = 'http://hl7.org/fhir/sid/ndc';
const RX = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const CPT = 'http://www.ama-assn.org/go/cpt';
const HCPCS = 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets';
const HL7 = 'http://terminology.hl7.org/CodeSystem';

const coded = (...codes: (readonly [string, string])[]) => ({
  coding: codes.map(([system, code]) => ({ system, code })),
});
const npi = (value: string) => ({ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value } });
const [CLINIC, OTHER] = [npi('9000000004'), npi('9000000012')];
const ucum = (value: number, code: string) => ({ value, unit: code, system: 'http://unitsofmeasure.org', code });
const inWords = (value: number, unit: string) => ({ value, unit });

const MORNING = '2025-03-01T08:00:00Z';
/** one evening in New York, which is the next day in UTC */
const [LOCAL, UTC] = ['2025-03-01T20:00:00-05:00', '2025-03-02T01:00:00Z'];

const result = (loinc: string, value: R, at = MORNING, category = 'laboratory', system = LOINC): R => ({
  resourceType: 'Observation',
  status: 'final',
  category: [coded([`${HL7}/observation-category`, category])],
  code: coded([system, loinc]),
  effectiveDateTime: at,
  performer: [CLINIC],
  ...value,
});
const quantity = (valueQuantity: R): R => ({ valueQuantity });
const vital = (loinc: string, value: R) => result(loinc, quantity(value), MORNING, 'vital-signs');
const pressure = (...[high, low]: R[]): R =>
  result(
    '85354-9',
    {
      component: [
        { code: coded([LOINC, '8480-6']), valueQuantity: high },
        { code: coded([LOINC, '8462-4']), valueQuantity: low },
      ],
    },
    MORNING,
    'vital-signs',
  );
const shot = (code: readonly [string, string], at: string, more: R = {}): R => ({
  resourceType: 'Immunization',
  status: 'completed',
  vaccineCode: coded(code),
  occurrenceDateTime: at,
  ...more,
});
const problem = (...codes: (readonly [string, string])[]): R => ({
  resourceType: 'Condition',
  clinicalStatus: coded([`${HL7}/condition-clinical`, 'active']),
  category: [coded([`${HL7}/condition-category`, 'problem-list-item'])],
  code: coded(...codes),
});
const diagnosis = (code: readonly [string, string], at: string): R => ({
  ...problem(code),
  category: [coded([`${HL7}/condition-category`, 'encounter-diagnosis'])],
  recordedDate: at,
});
const procedure = (code: readonly [string, string], when: R, actor = CLINIC): R => ({
  resourceType: 'Procedure',
  status: 'completed',
  code: coded(code),
  performer: [{ actor }],
  ...when,
});
const visit = (start: string, individual = CLINIC): R => ({
  resourceType: 'Encounter',
  status: 'finished',
  class: { system: `${HL7}/v3-ActCode`, code: 'AMB' },
  type: [coded([CPT, '99213'])],
  period: { start },
  participant: [{ individual }],
});
const fill = (code: readonly [string, string], at: string): R => ({
  resourceType: 'MedicationDispense',
  status: 'completed',
  medicationCodeableConcept: coded(code),
  whenHandedOver: at,
  performer: [{ actor: CLINIC }],
  quantity: { value: 30 },
});
const order = (at: string): R => ({
  resourceType: 'MedicationRequest',
  status: 'active',
  intent: 'order',
  medicationCodeableConcept: coded([RX, '860975']),
  authoredOn: at,
  requester: CLINIC,
});
const report = (at: string): R => ({
  resourceType: 'DiagnosticReport',
  status: 'final',
  code: coded([LOINC, '58410-2']),
  effectiveDateTime: at,
  performer: [CLINIC],
});
const note = (date: string): R => ({
  resourceType: 'DocumentReference',
  status: 'current',
  type: coded([LOINC, '34133-9']),
  date,
  content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }],
});
const request = (authoredOn: string): R => ({
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  code: coded([CPT, '70551']),
  authoredOn,
  requester: CLINIC,
});

const GLUCOSE = quantity(ucum(99, 'mg/dL'));
const PAIRS: readonly (readonly [what: string, ours: R, theirs: R, link: string])[] = [
  // units
  [
    'milligrams in small letters',
    result('2345-7', GLUCOSE),
    result('2345-7', quantity(inWords(99, 'mg/dl'))),
    'same-event',
  ],
  ['mass and substance', result('2345-7', GLUCOSE), result('14749-6', quantity(ucum(5.5, 'mmol/L'))), 'same-event'],
  [
    'micrograms',
    result('2132-9', quantity(ucum(3, 'ug/L'))),
    result('2132-9', quantity(inWords(3, 'mcg/L'))),
    'same-event',
  ],
  [
    'a count, otherwise',
    result('6690-2', quantity(ucum(7.2, '10*3/uL'))),
    result('6690-2', quantity(ucum(7.2, '10*9/L'))),
    'same-event',
  ],
  [
    'a count as such',
    result('6690-2', quantity(ucum(7.2, '10*3/uL'))),
    result('6690-2', quantity(ucum(7200, '/uL'))),
    'same-event',
  ],
  [
    'a count in thousands',
    result('6690-2', quantity(ucum(7.2, '10*3/uL'))),
    result('6690-2', quantity(inWords(7.2, 'K/uL'))),
    'same-event',
  ],
  [
    'a count with its power',
    result('6690-2', quantity(ucum(7.2, '10*3/uL'))),
    result('6690-2', quantity(inWords(7.2, 'x10E3/uL'))),
    'same-event',
  ],
  [
    'equivalents of potassium',
    result('2823-3', quantity(ucum(4.1, 'mmol/L'))),
    result('2823-3', quantity(ucum(4.1, 'meq/L'))),
    'same-event',
  ],
  [
    'equivalents of calcium',
    result('2000-8', quantity(ucum(2.4, 'mmol/L'))),
    result('2000-8', quantity(ucum(2.4, 'meq/L'))),
    'conflict',
  ],
  [
    'units a litre',
    result('3016-3', quantity(ucum(2.1, 'u[IU]/mL'))),
    result('3016-3', quantity(ucum(2.1, 'm[IU]/L'))),
    'same-event',
  ],
  ['a share', result('4548-4', quantity(ucum(6.1, '%'))), result('4548-4', quantity(ucum(0.061, '1'))), 'same-event'],
  [
    'another value in another unit',
    result('2823-3', quantity(ucum(4.1, 'mmol/L'))),
    result('2823-3', quantity(inWords(4.6, 'mEq/L'))),
    'conflict',
  ],
  ['another value', result('2345-7', GLUCOSE), result('2345-7', quantity(ucum(199, 'mg/dL'))), 'conflict'],
  [
    'litres and decilitres taken for each other',
    result('718-7', quantity(ucum(13.5, 'g/dL'))),
    result('718-7', quantity(ucum(13.5, 'g/L'))),
    'conflict',
  ],
  [
    'a unit that no one knows',
    result('2345-7', GLUCOSE),
    result('2345-7', quantity(inWords(99, 'points'))),
    'conflict',
  ],
  [
    'words and a code',
    result('600-7', { valueString: 'No growth' }),
    result('600-7', { valueCodeableConcept: { text: 'no growth' } }),
    'same-event',
  ],
  [
    'other words',
    result('600-7', { valueString: 'No growth' }),
    result('600-7', { valueCodeableConcept: { text: 'growth' } }),
    'conflict',
  ],
  [
    'codes that differ',
    result('600-7', { valueCodeableConcept: { ...coded([SCT, '260385009']), text: 'x' } }),
    result('600-7', { valueCodeableConcept: { ...coded([SCT, '10828004']), text: 'x' } }),
    'conflict',
  ],
  [
    'pressure',
    pressure(ucum(120, 'mm[Hg]'), ucum(80, 'mm[Hg]')),
    pressure(inWords(120, 'mmHg'), inWords(80, 'mm Hg')),
    'same-event',
  ],
  ['pounds', vital('29463-7', ucum(80, 'kg')), vital('29463-7', ucum(176.4, '[lb_av]')), 'same-event'],
  ['other pounds', vital('29463-7', ucum(80, 'kg')), vital('29463-7', ucum(170, '[lb_av]')), ''],
  ['inches', vital('8302-2', ucum(180, 'cm')), vital('8302-2', ucum(70.9, '[in_i]')), 'same-event'],
  ['Fahrenheit', vital('8310-5', ucum(37, 'Cel')), vital('8310-5', ucum(98.6, '[degF]')), 'same-event'],
  ['fever in Fahrenheit', vital('8310-5', ucum(37, 'Cel')), vital('8310-5', ucum(101.3, '[degF]')), ''],
  ['beats', vital('8867-4', ucum(72, '/min')), vital('8867-4', ucum(72, '{beats}/min')), 'same-event'],
  // codes
  ['ICD-10 without its dot', problem([ICD, 'E11.9']), problem([ICD, 'E119']), 'same-event'],
  [
    'ICD-10 under its other name',
    problem([ICD, 'E11.9']),
    problem(['http://hl7.org/fhir/sid/icd-10', 'e11.9']),
    'same-event',
  ],
  ['a header, and its child without a dot', problem([ICD, 'E11']), problem([ICD, 'E119']), ''],
  ['one of two codes', problem([SCT, '44054006']), problem([ICD, 'E119'], [SCT, '44054006']), 'same-event'],
  ['CVX without its zero', shot([CVX, '03'], '2025-03-01'), shot([CVX, '3'], '2025-03-01'), 'same-event'],
  ['another vaccine', shot([CVX, '03'], '2025-03-01'), shot([CVX, '33'], '2025-03-01'), ''],
  [
    'lots with and without strokes',
    shot([CVX, '150'], '2025-03-01', { lotNumber: 'A 1-2' }),
    shot([CVX, '150'], '2025-03-01', { lotNumber: 'a12' }),
    'same-event',
  ],
  [
    'CPT as the first level of HCPCS',
    procedure([CPT, '45378'], { performedDateTime: '2025-03-01' }),
    procedure([HCPCS, '45378'], { performedDateTime: '2025-03-01' }),
    'same-event',
  ],
  [
    'NDC with strokes',
    fill([NDC, '0093-7214-10'], '2025-03-01'),
    fill([NDC, '00093721410'], '2025-03-01'),
    'same-event',
  ],
  // time
  ['a result in another zone', result('2345-7', GLUCOSE, LOCAL), result('2345-7', GLUCOSE, UTC), 'same-event'],
  ['a vaccination in another zone', shot([CVX, '150'], LOCAL), shot([CVX, '150'], UTC), 'same-event'],
  ['a vaccination of the next day', shot([CVX, '150'], '2025-03-01'), shot([CVX, '150'], '2025-03-02'), ''],
  [
    'a vaccination an hour later in another zone',
    shot([CVX, '150'], LOCAL),
    shot([CVX, '150'], '2025-03-02T02:00:00Z'),
    '',
  ],
  ['a diagnosis in another zone', diagnosis([ICD, 'J06.9'], LOCAL), diagnosis([ICD, 'J069'], UTC), 'same-event'],
  [
    'a procedure in another zone',
    procedure([CPT, '45378'], { performedDateTime: LOCAL }),
    procedure([CPT, '45378'], { performedPeriod: { start: UTC } }),
    'same-event',
  ],
  [
    'a procedure of another person',
    procedure([CPT, '45378'], { performedDateTime: LOCAL }),
    procedure([CPT, '45378'], { performedDateTime: UTC }, OTHER),
    '',
  ],
  ['a visit in another zone', visit(LOCAL), visit(UTC), 'same-event'],
  ['a visit to another person', visit(LOCAL), visit(UTC, OTHER), ''],
  ['a visit of the next day', visit(LOCAL), visit('2025-03-02'), ''],
  ['a fill in another zone', fill([RX, '860975'], LOCAL), fill([RX, '860975'], UTC), 'same-event'],
  ['an order in another zone', order(LOCAL), order(UTC), 'same-event'],
  ['a report in another zone', report(LOCAL), report(UTC), 'same-event'],
  ['a document in another zone', note(LOCAL), note(UTC), 'same-record'],
  ['a request in another zone', request(LOCAL), request(UTC), 'same-event'],
];

test('what is one is linked however it is written, and what is not is not', async () => {
  const node = await reconciler('sensitive');
  try {
    const ofMember = (r: R, id: string, patient: string): R => ({
      ...r,
      id,
      [r['resourceType'] === 'Immunization' ? 'patient' : 'subject']: { reference: `Patient/${patient}` },
    });
    const person = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: id }], birthDate: '1970-01-01' });
    await node.own(...PAIRS.flatMap(([, ours], i) => [person(`o${i}`), ofMember(ours, `a${i}`, `o${i}`)]));
    for (const i of PAIRS.keys())
      await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${`c-o${i}`}, ${`o${i}`}, 'opt-in', 'sensitive', '2026-01-01', 'test')`;
    const sent = PAIRS.map(([, , theirs], i) => ofMember(theirs, `b${i}`, `p${i}`));
    const files = [...Map.groupBy(sent, (r) => String(r['resourceType']))].map(
      ([type, of]): RawFile => output(type, ...of),
    );
    const members = PAIRS.map((_, i): [string, string] => [`p${i}`, `o${i}`]);
    expect((await node.pull(files, { members })).state).toBe('done');
    const links = await node.sql<{ member: string; kind: string }[]>`
      select member_id as member, case when kind <> 'conflict' and state = 'proposed' then 'proposed' else kind end as kind from exchange.link`;
    const found = PAIRS.map(([what], i) => [
      what,
      links
        .filter((l) => l.member === `o${i}`)
        .map((l) => l.kind)
        .join(),
    ]);
    expect(found).toEqual(PAIRS.map(([what, , , link]) => [what, link]));
  } finally {
    await node.close();
  }
});
