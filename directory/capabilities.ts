// The CapabilityStatement, made from the tables that the parser reads. https://hl7.org/fhir/R4/capabilitystatement.html
import type { CapabilityStatement, CapabilityStatementRestResource } from 'fhir/r4.js';
import { forwardParameters, reverseParameters } from '../src/fhir/search/include.ts';
import { PARAMETERS, type Parameter } from '../src/fhir/search/parameters.ts';
import { COUNT_DEFAULT } from '../src/fhir/search/request.ts';
import { sortCodes } from '../src/fhir/search/sort.ts';
import { DIRECTORY_TYPES, type DirectoryType, PLAN_NET } from '../src/fhir/search/types.ts';
import { TOTAL_EXACT } from './search/search.ts';
import { INCLUDE_MAX } from './search/search-include.ts';
import { definitionOf } from './search/search-parameter.ts';

const PROFILES: Record<DirectoryType, string[]> = {
  Endpoint: ['Endpoint'],
  HealthcareService: ['HealthcareService'],
  InsurancePlan: ['InsurancePlan'],
  Location: ['Location'],
  Organization: ['Organization', 'Network'],
  OrganizationAffiliation: ['OrganizationAffiliation'],
  Practitioner: ['Practitioner'],
  PractitionerRole: ['PractitionerRole'],
  VerificationResult: [],
};

function resource(type: DirectoryType, base: string): CapabilityStatementRestResource {
  const own = [...(PARAMETERS.get(type)?.values() ?? [])];
  const include = (p: Parameter) => `${p.type}:${p.code}`;
  const revInclude = reverseParameters(type).map(include);
  return {
    type,
    ...(PROFILES[type].length === 0
      ? {}
      : { supportedProfile: PROFILES[type].map((p) => `${PLAN_NET}/StructureDefinition/plannet-${p}`) }),
    documentation: `Sorted by ${sortCodes(type).join(', ')}, each with - for the other direction; near needs one point.`,
    interaction: [
      { code: 'read' },
      { code: 'vread' },
      { code: 'search-type' },
      { code: 'history-instance' },
      { code: 'history-type' },
    ],
    versioning: 'versioned',
    readHistory: true,
    referencePolicy: ['resolves', 'local'],
    searchInclude: ['*', ...forwardParameters(type).map(include)],
    ...(revInclude.length === 0 ? {} : { searchRevInclude: revInclude }),
    searchParam: [
      { name: '_id', type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Resource-id' },
      { name: '_lastUpdated', type: 'date', definition: 'http://hl7.org/fhir/SearchParameter/Resource-lastUpdated' },
      ...own.map((p) => ({
        name: p.code,
        type: p.reading === 'place' ? 'reference' : p.kind,
        definition: definitionOf(p, base),
        ...(p.note === undefined ? {} : { documentation: p.note }),
      })),
    ],
  };
}

/** Operations of the whole directory with the addresses of their definitions. */
const OPERATIONS: readonly { name: string; definition: (base: string) => string }[] = [
  { name: 'in-network', definition: (base) => `${base}/OperationDefinition/in-network` },
  { name: 'export', definition: (base) => `${base}/OperationDefinition/export` },
  { name: 'bulk-publish', definition: (base) => `${base}/OperationDefinition/bulk-publish` },
];

export type CapabilityOptions = {
  base: string;
  countMax: number;
  date: string;
  version: string;
  /** the merged base: what it holds, in a sentence; it claims no guide */
  merged?: string;
};

/** @param options.date FHIR dateTime of the program's state */
export function capabilityStatement(options: CapabilityOptions): CapabilityStatement {
  const count = Math.min(COUNT_DEFAULT, options.countMax);
  return {
    resourceType: 'CapabilityStatement',
    id: 'directory',
    url: `${options.base}/metadata`,
    version: options.version,
    name: 'PayerNodeDirectory',
    title: 'Payer Node provider directory',
    status: 'active',
    date: options.date,
    kind: 'instance',
    software: { name: 'Payer Node', version: options.version },
    implementation: { description: options.merged ?? 'Public Plan-Net provider directory', url: options.base },
    ...(options.merged === undefined ? { instantiates: [`${PLAN_NET}/CapabilityStatement/plan-net`] } : {}),
    implementationGuide: [`${PLAN_NET}/ImplementationGuide/hl7.fhir.us.davinci-pdex-plan-net|1.2.0`],
    fhirVersion: '4.0.1',
    format: ['json', 'application/fhir+json', 'xml', 'application/fhir+xml'],
    rest: [
      {
        mode: 'server',
        documentation: [
          `Pages hold ${count} matches unless _count says otherwise, at most ${options.countMax}, and at most ${INCLUDE_MAX} included resources.`,
          `Totals are exact up to ${TOTAL_EXACT}; beyond, an estimate is given and marked, unless _total=accurate.`,
          'Unknown parameters are refused with 400, or ignored and reported with Prefer: handling=lenient.',
          'A resource without a period matches no search by period or date, and every search by active-on: the guide takes a role without a period as active.',
          'Beyond the guide: NPI, distance (near, near-zip, sorting by it), opening hours, new patients by network, languages, contact points, verification, names that forgive, origin. Our definitions are at SearchParameter.',
          'A chain or _has has at most two hops; :iterate goes two rounds further.',
          'Every search can be sent as POST to _search, so that values stay out of URLs.',
        ].join(' '),
        security: { cors: true, description: 'Public read. No authentication, no record of who asked for what.' },
        interaction: [{ code: 'history-system' }],
        operation: OPERATIONS.filter((o) => options.merged === undefined || o.name !== 'export').map(
          ({ name, definition }) => ({ name, definition: definition(options.base) }),
        ),
        resource: DIRECTORY_TYPES.map((type) => resource(type, options.base)),
      },
    ],
  };
}
