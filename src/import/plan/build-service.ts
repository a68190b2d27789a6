// What organizations offer, and in which networks, PN/StructureDefinition/plannet-HealthcareService and -OrganizationAffiliation.
import type { Resource } from '../../fhir/resource.ts';
import {
  type Accepting,
  code,
  extension,
  NUCC,
  newPatients,
  type Period,
  period,
  planNet,
  profile,
  ref,
  shortHash,
  some,
  telecom,
} from './build.ts';

export type Affiliation = {
  npi: string;
  organization: string;
  locations: string[];
  networks: string[];
  service?: string | undefined;
  specialties: string[];
  phone?: string | undefined;
  period: Period;
};

/** Category of the service by the beginning of the specialty's code, and the role of an affiliation that goes with it. */
const CATEGORY_OF: readonly [RegExp, string, string][] = [
  [/^3336|^333/, 'pharm', 'pharmacy'],
  [/^28/, 'hosp', 'hospital'],
  [/^261QU/, 'urg', 'urgent'],
  [/^261QE/, 'emerg', 'hospital'],
  [/^261QM|^261QR0405|^32/, 'behav', 'behavioral'],
  [/^261QD/, 'dent', 'outpatient'],
  [/^291/, 'lab', 'laboratory'],
  [/^332B/, 'dme', 'dme'],
  [/^332H/, 'vis', 'retail'],
  [/^251/, 'home', 'home'],
  [/^34/, 'trans', 'transport'],
  [/^193/, 'group', 'group'],
];
const categoryOf = (specialties: readonly string[]) =>
  CATEGORY_OF.find(([begins]) => specialties.some((s) => begins.test(s))) ?? ([/./, 'prov', 'outpatient'] as const);

export function affiliation(a: Affiliation): Resource {
  return {
    resourceType: 'OrganizationAffiliation',
    id: `aff-${a.npi}-${shortHash(a.locations.join('|')).slice(0, 8)}`,
    meta: profile('OrganizationAffiliation'),
    active: true,
    ...period(a.period),
    organization: ref(a.organization),
    participatingOrganization: ref(a.organization),
    ...some(
      'network',
      a.networks.map((n) => ref(`Organization/${n}`)),
    ),
    code: [planNet('OrganizationAffiliationRoleCS', categoryOf(a.specialties)[2])],
    ...some(
      'specialty',
      a.specialties.map((s) => code(NUCC, s)),
    ),
    ...some(
      'location',
      a.locations.map((l) => ref(`Location/${l}`)),
    ),
    ...(a.service === undefined ? {} : { healthcareService: [ref(`HealthcareService/${a.service}`)] }),
    ...telecom(a.phone),
  };
}

export type Service = {
  npi: string;
  name: string;
  organization?: string | undefined;
  locations: string[];
  specialties: string[];
  phone?: string | undefined;
  telehealth: boolean;
  accepting: Accepting;
};

export const serviceId = (s: Pick<Service, 'npi' | 'locations'>) =>
  `svc-${s.npi}-${shortHash(s.locations.join('|')).slice(0, 8)}`;

export function service(s: Service): Resource {
  const delivery = (kind: 'virtual' | 'physical') =>
    extension('delivery-method', {
      extension: [
        { url: 'type', valueCodeableConcept: planNet('DeliveryMethodCS', kind) },
        ...(kind === 'virtual'
          ? [{ url: 'virtualModalities', valueCodeableConcept: planNet('VirtualModalitiesCS', 'video') }]
          : []),
      ],
    });
  return {
    resourceType: 'HealthcareService',
    id: serviceId(s),
    meta: profile('HealthcareService'),
    extension: [...newPatients(s.accepting), ...(s.telehealth ? [delivery('virtual')] : []), delivery('physical')],
    active: true,
    ...(s.organization === undefined ? {} : { providedBy: ref(s.organization) }),
    category: [planNet('HealthcareServiceCategoryCS', categoryOf(s.specialties)[1])],
    ...some(
      'specialty',
      s.specialties.map((c) => code(NUCC, c)),
    ),
    ...some(
      'location',
      s.locations.map((l) => ref(`Location/${l}`)),
    ),
    name: s.name,
    ...telecom(s.phone),
  };
}
