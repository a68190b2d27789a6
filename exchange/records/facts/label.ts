// Sensitivity of a record: the labels it carries, and what its codes say. The value sets below are a demonstration only: which
// diagnoses and drugs are sensitive is a matter of state law, and a plan supplies its own (value-sets.ts).
import { someCoding } from '../../../src/fhir/code-list.ts';
import { systemKnownAs } from '../../../src/fhir/code-systems.ts';
import { codings, isObject, type Json, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { VALUE_SETS, type ValueSets } from '../../../src/sensitive-value-sets.ts';

/** Number of the labeller, kept with each record that it decided: another one whenever the decisions change. */
export const LABELLER = VALUE_SETS.number;
export const LABELLER_VERSION = VALUE_SETS.version;

/** 0 clean, 1 sensitive, 2 under 42 CFR Part 2. */
export type Label = 0 | 1 | 2;

const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const SENSITIVE = new Set(['ETH', 'PSY', 'BH', 'HIV', 'STD', 'GDIS', 'ADOL', 'COGN', 'SDV', 'SUD', 'SEX', 'MH']);

/** ICD-10-CM, by prefix: substance use, psychosis and mood, HIV, sexually transmitted. */
const SENSITIVE_ICD10 = /^(F1[0-9]|F2[0-9]|F3[0-9]|B20|Z21|A5[0-9]|A6[0-4])/;
const SENSITIVE_SNOMED = new Set([
  '370143000',
  '36923009',
  '191816009',
  '7200002',
  '66214007',
  '86406008',
  '55680006',
  '6525002',
  '5602001',
]);

const PLACES = [
  'code',
  'codeCodeableConcept',
  'medicationCodeableConcept',
  'reasonCode',
  'usedCode',
  'vaccineCode',
  'valueCodeableConcept',
];
const PLACES_WITHIN: readonly (readonly [string, readonly string[]])[] = [
  ['condition', ['code']],
  ['diagnosis', ['diagnosisCodeableConcept']],
  ['ingredient', ['itemCodeableConcept', 'substanceCodeableConcept']],
  ['item', ['productOrService']],
  ['suppliedItem', ['itemCodeableConcept']],
];

function codeIsSensitive(resource: Resource, { list }: ValueSets): boolean {
  if (list) return someCoding(resource, list.holds);
  const places: (Json | undefined)[] = PLACES.map((name) => resource[name]);
  for (const [list, names] of PLACES_WITHIN)
    for (const one of objects(resource[list])) for (const name of names) places.push(one[name]);
  return places.some((place) =>
    codings(place).some((c) => {
      const code = (text(c['code']) ?? '').toUpperCase();
      const system = systemKnownAs(text(c['system']) ?? '');
      return system.includes('icd-10')
        ? SENSITIVE_ICD10.test(code)
        : system === 'http://snomed.info/sct' && SENSITIVE_SNOMED.has(code);
    }),
  );
}

/**
 * The label of a record: what it carries, else what its codes say; of what it contains, too, though nothing contained
 * should carry one (dom-5).
 */
export function labelOf(resource: Resource, sets: ValueSets = VALUE_SETS): Label {
  return objects(resource['contained']).reduce<Label>(
    (label, contained) => (label === 2 ? 2 : greater(label, ownLabel(contained as Resource, sets))),
    ownLabel(resource, sets),
  );
}

const greater = (a: Label, b: Label): Label => (a > b ? a : b);

function ownLabel(resource: Resource, sets: ValueSets): Label {
  const meta = resource['meta'];
  const security = isObject(meta) ? objects(meta['security']) : [];
  if (security.some((s) => s['system'] === ACT_CODE && s['code'] === '42CFRPart2')) return 2;
  const carried = security.some(
    (s) =>
      (s['system'] === CONFIDENTIALITY && (s['code'] === 'R' || s['code'] === 'V')) ||
      (s['system'] === ACT_CODE && SENSITIVE.has(text(s['code']) ?? '')),
  );
  return carried || codeIsSensitive(resource, sets) ? 1 : 0;
}
