// _include and _revinclude. https://hl7.org/fhir/R4/search.html#include
import { PARAMETERS, type Parameter, parameter } from './parameters.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType } from './types.ts';

export type Include = {
  reverse: boolean;
  /** the reference parameter; its own type is where the reference is written */
  parameter: number;
  /** only references to this type */
  target: DirectoryType | undefined;
  /** also from what was included, two more rounds */
  iterate: boolean;
};

/** What the public clients write instead of the parameter: the name of the element. */
const ALIASES: Record<string, string> = {
  'HealthcareService:providedBy': 'organization',
  'HealthcareService:coverageArea': 'coverage-area',
  'InsurancePlan:ownedBy': 'owned-by',
  'InsurancePlan:administeredBy': 'administered-by',
  'InsurancePlan:coverageArea': 'coverage-area',
  'Location:managingOrganization': 'organization',
  'Location:partOf': 'partof',
  'Organization:partOf': 'partof',
  'OrganizationAffiliation:participatingOrganization': 'participating-organization',
  'OrganizationAffiliation:organization': 'primary-organization',
  'OrganizationAffiliation:healthcareService': 'service',
  'PractitionerRole:healthcareService': 'service',
  'Endpoint:managingOrganization': 'organization',
};

/** Reference parameters that lead from a type. */
export function forwardParameters(type: DirectoryType): Parameter[] {
  return [...(PARAMETERS.get(type)?.values() ?? [])].filter((p) => p.kind === 'reference');
}

/** Reference parameters that lead to a type. */
export function reverseParameters(type: DirectoryType): Parameter[] {
  return DIRECTORY_TYPES.flatMap(forwardParameters).filter((p) => p.targets.includes(type));
}

/**
 * One value: `Type:param`, `Type:param:Target`, `Type:*` or `*`. Nothing is returned for what is not known here; the
 * caller reports it.
 */
export function readInclude(searched: DirectoryType, name: string, value: string): Include[] {
  const reverse = name.startsWith('_revinclude');
  const iterate = name.endsWith(':iterate') || name.endsWith(':recurse');
  const make = (p: Parameter, target?: DirectoryType): Include => ({ reverse, parameter: p.id, target, iterate });
  const all = (type: DirectoryType) => (reverse ? reverseParameters(type) : forwardParameters(type));
  if (value === '*') return all(searched).map((p) => make(p));
  const [type = '', code = '', target, ...more] = value.split(':');
  if (!isDirectoryType(type) || more.length > 0) return [];
  if (code === '*') {
    if (!reverse) return type === searched || iterate ? forwardParameters(type).map((p) => make(p)) : [];
    return reverseParameters(searched)
      .filter((p) => p.type === type)
      .map((p) => make(p));
  }
  const found = parameter(type, code) ?? parameter(type, ALIASES[`${type}:${code}`] ?? '');
  if (found?.kind !== 'reference') return [];
  if (!iterate && (reverse ? !found.targets.includes(searched) : type !== searched)) return [];
  if (target === undefined) return [make(found)];
  if (!isDirectoryType(target) || !found.targets.includes(target)) return [];
  return reverse && !iterate && target !== searched ? [] : [make(found, target)];
}
