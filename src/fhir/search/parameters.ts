// Every search parameter of the directory, once: the parser, the index, the SQL, the CapabilityStatement and the tests
// are made from this table. Expressions restate Plan-Net 1.2.0 in the effective form: where the guide stops at an
// extension, its value is meant. Numbers are stable for ever: they are inside the hashes of the index.
import {
  ADDRESS,
  address,
  core,
  type Draft,
  date,
  HUMAN_NAME,
  identifier,
  ndh,
  npi,
  own,
  type Parameter,
  plain,
  reference,
  string,
  token,
} from './draft.ts';
import { FURTHER } from './parameters-further.ts';
import { compilePath } from './path.ts';
import { DIRECTORY_TYPES, type DirectoryType, PLAN_NET, TYPE_IDS } from './types.ts';
import { languages } from './values-further.ts';

export type { Modifier, Parameter } from './draft.ts';

/** A name that may be misspelt. Reads the entries of the strict names and has entries of its own for their further words. */
const nameLike = (type: string, path: string, alsoReads: string[]): Draft =>
  string('name-like', path, { modifiers: [], alsoReads, like: 'name', ...own(`${type}-name-like`) });
const specialtyLike = (type: string): Draft =>
  string('specialty-like', 'specialty', { modifiers: [], like: 'specialty', ...own(`${type}-specialty-like`) });

const ORG = 'name address partof type';
const PLACE = 'address address-postalcode address-city address-state organization type';
const SERVICE = 'service-category organization location';

// prettier-ignore
const TABLE: Record<DirectoryType, Record<number, Draft>> = {
  Endpoint: {
    1: reference('organization', 'managingOrganization', 'Organization', ORG),
    2: identifier(core('Endpoint-identifier')),
    3: { ...plain('status', 'status', { usual: 'active' }), ...core('Endpoint-status') },
    4: string('name', 'name', core('Endpoint-name')),
    5: token('connection-type', 'connectionType', core('Endpoint-connection-type')),
    6: token('payload-type', 'payloadType', core('Endpoint-payload-type')),
  },
  HealthcareService: {
    1: reference('coverage-area', 'coverageArea', 'Location'),
    2: token('delivery-method', 'extension[delivery-method].extension[type].value', { origin: 'guide' }),
    3: reference('endpoint', 'endpoint', 'Endpoint', 'organization'),
    4: reference('location', 'location', 'Location', PLACE),
    5: string('name', 'name'),
    6: reference('organization', 'providedBy', 'Organization', ORG),
    7: token('service-category', 'category'),
    8: token('service-type', 'type'),
    9: token('specialty', 'specialty'),
    10: identifier(core('HealthcareService-identifier')),
    11: { ...plain('active', 'active', { usual: 'true' }), ...core('HealthcareService-active') },
    60: nameLike('healthcareservice', 'name', ['name']),
    61: specialtyLike('healthcareservice'),
  },
  InsurancePlan: {
    1: reference('administered-by', 'administeredBy', 'Organization', 'name partof'),
    2: reference('coverage-area', 'coverageArea', 'Location'),
    3: identifier(),
    4: string('name', 'name | alias'),
    5: reference('network', 'network', 'Organization', '', { origin: 'guide' }),
    6: reference('owned-by', 'ownedBy', 'Organization', 'name partof'),
    7: token('plan-type', 'plan.type'),
    8: token('type', 'type'),
    9: { ...plain('status', 'status', { usual: 'active' }), ...core('InsurancePlan-status') },
    10: reference('endpoint', 'endpoint', 'Endpoint', '', core('InsurancePlan-endpoint')),
    11: reference('plan-network', 'plan.network', 'Organization', '', ndh('insuranceplan-plan-network')),
    12: date('period', 'period', own('insuranceplan-period')),
    60: nameLike('insuranceplan', 'name | alias', ['name']),
  },
  Location: {
    1: string('address', 'address', ADDRESS),
    2: string('address-city', 'address.city'),
    3: string('address-postalcode', 'address.postalCode'),
    4: string('address-state', 'address.state'),
    5: reference('endpoint', 'endpoint', 'Endpoint', 'organization'),
    6: reference('organization', 'managingOrganization', 'Organization', ORG),
    7: reference('partof', 'partOf', 'Location', 'type address organization'),
    8: token('type', 'type'),
    9: identifier(core('Location-identifier')),
    10: { ...plain('status', 'status', { usual: 'active' }), ...core('Location-status') },
    11: string('name', 'name | alias', core('Location-name')),
    12: string('address-country', 'address.country', core('Location-address-country')),
    13: token('accessibility', 'extension[accessibility].value', {
      ...own('location-accessibility'),
    }),
    60: nameLike('location', 'name | alias', ['name']),
  },
  Organization: {
    1: string('address', 'address', ADDRESS),
    2: reference('coverage-area', 'extension[location-reference].value', 'Location'),
    3: reference('endpoint', 'endpoint', 'Endpoint', 'organization'),
    4: string('name', 'name | alias'),
    5: reference('partof', 'partOf', 'Organization', 'name address type'),
    6: date('period', 'extension[http://hl7.org/fhir/StructureDefinition/organization-period].value'),
    7: token('type', 'type'),
    8: identifier(core('Organization-identifier')),
    9: { ...plain('active', 'active', { usual: 'true' }), ...core('Organization-active') },
    ...address('Organization', 10),
    14: npi('organization'),
    60: nameLike('organization', 'name | alias', ['name']),
  },
  OrganizationAffiliation: {
    1: reference('endpoint', 'endpoint', 'Endpoint', 'organization'),
    2: reference('location', 'location', 'Location', PLACE),
    3: reference('network', 'network', 'Organization', 'name partof'),
    4: reference('participating-organization', 'participatingOrganization', 'Organization', 'type address name partof'),
    5: date('period', 'period'),
    6: reference('primary-organization', 'organization', 'Organization', 'type address name partof'),
    7: token('role', 'code'),
    8: reference('service', 'healthcareService', 'HealthcareService', SERVICE),
    9: token('specialty', 'specialty'),
    10: identifier(core('OrganizationAffiliation-identifier')),
    11: { ...plain('active', 'active', { usual: 'true' }), ...core('OrganizationAffiliation-active') },
    12: date('date', 'period', { alias: 'date', ...core('OrganizationAffiliation-date') }),
    61: specialtyLike('organizationaffiliation'),
  },
  Practitioner: {
    1: string('family', 'name.family', { definition: `${PLAN_NET}/SearchParameter/practitioner-family-name` }),
    2: string('given', 'name.given', { definition: `${PLAN_NET}/SearchParameter/practitioner-given-name` }),
    3: string('name', 'name', HUMAN_NAME),
    4: date('period', 'extension[practitioner-period].value'),
    5: identifier(core('Practitioner-identifier')),
    6: { ...plain('active', 'active', { usual: 'true' }), ...core('Practitioner-active') },
    7: { ...plain('gender', 'gender'), ...core('individual-gender') },
    8: token('communication', 'communication', {
      paths: [languages],
      ...core('Practitioner-communication'),
    }),
    9: string('address', 'address', { ...ADDRESS, ...core('individual-address') }),
    ...address('individual', 10),
    14: npi('practitioner'),
    15: token('qualification-code', 'qualification.code', {
      ...ndh('practitioner-qualification-code'),
    }),
    16: reference(
      'qualification-issuer',
      'qualification.issuer',
      'Organization',
      '',
      ndh('practitioner-qualification-issuer'),
    ),
    60: nameLike('practitioner', 'name', ['family', 'given', 'name']),
  },
  PractitionerRole: {
    1: reference('endpoint', 'endpoint', 'Endpoint', 'organization'),
    2: reference('location', 'location', 'Location', PLACE),
    3: reference('network', 'extension[network-reference].value', 'Organization', ORG),
    4: reference('organization', 'organization', 'Organization', ORG),
    5: date('period', 'period'),
    6: reference('practitioner', 'practitioner', 'Practitioner', 'name'),
    7: token('role', 'code'),
    8: reference('service', 'healthcareService', 'HealthcareService', SERVICE),
    9: token('specialty', 'specialty'),
    10: identifier(core('PractitionerRole-identifier')),
    11: { ...plain('active', 'active', { usual: 'true' }), ...core('PractitionerRole-active') },
    12: date('date', 'period', { alias: 'date', ...core('PractitionerRole-date') }),
    61: specialtyLike('practitionerrole'),
  },
  VerificationResult: {},
};

function finish(type: DirectoryType, number: number, draft: Draft): Parameter {
  const { path, ...given } = draft;
  return {
    paths: path.split(' | ').map(compilePath),
    expression: path
      .split(' | ')
      .map((p) => `${type}.${p}`)
      .join(' | '),
    plain: false,
    parts: undefined,
    alsoReads: [],
    targets: [],
    modifiers: [],
    chain: [],
    definition: `${PLAN_NET}/SearchParameter/${type.toLowerCase()}-${draft.code}`,
    origin: 'SHALL',
    ...given,
    id: TYPE_IDS[type] * 100 + number,
    type,
  };
}

/** The parameters of each type, by code. */
export const PARAMETERS: ReadonlyMap<DirectoryType, ReadonlyMap<string, Parameter>> = new Map(
  DIRECTORY_TYPES.map((type) => [
    type,
    new Map(
      Object.entries({ ...TABLE[type], ...FURTHER[type] }).map(([n, draft]) => [
        draft.code,
        finish(type, Number(n), draft),
      ]),
    ),
  ]),
);

/** One parameter, when the type has it. */
export function parameter(type: DirectoryType, code: string): Parameter | undefined {
  return PARAMETERS.get(type)?.get(code);
}

/** Code of a parameter by its number. */
export const parameterName = (id: number): string =>
  [...PARAMETERS.values()].flatMap((of) => [...of.values()]).find((p) => p.id === id)?.code ?? '';

/** Number of the type of a parameter, or of one of its {@link SEEDS}. */
export const typeOfParameter = (id: number): number => Math.floor((id % SEEDS.usual) / 100);

/** The parameter whose entries answer a search by this one. */
export function indexed(parameter: Parameter): Parameter {
  if (parameter.alias === undefined) return parameter;
  const code = { npi: 'identifier', date: 'period', telecom: 'telecom' }[parameter.alias];
  return PARAMETERS.get(parameter.type)?.get(code) ?? parameter;
}

/** Further entries of a parameter are hashed with a number of their own. */
export const SEEDS = {
  text: 10_000,
  ofType: 10_000,
  identifier: 20_000,
  usual: 10_000,
  system: 20_000,
  words: 10_000,
} as const;
