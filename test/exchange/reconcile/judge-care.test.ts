// Problems, results, stays, documents and plans of care: what makes two of them one, a part at a time.
import { expect, test } from 'vitest';
import { judge } from '../../../exchange/reconcile/judge/judge.ts';
import type { Known } from '../../../exchange/reconcile/judge/verdict.ts';
import type { Resource } from '../../../src/fhir/resource.ts';

const cc = (system: string, code: string) => ({ coding: [{ system, code }] });
const ref = (reference: string) => ({ reference });
const NPIS = new Map([
  ['Organization/l', '9000000004'],
  ['Organization/m', '9000000012'],
  ['Practitioner/p', '9000000020'],
  ['Practitioner/q', '9000000038'],
]);
const known: Known = { npi: (key) => NPIS.get(key), linked: () => undefined };
const is = (a: object, b: object): string => {
  const verdict = judge(a as Resource, b as Resource, known);
  if (!verdict) return 'nothing';
  return verdict.kind === 'conflict'
    ? `${verdict.conflict} ${verdict.rule}`
    : `${verdict.kind} ${verdict.rule} ${verdict.score}`;
};

const problem = (onsetDateTime: string | undefined, abatementDateTime?: string, more: object = {}) => ({
  resourceType: 'Condition',
  category: [cc('http://terminology.hl7.org/CodeSystem/condition-category', 'problem-list-item')],
  clinicalStatus: cc('s', abatementDateTime === undefined ? 'active' : 'resolved'),
  code: cc('http://hl7.org/fhir/sid/icd-10-cm', 'J45.20'),
  onsetDateTime,
  abatementDateTime,
  ...more,
});
const named = { identifier: [{ system: 'urn:list', value: '4' }] };
test.each([
  ['of one span', problem('2024-01-01', '2024-03-01'), problem('2024-01-01', '2024-03-01'), 'same-event problem 0.9'],
  [
    'of spans that meet',
    problem('2024-01-01', '2024-03-01'),
    problem('2024-02-01', '2024-05-01'),
    'same-event problem 0.9',
  ],
  [
    'one within the other',
    problem('2024-01-01', '2024-05-01'),
    problem('2024-02-01', '2024-03-01'),
    'same-event problem 0.9',
  ],
  ['one after the other', problem('2024-01-01', '2024-03-01'), problem('2024-06-01', '2024-07-01'), 'nothing'],
  ['one before the other', problem('2024-06-01', '2024-07-01'), problem('2024-01-01', '2024-03-01'), 'nothing'],
  [
    'over here and not there',
    problem('2024-01-01', '2024-03-01'),
    problem('2024-06-01'),
    'status-mismatch clinical-status',
  ],
  [
    'of one number',
    problem('2024-01-01', undefined, named),
    problem(undefined, undefined, named),
    'same-record identifier 1',
  ],
])('problems %s', (_, a, b, verdict) => expect(is(a, b)).toBe(verdict));

const result = (kinds: string[], more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  category: kinds.map((k) => cc('http://terminology.hl7.org/CodeSystem/observation-category', k)),
  code: cc('http://loinc.org', '72166-2'),
  effectiveDateTime: '2026-03-04',
  valueCodeableConcept: cc('http://snomed.info/sct', '266919005'),
  ...more,
});
const minute = { effectiveDateTime: '2026-03-04T09:00:00Z' };
const other = { valueCodeableConcept: cc('http://snomed.info/sct', '77176002') };
const by = (who: string) => ({ performer: [ref(`Organization/${who}`)] });
const tube = { specimen: ref('Specimen/t') };
test.each([
  ['asked on one day', result(['social-history']), result(['survey']), 'same-event survey 0.9'],
  [
    'asked, one also as laboratory',
    result(['social-history', 'laboratory']),
    result(['survey']),
    'same-event survey 0.9',
  ],
  ['asked here, measured there', result(['social-history']), result(['laboratory'], minute), 'nothing'],
  ['of vital signs, by the day alone', result(['vital-signs']), result(['vital-signs']), 'nothing'],
  [
    'of vital signs, of one minute',
    result(['vital-signs', 'survey'], minute),
    result(['vital-signs'], minute),
    'same-event vital-sign 0.9',
  ],
  [
    'of one laboratory',
    result(['laboratory'], { ...minute, ...by('l') }),
    result(['laboratory'], { ...minute, ...by('l') }),
    'same-event result 0.9',
  ],
  [
    'of two laboratories',
    result(['laboratory'], { ...minute, ...by('l') }),
    result(['laboratory'], { ...minute, ...by('m') }),
    'nothing',
  ],
  [
    'of two laboratories and one specimen',
    result(['laboratory'], { ...minute, ...by('l'), ...tube }),
    result(['laboratory'], { ...minute, ...by('m'), ...tube }),
    'same-event result 0.9',
  ],
  [
    'of one laboratory that differ',
    result(['laboratory'], { ...minute, ...by('l') }),
    result(['laboratory'], { ...minute, ...by('l'), ...other }),
    'value-mismatch result',
  ],
  [
    'that differ, and of which one tells no laboratory',
    result(['laboratory'], minute),
    result(['laboratory'], { ...minute, ...by('l'), ...other }),
    'nothing',
  ],
  [
    'of one specimen that differ',
    result(['laboratory'], { ...minute, ...tube }),
    result(['laboratory'], { ...minute, ...tube, ...other }),
    'value-mismatch result',
  ],
])('results %s', (_, a, b, verdict) => expect(is(a, b)).toBe(verdict));

const stay = (start: string | undefined, end: string | undefined, more: object = {}) => ({
  resourceType: 'Encounter',
  status: 'finished',
  class: { code: 'IMP' },
  period: { start, end },
  serviceProvider: ref('Organization/h'),
  ...more,
});
test.each([
  ['with a day in common', stay('2026-03-01', '2026-03-05'), stay('2026-03-05', '2026-03-09'), 'same-event stay 0.9'],
  ['one after the other', stay('2026-03-01', '2026-03-04'), stay('2026-03-05', '2026-03-09'), 'nothing'],
  ['that last', stay('2026-03-01', undefined), stay('2026-03-05', undefined), 'same-event stay 0.9'],
  [
    'at two places',
    stay('2026-03-01', '2026-03-05'),
    stay('2026-03-01', '2026-03-05', { serviceProvider: ref('Organization/k') }),
    'nothing',
  ],
  ['of which one tells no day', stay('2026-03-01', '2026-03-05'), stay(undefined, '2026-03-05'), 'nothing'],
  ['of which neither tells a day', stay(undefined, undefined), stay(undefined, undefined), 'nothing'],
])('stays %s', (_, a, b, verdict) => expect(is(a, b)).toBe(verdict));

const note = (author: string | undefined, more: object = {}) => ({
  resourceType: 'DocumentReference',
  status: 'current',
  type: cc('http://loinc.org', '11506-3'),
  date: '2026-03-04',
  author: author === undefined ? undefined : [ref(author)],
  content: [{ attachment: { url: 'https://a.example/1', size: 400 } }],
  ...more,
});
test.each([
  ['of one author and size', note('Practitioner/p'), note('Practitioner/p'), 'same-event document 0.9'],
  ['of two authors', note('Practitioner/p'), note('Practitioner/q'), 'nothing'],
  ['of which one tells no author', note('Practitioner/p'), note(undefined), 'nothing'],
  [
    'of another size',
    note('Practitioner/p'),
    note('Practitioner/p', { content: [{ attachment: { url: 'u', size: 401 } }] }),
    'nothing',
  ],
  ['of no size', note('Practitioner/p', { content: [] }), note('Practitioner/p', { content: [] }), 'nothing'],
  ['of another day', note('Practitioner/p'), note('Practitioner/p', { date: '2026-03-05' }), 'nothing'],
  [
    'of another type',
    note('Practitioner/p'),
    note('Practitioner/p', { type: cc('http://loinc.org', '18842-5') }),
    'nothing',
  ],
])('documents %s', (_, a, b, verdict) => expect(is(a, b)).toBe(verdict));

const ANY = cc('http://hl7.org/fhir/us/core/CodeSystem/careplan-category', 'assess-plan');
const DIABETES = cc('http://snomed.info/sct', '735985000');
const plan = (category: object[], more: object = {}) => ({
  resourceType: 'CarePlan',
  status: 'active',
  intent: 'plan',
  category,
  period: { start: '2026-03-04' },
  author: ref('Practitioner/p'),
  ...more,
});
const text = (div: string) => ({ text: { status: 'generated', div: `<div>${div}</div>` } });
test.each([
  ['about one thing', plan([ANY, DIABETES]), plan([DIABETES]), 'same-event care-plan 0.9'],
  [
    'about one thing, that are called otherwise',
    plan([DIABETES], { title: 'One' }),
    plan([DIABETES], { title: 'Two' }),
    'same-event care-plan 0.9',
  ],
  [
    'about nothing reported, of one title',
    plan([ANY], { title: 'Feet' }),
    plan([ANY], { title: 'feet' }),
    'same-event care-plan 0.9',
  ],
  ['about nothing reported, of two titles', plan([ANY], { title: 'Feet' }), plan([ANY], { title: 'Eyes' }), 'nothing'],
  [
    'about nothing reported, of which one has a title',
    plan([ANY], { title: 'Feet' }),
    plan([ANY]),
    'same-event care-plan 0.7',
  ],
  [
    'about nothing reported, of one text',
    plan([ANY], text('eat well')),
    plan([ANY], text('eat well')),
    'same-event care-plan 0.9',
  ],
  [
    'about nothing reported, of two texts',
    plan([ANY], text('eat well')),
    plan([ANY], text('walk')),
    'same-event care-plan 0.7',
  ],
  ['of which one tells what it is about', plan([ANY, DIABETES]), plan([ANY]), 'same-event care-plan 0.7'],
  ['by two people', plan([DIABETES]), plan([DIABETES], { author: ref('Practitioner/q') }), 'nothing'],
  ['nine days apart', plan([DIABETES]), plan([DIABETES], { period: { start: '2026-03-13' } }), 'nothing'],
  ['a week apart', plan([DIABETES]), plan([DIABETES], { period: { start: '2026-03-11' } }), 'same-event care-plan 0.9'],
  ['of which one has a category', plan([DIABETES]), plan([], text('eat well')), 'nothing'],
])('plans of care %s', (_, a, b, verdict) => expect(is(a, b)).toBe(verdict));
