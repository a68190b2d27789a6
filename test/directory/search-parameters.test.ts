// Every parameter of the table finds its resource by a value taken from the resource, and does not find it by another.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { extract } from '../../src/fhir/search/extract.ts';
import { forwardParameters, reverseParameters } from '../../src/fhir/search/include.ts';
import { PARAMETERS } from '../../src/fhir/search/parameters.ts';
import { tokenTexts } from '../../src/fhir/search/token.ts';
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
  'Practitioner.communication': ['urn:ietf:bcp:47|ES', 'en'],
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
  'PractitionerRole.place': ['loc1', 'area1'],
  // an empty value finds nothing of the fixture: no resource of the type has one
  'HealthcareService.new-patient': ['newpt', 'nopt'],
  'HealthcareService.new-patient-from-network': ['net1', 'net2'],
  'HealthcareService.new-patient-and-from-network': ['newpt$net1', 'nopt$net1'],
  'HealthcareService.virtual-modality': ['video', 'phone'],
  'HealthcareService.open-at': ['sat', 'sun'],
  'InsurancePlan.active-on': ['2027-06-01', '2028-01-01'],
  'Location.new-patient': ['http://terminology.hl7.org/CodeSystem/accepting-patients|newpt', 'existptonly'],
  'Location.new-patient-from-network': ['Organization/net1', 'Organization/net2'],
  'Location.new-patient-and-from-network': ['nopt$Organization/net1', 'newpt$Organization/net1'],
  'Location.near': ['41.7|-72.6|1|km', '40.7|-72.6|1|mi'],
  'Location.near-zip': ['06103|10|mi', '10001|10|mi'],
  'Location.contains': ['41.2|-72.5', '41.5|-72.5'],
  'Location.open-at': ['mon|01:59', 'mon|02:00'],
  'Organization.active-on': ['2020-01-01', '1970-01-01'],
  'OrganizationAffiliation.active-on': ['2029-12-31', '2030-01-01'],
  'OrganizationAffiliation.npi': ['9000000007', '9000000015'],
  'OrganizationAffiliation.telecom': ['desk@clinic.example', '8605550102'],
  'OrganizationAffiliation.phone': ['860-555-0101', '5550101'],
  'OrganizationAffiliation.email': ['DESK@clinic.example', 'clinic.example'],
  'Practitioner.active-on': ['2021-05-01', '2021-04-30'],
  'Practitioner.telecom': ['phone|8605550101', 'fax|8605550101'],
  'Practitioner.phone': ['tel:+1-860-555-0101', '8605550199'],
  'Practitioner.email': ['desk@clinic.example', 'a@clinic.example'],
  'PractitionerRole.new-patient': ['newpt', 'nopt'],
  'PractitionerRole.new-patient-from-network': ['net2', 'payer1'],
  'PractitionerRole.new-patient-and-from-network': [
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem/AcceptingPatientsCS|newpt$net1',
    'newpt$payer1',
  ],
  'PractitionerRole.active-on': ['2023-01-01', '2021-12-31'],
  'PractitionerRole.npi': ['9000000015', '9000000007'],
  'PractitionerRole.open-at': ['sun|09:00', 'sun|12:00'],
  'PractitionerRole.telecom': ['email|desk@clinic.example', 'desk@other.example'],
  'PractitionerRole.phone': ['(860) 555 0101', '1'],
  'PractitionerRole.email': ['desk@clinic.example', 'x@clinic.example'],
  'VerificationResult.target': ['PractitionerRole/r1', 'PractitionerRole/r2'],
  'VerificationResult.status': ['validated', 'attested'],
  'VerificationResult.attestation-who': ['Organization/payer1', 'Practitioner/payer1'],
  'VerificationResult.primarysource-type': ['lic-board', 'auth-source'],
  'VerificationResult.primarysource-validation-status': ['successful', 'failed'],
  'VerificationResult.status-date': ['2027-02', '2027-03'],
  'Endpoint.verification-status': ['incomplete', 'complete'],
  'Endpoint.stale': ['true', 'false'],
  'Endpoint.last-verified': ['', 'gt2000'],
  'Endpoint._tag': ['', 'x'],
  'Endpoint._source': ['', 'urn:x'],
  'Endpoint._profile': ['', 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-Endpoint'],
  'HealthcareService.verification-status': ['incomplete', 'complete'],
  'HealthcareService.stale': ['true', 'false'],
  'HealthcareService.last-verified': ['', 'gt2000'],
  'HealthcareService._tag': ['', 'x'],
  'HealthcareService._source': ['', 'urn:x'],
  'HealthcareService._profile': [
    '',
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-HealthcareService',
  ],
  'InsurancePlan.verification-status': ['not-required', 'complete'],
  'InsurancePlan.stale': ['true', 'false'],
  'InsurancePlan.last-verified': ['', 'gt2000'],
  'InsurancePlan._tag': ['', 'x'],
  'InsurancePlan._source': ['', 'urn:x'],
  'InsurancePlan._profile': [
    '',
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-InsurancePlan',
  ],
  'Location.verification-status': ['incomplete', 'complete'],
  'Location.stale': ['true', 'false'],
  'Location.last-verified': ['2026-06', '2027-02'],
  'Location._tag': ['', 'x'],
  'Location._source': ['', 'urn:x'],
  'Location._profile': ['', 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-Location'],
  'Organization.verification-status': ['incomplete', 'complete'],
  'Organization.stale': ['true', 'false'],
  'Organization.last-verified': ['', 'gt2000'],
  'Organization._tag': ['', 'x'],
  'Organization._source': ['', 'urn:x'],
  'Organization._profile': [
    '',
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-Organization',
  ],
  'OrganizationAffiliation.verification-status': ['incomplete', 'complete'],
  'OrganizationAffiliation.stale': ['true', 'false'],
  'OrganizationAffiliation.last-verified': ['', 'gt2000'],
  'OrganizationAffiliation._tag': ['', 'x'],
  'OrganizationAffiliation._source': ['', 'urn:x'],
  'OrganizationAffiliation._profile': [
    '',
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-OrganizationAffiliation',
  ],
  'Practitioner.verification-status': ['complete', 'not-required'],
  'Practitioner.stale': ['false', 'true'],
  'Practitioner.last-verified': ['ge2027-02-01', 'ge2027-02-02'],
  'Practitioner._tag': ['', 'x'],
  'Practitioner._source': ['', 'urn:x'],
  'Practitioner._profile': [
    '',
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-Practitioner',
  ],
  'PractitionerRole.verification-status': ['complete', 'not-required'],
  'PractitionerRole.stale': ['false', 'true'],
  'PractitionerRole.last-verified': ['2027-02-01', '2026-06-01'],
  'PractitionerRole._tag': ['urn:tag|peer', 'urn:tag|own'],
  'PractitionerRole._source': ['https://peer.example/fhir#a1', 'https://peer.example/fhir'],
  'PractitionerRole._profile': [
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-PractitionerRole',
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-Practitioner',
  ],
  'VerificationResult._tag': ['', 'x'],
  'VerificationResult._source': ['', 'urn:x'],
  'VerificationResult._profile': [
    '',
    'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-VerificationResult',
  ],
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
  if (found === '') expect(hits.sort()).toEqual(keyed(type).sort());
  else expect(hits.length).toBeGreaterThan(0);
  expect(keyed(type)).toEqual(expect.arrayContaining(hits));
  const others = await d.find(`${type}?${code}=${encodeURIComponent(missed)}`);
  // what has no period runs on any day
  expect(others).toEqual(code === 'active-on' ? others.filter((key) => key !== 'Organization/payer1') : []);
  if (all.find((p) => p.type === type && p.code === code)?.modifiers.includes('missing')) {
    const without = await d.find(`${type}?${code}:missing=true`);
    expect([...(await d.find(`${type}?${code}:missing=false`)), ...without].sort()).toEqual(keyed(type).sort());
    if (found !== '') expect(without).not.toEqual(expect.arrayContaining(hits));
    else expect(without.sort()).toEqual(keyed(type).sort());
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
  if (found === '') return;
  const hits = await d.find(`${type}?${code}=${encodeURIComponent(found)}`);
  const others = await d.find(`${type}?${code}:not=${encodeURIComponent(found)}`);
  expect([...hits, ...others].sort()).toEqual(keyed(type).sort());
  expect(others).not.toEqual(expect.arrayContaining(hits));
  if (all.find((p) => p.type === type && p.code === code)?.modifiers.includes('text'))
    expect(await d.find(`${type}?${code}:text=zzz`)).toEqual([]);
});

test('an element that says anything is not missing, one that says why there is nothing is', () => {
  const has = (practitioner: JsonObject) =>
    extract({ resourceType: 'PractitionerRole', id: 'r', practitioner }, 'https://plan.example').params;
  const { id } = PARAMETERS.get('PractitionerRole')?.get('practitioner') ?? { id: 0 };
  expect(has({ reference: 'Practitioner/x' })).toContain(id);
  expect(has({ display: 'Dr. X' })).toContain(id);
  expect(has({ extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason' }] })).not.toContain(id);
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
    const leads = (r: Resource) =>
      p.paths.flatMap((path) => path(r)).some((v) => JSON.stringify(v).includes(`${target}/`));
    const expected = FIXTURE.filter((r) => r.resourceType === type && leads(r))
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

test('a record of very many names has each of them once, and is read in a time that grows with their number only', () => {
  const name = Array.from({ length: 30_000 }, (_, n) => ({
    family: `Family${n} Rio`,
    given: [`Given${n % 15_000}`, 'Ana'],
  }));
  const e = extract({ resourceType: 'Practitioner', id: 'p', name }, 'https://plan.example');
  const family = PARAMETERS.get('Practitioner')?.get('family')?.id;
  const given = PARAMETERS.get('Practitioner')?.get('given')?.id;
  const of = (id: number | undefined) => e.words.filter((w) => w.param === id).map((w) => w.folded);
  expect([of(family).length, new Set(of(family)).size]).toEqual([30_000, 30_000]);
  expect([of(given).length, new Set(of(given)).size]).toEqual([15_001, 15_001]);
  expect(e.nameWords.length).toBe(new Set(e.nameWords).size);
  expect(e.nameWords).toContain('rio');
  // a word within a family name has a token; one with which it begins is found by the name itself
  expect(e.tokens).toContain('rio');
  expect(e.tokens).not.toContain('family29999');
});

test('a concept of very many codes has each text once, and is read in a moment', () => {
  const coding = Array.from({ length: 200_000 }, (_, i) => ({ display: `what the code is called ${i >> 1}` }));
  expect(tokenTexts({ text: 'all', coding })).toHaveLength(100_001);
});

test('a code that holds a | is found with its system and without, and no system is taken for part of a code', async () => {
  const role = (id: string, system: string | undefined, code: string): Resource => ({
    resourceType: 'PractitionerRole',
    id,
    specialty: [{ coding: [{ ...(system === undefined ? {} : { system }), code }] }],
    identifier: [{ ...(system === undefined ? {} : { system }), value: code }],
  });
  const NUCC = 'http://nucc.org/provider-taxonomy';
  const own = await directory([
    role('usual', NUCC, 'A|b'),
    role('other', 'urn:x', 'a|B'),
    role('none', undefined, 'a|b'),
    role('apart', 'a', 'b'),
  ]);
  try {
    const found = async (query: string) =>
      (await own.find(`PractitionerRole?${query}`)).map((key) => key.split('/')[1]).sort();
    for (const parameter of ['specialty', 'identifier']) {
      expect(await found(`${parameter}=a\\|b`)).toEqual(['none', 'other', 'usual']);
      expect(await found(`${parameter}=|a\\|b`)).toEqual(['none']);
      expect(await found(`${parameter}=urn:x|a\\|b`)).toEqual(['other']);
      expect(await found(`${parameter}=${NUCC}|a\\|b`)).toEqual(['usual']);
      expect(await found(`${parameter}=a|b`)).toEqual(['apart']);
      expect(await found(`${parameter}:not=a\\|b`)).toEqual(['apart']);
    }
  } finally {
    await own.close();
  }
});

test('text in compatibility forms and Greek capitals is found by any of them', async () => {
  const named = (id: string, family: string): Resource => ({ resourceType: 'Practitioner', id, name: [{ family }] });
  const own = await directory([
    named('wide', 'Ｓｍｉｔｈ'),
    named('ligature', 'Ｏﬃce №'),
    named('greek', 'Παπασταθόπουλος'),
    named('short', 'ΠΑΠΑΣ'),
    named('accent', 'Παπάς'),
  ]);
  try {
    const found = async (family: string) =>
      (await own.find(`Practitioner?family=${encodeURIComponent(family)}`)).map((key) => key.split('/')[1]).sort();
    expect(await found('smith')).toEqual(['wide']);
    expect(await found('ＳＭ')).toEqual(['wide']);
    expect(await found('office no')).toEqual(['ligature']);
    for (const family of ['ΠΑΠΑΣ', 'παπας', 'παπασ']) expect(await found(family)).toEqual(['accent', 'greek', 'short']);
    expect(await found('Παπάς')).toEqual(['accent']);
    expect(await own.find(`Practitioner?family:exact=${encodeURIComponent('ΠΑΠΑΣ')}`)).toEqual(['Practitioner/short']);
    expect(await own.find('Practitioner?_sort=family')).toHaveLength(5);
  } finally {
    await own.close();
  }
});

test('_profile without a version is met by a claim of any version; with one, by that alone', async () => {
  const profile = (name: string) => `http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-${name}`;
  const claims = (id: string, ...profiles: string[]): Resource => ({
    resourceType: 'Organization',
    id,
    ...(profiles.length === 0 ? {} : { meta: { profile: profiles } }),
  });
  const own = await directory([
    claims('plain', profile('Organization')),
    claims('v11', `${profile('Organization')}|1.1.0`),
    claims('v12', `${profile('Organization')}|1.2.0`, `${profile('Organization')}|1.2.1`),
    claims('network', `${profile('Network')}|1.1.0`),
    claims('other', 'urn:other|2'),
    claims('none'),
    { resourceType: 'Endpoint', id: 'e', managingOrganization: { reference: 'Organization/v11' } },
  ]);
  try {
    const found = async (query: string) =>
      ids(await body(await own.get(query)), 'match')
        .map((k) => k.split('/')[1])
        .sort();
    const organizations = (value: string) => found(`Organization?${value.replaceAll('|', '%7C')}`);
    expect(await organizations(`_profile=${profile('Organization')}`)).toEqual(['plain', 'v11', 'v12']);
    expect(await organizations(`_profile=${profile('Organization')}|1.1.0`)).toEqual(['v11']);
    expect(await organizations(`_profile=${profile('Organization')}|1.3.0`)).toEqual([]);
    expect(await organizations(`_profile=${profile('Network')}`)).toEqual(['network']);
    expect(await organizations('_profile=urn:other')).toEqual(['other']);
    expect(await organizations(`_profile=${profile('Organization')}|1.2.1,urn:other|2`)).toEqual(['other', 'v12']);
    expect(await organizations(`_profile:below=${profile('Organization')}|1.2`)).toEqual(['v12']);
    expect(await organizations(`_profile:below=${profile('Organization')}|1`)).toEqual(['v11', 'v12']);
    expect(await organizations('_profile:below=http://hl7.org/fhir/us')).toEqual(['network', 'plain', 'v11', 'v12']);
    expect(await organizations('_profile:missing=true')).toEqual(['none']);
    expect(await found(`Endpoint?organization._profile=${profile('Organization')}`)).toEqual(['e']);
    expect(await found(`Endpoint?organization._profile=${profile('Organization')}%7C1.2.0`)).toEqual([]);
    expect((await own.get(`Organization?_profile:not=urn:other`)).status).toBe(400);
  } finally {
    await own.close();
  }
});
