// How many of each there are and who belongs to whom, as arithmetic on indices: a reference is computed from the two
// numbers, never looked up, so ten million resources need no memory.

export type Layout = {
  seed: number;
  payers: number;
  networks: number;
  /** provider organizations, without payers and networks */
  organizations: number;
  endpoints: number;
  /** the first `areas` locations are whole states, the coverage areas of networks and plans */
  locations: number;
  areas: number;
  services: number;
  plans: number;
  practitioners: number;
  affiliations: number;
  roles: number;
  verifications: number;
};

const STATES_COVERED = 12;

/** The smallest directory in which every must-support element has a place. */
export const SMALLEST_DIRECTORY = 150;

/**
 * Shares follow a large plan: three of four records are people and their roles. A directory with several roles a person
 * has more roles than people, so of those 76 % people are 30 and roles 46 (23 roles for each 15 people).
 * @param resources exact total, at least {@link SMALLEST_DIRECTORY}
 */
export function layout(seed: number, resources: number): Layout {
  if (!Number.isSafeInteger(seed)) throw new RangeError('seed must be a whole number');
  if (!Number.isSafeInteger(resources) || resources < SMALLEST_DIRECTORY)
    throw new RangeError(`a directory has at least ${SMALLEST_DIRECTORY} resources`);
  const share = (part: number, least: number) => Math.max(least, Math.round(resources * part));
  const payers = 2;
  const networks = Math.min(200, share(0.0015, 3));
  const plans = Math.min(600, share(0.003, 3));
  const organizations = share(0.06, 9);
  const locations = share(0.08, 16);
  const areas = Math.min(STATES_COVERED, Math.floor(locations / 4));
  const services = share(0.04, 5);
  const affiliations = share(0.04, 5);
  const endpoints = share(0.015, 3);
  const verifications = share(0.02, 8);
  const others = payers + networks + plans + organizations + locations + services + affiliations + endpoints;
  const rest = resources - others - verifications;
  const practitioners = Math.floor((rest * 15) / 38);
  const roles = rest - practitioners;
  return {
    seed,
    payers,
    networks,
    organizations,
    endpoints,
    locations,
    areas,
    services,
    plans,
    practitioners,
    affiliations,
    roles,
    verifications,
  };
}

/** How many of `many` fall on each of `few`, evenly: the item `i` of the many belongs to this one of the few. */
const spread = (i: number, many: number, few: number) => Math.floor((i * few) / many);

/** The first of the many that {@link spread} gives to `owner`, if there is one. */
function firstOf(owner: number, many: number, few: number): number | undefined {
  const i = Math.ceil((owner * many) / few);
  return i < many && spread(i, many, few) === owner ? i : undefined;
}

/** Practice locations: twelve for each nine organizations, the first of which has four. */
const SITES = [4, 1, 1, 1, 1, 1, 1, 1, 1];
const SITES_PER_BLOCK = 12;

/** The organization that runs a practice location (index ≥ `areas`). */
export function organizationOfLocation(l: Layout, location: number): number {
  const site = location - l.areas;
  const block = Math.floor(site / SITES_PER_BLOCK);
  const within = site % SITES_PER_BLOCK;
  return (block * SITES.length + (within < 4 ? 0 : within - 3)) % l.organizations;
}

/** A location where the organization works, its `n`-th counted round; falls back to some practice location. */
export function locationOfOrganization(l: Layout, organization: number, n: number): number {
  const block = Math.floor(organization / SITES.length);
  const within = organization % SITES.length;
  const site = block * SITES_PER_BLOCK + (within === 0 ? n % 4 : within + 3);
  return l.areas + (site % (l.locations - l.areas));
}

export const organizationOfService = (l: Layout, service: number) => spread(service, l.services, l.organizations);
export const serviceOfOrganization = (l: Layout, organization: number) =>
  firstOf(organization, l.services, l.organizations);

export const organizationOfAffiliation = (l: Layout, affiliation: number) =>
  spread(affiliation, l.affiliations, l.organizations);

/** Endpoint 0 belongs to the payer. */
export const organizationOfEndpoint = (l: Layout, endpoint: number) => spread(endpoint, l.endpoints, l.organizations);
export const endpointOfOrganization = (l: Layout, organization: number) => {
  const endpoint = firstOf(organization, l.endpoints, l.organizations);
  return endpoint === 0 ? undefined : endpoint;
};

/** Roles of fifteen people in a row: ten have one, three have two, one has three, one has four. */
const ROLES = [1, 2, 1, 1, 3, 1, 1, 2, 1, 1, 4, 1, 2, 1, 1];
const OWNER: readonly { person: number; nth: number }[] = ROLES.flatMap((count, person) =>
  Array.from({ length: count }, (_, nth) => ({ person, nth })),
);

/** Whose role it is, and which of that person's roles (0 = the first). */
export function practitionerOfRole(l: Layout, role: number): { practitioner: number; nth: number } {
  const entry = OWNER[role % OWNER.length] ?? { person: 0, nth: 0 };
  const practitioner = Math.floor(role / OWNER.length) * ROLES.length + entry.person;
  return practitioner < l.practitioners
    ? { practitioner, nth: entry.nth }
    : { practitioner: practitioner % l.practitioners, nth: entry.nth + 4 };
}

/** Networks belong to the payers in turn; network 0 to payer 0. */
export const payerOfNetwork = (l: Layout, network: number) => network % l.payers;

export const id = {
  payer: (i: number) => `payer-${i + 1}`,
  network: (i: number) => `network-${i + 1}`,
  organization: (i: number) => `org-${i + 1}`,
  endpoint: (i: number) => `endpoint-${i + 1}`,
  location: (i: number) => `location-${i + 1}`,
  service: (i: number) => `service-${i + 1}`,
  plan: (i: number) => `plan-${i + 1}`,
  practitioner: (i: number) => `practitioner-${i + 1}`,
  affiliation: (i: number) => `affiliation-${i + 1}`,
  role: (i: number) => `role-${i + 1}`,
  verification: (i: number) => `verification-${i + 1}`,
} as const;

const TYPES = {
  payer: 'Organization',
  network: 'Organization',
  organization: 'Organization',
  endpoint: 'Endpoint',
  location: 'Location',
  service: 'HealthcareService',
  plan: 'InsurancePlan',
  practitioner: 'Practitioner',
  affiliation: 'OrganizationAffiliation',
  role: 'PractitionerRole',
  verification: 'VerificationResult',
} as const satisfies Record<keyof typeof id, string>;

/** `Type/id` of entity `index` of a kind. */
export function reference(kind: keyof typeof id, index: number): { reference: string } {
  return { reference: `${TYPES[kind]}/${id[kind](index)}` };
}
