import { describe, expect, test } from 'vitest';
import { auditMpf, type MpfEntry } from '../../../directory/mpf/audit.ts';
import { MPF_CODE_NAMES, MPF_CODES, type MpfCodeName } from '../../../directory/mpf/codes.ts';
import { KeyFlags } from '../../../directory/mpf/key-flags.ts';
import { probeMpf } from '../../../directory/mpf/probe.ts';
import { shapeForMpf } from '../../../directory/mpf/shape.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';

const PN = 'http://hl7.org/fhir/us/davinci-pdex-plan-net';
const NOW = new Date('2027-03-01T00:00:00Z');
const meta = { lastUpdated: '2027-02-20T00:00:00Z' };
const npi = (value: string) => [{ system: 'http://hl7.org/fhir/sid/us-npi', value }];
const type = (code: string) => [{ coding: [{ system: `${PN}/CodeSystem/OrgTypeCS`, code }] }];
const ref = (reference: string) => ({ reference });
const address = { line: ['1 Elm Way'], city: 'Hartford', state: 'CT', postalCode: '06103' };
const telecom = [{ system: 'phone', value: '8605550100' }];
const specialty = [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code: '207R00000X' }] }];
const newPatients = (code: string): JsonObject => ({
  url: `${PN}/StructureDefinition/newpatients`,
  extension: [{ url: 'acceptingPatients', valueCodeableConcept: { coding: [{ code }] } }],
});
const inNetwork = (network: string): JsonObject => ({
  url: `${PN}/StructureDefinition/network-reference`,
  valueReference: ref(network),
});

/** A set without a single finding. */
const CLEAN = (): Record<string, Resource> => ({
  plan: {
    resourceType: 'InsurancePlan',
    id: 'plan',
    meta,
    identifier: [{ system: 'http://cms.gov/medicare/ma-plan-id', value: 'H9901-001-000' }],
    period: { start: '2027-01-01' },
    network: [ref('Organization/net')],
    ownedBy: ref('Organization/payer'),
  },
  payer: { resourceType: 'Organization', id: 'payer', meta, type: type('payer'), name: 'Payer' },
  net: {
    resourceType: 'Organization',
    id: 'net',
    meta,
    type: type('ntwk'),
    name: 'Net',
    partOf: ref('Organization/payer'),
  },
  fac: {
    resourceType: 'Organization',
    id: 'fac',
    meta,
    type: type('fac'),
    name: 'Hospital',
    identifier: npi('9000000007'),
    address: [address],
    telecom,
  },
  person: {
    resourceType: 'Practitioner',
    id: 'p',
    meta,
    identifier: npi('9000000015'),
    name: [{ family: 'Oak', given: ['Ana'] }],
    gender: 'female',
    communication: [{ coding: [{ code: 'en' }] }],
  },
  role: {
    resourceType: 'PractitionerRole',
    id: 'r',
    meta,
    extension: [inNetwork('Organization/net'), newPatients('newpt')],
    practitioner: ref('Practitioner/p'),
    location: [ref('Location/l')],
    specialty,
    telecom,
  },
  place: { resourceType: 'Location', id: 'l', meta, address },
  affiliation: {
    resourceType: 'OrganizationAffiliation',
    id: 'a',
    meta,
    organization: ref('Organization/fac'),
    network: [ref('Organization/net')],
    location: [ref('Location/l')],
    specialty,
    telecom,
  },
});
const INDEX = '{"provider_urls":["https://plan.example/InsurancePlan-001.json"]}';

type Change = (
  r: ReturnType<typeof CLEAN>,
  i: { index: string; sizes: number[]; extra: MpfEntry[]; contract: string },
) => void;
const edit =
  (name: string, change: (r: Resource) => void): Change =>
  (r) =>
    change(r[name] ?? { resourceType: '' });
const put = (name: string, element: string, value: Resource[string]): Change =>
  edit(name, (r) => {
    r[element] = value;
  });

/** One fault each, by the code that must name it. */
const FAULTS: Partial<Record<MpfCodeName, Change>> = {
  C4004: (_, i) => {
    i.index = '{';
  },
  C4012: (_, i) => {
    i.index = '{"provider_urls":[]}';
  },
  C4013: (_, i) => {
    i.index = '["https://plan.example/a.json"]';
  },
  C4014: (_, i) => {
    i.index = '{"provider_urls":["http://plan.example/a.json"]}';
  },
  C4015: (r) => {
    delete r['plan'];
  },
  C4017: (_, i) => {
    i.extra.push({ file: 'f', entry: { resource: { resourceType: 'Patient', id: '1' } } });
  },
  C4018: (_, i) => {
    i.extra.push({ file: 'f', fault: 'C4018' });
  },
  C4019: (_, i) => {
    i.sizes = [300_000_001];
  },
  N3006: (_, i) => {
    i.contract = 'H9902';
  },
  N3015: (_, i) => {
    i.extra.push({ file: 'f', fault: 'N3015' });
  },
  P1017: (r) => {
    delete r['role'];
    delete r['affiliation'];
  },
  A2001: (r) => {
    r['bare'] = { resourceType: 'Location', id: 'bare', meta };
    put('role', 'location', [ref('Location/bare')])(r, { index: '', sizes: [], extra: [], contract: '' });
  },
  F5001: put('affiliation', 'network', []),
  F5002: put('affiliation', 'organization', undefined),
  F5003: put('role', 'practitioner', undefined),
  F5004: put('role', 'location', []),
  F5005: put('affiliation', 'network', [ref('Organization/net'), ref('Organization/fac')]),
  F5006: put('affiliation', 'organization', ref('Organization/none')),
  F5007: put('role', 'practitioner', ref('Practitioner/none')),
  F5008: put('role', 'location', [ref('Location/l'), ref('Location/none')]),
  F5009: put('person', 'identifier', [...npi('9000000015'), ...npi('9000000023')]),
  N3001: put('plan', 'identifier', [{ system: 'urn:x', value: 'H9901-001-000' }]),
  N3002: put('plan', 'identifier', [{ system: 'http://cms.gov/medicare/ma-plan-id', value: 'H9901-001' }]),
  N3003: (r) => {
    r['extra'] = {
      ...CLEAN()['plan'],
      resourceType: 'InsurancePlan',
      id: 'plan2',
      network: [ref('Organization/net2')],
    };
    r['net2'] = { ...CLEAN()['net'], resourceType: 'Organization', id: 'net2' };
  },
  N3004: put('plan', 'period', {}),
  N3005: put('plan', 'period', { start: '2026-01-01' }),
  N3014: put('plan', 'identifier', [
    { system: 'http://cms.gov/medicare/ma-plan-id', value: 'H9901-001-000' },
    { system: 'http://cms.gov/medicare/ma-plan-id', value: 'H9902-001-000' },
  ]),
  P1001: put('person', 'identifier', []),
  P1016: (r) => {
    r['net2'] = { ...CLEAN()['net'], resourceType: 'Organization', id: 'net2' };
    edit('role', (role) => {
      role['extension'] = [inNetwork('Organization/net2'), newPatients('newpt')];
    })(r, { index: '', sizes: [], extra: [], contract: '' });
  },
  P1004: put('fac', 'type', type('prvgrp')),
  P1006: put('person', 'name', [{ family: 'Oak' }]),
  P1007: put('person', 'name', [{ given: ['Ana'] }]),
  P1008: put('fac', 'name', ' '),
  P1009: put('role', 'specialty', []),
  P1010: put('person', 'gender', undefined),
  P1011: put('person', 'communication', []),
  P1012: put('role', 'extension', [inNetwork('Organization/net')]),
  P1013: put('place', 'meta', {}),
  P1014: put('place', 'meta', { lastUpdated: '2027-03-02T00:00:00Z' }),
  P1018: put('role', 'extension', [inNetwork('Organization/net'), newPatients('existptfam')]),
  A2002: put('place', 'address', { ...address, city: '' }),
  A2003: put('place', 'address', { ...address, state: '' }),
  A2004: put('place', 'address', { ...address, state: 'ct' }),
  A2005: put('place', 'address', { ...address, postalCode: '' }),
  A2008: put('place', 'address', { ...address, postalCode: '10001' }),
  A2006: put('place', 'address', { ...address, postalCode: '06103-1234' }),
  A2007: put('place', 'address', { ...address, line: [] }),
  A2009: put('role', 'telecom', []),
  A2010: put('role', 'telecom', [{ system: 'phone', value: '860-555-0100' }]),
  C4010: put('place', 'meta', { lastUpdated: '2027-01-01T00:00:00Z' }),
};

async function audit(change?: Change) {
  const set = CLEAN();
  const input = { index: INDEX, sizes: [1000], extra: [] as MpfEntry[], contract: 'H9901' };
  change?.(set, input);
  const seen: string[] = [];
  const result = await auditMpf({
    ...input,
    year: 2027,
    now: NOW,
    allowHttp: false,
    entries: async function* () {
      for (const resource of Object.values(set)) yield { file: 'f', entry: { fullUrl: 'x', resource } };
      yield* input.extra;
    },
    onFinding: (f) => void seen.push(f.code),
  });
  return { ...result, seen };
}

describe('the 68 codes', () => {
  test('16 fatal, 24 of records, 28 remarks', () => {
    const of = (level: string) => MPF_CODE_NAMES.filter((c) => MPF_CODES[c].level === level).length;
    expect([MPF_CODE_NAMES.length, of('fatal'), of('record'), of('advisory')]).toEqual([68, 16, 24, 28]);
  });

  test('a clean set has no finding', async () => {
    expect(await audit()).toMatchObject({ counts: {}, fatal: false, seen: [] });
  });

  test('every code that is judged on the files has its fault here', () => {
    expect(Object.keys(FAULTS).sort()).toEqual(MPF_CODE_NAMES.filter((c) => MPF_CODES[c].how === 'files').sort());
  });

  test.each(Object.keys(FAULTS) as MpfCodeName[])('%s', async (code) => {
    const { counts, fatal, seen } = await audit(FAULTS[code]);
    expect(counts[code]).toBe(1);
    expect(seen.filter((c) => c === code)).toHaveLength(1);
    expect(fatal).toBe(seen.some((c) => MPF_CODES[c as MpfCodeName].level === 'fatal'));
    if (MPF_CODES[code].level === 'fatal') expect(fatal).toBe(true);
  });
});

describe('the shape of the files', () => {
  const context = {
    contract: 'H9901',
    base: 'https://plan.example/directory/fhir',
    networks: new Set(['Organization/net']),
  };

  test('the facility of an affiliation stands in organization; foreign networks and other references leave', () => {
    const shaped = shapeForMpf(
      {
        resourceType: 'OrganizationAffiliation',
        id: 'a',
        organization: ref('Organization/payer'),
        participatingOrganization: ref('https://plan.example/directory/fhir/Organization/fac'),
        network: [ref('Organization/net'), ref('Organization/other')],
        healthcareService: [ref('HealthcareService/h')],
        endpoint: [ref('Endpoint/e')],
      },
      context,
    );
    expect(shaped).toMatchObject({
      organization: ref('Organization/fac'),
      participatingOrganization: ref('Organization/fac'),
      network: [ref('Organization/net')],
    });
    expect(JSON.stringify(shaped)).not.toMatch(/HealthcareService|Endpoint|other|payer/);
  });

  test('plan ids whole and of the contract; phones and ZIPs as digits; patients of other networks leave', () => {
    const ma = (value: string) => ({ system: 'https://www.cms.gov/medicare/ma-plan-id', value });
    const plan = shapeForMpf(
      { resourceType: 'InsurancePlan', id: 'p', identifier: [ma('H9901-001'), ma('H9902-001')] },
      context,
    );
    expect(plan['identifier']).toEqual([{ system: 'http://cms.gov/medicare/ma-plan-id', value: 'H9901-001-000' }]);
    const place = shapeForMpf(
      {
        resourceType: 'Location',
        id: 'l',
        address: { ...address, postalCode: '06103-1234' },
        telecom: [{ system: 'phone', value: '+1 (860) 555-0100 ext. 7' }],
      },
      context,
    );
    expect(place).toMatchObject({ address: { postalCode: '06103' }, telecom: [{ value: '8605550100' }] });
    const from = (network: string, code: string) => ({
      url: `${PN}/StructureDefinition/newpatients`,
      extension: [
        { url: 'acceptingPatients', valueCodeableConcept: { coding: [{ code }] } },
        { url: 'fromNetwork', valueReference: ref(network) },
      ],
    });
    const role = shapeForMpf(
      {
        resourceType: 'PractitionerRole',
        id: 'r',
        extension: [from('Organization/net', 'existptfam'), from('Organization/other', 'newpt')],
      },
      context,
    );
    expect(JSON.stringify(role['extension'])).toBe(JSON.stringify([from('Organization/net', 'existptonly')]));
  });
});

test('facts of a hundred thousand keys are told apart', () => {
  const flags = new KeyFlags();
  for (let i = 0; i < 100_000; i++) flags.add(`Location/${i}`, 1 + (i % 2) * 2);
  let wrong = 0;
  for (let i = 0; i < 100_000; i++) if (flags.get(`Location/${i}`) !== 1 + (i % 2) * 2) wrong++;
  expect([wrong, flags.get('Location/100000')]).toEqual([0, 0]);
});

describe('probe of the live address', () => {
  const bundle = (resources: Resource[]) =>
    JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: resources.map((resource) => ({ resource })) });
  const good = { etag: '"1"', 'last-modified': 'Mon, 01 Mar 2027 00:00:00 GMT', 'content-type': 'application/json' };
  const site = (answer: (url: string, method: string) => Response | Promise<Response>) =>
    probeMpf(
      'https://plan.example/mpf/H9901/2027/index.json',
      { contract: 'H9901', year: 2027 },
      {
        fetch: async (url, init) => answer(String(url), init?.method ?? 'GET'),
        now: NOW,
        allowHttp: false,
        onFinding: () => {},
      },
    );
  const serve =
    (headers: Record<string, string> = good) =>
    (url: string, method: string) => {
      const text = url.endsWith('index.json')
        ? '{"provider_urls":["https://plan.example/all.json"]}'
        : bundle(Object.values(CLEAN()));
      return new Response(method === 'HEAD' ? null : text, {
        headers: { 'content-length': String(Buffer.byteLength(text)), ...headers },
      });
    };

  test('a good one has no finding', async () => {
    expect(await site(serve())).toMatchObject({ counts: {}, fatal: false, resources: { Organization: 3 } });
  });
  test('headers, HEAD, truncation, hosts that do not answer, certificates', async () => {
    expect((await site(serve({ 'content-type': 'text/html' }))).counts).toEqual({ C4006: 2, C4008: 2, C4009: 2 });
    expect((await site((u, m) => (m === 'HEAD' ? new Response(null, { status: 405 }) : serve()(u, m)))).counts).toEqual(
      { C4005: 2 },
    );
    expect(
      (
        await site((u, m) =>
          u.endsWith('all.json') && m === 'GET' ? new Response('', { status: 404 }) : serve()(u, m),
        )
      ).counts,
    ).toMatchObject({ C4003: 1, C4015: 1, P1017: 1 });
    expect((await site(serve({ ...good, 'content-length': '7' }))).counts).toEqual({ C4003: 1 });
    const down = (code: string) => () =>
      Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) }));
    expect(await site(down('ECONNREFUSED'))).toMatchObject({ counts: { C4001: 2 }, fatal: true });
    expect(await site(down('CERT_HAS_EXPIRED'))).toMatchObject({ counts: { C4002: 2 }, fatal: true });
  });
});
