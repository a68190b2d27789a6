// A small directory in which every search parameter has a value, and an app over it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectory } from '../../directory/app.ts';
import { type ImportEntry, type ImportOptions, importResources } from '../../directory/resource/resource-import.ts';
import { readConfig } from '../../src/config.ts';
import { type JsonObject, type Resource, text } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { fileBlobs, fileKeys } from '../../src/runtime/node.ts';
import type { Tuning } from '../../src/tuning.ts';
import { freshDb } from '../support/db.ts';

export const ORIGIN = 'https://plan.example';
export const BASE = `${ORIGIN}/directory/fhir`;
export const NOW = new Date('2027-03-01T12:00:00.123Z');

const concept = (system: string, code: string, display: string): JsonObject => ({
  coding: [{ system, code, display }],
  text: display,
});
const cc = (system: string, code: string, display: string) => [concept(system, code, display)];
const NUCC = 'http://nucc.org/provider-taxonomy';
const ext = (name: string, value: JsonObject): JsonObject => ({
  url: name.includes(':') ? name : `${PLAN_NET}/StructureDefinition/${name}`,
  ...value,
});
const ref = (reference: string) => ({ reference });
const npi = (value: string) => [
  {
    system: 'http://hl7.org/fhir/sid/us-npi',
    value,
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'NPI' }], text: 'NPI number' },
  },
];
const address = [
  {
    text: '7 Elm Way, Hartford',
    line: ['7 Elm Way'],
    city: 'Hartford',
    state: 'CT',
    postalCode: '06103-1234',
    country: 'US',
  },
];

/** A square with a hole and an island, as the GeoJSON of a boundary. */
const AREA = {
  type: 'Feature',
  geometry: {
    type: 'MultiPolygon',
    coordinates: [
      [
        [
          [-73, 41],
          [-72, 41],
          [-72, 42],
          [-73, 42],
          [-73, 41],
        ],
        [
          [-72.6, 41.4],
          [-72.4, 41.4],
          [-72.4, 41.6],
          [-72.6, 41.6],
          [-72.6, 41.4],
        ],
      ],
      [
        [
          [-71, 41],
          [-70, 41],
          [-70.5, 42],
          [-71, 41],
        ],
      ],
    ],
  },
};
const accepts = (code: string, network?: string): JsonObject => ({
  ...ext('newpatients', {}),
  extension: [
    {
      url: 'acceptingPatients',
      valueCodeableConcept: concept(`${PLAN_NET}/CodeSystem/AcceptingPatientsCS`, code, code),
    },
    ...(network === undefined ? [] : [{ url: 'fromNetwork', valueReference: ref(network) }]),
  ],
});
const telecom = [
  { system: 'phone', value: '+1 (860) 555-0101 ext. 9' },
  { system: 'email', value: 'Desk@Clinic.example' },
];
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri'];

export const FIXTURE: Resource[] = [
  {
    resourceType: 'Organization',
    id: 'payer1',
    active: true,
    name: 'Oak Health Plan',
    type: cc(`${PLAN_NET}/CodeSystem/OrgTypeCS`, 'payer', 'Payer'),
    address,
    identifier: npi('9000000007'),
    extension: [
      ext('http://hl7.org/fhir/StructureDefinition/organization-period', { valuePeriod: { start: '2020-01-01' } }),
    ],
  },
  {
    resourceType: 'Organization',
    id: 'net1',
    active: true,
    name: 'Oak Gold Network',
    alias: ['Oro'],
    type: cc(`${PLAN_NET}/CodeSystem/OrgTypeCS`, 'ntwk', 'Network'),
    partOf: ref('Organization/payer1'),
    extension: [ext('location-reference', { valueReference: ref('Location/area1') })],
  },
  {
    resourceType: 'Organization',
    id: 'clinic1',
    active: true,
    name: 'Clínica San José',
    type: cc(`${PLAN_NET}/CodeSystem/OrgTypeCS`, 'prvgrp', 'Provider Group'),
    partOf: ref('Organization/payer1'),
    endpoint: [ref('Endpoint/e1')],
    address,
  },
  {
    resourceType: 'Endpoint',
    id: 'e1',
    status: 'active',
    name: 'Direct mail',
    connectionType: {
      system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type',
      code: 'direct-project',
    },
    payloadType: cc(`${PLAN_NET}/CodeSystem/EndpointPayloadTypeCS`, 'NA', 'Not applicable'),
    managingOrganization: ref(`${BASE}/Organization/clinic1`),
    address: 'mailto:a@clinic.example',
    identifier: [{ value: 'EP-1' }],
  },
  {
    resourceType: 'Location',
    id: 'area1',
    status: 'active',
    name: 'Hartford County',
    extension: [
      ext('http://hl7.org/fhir/StructureDefinition/location-boundary-geojson', {
        valueAttachment: { contentType: 'application/geo+json', data: btoa(JSON.stringify(AREA)) },
      }),
    ],
  },
  {
    resourceType: 'Location',
    id: 'loc1',
    status: 'active',
    name: 'Elm Way Clinic',
    alias: ['Elm'],
    type: cc('http://terminology.hl7.org/CodeSystem/v3-RoleCode', 'OUTPHARM', 'outpatient pharmacy'),
    address: address[0],
    managingOrganization: ref('Organization/clinic1'),
    partOf: ref('Location/area1'),
    endpoint: [ref('Endpoint/e1')],
    identifier: [{ system: 'urn:site', value: 'S1' }],
    position: { longitude: -72.6, latitude: 41.7 },
    hoursOfOperation: [
      { daysOfWeek: weekdays, openingTime: '08:00:00', closingTime: '17:00:00' },
      { daysOfWeek: ['sun'], openingTime: '22:00:00', closingTime: '02:00:00' },
    ],
    extension: [
      accepts('newpt'),
      accepts('nopt', 'Organization/net1'),
      ext('accessibility', {
        valueCodeableConcept: concept(`${PLAN_NET}/CodeSystem/AccessibilityCS`, 'adacomp', 'ADA compliant'),
      }),
    ],
  },
  {
    resourceType: 'HealthcareService',
    id: 'hs1',
    active: true,
    name: 'Heart care',
    providedBy: ref('Organization/clinic1'),
    category: cc(`${PLAN_NET}/CodeSystem/HealthcareServiceCategoryCS`, 'outpat', 'Clinic or outpatient facility'),
    type: cc('http://terminology.hl7.org/CodeSystem/service-type', '165', 'Cardiology'),
    specialty: cc(NUCC, '207RC0000X', 'Cardiovascular Disease Physician'),
    location: [ref('Location/loc1')],
    coverageArea: [ref('Location/area1')],
    endpoint: [ref('Endpoint/e1')],
    identifier: [{ system: 'urn:hs', value: 'H1' }],
    extension: [
      {
        ...ext('delivery-method', {}),
        extension: [
          {
            url: 'type',
            valueCodeableConcept: concept(`${PLAN_NET}/CodeSystem/DeliveryMethodCS`, 'virtual', 'Virtual'),
          },
          {
            url: 'virtualModalities',
            valueCodeableConcept: concept(`${PLAN_NET}/CodeSystem/VirtualModalitiesCS`, 'video', 'Video'),
          },
        ],
      },
      accepts('newpt', 'Organization/net1'),
    ],
    availableTime: [{ daysOfWeek: ['sat'], allDay: true }],
  },
  {
    resourceType: 'InsurancePlan',
    id: 'ip1',
    status: 'active',
    name: 'Oak Gold',
    alias: ['Gold One'],
    type: cc(`${PLAN_NET}/CodeSystem/InsuranceProductTypeCS`, 'mediadv', 'Medicare Advantage'),
    ownedBy: ref('Organization/payer1'),
    administeredBy: ref('Organization/payer1'),
    coverageArea: [ref('Location/area1')],
    network: [ref('Organization/net1')],
    endpoint: [ref('Endpoint/e1')],
    period: { start: '2027-01-01', end: '2027-12-31' },
    identifier: [
      {
        system: 'https://www.cms.gov/medicare/ma-plan-id',
        value: 'H1234-001',
        type: { coding: [{ system: 'urn:t', code: 'MA' }], text: 'MA plan id' },
      },
    ],
    plan: [
      {
        type: concept(`${PLAN_NET}/CodeSystem/InsurancePlanTypeCS`, 'gold', 'Gold'),
        network: [ref('Organization/net1')],
      },
    ],
  },
  {
    resourceType: 'Practitioner',
    id: 'p1',
    active: true,
    name: [{ family: "O'Neil", given: ['Ana', 'María'], suffix: ['MD'], text: "Dr. Ana O'Neil" }],
    gender: 'female',
    identifier: npi('9000000015'),
    address,
    communication: cc('urn:ietf:bcp:47', 'es-US', 'Spanish'),
    telecom,
    qualification: [
      { code: concept(NUCC, '207RC0000X', 'Cardiovascular Disease Physician'), issuer: ref('Organization/payer1') },
    ],
    extension: [ext('practitioner-period', { valuePeriod: { start: '2021-05-01', end: '2028-04-30' } })],
  },
  {
    resourceType: 'PractitionerRole',
    id: 'r1',
    active: true,
    practitioner: ref('Practitioner/p1'),
    organization: ref('Organization/clinic1'),
    location: [ref('Location/loc1')],
    healthcareService: [ref('HealthcareService/hs1')],
    endpoint: [ref('Endpoint/e1')],
    code: cc(`${PLAN_NET}/CodeSystem/ProviderRoleCS`, 'ph', 'Physician'),
    specialty: cc(NUCC, '207RC0000X', 'Cardiovascular Disease Physician'),
    period: { start: '2022-01-01' },
    identifier: [{ value: 'R-1' }],
    extension: [
      ext('network-reference', { valueReference: ref('Organization/net1') }),
      ext('network-reference', { valueReference: ref('Organization/net2') }),
      accepts('newpt'),
    ],
    telecom,
    availableTime: [{ availableStartTime: '09:00:00', availableEndTime: '12:00:00' }],
    meta: {
      source: 'https://peer.example/fhir#a1',
      profile: [`${PLAN_NET}/StructureDefinition/plannet-PractitionerRole`],
      tag: [{ system: 'urn:tag', code: 'peer' }],
    },
  },
  {
    resourceType: 'OrganizationAffiliation',
    id: 'a1',
    active: true,
    organization: ref('Organization/payer1'),
    participatingOrganization: ref('Organization/clinic1'),
    network: [ref('Organization/net1')],
    location: [ref('Location/loc1')],
    healthcareService: [ref('HealthcareService/hs1')],
    endpoint: [ref('Endpoint/e1')],
    code: cc(`${PLAN_NET}/CodeSystem/OrganizationAffiliationRoleCS`, 'hospital', 'Hospital'),
    specialty: cc(NUCC, '207RC0000X', 'Cardiovascular Disease Physician'),
    period: { start: '2022-01-01', end: '2029-12-31' },
    identifier: [{ system: 'urn:aff', value: 'A1' }],
    telecom,
  },
  {
    resourceType: 'VerificationResult',
    id: 'v1',
    status: 'validated',
    target: [ref('PractitionerRole/r1'), ref('Practitioner/p1')],
    statusDate: '2027-02-02',
    lastPerformed: '2027-02-01',
    attestation: { who: ref('Organization/payer1') },
    primarySource: [
      {
        type: cc('http://terminology.hl7.org/CodeSystem/primary-source-type', 'lic-board', 'License Board'),
        validationStatus: concept(
          'http://terminology.hl7.org/CodeSystem/validation-status',
          'successful',
          'Successful',
        ),
      },
    ],
  },
  {
    resourceType: 'VerificationResult',
    id: 'v2',
    status: 'val-fail',
    target: [ref('Organization/clinic1')],
    statusDate: '2027-02-20',
  },
  {
    resourceType: 'VerificationResult',
    id: 'v3',
    status: 'validated',
    target: [ref('Location/loc1'), ref('Practitioner/p1')],
    lastPerformed: '2026-06-01T10:00:00Z',
  },
];

/** Resources as import entries. */
export function entries(resources: readonly (Resource | string)[]): ImportEntry[] {
  return resources.map((r, i) => ({
    source: 'fixture',
    line: i + 1,
    text: typeof r === 'string' ? r : JSON.stringify(r),
  }));
}

export function deletion(key: string): ImportEntry {
  return { source: 'fixture', line: 1, text: '', request: { method: 'DELETE', url: key } };
}

/** A key store in a folder of its own. */
export const keysFor = () => fileKeys(mkdtempSync(join(tmpdir(), 'payer-node-test-keys-')));

/** A fresh database with resources in it and the app over it. */
export async function directory(
  resources: readonly (Resource | string)[] = FIXTURE,
  env: Record<string, string> = {},
  now = () => NOW,
  open: typeof freshDb = freshDb,
  tuning: Partial<Tuning> = {},
) {
  const database = await open({ lines: 4 }); // as the service has it
  const load = (input: Iterable<ImportEntry> | AsyncIterable<ImportEntry>, more: Partial<ImportOptions> = {}) =>
    importResources(database, input, { base: BASE, clock: now, ...more });
  await load(entries(resources));
  const lines: Record<string, unknown>[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-directory-'));
  const blobs = fileBlobs(folder);
  const config = readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0', ...env }, tuning);
  const app = createDirectory({
    config,
    clock: now,
    database,
    keys: keysFor(),
    blobs,
    log: (level, event, fields) => lines.push({ level, event, ...fields }),
    metrics: noMetrics,
  });
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    app.request(`/directory/fhir/${path}`, { headers, method });
  /** ids of the matches */
  const find = async (path: string) => {
    const bundle = await body(await get(path));
    if (bundle.resourceType !== 'Bundle') throw new Error(`${path}: ${JSON.stringify(bundle)}`);
    return ids(bundle, 'match');
  };
  const close = async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { database, blobs, config, load, app, get, find, lines, close };
}

export type Bundle = {
  resourceType: string;
  total?: number;
  _total?: object;
  link: { relation: string; url: string }[];
  entry?: { fullUrl?: string; resource: Resource; search: { mode: string } }[];
  issue?: { code: string; diagnostics: string }[];
};

export async function body(response: Response): Promise<Bundle> {
  return (await response.json()) as Bundle;
}

/** `Type/id` of a resource. */
export function keyOf(resource: Resource): string {
  return `${resource.resourceType}/${text(resource['id']) ?? ''}`;
}

/** `Type/id` of the entries of a mode. */
export function ids(bundle: Bundle, mode: 'match' | 'include'): string[] {
  return (bundle.entry ?? []).filter((e) => e.search.mode === mode).map((e) => keyOf(e.resource));
}
