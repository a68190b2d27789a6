import { describe, expect, test } from 'vitest';
import { withCheckDigit } from '../../../src/fhir/npi.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { PLAN_NET_PROFILES } from '../../../src/fhir/validate/plan-net.ts';
import { type ValidateOptions, validate } from '../../../src/fhir/validate/validate.ts';

const PN = 'http://hl7.org/fhir/us/davinci-pdex-plan-net';
const NPI = 'http://hl7.org/fhir/sid/us-npi';
const NUCC = 'http://nucc.org/provider-taxonomy';
const npi = withCheckDigit('912345678');
const code = (system: string, value: string) => ({
  coding: [{ system: system.includes('/') ? system : `${PN}/CodeSystem/${system}`, code: value }],
});
const ref = (reference: string) => ({ reference });
const url = (name: string) => `${PN}/StructureDefinition/${name}`;

const newPatients = (...parts: JsonObject[]) => ({
  url: url('newpatients'),
  extension: [{ url: 'acceptingPatients', valueCodeableConcept: code('AcceptingPatientsCS', 'newpt') }, ...parts],
});

/** One resource per profile that meets it. */
const VALID: Record<string, JsonObject> = {
  Endpoint: {
    resourceType: 'Endpoint',
    status: 'active',
    connectionType: {
      system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type',
      code: 'hl7-fhir-rest',
    },
    payloadType: [code('EndpointPayloadTypeCS', 'NA')],
    address: 'https://ehr.example/fhir',
  },
  HealthcareService: {
    resourceType: 'HealthcareService',
    active: true,
    category: [code('HealthcareServiceCategoryCS', 'outpat')],
    specialty: [code(NUCC, '207R00000X')],
    extension: [
      newPatients({ url: 'fromNetwork', valueReference: ref('Organization/n') }),
      {
        url: url('delivery-method'),
        extension: [
          { url: 'type', valueCodeableConcept: code('DeliveryMethodCS', 'virtual') },
          { url: 'virtualModalities', valueCodeableConcept: code('VirtualModalitiesCS', 'video') },
        ],
      },
    ],
  },
  InsurancePlan: {
    resourceType: 'InsurancePlan',
    name: 'Plan',
    status: 'active',
    type: [code('InsuranceProductTypeCS', 'mediadv')],
    ownedBy: ref('Organization/p'),
    administeredBy: ref('Organization/p'),
    plan: [{ type: code('InsurancePlanTypeCS', 'gold'), network: [ref('Organization/n')] }],
  },
  Location: {
    resourceType: 'Location',
    status: 'active',
    name: 'Main',
    address: { line: ['1 Main St'], city: 'Salem', state: 'MA', postalCode: '01970-1234' },
    position: { longitude: -70.9, latitude: 42.5 },
  },
  Network: {
    resourceType: 'Organization',
    active: true,
    type: [code('OrgTypeCS', 'ntwk')],
    name: 'Network',
    partOf: ref('Organization/p'),
  },
  Organization: {
    resourceType: 'Organization',
    active: true,
    type: [code('OrgTypeCS', 'fac')],
    name: 'Hospital',
    identifier: [{ system: NPI, value: npi }],
    telecom: [{ system: 'phone', value: '(617) 555-0101 x12', use: 'work' }],
    address: [{ line: ['1 Main St'], postalCode: '01970' }],
  },
  OrganizationAffiliation: {
    resourceType: 'OrganizationAffiliation',
    active: true,
    organization: ref('Organization/h'),
    code: [code('OrganizationAffiliationRoleCS', 'hospital')],
    specialty: [code(NUCC, '282N00000X')],
  },
  Practitioner: {
    resourceType: 'Practitioner',
    active: true,
    identifier: [{ system: NPI, value: npi }],
    name: [{ family: 'Roe' }],
    qualification: [
      {
        code: code(NUCC, '207R00000X'),
        extension: [
          {
            url: url('practitioner-qualification'),
            extension: [
              { url: 'status', valueCode: 'active' },
              { url: 'whereValid', valueCodeableConcept: code('https://www.usps.com/', 'MA') },
            ],
          },
        ],
      },
    ],
  },
  PractitionerRole: {
    resourceType: 'PractitionerRole',
    active: true,
    practitioner: ref('Practitioner/p'),
    code: [code('ProviderRoleCS', 'ph')],
    specialty: [code(NUCC, '207R00000X')],
    telecom: [{ system: 'phone', value: '617-555-0102' }],
    extension: [newPatients(), { url: url('network-reference'), valueReference: ref('Organization/n') }],
  },
};

/** A valid resource with members replaced (undefined removes) that claims its profile. */
function claiming(name: string, change: Record<string, unknown> = {}): JsonObject {
  const resource = { ...VALID[name], ...change, meta: { profile: [`${url(`plannet-${name}`)}|1.2.0`] } };
  return JSON.parse(JSON.stringify(resource)) as JsonObject;
}
const issues = (resource: JsonObject, options: ValidateOptions = {}) =>
  validate(resource, options).map((i) => `${i.code} ${i.path.slice(i.path.indexOf('.') + 1)}`);

test('there is a valid sample of each profile', () => {
  expect(Object.keys(PLAN_NET_PROFILES).sort()).toEqual(
    Object.keys(VALID)
      .map((n) => url(`plannet-${n}`))
      .sort(),
  );
  for (const name of Object.keys(VALID)) {
    expect(issues(claiming(name)), name).toEqual([]);
    expect(issues(VALID[name] ?? {}, { profiles: 'plan-net' }), name).toEqual([]);
  }
});

describe('what a profile demands is a finding when it is broken', () => {
  const home = { use: 'home' };
  test.each<[string, string, Record<string, unknown>, string[]]>([
    ['Endpoint', 'not active', { status: 'off' }, ['profile-fixed status']],
    [
      'Endpoint',
      'two payload types',
      { payloadType: [code('EndpointPayloadTypeCS', 'NA'), { text: 'x' }] },
      ['profile-max payloadType'],
    ],
    [
      'Endpoint',
      'an unknown code of its own system',
      { connectionType: { system: `${PN}/CodeSystem/EndpointConnectionTypeCS`, code: 'x' } },
      ['profile-binding connectionType'],
    ],
    [
      'Endpoint',
      'another system, which an extensible binding admits',
      { connectionType: { system: 'http://x.example', code: 'x' } },
      [],
    ],
    ['HealthcareService', 'no category', { category: undefined }, ['profile-required category']],
    ['HealthcareService', 'inactive', { active: false }, ['profile-fixed active']],
    ['HealthcareService', 'no active', { active: undefined }, ['profile-required active']],
    [
      'HealthcareService',
      'a specialty of another system',
      { specialty: [code('http://x.example', '207R00000X')] },
      ['profile-binding specialty'],
    ],
    [
      'HealthcareService',
      'a specialty of the wrong shape',
      { specialty: [code(NUCC, '207R')] },
      ['profile-binding specialty'],
    ],
    [
      'HealthcareService',
      'a specialty that the value set leaves out',
      { specialty: [code(NUCC, '2865C1500X')] },
      ['profile-binding specialty'],
    ],
    ['HealthcareService', 'one that only services may have', { specialty: [code(NUCC, '202D00000X')] }, []],
    [
      'PractitionerRole',
      'a specialty that only services may have',
      { specialty: [code(NUCC, '202D00000X')] },
      ['profile-binding specialty'],
    ],
    ['InsurancePlan', 'no owner', { ownedBy: undefined }, ['profile-required ownedBy']],
    ['InsurancePlan', 'no network', { plan: undefined }, ['network-or-plan-Network InsurancePlan']],
    ['InsurancePlan', 'networks of the plan itself', { plan: undefined, network: [ref('Organization/n')] }, []],
    [
      'InsurancePlan',
      'the same type twice',
      {
        network: [ref('Organization/n')],
        plan: [{ type: code('InsurancePlanTypeCS', 'gold') }, { type: code('InsurancePlanTypeCS', 'gold') }],
      },
      ['plan-type-is-distinct InsurancePlan'],
    ],
    ['InsurancePlan', 'neither name nor identifier', { name: undefined }, ['ipn-1 InsurancePlan']],
    [
      'InsurancePlan',
      'a type that is not in the list',
      { type: [code('InsuranceProductTypeCS', 'medicare')] },
      ['profile-binding type'],
    ],
    ['Location', 'a mode', { mode: 'instance' }, ['profile-prohibited mode']],
    ['Location', 'no name', { name: undefined }, ['profile-required name']],
    ['Location', 'five address lines', { address: { line: ['1', '2', '3', '4', '5'] } }, ['profile-max address.line']],
    [
      'Location',
      'nine digits without a dash',
      { address: { postalCode: '019701234' } },
      ['odd-postal-code address.postalCode'],
    ],
    ['Location', 'a foreign postal code', { address: { postalCode: 'K1A 0B1', country: 'CA' } }, []],
    ['Network', 'a telecom', { telecom: [{ system: 'email', value: 'a@x.example' }] }, ['profile-prohibited telecom']],
    ['Network', 'no partOf', { partOf: undefined }, ['profile-required partOf']],
    ['Network', 'a type that is no network', { type: [code('OrgTypeCS', 'fac')] }, ['profile-binding type']],
    ['Organization', 'no address', { address: undefined }, ['profile-required address']],
    ['Organization', 'a network as type', { type: [code('OrgTypeCS', 'ntwk')] }, ['profile-binding type']],
    ['Organization', 'a home address', { address: [home] }, ['org-2 address']],
    ['Organization', 'a home telecom', { telecom: [home] }, ['org-3 telecom']],
    [
      'Organization',
      'neither name nor identifier',
      { name: undefined, identifier: undefined },
      ['org-1 Organization', 'profile-required name'],
    ],
    [
      'Organization',
      'a CLIA number',
      { identifier: [{ system: 'urn:oid:2.16.840.1.113883.4.7', value: '22D1234567' }] },
      [],
    ],
    [
      'Organization',
      'a bad CLIA number',
      { identifier: [{ system: 'urn:oid:2.16.840.1.113883.4.7', value: '22X1234567' }] },
      ['us-core-18 identifier[0].value'],
    ],
    [
      'Organization',
      'a bad NAIC code',
      { identifier: [{ system: 'urn:oid:2.16.840.1.113883.6.300', value: '1234' }] },
      ['us-core-19 identifier[0].value'],
    ],
    [
      'Organization',
      'a phone that nobody can dial',
      { telecom: [{ system: 'phone', value: '1-117-555-0101' }] },
      ['odd-phone telecom[0].value'],
    ],
    [
      'Organization',
      'a phone with country code',
      { telecom: [{ system: 'phone', value: 'tel:+1-617-555-0101;ext=5' }] },
      [],
    ],
    ['Organization', 'a phone of another country', { telecom: [{ system: 'phone', value: '+44 20 7946 0000' }] }, []],
    [
      'OrganizationAffiliation',
      'no organization',
      { organization: undefined },
      ['organization-or-participatingOrganization OrganizationAffiliation'],
    ],
    [
      'OrganizationAffiliation',
      'a role that is not in the list',
      { code: [code('OrganizationAffiliationRoleCS', 'x')] },
      ['profile-binding code'],
    ],
    [
      'Practitioner',
      'an NPI with nine digits',
      { identifier: [{ system: NPI, value: '123456789' }] },
      ['us-core-16 identifier[0].value'],
    ],
    [
      'Practitioner',
      'an NPI that fails its check digit',
      { identifier: [{ system: NPI, value: '1234567890' }] },
      ['us-core-17 identifier[0].value'],
    ],
    [
      'Practitioner',
      'an identifier without system',
      { identifier: [{ value: 'x' }] },
      ['profile-required identifier[0].system'],
    ],
    ['Practitioner', 'no family name', { name: [{ text: 'Roe' }] }, ['profile-required name[0].family']],
    ['PractitionerRole', 'nobody', { practitioner: undefined }, ['us-core-13 PractitionerRole']],
    ['PractitionerRole', 'no way to reach', { telecom: undefined }, ['pd-1 PractitionerRole']],
    [
      'PractitionerRole',
      'a telecom without value',
      { telecom: [{ system: 'phone' }] },
      ['profile-required telecom[0].value'],
    ],
    [
      'PractitionerRole',
      'a role of another system',
      { code: [code('http://x.example', 'ph')] },
      ['profile-binding code'],
    ],
    [
      'PractitionerRole',
      'a role of HL7',
      { code: [code('http://terminology.hl7.org/CodeSystem/practitioner-role', 'doctor')] },
      [],
    ],
    [
      'PractitionerRole',
      'an organization that is a person',
      { organization: ref('Practitioner/p') },
      ['reference-target organization.reference'],
    ],
    [
      'PractitionerRole',
      'two networks',
      { extension: [1, 2].map((n) => ({ url: url('network-reference'), valueReference: ref(`Organization/${n}`) })) },
      ['profile-max extension'],
    ],
  ])('%s: %s', (name, _, change, expected) => {
    expect(issues(claiming(name, change))).toEqual(expected);
    expect(validate(claiming(name, change)).every((i) => i.severity === 'finding')).toBe(true);
    expect(issues(claiming(name, change), { profiles: 'none' })).toEqual([]);
  });
});

describe('the content of extensions', () => {
  const accepting = (value: string) => ({
    url: 'acceptingPatients',
    valueCodeableConcept: code('AcceptingPatientsCS', value),
  });
  test.each<[string, JsonObject, string[]]>([
    ['an unknown url', { url: 'http://x.example', valueCode: 'x' }, []],
    [
      'the wrong type of value',
      { url: url('network-reference'), valueString: 'x' },
      ['profile-extension extension[0]'],
    ],
    [
      'a mandatory part is missing',
      { url: url('newpatients'), extension: [{ url: 'characteristics', valueString: 'x' }] },
      ['profile-extension extension[0].extension'],
    ],
    [
      'an unknown part',
      { url: url('newpatients'), extension: [accepting('newpt'), { url: 'x', valueString: 'x' }] },
      ['profile-extension extension[0].extension'],
    ],
    [
      'a part repeats',
      { url: url('newpatients'), extension: [accepting('newpt'), accepting('newpt')] },
      ['profile-extension extension[0].extension'],
    ],
    [
      'a code that is not in the list',
      { url: url('newpatients'), extension: [accepting('maybe')] },
      ['profile-binding extension[0].valueCodeableConcept'],
    ],
    [
      'characteristics although closed',
      { url: url('newpatients'), extension: [accepting('nopt'), { url: 'characteristics', valueString: 'x' }] },
      ['new-patients-characteristics extension[0].extension'],
    ],
    [
      'a status that is not the fixed one',
      {
        url: url('qualification'),
        extension: [
          { url: 'code', valueCodeableConcept: { text: 'x' } },
          { url: 'status', valueCode: 'revoked' },
        ],
      },
      ['profile-fixed extension[0].valueCode'],
    ],
    [
      'a geolocation with one number',
      { url: 'http://hl7.org/fhir/StructureDefinition/geolocation', extension: [{ url: 'latitude', valueDecimal: 1 }] },
      ['profile-extension extension[0].extension'],
    ],
  ])('%s', (_, extension, expected) => {
    expect(issues({ resourceType: 'Basic', code: { text: 'x' }, extension: [extension] })).toEqual(expected);
  });
});

test('a taxonomy replaces the check by shape', () => {
  const taxonomy = new Set(['207R00000X']);
  expect(issues(claiming('PractitionerRole'), { taxonomy })).toEqual([]);
  const other = claiming('PractitionerRole', { specialty: [code(NUCC, '999R00000X')] });
  expect(issues(other)).toEqual([]);
  expect(issues(other, { taxonomy })).toEqual(['profile-binding specialty']);
});

test('a profile is checked when it is claimed, when it is due, and once when both', () => {
  const plain = { ...VALID['Location'], name: undefined, mode: 'kind' };
  const resource = JSON.parse(JSON.stringify(plain)) as JsonObject;
  const broken = ['profile-required name', 'profile-prohibited mode'];
  expect(issues(resource)).toEqual([]);
  expect(issues(resource, { profiles: 'plan-net' })).toEqual(broken);
  expect(issues(claiming('Location', plain), { profiles: 'plan-net' })).toEqual(broken);
  expect(issues({ ...resource, meta: { profile: ['http://x.example/unknown'] } })).toEqual([]);
  expect(issues({ ...resource, meta: { profile: [url('plannet-Endpoint')] } })).toEqual(['profile-type meta.profile']);
});
