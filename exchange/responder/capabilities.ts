// The CapabilityStatement, made from the routes that the app registers and the table of search parameters: what is not
// routed is not stated. https://hl7.org/fhir/R4/capabilitystatement.html
import type { CapabilityStatement, CapabilityStatementRestResource } from 'fhir/r4.js';
import type { Deps } from '../../src/deps.ts';
import { addresses } from '../plan.ts';
import { isShared } from '../records/facts/record-types.ts';
import { filterNames } from './export/type-filter.ts';
import { GROUP_PARAMETERS } from './search/group-search-request.ts';
import { includeValues, type MemberParameter, memberNames, memberParameters } from './search/member-parameters.ts';

const PDEX = 'http://hl7.org/fhir/us/davinci-pdex';
const HREX = 'http://hl7.org/fhir/us/davinci-hrex';
const CORE = 'http://hl7.org/fhir/us/core';
const BULK = 'http://hl7.org/fhir/uv/bulkdata';

/** A path as registered, `:id` for ids, below the base. */
export type Route = { method: string; path: string };
type Rest = NonNullable<CapabilityStatement['rest']>[number];
type Operation = NonNullable<CapabilityStatementRestResource['operation']>[number];
type SearchParam = NonNullable<CapabilityStatementRestResource['searchParam']>[number];

const ATR_EXPORT = 'http://hl7.org/fhir/us/davinci-atr/OperationDefinition/davinci-data-export';
const one = (type: string, name: string, definition: string) => ({ type, operations: [{ name, definition }] });
/** What Bulk Data asks a server to say of its exports. */
const EXPORT_TEXT = `Levels: a Group of a match, and all members matched for the client; none of the whole system.
Parameters: _type, _since, _until, _elements, _typeFilter, patient (POST), includeAssociatedData (LatestProvenanceResources, RelevantProvenanceResources), organizeOutputBy (Patient), allowPartialManifests, _outputFormat (application/fhir+ndjson, application/ndjson, ndjson).
_typeFilter takes the search parameters of a type that do not say they are not supported.
Records: those of US Core, CARIN Blue Button and PDex that are listed as types here; claims leave without money and then claim the Basis profiles of CARIN Blue Button. Directory entries that the records name come with them where _type does not leave them out.
Files: one type each, at most 25,000 lines or 64 MiB begun; with organizeOutputBy blocks of patients.
_since: what changed or came into view since; of a member who was matched after it, everything.`;
/** Kits look for the plain name or for the one with the level; both mean the same operation. */
const exportOf = (type: 'Group' | 'Patient') => {
  const definition = `${BULK}/OperationDefinition/${type.toLowerCase()}-export`;
  return {
    type,
    operations: [
      { name: 'export', definition, documentation: EXPORT_TEXT },
      { name: `${type.toLowerCase()}-export`, definition },
    ],
  };
};
const exportV4Of = (type: 'Group' | 'Patient') =>
  one(type, 'export-v4', `${BULK}/OperationDefinition/${type.toLowerCase()}-export|4.0.0`);
/** Operations by the path that serves them, below the base. Those of the system stand without a type. */
const OPERATIONS: Readonly<Record<string, { type: string; operations: Operation[] }>> = {
  'Patient/$member-match': one('Patient', 'member-match', `${HREX}/OperationDefinition/member-match`),
  'Patient/:id/$everything': one('Patient', 'everything', 'http://hl7.org/fhir/OperationDefinition/Patient-everything'),
  'Group/$bulk-member-match': one('Group', 'bulk-member-match', `${PDEX}/OperationDefinition/BulkMemberMatch`),
  'Group/$multi-member-match': one('Group', 'multi-member-match', `${PDEX}/OperationDefinition/BulkMemberMatch`),
  'Group/:id/$davinci-data-export': one('Group', 'davinci-data-export', ATR_EXPORT),
  'Group/:id/$export': exportOf('Group'),
  'Group/:id/$export-v4': exportV4Of('Group'),
  'Patient/$export': exportOf('Patient'),
  'Patient/$export-v4': exportV4Of('Patient'),
};

const PROFILES: Readonly<Record<string, readonly string[]>> = {
  Group: [
    `${PDEX}/StructureDefinition/pdex-member-match-group`,
    `${PDEX}/StructureDefinition/pdex-member-no-match-group`,
  ],
  Provenance: [`${PDEX}/StructureDefinition/pdex-provenance`],
};

const parameter = (name: string, p: Pick<MemberParameter, 'kind'>): SearchParam => ({ name, type: p.kind });

/** Clients read from the parameters what `_typeFilter` takes: those that it does not take say so. Bulk Data, CapabilityStatement. */
const ONLY_SEARCHED = ['group-export', 'patient-export'].map((name) => ({
  url: `${BULK}/Extension/operation-not-supported`,
  valueCanonical: `${BULK}/OperationDefinition/${name}`,
}));
function forExports(type: string, params: readonly SearchParam[]): SearchParam[] {
  const taken = filterNames(type);
  return params.map((p) => (taken.has(p.name) ? p : { extension: ONLY_SEARCHED, ...p }));
}

function searchParams(type: string): SearchParam[] {
  if (type === 'Group') return Object.entries(GROUP_PARAMETERS).map(([name, row]) => ({ name, ...row }));
  return [
    { name: '_id', type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Resource-id' },
    { name: '_lastUpdated', type: 'date', definition: 'http://hl7.org/fhir/SearchParameter/Resource-lastUpdated' },
    ...memberNames(type).map((name) => parameter(name, { kind: 'reference' })),
    ...Object.entries(memberParameters(type)).map(([name, p]) => parameter(name, p)),
  ];
}

function resourceOf(type: string, paths: readonly string[]): CapabilityStatementRestResource {
  const isRead = paths.includes(`${type}/:id`);
  const isSearched = paths.includes(type);
  const operations = paths.flatMap((path) => (OPERATIONS[path]?.type === type ? OPERATIONS[path].operations : []));
  const profiles = PROFILES[type];
  const isMembers = isSearched && type !== 'Group';
  return {
    // a type in a path of ours is one of FHIR's: the route table is made from the tables of record types
    type: type as CapabilityStatementRestResource['type'],
    ...(profiles ? { supportedProfile: [...profiles] } : {}),
    interaction: [
      ...(isRead ? [{ code: 'read' as const }] : []),
      ...(paths.includes(`${type}/:id/_history/:version`) ? [{ code: 'vread' as const }] : []),
      ...(paths.includes(`${type}/:id/_history`) ? [{ code: 'history-instance' as const }] : []),
      ...(isSearched ? [{ code: 'search-type' as const }] : []),
    ],
    ...(isSearched ? { searchParam: isMembers ? forExports(type, searchParams(type)) : searchParams(type) } : {}),
    ...(isMembers ? { searchInclude: [...includeValues(type)] } : {}),
    ...(isMembers && type !== 'Provenance' && !isShared(type) ? { searchRevInclude: ['Provenance:target'] } : {}),
    ...(operations.length > 0 ? { operation: operations } : {}),
  };
}

export function capabilityStatement(
  deps: Pick<Deps, 'config'>,
  version: string,
  date: string,
  routes: readonly Route[],
): CapabilityStatement {
  const here = addresses(deps.config);
  const paths = [...new Set(routes.map((r) => r.path))];
  const types = [...new Set(paths.flatMap((p) => /^([A-Z][A-Za-z]+)(\/|$)/.exec(p)?.[1] ?? []))].sort();
  const security: Rest['security'] = {
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: here.token }],
      },
    ],
    service: [
      {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' }],
      },
    ],
    description: SECURITY_TEXT,
  };
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    software: { name: 'Payer Node', version },
    implementation: { description: `${deps.config.planName}: payer-to-payer exchange`, url: here.fhir },
    fhirVersion: '4.0.1',
    format: ['json', 'application/fhir+json'],
    instantiates: [`${BULK}/CapabilityStatement/bulk-data`, `${PDEX}/CapabilityStatement/pdex-payer-access-server`],
    implementationGuide: [
      `${PDEX}/ImplementationGuide/hl7.fhir.us.davinci-pdex|2.2.0`,
      'http://hl7.org/fhir/us/davinci-hrex/ImplementationGuide/hl7.fhir.us.davinci-hrex|1.2.0',
      `${CORE}/ImplementationGuide/hl7.fhir.us.core|6.1.0`,
      'http://hl7.org/fhir/uv/bulkdata/ImplementationGuide/hl7.fhir.uv.bulkdata|2.0.0',
    ],
    rest: [{ mode: 'server', documentation: REST_TEXT, security, resource: types.map((t) => resourceOf(t, paths)) }],
  };
}

const SECURITY_TEXT =
  'SMART Backend Services. Every request but discovery needs an access token: 401 without one, 403 when its scopes do not cover the request, 404 for whatever belongs to another client.';
const REST_TEXT =
  'Records are those of members who were matched for the calling client, within their consent, on the day of the request. A search names its member; directory entries are found among those that such records name. 400 unknown or invalid parameter, 401 no valid token, 403 scope, 404 unknown or not granted, 410 deleted after an export held it, 422 no unique match or consent, 429 and 503 with Retry-After.';
