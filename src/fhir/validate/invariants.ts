// Checks of single types that the table cannot express: references, extensions and the invariants of R4 that a
// receiver of data is harmed by when they are broken. https://hl7.org/fhir/R4/conformance-rules.html#constraints
import { timeRange } from '../instant.ts';
import { isKey, parseReference } from '../reference.ts';
import { hasCoding, type JsonObject, objects } from '../resource.ts';
import { checkExtensionContent } from './extensions.ts';
import { checkIdentifier, checkPhone, checkPostalCode } from './quality.ts';
import { report, type Walk } from './report.ts';
import { RESOURCE_TYPES } from './types.ts';

type Check = (walk: Walk, value: JsonObject) => void;

function checkReference(walk: Walk, value: JsonObject): void {
  const text = value['reference'];
  if (typeof text !== 'string' || text === '') return;
  if (isKey(text) && RESOURCE_TYPES.has(text.slice(0, text.indexOf('/')))) return; // as nearly all
  const bad = (why: string) => report(walk, 'bad-reference', why, 'reference');
  if (/\s/.test(text)) {
    bad('a reference holds white space');
    return;
  }
  const parsed = parseReference(text);
  switch (parsed.kind) {
    case 'relative':
      if (!RESOURCE_TYPES.has(parsed.type)) bad('a reference to a type that R4 does not have');
      return;
    case 'fragment':
      if (parsed.id !== '' && !walk.contained?.has(parsed.id))
        report(walk, 'ref-1', 'no contained resource has this id', 'reference');
      return;
    case 'conditional':
      report(walk, 'conditional-reference', 'a search in place of a reference', 'reference');
      return;
    case 'other':
      // any absolute URL is a reference, also one that is not to a FHIR server
      if (!/^[a-z][a-z0-9+.-]*:\S+$/i.test(text)) bad('neither Type/id, a URL, a URN nor a fragment');
      return;
    case 'absolute':
    case 'urn':
  }
}

function checkExtension(walk: Walk, value: JsonObject): void {
  let valued = false;
  for (const key in value) if (key.startsWith('value') || key.startsWith('_value')) valued = true;
  if (valued === (value['extension'] !== undefined)) report(walk, 'ext-1', 'either a value or extensions');
  if (walk.findings) checkExtensionContent(walk, value);
}

function checkPeriod(walk: Walk, value: JsonObject): void {
  const { start, end } = value;
  if (typeof start !== 'string' || typeof end !== 'string') return;
  const from = timeRange(start)?.from;
  const to = timeRange(end)?.to;
  if (from && to && from >= to) report(walk, 'per-1', 'start is after end');
}

const checkQuantity: Check = (walk, value) => {
  if (value['code'] !== undefined && value['system'] === undefined) report(walk, 'qty-3', 'code without system');
};

const checkContactPoint: Check = (walk, value) => {
  if (value['value'] !== undefined && value['system'] === undefined) report(walk, 'cpt-2', 'value without system');
  checkPhone(walk, value);
};

function checkOrganization(walk: Walk, value: JsonObject): void {
  if (value['identifier'] === undefined && value['name'] === undefined) report(walk, 'org-1', 'identifier or name');
  if (objects(value['address']).some((a) => a['use'] === 'home')) report(walk, 'org-2', 'use is home', 'address');
  if (objects(value['telecom']).some((t) => t['use'] === 'home')) report(walk, 'org-3', 'use is home', 'telecom');
}

const CONDITION_VERIFICATION = 'http://terminology.hl7.org/CodeSystem/condition-ver-status';
const CONDITION_CLINICAL = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
const ALLERGY_VERIFICATION = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification';

function checkCondition(walk: Walk, value: JsonObject): void {
  const clinical = value['clinicalStatus'];
  if (hasCoding(value['verificationStatus'], CONDITION_VERIFICATION, 'entered-in-error')) {
    if (clinical !== undefined) report(walk, 'con-5', 'clinicalStatus although entered in error', 'clinicalStatus');
  }
  const abated = Object.keys(value).some((k) => k.startsWith('abatement'));
  const active = ['active', 'recurrence', 'relapse'].some((code) => hasCoding(clinical, CONDITION_CLINICAL, code));
  if (abated && active) report(walk, 'con-4', 'abatement although active', 'clinicalStatus');
}

function checkAllergy(walk: Walk, value: JsonObject): void {
  const wrong = hasCoding(value['verificationStatus'], ALLERGY_VERIFICATION, 'entered-in-error');
  const clinical = value['clinicalStatus'];
  if (wrong && clinical !== undefined)
    report(walk, 'ait-2', 'clinicalStatus although entered in error', 'clinicalStatus');
  if (!wrong && clinical === undefined) report(walk, 'ait-1', 'clinicalStatus is missing', 'clinicalStatus');
}

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['Reference', checkReference],
  ['Extension', checkExtension],
  ['Period', checkPeriod],
  ...['Quantity', 'Age', 'Distance', 'Duration', 'Count'].map((name): [string, Check] => [name, checkQuantity]),
  ['ContactPoint', checkContactPoint],
  ['Address', checkPostalCode],
  ['Identifier', checkIdentifier],
  [
    'Attachment',
    (walk, value) => {
      if (value['data'] !== undefined && value['contentType'] === undefined) report(walk, 'att-1', 'no contentType');
    },
  ],
  [
    'Patient.contact',
    (walk, value) => {
      if (!['name', 'telecom', 'address', 'organization'].some((k) => value[k] !== undefined))
        report(walk, 'pat-1', 'no name, telecom, address or organization');
    },
  ],
  [
    'Observation',
    (walk, value) => {
      if (value['dataAbsentReason'] === undefined) return;
      if (Object.keys(value).some((k) => k.startsWith('value'))) report(walk, 'obs-6', 'value and dataAbsentReason');
    },
  ],
  ['Organization', checkOrganization],
  [
    'InsurancePlan',
    (walk, value) => {
      if (value['identifier'] === undefined && value['name'] === undefined) report(walk, 'ipn-1', 'identifier or name');
    },
  ],
  ['Condition', checkCondition],
  ['AllergyIntolerance', checkAllergy],
]);

/** The check of a type beyond its table, if there is one. */
export function checkOf(type: string): Check | undefined {
  return CHECKS.get(type);
}
