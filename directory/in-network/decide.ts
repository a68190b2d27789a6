// The judgement of $in-network: plain data in, an answer with its evidence out. "Out of network" is never said: that a
// directory does not list someone is no proof. docs/in-network.md.
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { text } from '../../src/fhir/resource.ts';
import {
  activeOn,
  hasSpecialty,
  keysIn,
  metaOf,
  type NewPatients,
  nameOf,
  namesInWords,
  namesNetworks,
  networksOf,
  newPatientsOf,
  verificationStatus,
  type When,
} from './evidence.ts';

export const RESULTS = ['in-network', 'not-listed', 'unknown'] as const;
export type Result = (typeof RESULTS)[number];

/** Remarks on an answer: code of ours, FHIR issue code and text. */
export const REMARKS = {
  ended: { issue: 'informational', text: 'The directory lists this only for another time; see notActive.' },
  ambiguous: {
    issue: 'multiple-matches',
    text: 'Several records fit the provider asked for; each match names the one it is about.',
  },
  'several-fit': {
    issue: 'multiple-matches',
    text: 'What was asked for is the id or an identifier of several plans or networks; each match names its own. Ask by InsurancePlan/id, Organization/id or system|value for one of them.',
  },
  'plan-without-network': { issue: 'incomplete', text: 'A plan asked for names no network in this directory.' },
  'network-in-words': {
    issue: 'incomplete',
    text: 'A record of the provider names a network by words alone; which one is meant is not known.',
  },
  'plan-other-time': { issue: 'informational', text: 'A plan asked for is not offered on this day.' },
  unverified: { issue: 'informational', text: 'A matching record does not say when it was last verified.' },
  stale: { issue: 'informational', text: 'The last verification of a matching record is older than it should be.' },
  cut: { issue: 'too-costly', text: 'There are more records than one answer can weigh; the answer rests on a part.' },
} as const;
type Remark = keyof typeof REMARKS;

export type Place = { key: string; name: string };

export type Match = {
  kind: 'direct' | 'via-organization';
  when: When;
  /** the record that says so: `PractitionerRole/…` or `OrganizationAffiliation/…` */
  by: string;
  /** with `via-organization`: the role that ties the person to the organization */
  role: string | undefined;
  provider: Place;
  organization: Place | undefined;
  network: Place;
  /** plans asked for that have this network */
  plans: Place[];
  locations: Place[];
  specialties: JsonObject[];
  newPatients: NewPatients | undefined;
  period: JsonObject | undefined;
  lastUpdated: string | undefined;
  lastVerified: string | undefined;
  verificationStatus: string | undefined;
  source: string | undefined;
};

export type Plan = { resource: Resource; networks: string[] };

export type Facts = {
  base: string;
  date: string;
  plans: Plan[];
  /** keys of the networks asked for by themselves */
  networks: string[];
  /** for each plan or network that was named, the networks of each record that fits the name: mostly of one */
  meant: string[][][];
  providers: Resource[];
  locations: string[];
  specialties: string[];
  roles: Resource[];
  affiliations: Resource[];
  /** resources that others name, by key */
  around: ReadonlyMap<string, Resource>;
  cut: boolean;
  /** day of the last verification by `Type/id` */
  verified: ReadonlyMap<string, string>;
  /** a verification before this day no longer counts, YYYY-MM-DD */
  staleBefore: string;
};

export type Decision = { result: Result; matches: Match[]; notActive: Match[]; remarks: Remark[] };

export const keyOf = (resource: Resource): string => `${resource.resourceType}/${text(resource['id']) ?? ''}`;

export function decide(facts: Facts): Decision {
  const found = facts.providers.map((provider) => matchesOf(provider, facts));
  const all = found.flat();
  const matches = all.filter((m) => m.when === 'active');
  const notActive = all.filter((m) => m.when !== 'active');
  const active = found.map((own) => own.filter((m) => m.when === 'active'));
  const listed = active.filter((own) => facts.meant.some((names) => names.every((n) => isListedIn(own, n)))).length;
  // of several plans that are meant by one name only some list the provider
  const isPart = listed === 0 && matches.length > 0;
  const remarks: Remark[] = [];
  if (matches.length === 0 && notActive.length > 0) remarks.push('ended');
  if (facts.providers.length > 1) remarks.push('ambiguous');
  if (facts.meant.some((names) => names.length > 1)) remarks.push('several-fit');
  if (facts.plans.some((p) => p.networks.length === 0)) remarks.push('plan-without-network');
  if (facts.plans.some((p) => activeOn(p.resource, facts.date) !== 'active')) remarks.push('plan-other-time');
  if (matches.some((m) => m.lastVerified === undefined)) remarks.push('unverified');
  if (matches.some((m) => m.lastVerified !== undefined && m.lastVerified < facts.staleBefore)) remarks.push('stale');
  if (facts.cut) remarks.push('cut');
  // what such a record says may be what is asked: that nothing else lists the provider is no answer then
  const isOpen = matches.length === 0 && facts.providers.some((provider) => isToldInWords(provider, facts));
  if (isOpen) remarks.push('network-in-words');
  return { result: isOpen || isPart ? 'unknown' : resultOf(listed, facts), matches, notActive, remarks };
}

const isListedIn = (matches: readonly Match[], networks: readonly string[]) =>
  matches.some((m) => networks.includes(m.network.key));

/** Several records may fit one NPI: only when all agree is the answer known. */
function resultOf(listed: number, facts: Facts): Result {
  if (listed > 0) return listed === facts.providers.length ? 'in-network' : 'unknown';
  return facts.cut || networkSet(facts).size === 0 ? 'unknown' : 'not-listed';
}

/** Does an active role or affiliation of the provider, or of the organization of a role without networks, name one by words alone? */
function isToldInWords(provider: Resource, facts: Facts): boolean {
  const key = keyOf(provider);
  const isActive = (record: Resource) => activeOn(record, facts.date) === 'active';
  const inWords = (record: Resource) => namesInWords(record, facts.base) && isActive(record);
  const ofOrganization = (organization: string | undefined) =>
    facts.affiliations.filter((a) => organization !== undefined && participant(a, facts) === organization);
  if (provider.resourceType === 'Organization') return ofOrganization(key).some((a) => fits(a, facts) && inWords(a));
  return facts.roles
    .filter((role) => keysIn(role['practitioner'], facts.base).includes(key) && fits(role, facts) && isActive(role))
    .some((role) =>
      namesNetworks(role)
        ? inWords(role)
        : ofOrganization(keysIn(role['organization'], facts.base)[0]).some((a) => inWords(a)),
    );
}

export function networkSet(facts: Pick<Facts, 'plans' | 'networks'>): Set<string> {
  return new Set([...facts.networks, ...facts.plans.flatMap((p) => p.networks)]);
}

function matchesOf(provider: Resource, facts: Facts): Match[] {
  const key = keyOf(provider);
  if (provider.resourceType === 'Organization')
    return facts.affiliations
      .filter((a) => participant(a, facts) === key)
      .flatMap((a) => affiliated(provider, a, facts));
  return facts.roles
    .filter((role) => keysIn(role['practitioner'], facts.base).includes(key))
    .flatMap((role) => {
      const named = networksOf(role, facts.base);
      if (named.length > 0 || namesNetworks(role)) return direct(provider, role, named, facts);
      const organization = keysIn(role['organization'], facts.base)[0];
      return facts.affiliations
        .filter((a) => organization !== undefined && participant(a, facts) === organization)
        .flatMap((a) => affiliated(provider, a, facts, role));
    });
}

/** The organization that takes part: the participating one, or the primary when none is named. */
function participant(affiliation: Resource, facts: Facts): string | undefined {
  return (
    keysIn(affiliation['participatingOrganization'], facts.base)[0] ??
    keysIn(affiliation['organization'], facts.base)[0]
  );
}

function direct(provider: Resource, role: Resource, named: string[], facts: Facts): Match[] {
  if (!fits(role, facts)) return [];
  return asked(named, facts).map((network) => ({
    ...shared(provider, role, network, facts),
    kind: 'direct',
    when: activeOn(role, facts.date),
    role: undefined,
    organization: placeOf(keysIn(role['organization'], facts.base)[0], facts),
    newPatients: newPatientsOf(role, network, facts.base),
  }));
}

/** By an affiliation: of the organization itself, or of the one where the person's role is. */
function affiliated(provider: Resource, affiliation: Resource, facts: Facts, role?: Resource): Match[] {
  const about = role ?? affiliation;
  if (!fits(about, facts)) return [];
  const times = [activeOn(affiliation, facts.date), ...(role ? [activeOn(role, facts.date)] : [])];
  return asked(networksOf(affiliation, facts.base), facts).map((network) => ({
    ...shared(provider, affiliation, network, facts),
    kind: role ? 'via-organization' : 'direct',
    when: times.find((t) => t !== 'active') ?? 'active',
    role: role && keyOf(role),
    organization: placeOf(participant(affiliation, facts), facts),
    locations: keysIn(about['location'], facts.base).map((k) => place(k, facts)),
    specialties: concepts(about),
    newPatients: newPatientsOf(about, network, facts.base),
  }));
}

const asked = (networks: string[], facts: Facts) => networks.filter((n) => networkSet(facts).has(n));

function fits(record: Resource, facts: Facts): boolean {
  const places = keysIn(record['location'], facts.base);
  return (
    hasSpecialty(record, facts.specialties) &&
    (facts.locations.length === 0 || facts.locations.some((l) => places.includes(l)))
  );
}

const concepts = (record: Resource): JsonObject[] =>
  (Array.isArray(record['specialty']) ? record['specialty'] : []).filter(
    (c): c is JsonObject => typeof c === 'object' && c !== null && !Array.isArray(c),
  );

function shared(provider: Resource, record: Resource, network: string, facts: Facts) {
  const meta = metaOf(record);
  const period = record['period'];
  return {
    by: keyOf(record),
    provider: { key: keyOf(provider), name: nameOf(provider) },
    network: place(network, facts),
    plans: facts.plans
      .filter((p) => p.networks.includes(network))
      .map((p) => ({ key: keyOf(p.resource), name: nameOf(p.resource) })),
    locations: keysIn(record['location'], facts.base).map((k) => place(k, facts)),
    specialties: concepts(record),
    period: typeof period === 'object' && period !== null && !Array.isArray(period) ? period : undefined,
    lastUpdated: text(meta['lastUpdated']),
    lastVerified: facts.verified.get(keyOf(record)),
    verificationStatus: verificationStatus(record),
    source: text(meta['source']),
  };
}

function place(key: string, facts: Facts): Place {
  const resource = facts.around.get(key);
  return { key, name: resource === undefined ? '' : nameOf(resource) };
}

const placeOf = (key: string | undefined, facts: Facts) => (key === undefined ? undefined : place(key, facts));
