// _summary and _elements on the text of a resource. https://hl7.org/fhir/R4/search.html#summary
import { elements, members } from '../json-text.ts';
import type { Summary } from './request.ts';
import { type DirectoryType, isDirectoryType } from './types.ts';

const list = (text: string) => text.split(' ');

/** Elements marked as summary in the R4 definitions. */
const SUMMARY: Record<DirectoryType, string[]> = {
  Endpoint: list(
    'identifier status connectionType name managingOrganization period payloadType payloadMimeType address',
  ),
  HealthcareService: list('identifier active providedBy category type specialty location name comment photo'),
  InsurancePlan: list('identifier status type name ownedBy administeredBy coverageArea'),
  Location: list('identifier status operationalStatus name description mode type physicalType managingOrganization'),
  Organization: list('identifier active type name'),
  OrganizationAffiliation: list(
    'identifier active period organization participatingOrganization network code specialty location',
  ),
  Practitioner: list('identifier active name telecom address gender birthDate'),
  PractitionerRole: list('identifier active period practitioner organization code specialty location telecom'),
  VerificationResult: list(
    'target targetLocation need status statusDate validationType validationProcess failureAction',
  ),
};

/** Elements that the profiles require: a subset keeps them. */
const MANDATORY: Record<DirectoryType, string[]> = {
  Endpoint: list('status connectionType payloadType address'),
  HealthcareService: list('active category'),
  InsurancePlan: list('status type ownedBy administeredBy network'),
  Location: list('status name'),
  Organization: list('active type name address partOf'),
  OrganizationAffiliation: list('active'),
  Practitioner: list('identifier active name'),
  PractitionerRole: list('active'),
  VerificationResult: list('status'),
};

/** Elements of which the invariants of the profiles require one: where none stays otherwise, the first that the record has does. */
const ONE_OF: Partial<Record<DirectoryType, string[][]>> = {
  // ipn-1; network-or-plan-Network
  InsurancePlan: [list('identifier name'), list('network plan')],
  // organization-or-participatingOrganization
  OrganizationAffiliation: [list('organization participatingOrganization')],
  // us-core-13; pd-1
  PractitionerRole: [list('practitioner organization healthcareService location'), list('telecom endpoint')],
};

const ALWAYS = list('resourceType id meta implicitRules modifierExtension');
const SUBSETTED = '{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}';

export type Subset = { summary: Summary; elements: readonly string[] };

/** Is anything to be left out? */
export function isSubset(subset: Subset): boolean {
  return subset.elements.length > 0 || (subset.summary !== 'false' && subset.summary !== 'count');
}

/** Which top-level elements of a type stay; undefined: all but the narrative. */
function kept(type: DirectoryType, subset: Subset): Set<string> | undefined {
  if (subset.elements.length > 0) return new Set([...ALWAYS, ...MANDATORY[type], ...subset.elements]);
  if (subset.summary === 'true') return new Set([...ALWAYS, ...MANDATORY[type], ...SUMMARY[type]]);
  if (subset.summary === 'text') return new Set([...ALWAYS, ...MANDATORY[type], 'text']);
  return undefined;
}

/** The text of a resource with only what was asked for, tagged SUBSETTED. */
export function subsetResource(json: string, subset: Subset): string {
  const top = members(json);
  const typeMember = top.find((m) => m.key === 'resourceType');
  const type = typeMember === undefined ? '' : json.slice(typeMember.valueStart + 1, typeMember.end - 1);
  if (!isDirectoryType(type)) return json;
  const stay = kept(type, subset);
  const parts: string[] = [];
  for (const oneOf of stay === undefined ? [] : (ONE_OF[type] ?? [])) {
    if (top.some((m) => oneOf.includes(m.key) && stay?.has(m.key))) continue;
    const first = oneOf.find((name) => top.some((m) => m.key === name));
    if (first !== undefined) stay?.add(first);
  }
  for (const m of top) {
    if (stay === undefined ? m.key === 'text' : !stay.has(m.key.replace(/^_/, ''))) continue;
    parts.push(m.key === 'meta' ? `"meta":${tagged(json, m.valueStart)}` : json.slice(m.start, m.end));
  }
  return `{${parts.join(',')}}`;
}

/** A `meta` with the tag that says that elements were left out. `at`: where it begins in a text. */
export function tagged(json: string, at: number): string {
  const inner = members(json, at);
  const tags = inner.find((m) => m.key === 'tag');
  const parts = inner.filter((m) => m !== tags).map((m) => json.slice(m.start, m.end));
  const held = tags === undefined ? [] : elements(json, tags.valueStart);
  return `{${[...parts, `"tag":[${[...held, SUBSETTED].join(',')}]`].join(',')}}`;
}
