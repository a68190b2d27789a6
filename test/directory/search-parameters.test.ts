// Every parameter of the table finds its resource by a value taken from the resource, and does not find it by another.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forwardParameters, reverseParameters } from '../../src/fhir/search/include.ts';
import { PARAMETERS } from '../../src/fhir/search/parameters.ts';
import { DIRECTORY_TYPES } from '../../src/fhir/search/types.ts';
import { body, directory, FIXTURE, ids, keyOf } from './fixture.ts';

/** Type.parameter → query value that finds the fixture's resource, and one that finds nothing. */
const CASES: Record<string, [found: string, missed: string]> = {
  'Endpoint.organization': ['Organization/clinic1', 'Organization/payer1'],
  'Endpoint.identifier': ['EP-1', 'EP-2'],
  'Endpoint.status': ['active', 'off'],
  'Endpoint.name': ['direct', 'irect'],
  'Endpoint.connection-type': [
    'http://terminology.hl7.org/CodeSystem/endpoint-connection-type|direct-project',
    '|direct-project',
  ],
  'Endpoint.payload-type': ['na', 'any'],
  'HealthcareService.coverage-area': ['area1', 'loc1'],
  'HealthcareService.delivery-method': [
    'http://terminology.hl7.org/CodeSystem/service-delivery-method|virtual',
    'physical',
  ],
  'HealthcareService.endpoint': ['Endpoint/e1', 'Endpoint/e2'],
  'HealthcareService.location': ['Location/loc1', 'Location/area1'],
  'HealthcareService.name': ['HEART', 'care'],
  'HealthcareService.organization': [
    'https://plan.example/directory/fhir/Organization/clinic1',
    'https://other.example/Organization/clinic1',
  ],
  'HealthcareService.service-category': ['outpat', 'pharm'],
  'HealthcareService.service-type': ['165', '166'],
  'HealthcareService.specialty': ['207rc0000x', '207R00000X'],
  'HealthcareService.identifier': ['urn:hs|H1', 'urn:other|H1'],
  'HealthcareService.active': ['true', 'false'],
  'InsurancePlan.administered-by': ['payer1', 'net1'],
  'InsurancePlan.coverage-area': ['Location/area1', 'Location/loc1'],
  'InsurancePlan.identifier': ['http://cms.gov/medicare/ma-plan-id|h1234-001', 'H1234'],
  'InsurancePlan.name': ['gold one', 'one'],
  'InsurancePlan.network': ['Organization/net1', 'Organization/net2'],
  'InsurancePlan.owned-by': ['payer1', 'clinic1'],
  'InsurancePlan.plan-type': ['gold', 'silver'],
  'InsurancePlan.type': ['mediadv,qhp', 'qhp'],
  'InsurancePlan.status': ['active', 'draft'],
  'InsurancePlan.endpoint': ['e1', 'e2'],
  'InsurancePlan.plan-network': ['net1', 'payer1'],
  'InsurancePlan.period': ['2027', '2026'],
  'Location.address': ['7 elm', 'elm way'],
  'Location.address-city': ['hart', 'ford'],
  'Location.address-postalcode': ['06103', '061031234'],
  'Location.address-state': ['ct', 'ny'],
  'Location.endpoint': ['e1', 'e2'],
  'Location.organization': ['clinic1', 'payer1'],
  'Location.partof': ['area1', 'loc1'],
  'Location.type': ['outpharm', 'hosp'],
  'Location.identifier': ['urn:site|', 'urn:other|'],
  'Location.status': ['active', 'suspended'],
  'Location.name': ['elm', 'way'],
  'Location.address-country': ['us', 'ca'],
  'Location.accessibility': ['adacomp', 'mobility'],
  'Organization.address': ['hartford', 'boston'],
  'Organization.coverage-area': ['Location/area1', 'Location/loc1'],
  'Organization.endpoint': ['Endpoint/e1', 'Endpoint/e9'],
  'Organization.name': ['clinica san jose', 'san'],
  'Organization.partof': ['payer1', 'net1'],
  'Organization.period': ['ge2024-06-01', 'lt2019'],
  'Organization.type': ['ntwk', 'fac'],
  'Organization.identifier': ['npi|9000000007', '9000000015'],
  'Organization.active': ['true', 'false'],
  'Organization.address-city': ['Hartford', 'Boston'],
  'Organization.address-state': ['CT', 'MA'],
  'Organization.address-postalcode': ['06103-1234', '06104'],
  'Organization.address-country': ['US', 'CA'],
  'Organization.npi': ['9000000007', '9000000015'],
  'OrganizationAffiliation.endpoint': ['e1', 'e2'],
  'OrganizationAffiliation.location': ['loc1', 'area1'],
  'OrganizationAffiliation.network': ['net1', 'net2'],
  'OrganizationAffiliation.participating-organization': ['clinic1', 'payer1'],
  'OrganizationAffiliation.period': ['sa2021', 'eb2021'],
  'OrganizationAffiliation.primary-organization': ['payer1', 'clinic1'],
  'OrganizationAffiliation.role': ['hospital', 'pharmacy'],
  'OrganizationAffiliation.service': ['hs1', 'hs2'],
  'OrganizationAffiliation.specialty': ['207RC0000X', '207R00000X'],
  'OrganizationAffiliation.identifier': ['A1', '|A1'],
  'OrganizationAffiliation.active': ['true', 'false'],
  'OrganizationAffiliation.date': ['le2029-12-31', 'gt2030'],
  'Practitioner.family': ["o'neil", 'neil'],
  'Practitioner.given': ['maria', 'ria'],
  'Practitioner.name': ['md', 'phd'],
  'Practitioner.period': ['le2022', 'gt2029'],
  'Practitioner.identifier': ['http://hl7.org/fhir/sid/us-npi|9000000015', 'http://hl7.org/fhir/sid/us-npi|9000000007'],
  'Practitioner.active': ['true', 'false'],
  'Practitioner.gender': ['http://hl7.org/fhir/administrative-gender|female', 'male'],
  'Practitioner.communication': ['es', 'en'],
  'Practitioner.address': ['06103', '07'],
  'Practitioner.address-city': ['hartford', 'elm'],
  'Practitioner.address-state': ['ct', 'ma'],
  'Practitioner.address-postalcode': ['06103-1234', '1234'],
  'Practitioner.address-country': ['us', 'mx'],
  'Practitioner.npi': ['9000000015', '9000000007'],
  'Practitioner.qualification-code': ['207RC0000X', '207R00000X'],
  'Practitioner.qualification-issuer': ['payer1', 'net1'],
  'PractitionerRole.endpoint': ['e1', 'e2'],
  'PractitionerRole.location': ['loc1', 'area1'],
  'PractitionerRole.network': ['net2', 'payer1'],
  'PractitionerRole.organization': ['clinic1', 'payer1'],
  'PractitionerRole.period': ['ap2022', 'lt2022'],
  'PractitionerRole.practitioner': ['Practitioner/p1', 'Practitioner/p2'],
  'PractitionerRole.role': [`http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/ProviderRoleCS|ph`, 'rn'],
  'PractitionerRole.service': ['HealthcareService/hs1', 'HealthcareService/hs2'],
  'PractitionerRole.specialty': ['http://nucc.org/provider-taxonomy|207RC0000X', 'http://nucc.org|207RC0000X'],
  'PractitionerRole.identifier': ['|R-1', 'urn:x|R-1'],
  'PractitionerRole.active': ['true', 'false'],
  'PractitionerRole.date': ['ge2021-10-25', 'eb2021-10-25'],
  'HealthcareService.name-like': ['hart care', 'foot care'],
  'HealthcareService.specialty-like': ['heart doctor', 'foot doctor'],
  'InsurancePlan.name-like': ['golden oak', 'silver oak'],
  'Location.name-like': ['elm way', 'oak way'],
  'Organization.name-like': ['clinica san jose', 'hospital general'],
  'OrganizationAffiliation.specialty-like': ['corazón', 'pie'],
  'Practitioner.name-like': ['maria oneill', 'mario rossi'],
  'PractitionerRole.specialty-like': ['cardioligist', 'dentist'],
};

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
});
afterAll(() => d.close());

const all = DIRECTORY_TYPES.flatMap((type) => [...(PARAMETERS.get(type)?.values() ?? [])]);
const keyed = (type: string) => FIXTURE.filter((r) => r.resourceType === type).map((r) => keyOf(r));

test('the cases are the table', () => {
  expect(Object.keys(CASES).sort()).toEqual(all.map((p) => `${p.type}.${p.code}`).sort());
});

test.each(all.map((p) => [p.type, p.code] as const))('%s?%s', async (type, code) => {
  const [found, missed] = CASES[`${type}.${code}`] ?? ['', ''];
  const hits = await d.find(`${type}?${code}=${encodeURIComponent(found)}`);
  expect(hits.length).toBeGreaterThan(0);
  expect(keyed(type)).toEqual(expect.arrayContaining(hits));
  expect(await d.find(`${type}?${code}=${encodeURIComponent(missed)}`)).toEqual([]);
  if (all.find((p) => p.type === type && p.code === code)?.modifiers.includes('missing')) {
    const without = await d.find(`${type}?${code}:missing=true`);
    expect([...(await d.find(`${type}?${code}:missing=false`)), ...without].sort()).toEqual(keyed(type).sort());
    expect(without).not.toEqual(expect.arrayContaining(hits));
  }
  // in combination with another
  expect((await d.find(`${type}?${code}=${encodeURIComponent(found)}&_lastUpdated=gt2015-01-01`)).sort()).toEqual(
    hits.sort(),
  );
  expect(await d.find(`${type}?${code}=${encodeURIComponent(found)}&_id=nobody`)).toEqual([]);
});

test.each(
  all.filter((p) => p.modifiers.includes('text') || p.modifiers.includes('not')).map((p) => [p.type, p.code] as const),
)('%s?%s with :not and :text', async (type, code) => {
  const [found] = CASES[`${type}.${code}`] ?? ['', ''];
  const hits = await d.find(`${type}?${code}=${encodeURIComponent(found)}`);
  const others = await d.find(`${type}?${code}:not=${encodeURIComponent(found)}`);
  expect([...hits, ...others].sort()).toEqual(keyed(type).sort());
  expect(others).not.toEqual(expect.arrayContaining(hits));
  if (all.find((p) => p.type === type && p.code === code)?.modifiers.includes('text'))
    expect(await d.find(`${type}?${code}:text=zzz`)).toEqual([]);
});

const references = all.filter((p) => p.kind === 'reference');

test.each(references.map((p) => [p.type, p.code, p] as const))('_include %s:%s', async (type, code, p) => {
  const bundle = await body(await d.get(`${type}?_include=${type}:${code}`));
  const expected = new Set(
    FIXTURE.filter((r) => r.resourceType === type).flatMap((r) =>
      p.paths
        .flatMap((path) => path(r))
        .map((v) => String((v as { reference: string }).reference).replace(/^https:.*\/fhir\//, '')),
    ),
  );
  const stored = new Set(FIXTURE.map((r) => keyOf(r)));
  const matched = new Set(ids(bundle, 'match'));
  expect(ids(bundle, 'include').sort()).toEqual([...expected].filter((k) => stored.has(k) && !matched.has(k)).sort());
  expect(bundle.total).toBe(matched.size);
});

test.each(references.flatMap((p) => p.targets.map((t) => [t, p.type, p.code, p] as const)))(
  '%s with _revinclude %s:%s',
  async (target, type, code, p) => {
    const bundle = await body(await d.get(`${target}?_revinclude=${type}:${code}`));
    const matched = new Set(ids(bundle, 'match'));
    const expected = FIXTURE.filter((r) => r.resourceType === type && p.paths.some((path) => path(r).length > 0))
      .map((r) => keyOf(r))
      .filter((k) => !matched.has(k));
    expect(ids(bundle, 'include').sort()).toEqual(expected.sort());
  },
);

test('the guide’s includes are all known', () => {
  const forward = DIRECTORY_TYPES.flatMap((t) => forwardParameters(t)).filter((p) => p.origin === 'SHALL');
  expect(forward.length).toBe(26);
  expect(reverseParameters('Organization').filter((p) => p.origin === 'SHALL').length).toBeGreaterThanOrEqual(8);
});
