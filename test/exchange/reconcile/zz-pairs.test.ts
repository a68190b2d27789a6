import { test } from 'vitest';
import { reconciler, output, PEER, type RawFile } from './reconcile-pull.ts';
type R = Record<string, any>;
const SCT = 'http://snomed.info/sct', ICD = 'http://hl7.org/fhir/sid/icd-10-cm', LOINC = 'http://loinc.org', CVX = 'http://hl7.org/fhir/sid/cvx', NDC = 'http://hl7.org/fhir/sid/ndc', RX = 'http://www.nlm.nih.gov/research/umls/rxnorm', CPT = 'http://www.ama-assn.org/go/cpt', HCPCS = 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', UCUM = 'http://unitsofmeasure.org';
const cc = (system: string, code: string, ...more: [string, string][]) => ({ coding: [[system, code], ...more].map(([system, code]) => ({ system, code })) });
const npi = (value: string) => ({ identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value } });
const D1 = npi('9000000004'), D2 = npi('9000000012');
const q = (value: number, code: string, unit = code) => ({ value, unit, system: UCUM, code });
const obs = (cat: string, code: string, at: string, more: R): R => ({ resourceType: 'Observation', status: 'final', category: [cc('http://terminology.hl7.org/CodeSystem/observation-category', cat)], code: cc(LOINC, code), effectiveDateTime: at, performer: [D1], ...more });
const imm = (code: R, at: string, more: R = {}): R => ({ resourceType: 'Immunization', status: 'completed', vaccineCode: code, occurrenceDateTime: at, ...more });
const cond = (code: R, more: R = {}): R => ({ resourceType: 'Condition', clinicalStatus: cc('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'), category: [cc('http://terminology.hl7.org/CodeSystem/condition-category', 'problem-list-item')], code, ...more });
const dx = (code: R, day: string, more: R = {}): R => ({ ...cond(code), category: [cc('http://terminology.hl7.org/CodeSystem/condition-category', 'encounter-diagnosis')], recordedDate: day, ...more });
const proc = (code: R, at: R, more: R = {}): R => ({ resourceType: 'Procedure', status: 'completed', code, ...at, performer: [{ actor: D1 }], ...more });
const enc = (start: string, more: R = {}): R => ({ resourceType: 'Encounter', status: 'finished', class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' }, type: [cc(CPT, '99213')], period: { start }, participant: [{ individual: D1 }], ...more });
const disp = (code: R, at: string, more: R = {}): R => ({ resourceType: 'MedicationDispense', status: 'completed', medicationCodeableConcept: code, whenHandedOver: at, performer: [{ actor: D1 }], daysSupply: q(30, 'd'), quantity: { value: 30 }, ...more });
const rx = (code: R, at: string, more: R = {}): R => ({ resourceType: 'MedicationRequest', status: 'active', intent: 'order', medicationCodeableConcept: code, authoredOn: at, requester: D1, ...more });
const eob = (value: string, more: R = {}): R => ({ resourceType: 'ExplanationOfBenefit', status: 'active', use: 'claim', type: cc('http://terminology.hl7.org/CodeSystem/claim-type', 'professional'), identifier: [{ type: cc('http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType', 'uc'), system: 'https://x.example/claim', value }], created: '2025-03-01', insurer: D2, provider: D1, outcome: 'complete', insurance: [{ focal: true, coverage: { display: 'x' } }], item: [{ sequence: 1, productOrService: cc(CPT, '99213'), servicedDate: '2025-02-20' }], ...more });
const id = (system: string, value: string) => ({ identifier: [{ system, value }] });
type P = [name: string, a: R, b: R, want: string];
const PAIRS: P[] = [
  ['glucose zone', obs('laboratory', '2345-7', '2025-03-01T20:00:00-05:00', { valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-02T01:00:00Z', { valueQuantity: q(99.0, 'mg/dL') }), 'same-event'],
  ['glucose molar', obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '14749-6', '2025-03-01T08:00:00Z', { valueQuantity: q(5.5, 'mmol/L') }), 'same-event'],
  ['glucose unit in words', obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { valueQuantity: { value: 99, unit: 'mg/dl' } }), 'same-event'],
  ['wbc units', obs('laboratory', '6690-2', '2025-03-01T08:00:00Z', { valueQuantity: q(7.2, '10*3/uL') }), obs('laboratory', '6690-2', '2025-03-01T08:00:00Z', { valueQuantity: q(7.2, '10*9/L') }), 'same-event'],
  ['wbc per uL', obs('laboratory', '6690-2', '2025-03-01T08:00:00Z', { valueQuantity: q(7.2, '10*3/uL') }), obs('laboratory', '6690-2', '2025-03-01T08:00:00Z', { valueQuantity: q(7200, '/uL') }), 'same-event'],
  ['wbc K/uL text', obs('laboratory', '6690-2', '2025-03-01T08:00:00Z', { valueQuantity: q(7.2, '10*3/uL') }), obs('laboratory', '6690-2', '2025-03-01T08:00:00Z', { valueQuantity: { value: 7.2, unit: 'K/uL' } }), 'same-event'],
  ['potassium mEq', obs('laboratory', '2823-3', '2025-03-01T08:00:00Z', { valueQuantity: q(4.1, 'mmol/L') }), obs('laboratory', '2823-3', '2025-03-01T08:00:00Z', { valueQuantity: q(4.1, 'meq/L') }), 'same-event'],
  ['potassium mEq differs', obs('laboratory', '2823-3', '2025-03-01T08:00:00Z', { valueQuantity: q(4.1, 'mmol/L') }), obs('laboratory', '2823-3', '2025-03-01T08:00:00Z', { valueQuantity: q(4.6, 'meq/L') }), 'conflict'],
  ['tsh units', obs('laboratory', '3016-3', '2025-03-01T08:00:00Z', { valueQuantity: q(2.1, 'u[IU]/mL') }), obs('laboratory', '3016-3', '2025-03-01T08:00:00Z', { valueQuantity: q(2.1, 'm[IU]/L') }), 'same-event'],
  ['enzyme U/L vs IU/L', obs('laboratory', '1742-6', '2025-03-01T08:00:00Z', { valueQuantity: q(30, 'U/L') }), obs('laboratory', '1742-6', '2025-03-01T08:00:00Z', { valueQuantity: q(30, '[IU]/L') }), 'same-event'],
  ['ratio %', obs('laboratory', '4548-4', '2025-03-01T08:00:00Z', { valueQuantity: q(6.1, '%') }), obs('laboratory', '4548-4', '2025-03-01T08:00:00Z', { valueQuantity: q(0.061, '1') }), 'same-event'],
  ['same lab seconds', obs('laboratory', '2345-7', '2025-03-01T08:00:12Z', { valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-01T08:00:49Z', { valueQuantity: q(99, 'mg/dL') }), 'same-event'],
  ['lab day only', obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-01', { valueQuantity: q(99, 'mg/dL') }), ''],
  ['lab other time', obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-01T18:00:00Z', { valueQuantity: q(99, 'mg/dL') }), ''],
  ['lab other value', obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { valueQuantity: q(199, 'mg/dL') }), 'conflict'],
  ['lab accession leading zero same', obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { ...id('https://lab.example', '000123'), valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-01', { ...id('https://lab.example', '000123'), valueQuantity: q(99, 'mg/dL') }), 'same-record'],
  ['accession other zero', obs('laboratory', '2345-7', '2025-03-01T08:00:00Z', { ...id('https://lab.example', '000123'), valueQuantity: q(99, 'mg/dL') }), obs('laboratory', '2345-7', '2025-03-01T09:00:00Z', { ...id('https://lab.example', '123'), valueQuantity: q(99, 'mg/dL') }), ''],
  ['codes text value', obs('laboratory', '600-7', '2025-03-01T08:00:00Z', { valueString: 'No growth' }), obs('laboratory', '600-7', '2025-03-01T08:00:00Z', { valueCodeableConcept: { text: 'no growth' } }), 'same-event'],
  ['bp mmHg text', obs('vital-signs', '85354-9', '2025-03-01T08:00:00Z', { component: [{ code: cc(LOINC, '8480-6'), valueQuantity: q(120, 'mm[Hg]', 'mmHg') }, { code: cc(LOINC, '8462-4'), valueQuantity: q(80, 'mm[Hg]') }] }), obs('vital-signs', '85354-9', '2025-03-01T08:00:00Z', { component: [{ code: cc(LOINC, '8462-4'), valueQuantity: { value: 80, unit: 'mmHg' } }, { code: cc(LOINC, '8480-6'), valueQuantity: { value: 120, unit: 'mm Hg' } }] }), 'same-event'],
  ['weight lb', obs('vital-signs', '29463-7', '2025-03-01T08:00:00Z', { valueQuantity: q(80, 'kg') }), obs('vital-signs', '29463-7', '2025-03-01T08:00:00Z', { valueQuantity: q(176.4, '[lb_av]') }), 'same-event'],
  ['height in', obs('vital-signs', '8302-2', '2025-03-01T08:00:00Z', { valueQuantity: q(180, 'cm') }), obs('vital-signs', '8302-2', '2025-03-01T08:00:00Z', { valueQuantity: q(70.9, '[in_i]') }), 'same-event'],
  ['temp F', obs('vital-signs', '8310-5', '2025-03-01T08:00:00Z', { valueQuantity: q(37, 'Cel') }), obs('vital-signs', '8310-5', '2025-03-01T08:00:00Z', { valueQuantity: q(98.6, '[degF]') }), 'same-event'],
  ['heart /min', obs('vital-signs', '8867-4', '2025-03-01T08:00:00Z', { valueQuantity: q(72, '/min') }), obs('vital-signs', '8867-4', '2025-03-01T08:00:00Z', { valueQuantity: { value: 72, unit: 'beats/min' } }), 'same-event'],
  ['vital code of loinc oid', obs('vital-signs', '8867-4', '2025-03-01T08:00:00Z', { valueQuantity: q(72, '/min') }), { ...obs('vital-signs', '8867-4', '2025-03-01T08:00:00Z', { valueQuantity: q(72, '/min') }), code: cc('urn:oid:2.16.840.1.113883.6.1', '8867-4') }, 'same-event'],
  ['mmr 03/3', imm(cc(CVX, '03'), '2025-03-01'), imm(cc(CVX, '3'), '2025-03-01'), 'same-event'],
  ['flu zone', imm(cc(CVX, '150'), '2025-03-01T20:00:00-05:00'), imm(cc(CVX, '150'), '2025-03-02T01:00:00Z'), 'same-event'],
  ['flu day/time', imm(cc(CVX, '150'), '2025-03-01'), imm(cc(CVX, '150'), '2025-03-01T15:00:00Z'), 'same-event'],
  ['flu day / night Z', imm(cc(CVX, '150'), '2025-03-01'), imm(cc(CVX, '150'), '2025-03-02T01:00:00Z'), '?'],
  ['flu month', imm(cc(CVX, '150'), '2025-03-01'), imm(cc(CVX, '150'), '2025-03'), '?'],
  ['flu other lots', imm(cc(CVX, '150'), '2025-03-01', { lotNumber: 'A1' }), imm(cc(CVX, '150'), '2025-03-01', { lotNumber: 'B2' }), 'proposed'],
  ['flu lots spaced', imm(cc(CVX, '150'), '2025-03-01', { lotNumber: 'A 1-2' }), imm(cc(CVX, '150'), '2025-03-01', { lotNumber: 'a12' }), 'same-event'],
  ['covid ndc hyphen', imm(cc(CVX, '208'), '2025-03-01'), imm(cc(NDC, '59267-1000-1'), '2025-03-01'), 'same-event'],
  ['icd dotless', cond(cc(ICD, 'E11.9')), cond(cc(ICD, 'E119')), 'same-event'],
  ['icd-10 system', cond(cc(ICD, 'E11.9')), cond(cc('http://hl7.org/fhir/sid/icd-10', 'E11.9')), 'same-event'],
  ['icd lower', cond(cc(ICD, 'E11.9')), cond(cc(ICD, 'e11.9')), 'same-event'],
  ['icd header', cond(cc(ICD, 'E11')), cond(cc(ICD, 'E11.9')), ''],
  ['icd header dotless', cond(cc(ICD, 'E11')), cond(cc(ICD, 'E119')), ''],
  ['sct + icd', cond(cc(SCT, '44054006')), cond(cc(ICD, 'E119', [SCT, '44054006'])), 'same-event'],
  ['dx zone', dx(cc(ICD, 'J06.9'), '2025-03-01T20:00:00-05:00'), dx(cc(ICD, 'J069'), '2025-03-02T01:00:00Z'), 'same-event'],
  ['dx other day', dx(cc(ICD, 'J06.9'), '2025-03-01'), dx(cc(ICD, 'J06.9'), '2025-03-09'), ''],
  ['proc zone', proc(cc(CPT, '45378'), { performedDateTime: '2025-03-01T20:00:00-05:00' }), proc(cc(CPT, '45378'), { performedPeriod: { start: '2025-03-02T01:00:00Z', end: '2025-03-02T02:00:00Z' } }), 'same-event'],
  ['proc hcpcs/cpt', proc(cc(CPT, '45378'), { performedDateTime: '2025-03-01' }), proc(cc(HCPCS, '45378'), { performedDateTime: '2025-03-01' }), 'same-event'],
  ['proc lower hcpcs', proc(cc(HCPCS, 'G0439'), { performedDateTime: '2025-03-01' }), proc(cc(HCPCS, 'g0439'), { performedDateTime: '2025-03-01' }), 'same-event'],
  ['proc twins LT RT', proc(cc(CPT, '27447', ['x', 'LT']), { performedDateTime: '2025-03-01' }), proc(cc(CPT, '27447', ['x', 'RT']), { performedDateTime: '2025-03-01' }), ''],
  ['proc other doctor', proc(cc(CPT, '45378'), { performedDateTime: '2025-03-01' }), proc(cc(CPT, '45378'), { performedDateTime: '2025-03-01' }, { performer: [{ actor: D2 }] }), ''],
  ['enc zone', enc('2025-03-01T20:00:00-05:00'), enc('2025-03-02T01:00:00Z'), 'same-event'],
  ['enc day/time', enc('2025-03-01'), enc('2025-03-01T10:00:00Z'), 'same-event'],
  ['enc two doctors', enc('2025-03-01'), enc('2025-03-01', { participant: [{ individual: D2 }] }), ''],
  ['enc amb/fld', enc('2025-03-01'), enc('2025-03-01', { class: { code: 'EMER' } }), ''],
  ['fill ndc forms', disp(cc(NDC, '00093-7214-10'), '2025-03-01'), disp(cc(NDC, '00093721410'), '2025-03-01'), 'same-event'],
  ['fill ndc 4-4-2', disp(cc(NDC, '0093-7214-10'), '2025-03-01'), disp(cc(NDC, '00093721410'), '2025-03-01'), 'same-event'],
  ['fill zone', disp(cc(NDC, '00093721410'), '2025-03-01T20:00:00-05:00'), disp(cc(NDC, '00093721410'), '2025-03-02T01:00:00Z'), 'same-event'],
  ['fill rxnorm oid', disp(cc(RX, '860975'), '2025-03-01'), disp(cc('urn:oid:2.16.840.1.113883.6.88', '860975'), '2025-03-01'), 'same-event'],
  ['fill other quantity', disp(cc(RX, '860975'), '2025-03-01'), disp(cc(RX, '860975'), '2025-03-01', { quantity: { value: 90 } }), ''],
  ['rx zone', rx(cc(RX, '860975'), '2025-03-01T20:00:00-05:00'), rx(cc(RX, '860975'), '2025-03-02T01:00:00Z'), 'same-event'],
  ['rx day/time', rx(cc(RX, '860975'), '2025-03-01'), rx(cc(RX, '860975'), '2025-03-01T14:00:00Z'), 'same-event'],
  ['claim same', eob('0012345'), eob('0012345'), 'same-record'],
  ['claim leading zero', eob('0012345'), eob('12345', { item: [] }), ''],
  ['claim cob', eob('A1'), eob('B2', { insurer: npi('9000000020') }), 'coordination-of-benefits'],
  ['allergy oid', { resourceType: 'AllergyIntolerance', clinicalStatus: cc('http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', 'active'), code: cc(RX, '7980'), category: ['medication'] }, { resourceType: 'AllergyIntolerance', clinicalStatus: cc('http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', 'active'), code: cc('urn:oid:2.16.840.1.113883.6.88', '7980'), category: ['medication'] }, 'same-event'],
  ['report zone', { resourceType: 'DiagnosticReport', status: 'final', code: cc(LOINC, '58410-2'), effectiveDateTime: '2025-03-01T20:00:00-05:00', performer: [D1] }, { resourceType: 'DiagnosticReport', status: 'final', code: cc(LOINC, '58410-2'), effectiveDateTime: '2025-03-02T01:00:00Z', performer: [D1] }, 'same-event'],
  ['document zone', { resourceType: 'DocumentReference', status: 'current', type: cc(LOINC, '34133-9'), date: '2025-03-01T20:00:00-05:00', content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }] }, { resourceType: 'DocumentReference', status: 'current', type: cc(LOINC, '34133-9'), date: '2025-03-02T01:00:00Z', content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }] }, 'same-record'],
  ['order zone', { resourceType: 'ServiceRequest', status: 'active', intent: 'order', code: cc(CPT, '70551'), authoredOn: '2025-03-01T20:00:00-05:00', requester: D1 }, { resourceType: 'ServiceRequest', status: 'active', intent: 'order', code: cc(CPT, '70551'), authoredOn: '2025-03-02T01:00:00Z', requester: D1 }, 'same-event'],
];
test('pairs', async () => {
  const node = await reconciler('sensitive');
  const key = (t: string) => (['Immunization', 'AllergyIntolerance', 'ExplanationOfBenefit'].includes(t) ? 'patient' : 'subject');
  const own: R[] = []; const sent: R[] = [];
  PAIRS.forEach(([, a, b], i) => {
    own.push({ resourceType: 'Patient', id: `o${i}`, name: [{ family: `F${i}`, given: ['G'] }], birthDate: '1970-01-01', gender: 'female' });
    own.push({ ...a, id: `a${i}`, [key(a['resourceType'])]: { reference: `Patient/o${i}` } });
    sent.push({ ...b, id: `b${i}`, meta: { lastUpdated: '2026-01-01T00:00:00Z' }, [key(b['resourceType'])]: { reference: `Patient/q${i}` } });
  });
  await node.own(...own);
  for (let i = 0; i < PAIRS.length; i++) await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values (${`c-o${i}`}, ${`o${i}`}, 'opt-in', 'sensitive', '2026-01-01', 'test')`;
  const files = [...Map.groupBy(sent, (s) => s['resourceType'])].map(([t, rs]): RawFile => output(t as string, ...rs));
  const done = await node.pull(files, { members: PAIRS.map((_, i): [string, string] => [`q${i}`, `o${i}`]) });
  console.log(done.state, done.reason);
  const links = await node.sql`select member_id as m, kind, state, rule from exchange.link where type <> 'Patient'`;
  const led = await node.sql`select source_id as s, outcome as o, reason as r from exchange.ledger where pull_id = ${done.id}`;
  let bad = 0;
  PAIRS.forEach(([name, , , want], i) => {
    const l = links.filter((x) => x['m'] === `o${i}`).map((x) => (x['state'] === 'proposed' ? 'proposed' : x['kind'])).join('+');
    const o = led.find((x) => x['s'] === `b${i}`);
    if (l !== want || /quar|rej/.test(String(o?.['o']))) { bad++; console.log(`${l === want ? '' : 'DIFF '}${name}: want ${want || '-'} got ${l || '-'} (${o?.['o']} ${o?.['r'] ?? ''})`); }
  });
  console.log('bad', bad, 'of', PAIRS.length);
  await node.close();
}, 120_000);
