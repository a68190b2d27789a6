// The nine profiles of PDex Plan-Net 1.2.0, written out from http://hl7.org/fhir/us/davinci-pdex-plan-net/STU1.2.
// Identifier rules (us-core-16 to -19) hold wherever an Identifier stands and are in quality.ts; org-1 to org-3 and
// ipn-1 are rules of base R4 and are in invariants.ts; the content of extensions is in extensions.ts.
import { codings, type JsonObject, objects } from '../resource.ts';
import {
  EndpointConnectionType,
  EndpointPayloadType,
  HealthcareServiceCategory,
  IndividualSpecialties,
  InsurancePlanType,
  InsuranceProductType,
  NetworkType,
  OrganizationAffiliationRole,
  OrgType,
  PLAN_NET,
  PractitionerRole,
  Specialties,
} from './plan-net-codes.ts';
import {
  atMost,
  atMostExtensions,
  bound,
  each,
  fixed,
  invariant,
  type Profile,
  prohibited,
  type Rule,
  required,
} from './profile.ts';

const url = (name: string) => `${PLAN_NET}/StructureDefinition/${name}`;
const some = (element: JsonObject, names: readonly string[]) => names.some((name) => element[name] !== undefined);

const active: Rule[] = [required('active'), fixed('active', true)];
const activeStatus: Rule[] = [required('status'), fixed('status', 'active')];
const notAvailable = each('notAvailable', required('description'));
const addressLines = each('address', atMost('line', 4));

const WHO = ['practitioner', 'organization', 'healthcareService', 'location'];

function plansDiffer(plan: JsonObject): boolean {
  const types = objects(plan['plan']).flatMap((p) =>
    codings(p['type']).map((c) => JSON.stringify([c['system'], c['code']])),
  );
  return new Set(types).size === types.length;
}

const ORGANIZATION: Rule[] = [...active, required('type', 'name'), addressLines];

export const PLAN_NET_PROFILES: Readonly<Record<string, Profile>> = {
  [url('plannet-Endpoint')]: {
    type: 'Endpoint',
    rules: [
      ...activeStatus,
      required('connectionType', 'payloadType', 'address'),
      atMost('payloadType', 1),
      bound('connectionType', EndpointConnectionType, 'extensible'),
      bound('payloadType', EndpointPayloadType, 'extensible'),
    ],
  },
  [url('plannet-HealthcareService')]: {
    type: 'HealthcareService',
    rules: [
      ...active,
      required('category'),
      bound('category', HealthcareServiceCategory, 'extensible'),
      bound('specialty', Specialties, 'required'),
      notAvailable,
    ],
  },
  [url('plannet-InsurancePlan')]: {
    type: 'InsurancePlan',
    rules: [
      ...activeStatus,
      required('type', 'ownedBy', 'administeredBy'),
      atMost('type', 1),
      bound('type', InsuranceProductType, 'extensible'),
      each('plan', bound('type', InsurancePlanType, 'extensible')),
      invariant(
        'network-or-plan-Network',
        (plan) => some(plan, ['network']) || objects(plan['plan']).some((p) => some(p, ['network'])),
        'network or plan.network',
      ),
      invariant('plan-type-is-distinct', plansDiffer, 'plan.type repeats'),
    ],
  },
  [url('plannet-Location')]: {
    type: 'Location',
    rules: [...activeStatus, required('name'), prohibited('mode'), each('address', atMost('line', 4))],
  },
  [url('plannet-Network')]: {
    type: 'Organization',
    rules: [
      ...ORGANIZATION,
      required('partOf'),
      atMost('type', 1),
      prohibited('telecom'),
      bound('type', NetworkType, 'required'),
    ],
  },
  [url('plannet-Organization')]: {
    type: 'Organization',
    rules: [...ORGANIZATION, required('address'), bound('type', OrgType, 'extensible')],
  },
  [url('plannet-OrganizationAffiliation')]: {
    type: 'OrganizationAffiliation',
    rules: [
      ...active,
      bound('code', OrganizationAffiliationRole, 'extensible'),
      bound('specialty', Specialties, 'required'),
      invariant(
        'organization-or-participatingOrganization',
        (affiliation) => some(affiliation, ['organization', 'participatingOrganization']),
        'organization or participatingOrganization',
      ),
    ],
  },
  [url('plannet-Practitioner')]: {
    type: 'Practitioner',
    rules: [
      ...active,
      required('identifier', 'name'),
      each('identifier', required('system', 'value')),
      each('name', required('family')),
      each('qualification', required('code')),
      addressLines,
    ],
  },
  [url('plannet-PractitionerRole')]: {
    type: 'PractitionerRole',
    rules: [
      ...active,
      each('telecom', required('system', 'value')),
      notAvailable,
      bound('code', PractitionerRole, 'required'),
      bound('specialty', IndividualSpecialties, 'required'),
      atMostExtensions(url('network-reference'), 1),
      invariant('pd-1', (role) => some(role, ['telecom', 'endpoint']), 'telecom or endpoint'),
      invariant('us-core-13', (role) => some(role, WHO), WHO.join(', ')),
    ],
  },
};

const NETWORK = url('plannet-Network');
const ORG_TYPES = `${PLAN_NET}/CodeSystem/OrgTypeCS`;

/** The Plan-Net profile that a resource has to meet, claimed or not: its URL, or undefined for other types. */
export function planNetProfileOf(resource: JsonObject): string | undefined {
  const type = resource['resourceType'];
  if (typeof type !== 'string') return undefined;
  const isNetwork =
    type === 'Organization' && codings(resource['type']).some((c) => c['system'] === ORG_TYPES && c['code'] === 'ntwk');
  const profile = isNetwork ? NETWORK : url(`plannet-${type}`);
  return Object.hasOwn(PLAN_NET_PROFILES, profile) ? profile : undefined;
}
