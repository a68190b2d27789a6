// Token values and the forms under which they are found: `system|code`, `code`, `system|` and `|code`.
// https://hl7.org/fhir/R4/search.html#token. Codes are compared without case, systems exactly.
import { isObject, type Json, type JsonObject } from '../resource.ts';
import { PLAN_NET } from './types.ts';

const NUCC = 'http://nucc.org/provider-taxonomy';

const SAME_SYSTEM: Record<string, string> = {
  npi: 'http://hl7.org/fhir/sid/us-npi',
  'us-npi': 'http://hl7.org/fhir/sid/us-npi',
  'urn:oid:2.16.840.1.113883.4.6': 'http://hl7.org/fhir/sid/us-npi',
  'https://hl7.org/fhir/sid/us-npi': 'http://hl7.org/fhir/sid/us-npi',
  'https://nucc.org/provider-taxonomy': NUCC,
  'http://www.nucc.org/provider-taxonomy': NUCC,
  'https://www.nucc.org/provider-taxonomy': NUCC,
  'http://nucc.org/provider-taxonomy/': NUCC,
  'urn:oid:2.16.840.1.113883.6.101': NUCC,
  'urn:ietf:bcp47': 'urn:ietf:bcp:47',
  'https://www.cms.gov/medicare/ma-plan-id': 'http://cms.gov/medicare/ma-plan-id',
  'http://terminology.hl7.org/CodeSystem/accepting-patients': `${PLAN_NET}/CodeSystem/AcceptingPatientsCS`,
  'http://terminology.hl7.org/CodeSystem/care-service-accessibility': `${PLAN_NET}/CodeSystem/AccessibilityCS`,
  'http://terminology.hl7.org/CodeSystem/service-delivery-method': `${PLAN_NET}/CodeSystem/DeliveryMethodCS`,
};

/** Systems that real data spells in several ways, as one. */
export function canonicalSystem(system: string): string {
  return SAME_SYSTEM[system] ?? system;
}

/** A system as real data spells it. */
export const spellingsOf = (system: string): string[] => [
  system,
  ...Object.keys(SAME_SYSTEM).filter((spelling) => SAME_SYSTEM[spelling] === system),
];

/**
 * Stands for a `|` that is part of a code: the one of a form parts system and code. No string of FHIR holds it.
 * https://hl7.org/fhir/R4/datatypes.html#string
 */
const PIPE = '\u001f';

const codeForm = (code: string): string => {
  const folded = code.toLowerCase();
  return folded.includes('|') ? folded.replaceAll('|', PIPE) : folded;
};

/** The form of a query value; index entries hold every form of a value, so one equality answers. */
export function tokenForm(system: string | undefined, code: string | undefined): string {
  const folded = codeForm(code ?? '');
  return system === undefined ? folded : `${canonicalSystem(system)}|${folded}`;
}

/** Text, or a number that stands where text is meant (finding `number-as-string`): it is found as it is written. */
const str = (value: Json | undefined): string | undefined =>
  typeof value === 'number' ? String(value) : typeof value === 'string' && value !== '' ? value : undefined;

function addForms(system: string | undefined, code: string | undefined, out: string[], usual?: string): void {
  if (usual !== undefined && system !== undefined && canonicalSystem(system) === usual) {
    out.push(`${usual}|${codeForm(code ?? '')}`);
    return;
  }
  if (code !== undefined) {
    const folded = codeForm(code);
    out.push(folded);
    out.push(system === undefined ? `|${folded}` : `${canonicalSystem(system)}|${folded}`);
  }
  if (system !== undefined) out.push(`${canonicalSystem(system)}|`);
}

/**
 * Adds every form of one value (CodeableConcept, Coding, Identifier, code or boolean) to `out`.
 * @param usual a value of this system has the one form `system|code`
 */
export function addTokenForms(value: Json, plain: boolean, out: string[], usual?: string): void {
  if (typeof value === 'string' || typeof value === 'boolean') {
    const folded = codeForm(String(value));
    out.push(folded);
    if (!plain) out.push(`|${folded}`);
    return;
  }
  if (!isObject(value)) return;
  const coding = value['coding'];
  if (Array.isArray(coding)) {
    for (const c of coding) if (isObject(c)) addForms(str(c['system']), str(c['code']), out, usual);
    return;
  }
  const code = str(value['value']) ?? str(value['code']);
  if (code !== undefined || value['system'] !== undefined) addForms(str(value['system']), code, out, usual);
}

/** `type-system|type-code|value` of an Identifier. */
export function ofTypeForms(identifier: JsonObject): string[] {
  const value = str(identifier['value']);
  const type = identifier['type'];
  if (value === undefined || !isObject(type) || !Array.isArray(type['coding'])) return [];
  return type['coding'].flatMap((c) => {
    const code = isObject(c) ? str(c['code']) : undefined;
    return isObject(c) && code !== undefined ? [ofTypeForm(str(c['system']) ?? '', code, value)] : [];
  });
}

export function ofTypeForm(system: string, code: string, value: string): string {
  return `${system}|${codeForm(code)}|${codeForm(value)}`;
}

/** What `:text` searches in a value: display of codings, text of the concept or of the identifier's type. */
export function tokenTexts(value: Json): string[] {
  if (!isObject(value)) return [];
  const found = new Set<string>();
  const add = (text: Json | undefined) => {
    if (typeof text === 'string' && text !== '') found.add(text);
  };
  add(value['text']);
  add(value['display']);
  if (Array.isArray(value['coding'])) for (const c of value['coding']) if (isObject(c)) add(c['display']);
  const type = value['type'];
  if (isObject(type)) add(type['text']);
  return [...found];
}
