// Plan-Net resources made from rows: for plans whose directory is a table and not FHIR. Pure; the ids follow from what a row
// says (NPI, address, network), so the same row gives the same resources in every import.
// https://hl7.org/fhir/us/davinci-pdex-plan-net/STU1.2/
import { createHash } from 'node:crypto';
import { NPI_SYSTEM } from '../../fhir/npi.ts';
import type { JsonObject, Resource } from '../../fhir/resource.ts';
import { PLAN_NET } from '../../fhir/search/types.ts';

export const NUCC = 'http://nucc.org/provider-taxonomy';

export const code = (system: string, value: string, display?: string): JsonObject => ({
  coding: [{ system, code: value, ...(display === undefined ? {} : { display }) }],
});
export const planNet = (system: string, value: string, display?: string) =>
  code(`${PLAN_NET}/CodeSystem/${system}`, value, display);
export const extension = (name: string, value: JsonObject): JsonObject => ({
  url: `${PLAN_NET}/StructureDefinition/${name}`,
  ...value,
});
export const profile = (name: string) => ({ profile: [`${PLAN_NET}/StructureDefinition/plannet-${name}`] });
export const ref = (key: string) => ({ reference: key });
export const some = <T>(name: string, list: readonly T[]) => (list.length === 0 ? {} : { [name]: list });

/** A short name for a text: the same text, the same name. */
export const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** What can be an id as it stands. */
export const isKey = (text: string) => /^[A-Za-z0-9-]{1,40}$/.test(text);

/** The id of a network by what a table calls it: `GOLD` is `net-GOLD`; of other texts spaces and case do not count. */
export function networkId(called: string): string {
  if (isKey(called)) return `net-${called}`;
  const words = called.toLowerCase().replace(/\s+/g, ' ').trim();
  const plain = words.normalize('NFKD').replace(/\p{M}/gu, '');
  const name = plain
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 30)
    .replace(/^-|-$/g, '');
  return `net-${name === '' ? '' : `${name}-`}${shortHash(words).slice(0, 8)}`;
}

const npiIdentifier = (npi: string): JsonObject => ({
  type: code('http://terminology.hl7.org/CodeSystem/v2-0203', 'NPI'),
  system: NPI_SYSTEM,
  value: npi,
});

/** For what a profile demands and the row does not say. */
const UNKNOWN: JsonObject = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
};

export type Place = {
  name: string;
  line: string[];
  city: string;
  state: string;
  /** five or nine digits */
  zip: string;
  phone?: string | undefined;
  position?: { latitude: number; longitude: number } | undefined;
  /** codes of AccessibilityCS */
  accessibility?: string[];
  hours?: JsonObject[];
};

function address(p: Pick<Place, 'line' | 'city' | 'state' | 'zip'>): JsonObject {
  const zip = /^\d{9}$/.test(p.zip) ? `${p.zip.slice(0, 5)}-${p.zip.slice(5)}` : p.zip;
  return { ...some('line', p.line), city: p.city, state: p.state, postalCode: zip, country: 'US' };
}

/** `(860) 555-0100` as `8605550100`; what is no such number stays as it is. */
function phoneDigits(text: string): string {
  const digits = text.replace(/\D/g, '').replace(/^1(?=\d{10}$)/, '');
  return digits.length === 10 ? digits : text.trim();
}

export const telecom = (phone: string | undefined) =>
  phone === undefined || phone === '' ? {} : { telecom: [{ system: 'phone', value: phoneDigits(phone), use: 'work' }] };

export const placeId = (p: Place) =>
  `loc-${shortHash([...p.line, p.city, p.state, p.zip.slice(0, 5), p.name].join('|').toLowerCase())}`;

export function location(p: Place, organization: string | undefined): Resource {
  const extensions = (p.accessibility ?? []).map((a) =>
    extension('accessibility', { valueCodeableConcept: planNet('AccessibilityCS', a) }),
  );
  return {
    resourceType: 'Location',
    id: placeId(p),
    meta: profile('Location'),
    ...some('extension', extensions),
    status: 'active',
    name: p.name,
    ...telecom(p.phone),
    address: address(p),
    ...(p.position === undefined ? {} : { position: p.position }),
    ...(organization === undefined ? {} : { managingOrganization: ref(organization) }),
    ...some('hoursOfOperation', p.hours ?? []),
  };
}

export type Person = {
  npi: string;
  prefix?: string | undefined;
  first: string[];
  family: string;
  suffix: string[];
  gender?: string | undefined;
  /** BCP 47 */
  languages: string[];
};

export function practitioner(p: Person): Resource {
  return {
    resourceType: 'Practitioner',
    id: `npi-${p.npi}`,
    meta: profile('Practitioner'),
    identifier: [npiIdentifier(p.npi)],
    active: true,
    name: [
      {
        text: [p.prefix, ...p.first, p.family, ...p.suffix].filter(Boolean).join(' '),
        family: p.family,
        ...some('given', p.first),
        ...(p.prefix ? { prefix: [p.prefix] } : {}),
        ...some('suffix', p.suffix),
      },
    ],
    ...(p.gender === undefined ? {} : { gender: p.gender }),
    ...some(
      'communication',
      p.languages.map((l) => code('urn:ietf:bcp:47', l)),
    ),
  };
}

export type Body = {
  id: string;
  npi?: string | undefined;
  name: string;
  /** OrgTypeCS */
  type: 'fac' | 'prvgrp' | 'payer' | 'ntwk';
  place?: Place | undefined;
  phone?: string | undefined;
  partOf?: string | undefined;
  alias?: string[];
};

const ORGANIZATION_TYPES = { fac: 'Facility', prvgrp: 'Provider Group', payer: 'Payer', ntwk: 'Network' };

export function organization(b: Body): Resource {
  const network = b.type === 'ntwk';
  return {
    resourceType: 'Organization',
    id: b.id,
    meta: profile(network ? 'Network' : 'Organization'),
    ...(b.npi === undefined ? {} : { identifier: [npiIdentifier(b.npi)] }),
    active: true,
    type: [planNet('OrgTypeCS', b.type, ORGANIZATION_TYPES[b.type])],
    name: b.name,
    ...some('alias', b.alias ?? []),
    ...(network ? {} : telecom(b.phone)),
    ...(network ? {} : { address: [b.place === undefined ? UNKNOWN : address(b.place)] }),
    ...(b.partOf === undefined ? {} : { partOf: ref(b.partOf) }),
  };
}

/** `newpt`, `nopt`, `existptonly`, `existptfam` */
export type Accepting = string | undefined;
export type Period = { start?: string | undefined; end?: string | undefined };

export const period = (p: Period) => {
  const held = { ...(p.start ? { start: p.start } : {}), ...(p.end ? { end: p.end } : {}) };
  return Object.keys(held).length === 0 ? {} : { period: held };
};

export const newPatients = (accepting: Accepting): JsonObject[] =>
  accepting === undefined
    ? []
    : [
        extension('newpatients', {
          extension: [{ url: 'acceptingPatients', valueCodeableConcept: planNet('AcceptingPatientsCS', accepting) }],
        }),
      ];

export type Role = {
  npi: string;
  organization?: string | undefined;
  locations: string[];
  service?: string | undefined;
  network?: string | undefined;
  specialties: string[];
  phone?: string | undefined;
  accepting: Accepting;
  period: Period;
};

/** ProviderRoleCS by the beginning of the specialty's code. */
const ROLE_OF: readonly [RegExp, string][] = [
  [/^20[2478]/, 'ph'],
  [/^363L/, 'crnp'],
  [/^363A/, 'pa'],
  [/^122/, 'de'],
  [/^111N/, 'ch'],
  [/^2251/, 'pt'],
  [/^225X/, 'ot'],
  [/^235Z/, 'sp'],
  [/^104/, 'sw'],
  [/^106H/, 'mt'],
  [/^101Y/, 'co'],
  [/^103K/, 'ba'],
  [/^103/, 'py'],
  [/^152W/, 'oo'],
  [/^213E/, 'po'],
  [/^183/, 'rx'],
  [/^163W/, 'rn'],
  [/^164/, 'lpn'],
  [/^367A/, 'cnw'],
  [/^133/, 'dn'],
  [/^231H/, 'au'],
];

export function role(r: Role): Resource {
  const first = r.specialties[0] ?? '';
  const kind = ROLE_OF.find(([begins]) => begins.test(first))?.[1] ?? 'os';
  const at = shortHash([r.organization ?? '', ...r.locations].join('|')).slice(0, 8);
  return {
    resourceType: 'PractitionerRole',
    id: `role-${r.npi}-${at}${r.network === undefined ? '' : `-${shortHash(r.network).slice(0, 8)}`}`,
    meta: profile('PractitionerRole'),
    ...some('extension', [
      ...newPatients(r.accepting),
      ...(r.network === undefined
        ? []
        : [extension('network-reference', { valueReference: ref(`Organization/${r.network}`) })]),
    ]),
    active: true,
    ...period(r.period),
    practitioner: ref(`Practitioner/npi-${r.npi}`),
    ...(r.organization === undefined ? {} : { organization: ref(r.organization) }),
    code: [planNet('ProviderRoleCS', kind)],
    ...some(
      'specialty',
      r.specialties.map((s) => code(NUCC, s)),
    ),
    ...some(
      'location',
      r.locations.map((l) => ref(`Location/${l}`)),
    ),
    ...(r.service === undefined ? {} : { healthcareService: [ref(`HealthcareService/${r.service}`)] }),
    ...(r.phone ? telecom(r.phone) : { telecom: [{ system: 'phone', _value: UNKNOWN }] }),
  };
}

export type Plan = {
  id: string;
  identifier: JsonObject;
  name: string;
  /** InsuranceProductTypeCS */
  product: string;
  /** InsurancePlanTypeCS */
  tier?: string | undefined;
  networks: string[];
  areas?: string[];
  period: Period;
};

/** The payer is `Organization/payer`. */
export const PAYER = 'Organization/payer';

export function plan(p: Plan): Resource {
  return {
    resourceType: 'InsurancePlan',
    id: p.id,
    meta: profile('InsurancePlan'),
    identifier: [p.identifier],
    status: 'active',
    type: [planNet('InsuranceProductTypeCS', p.product)],
    name: p.name,
    ...period(p.period),
    ownedBy: ref(PAYER),
    administeredBy: ref(PAYER),
    ...some(
      'coverageArea',
      (p.areas ?? []).map((a) => ref(`Location/${a}`)),
    ),
    ...some(
      'network',
      p.networks.map((n) => ref(`Organization/${n}`)),
    ),
    ...(p.tier === undefined ? {} : { plan: [{ type: planNet('InsurancePlanTypeCS', p.tier) }] }),
  };
}

/** A whole state as an area of coverage. */
export const areaId = (state: string) => `area-${state.toLowerCase()}`;
export function area(state: string): Resource {
  return {
    resourceType: 'Location',
    id: areaId(state),
    meta: profile('Location'),
    status: 'active',
    name: `State of ${state}`,
    address: { state, country: 'US' },
  };
}
