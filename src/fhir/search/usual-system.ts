// The system that nearly all values of a parameter have. Such a value has one entry in the index instead of three, and a mark
// in its resource's row: a query without a system asks for two entries, a query for the system alone for the mark. That is a
// third of all entries.
import { NPI_SYSTEM } from '../npi.ts';
import { PARAMETERS } from './parameters.ts';
import { PLAN_NET } from './types.ts';

const own = (name: string) => `${PLAN_NET}/CodeSystem/${name}`;
const hl7 = (name: string) => `http://terminology.hl7.org/CodeSystem/${name}`;
const NUCC = 'http://nucc.org/provider-taxonomy';

/** By code of the parameter, or by type and code. */
const SYSTEMS: Readonly<Record<string, string>> = {
  specialty: NUCC,
  'qualification-code': NUCC,
  'PractitionerRole.role': own('ProviderRoleCS'),
  'OrganizationAffiliation.role': own('OrganizationAffiliationRoleCS'),
  'Organization.type': own('OrgTypeCS'),
  'Location.type': hl7('v3-RoleCode'),
  'InsurancePlan.type': own('InsuranceProductTypeCS'),
  'plan-type': own('InsurancePlanTypeCS'),
  'service-category': own('HealthcareServiceCategoryCS'),
  'service-type': hl7('service-type'),
  'delivery-method': own('DeliveryMethodCS'),
  'virtual-modality': own('VirtualModalitiesCS'),
  accessibility: own('AccessibilityCS'),
  'new-patient': own('AcceptingPatientsCS'),
  communication: 'urn:ietf:bcp:47',
  'connection-type': hl7('endpoint-connection-type'),
  'payload-type': own('EndpointPayloadTypeCS'),
  'Practitioner.identifier': NPI_SYSTEM,
  'Organization.identifier': NPI_SYSTEM,
};

const BY_ID: ReadonlyMap<number, string> = new Map(
  [...PARAMETERS.values()].flatMap((of) =>
    [...of.values()].flatMap((p): [number, string][] => {
      const system = SYSTEMS[`${p.type}.${p.code}`] ?? SYSTEMS[p.code];
      return p.kind !== 'token' || system === undefined ? [] : [[p.id, system]];
    }),
  ),
);

/** The usual system of a parameter, by its number. */
export const usualSystem = (parameter: number): string | undefined => BY_ID.get(parameter);

/** The entries that answer one form of a query: `code` is found under the usual system, or under another one or none. */
export function storedForms(parameter: number, form: string): string[] {
  const system = BY_ID.get(parameter);
  return system === undefined || form.includes('|') ? [form] : [`${system}|${form}`, form];
}
