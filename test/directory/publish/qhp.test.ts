import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accepting, networkTier, personRecords, type QhpPlan } from '../../../directory/qhp/provider.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { directoryResources } from '../../../src/seed/plan-net/index.ts';
import { publishing } from './support.ts';

const PN = 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition';
type Plan = {
  plan_id: string;
  network: { network_tier: string }[];
  years: number[];
  plan_contact: string;
  summary_url: string;
};
type Provider = {
  npi: string | null;
  type: string;
  plans: QhpPlan[];
  addresses: JsonObject[];
  specialty?: string[];
  accepting?: string;
  name?: JsonObject;
  group_name?: string;
  facility_name?: string;
  last_updated_on: string;
};

let d: Awaited<ReturnType<typeof publishing>>;
const everything = [...directoryResources({ seed: 5, resources: 600 })];
beforeAll(async () => {
  d = await publishing(everything, {}, '2026-12-01T00:00:00.000Z');
  await d.publish();
});
afterAll(() => d.close());

const json = async <T>(url: string) => (await (await d.fetch(url)).json()) as T;
async function files() {
  const index = await json<{ provider_urls: string[]; plan_urls: string[]; formulary_urls: string[] }>(
    '/cms-data-index.json',
  );
  expect([index.provider_urls.length, index.plan_urls.length, index.formulary_urls]).toEqual([1, 1, []]);
  return {
    providers: await json<Provider[]>(index.provider_urls[0] ?? ''),
    plans: await json<Plan[]>(index.plan_urls[0] ?? ''),
  };
}

test('index, plans and providers by the schema', async () => {
  const { providers, plans } = await files();
  expect(plans.length).toBe(everything.filter((r) => JSON.stringify(r).includes('hios-plan-id')).length);
  const tiers = new Map(plans.map((p) => [p.plan_id, p.network.map((n) => n.network_tier)]));
  for (const p of plans) {
    expect(p).toMatchObject({ plan_id_type: 'HIOS-PLAN-ID', formulary: [], last_updated_on: '2026-12-01' });
    expect(p.plan_id).toMatch(/^[0-9]{5}[A-Z]{2}[0-9]{7}$/);
    expect(p.plan_contact).toMatch(/@/);
    expect(p.summary_url).toMatch(/^https:/);
    expect(p.network.length).toBeGreaterThan(0);
  }
  expect(providers.length).toBeGreaterThan(20);
  expect(new Set(providers.map((p) => p.type))).toEqual(new Set(['INDIVIDUAL', 'FACILITY', 'GROUP']));
  for (const p of providers) {
    expect(p.npi).toMatch(/^9\d{9}$/);
    expect(p.last_updated_on).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(p.plans.length).toBeGreaterThan(0);
    for (const plan of p.plans) expect(tiers.get(plan.plan_id)).toContain(plan.network_tier);
    for (const a of p.addresses) expect(a['zip']).toMatch(/^\d{5}$/);
    for (const a of p.addresses) expect(a['phone']).toMatch(/^\d{10}$/);
    if (p.type === 'INDIVIDUAL') {
      expect(p.name?.['last']).toBeTruthy();
      expect(p.specialty?.length).toBeGreaterThan(0);
      expect(['accepting', 'not accepting', 'accepting in some locations', '']).toContain(p.accepting);
    } else expect(p.group_name ?? p.facility_name).toBeTruthy();
  }
  expect(new Set(providers.map((p) => p.npi)).size).toBe(providers.length);
});

test('the index has its headers and is 404 where no plan is sold on the Marketplace', async () => {
  const r = await d.fetch('/cms-data-index.json');
  expect([r.headers.get('content-type'), r.headers.get('access-control-allow-origin')]).toEqual([
    'application/json',
    '*',
  ]);
  expect((await d.fetch('/cms-data-index.json', { method: 'POST' })).status).toBe(405);
  const other = await publishing();
  await other.publish();
  expect((await other.fetch('/cms-data-index.json')).status).toBe(404);
  await other.close();
});

describe('one provider', () => {
  const plan: QhpPlan = {
    plan_id_type: 'HIOS-PLAN-ID',
    plan_id: '99001CT0000001',
    network_tier: 'GOLD',
    years: [2027],
  };
  const c = { base: 'https://plan.example/directory/fhir', plans: new Map([['Organization/net', [plan]]]) };
  const role = (network: string, codes: [code: string, from?: string][]): Resource => ({
    resourceType: 'PractitionerRole',
    id: 'r',
    meta: { lastUpdated: '2027-02-03T00:00:00Z' },
    extension: [
      { url: `${PN}/network-reference`, valueReference: { reference: network } },
      ...codes.map(([code, from]) => ({
        url: `${PN}/newpatients`,
        extension: [
          { url: 'acceptingPatients', valueCodeableConcept: { coding: [{ code }] } },
          ...(from === undefined ? [] : [{ url: 'fromNetwork', valueReference: { reference: from } }]),
        ],
      })),
    ],
  });

  test.each([
    [[role('Organization/net', [['newpt']])], 'accepting'],
    [[role('Organization/net', [['nopt']]), role('Organization/net', [['existptonly']])], 'not accepting'],
    [[role('Organization/net', [['nopt']]), role('Organization/net', [['newpt']])], 'accepting in some locations'],
    [[role('Organization/net', [['newpt'], ['nopt', 'Organization/other']])], 'accepting'],
    [[role('Organization/net', [])], ''],
  ])('accepting %#', (roles, word) => expect(accepting(roles, c)).toBe(word));

  test('two NPIs are two records; roles of other networks do not count', () => {
    const npi = (value: string) => ({ system: 'http://hl7.org/fhir/sid/us-npi', value });
    const person: Resource = {
      resourceType: 'Practitioner',
      id: 'p',
      identifier: [npi('1'), npi('2')],
      name: [{ family: 'Oak', given: ['Ana', 'María'], prefix: ['Dr.'] }],
      gender: 'female',
      communication: [{ coding: [{ code: 'es' }] }],
    };
    const records = personRecords(
      person,
      { all: [role('Organization/net', []), role('Organization/other', [['newpt']])], places: [] },
      c,
    );
    expect(records.map((r) => r['npi'])).toEqual(['1', '2']);
    expect(records[0]).toMatchObject({
      name: { prefix: 'Dr.', first: 'Ana', middle: 'María', last: 'Oak' },
      gender: 'Female',
      languages: ['Spanish'],
      accepting: '',
      plans: [plan],
      last_updated_on: '2027-02-03',
    });
    expect(personRecords(person, { all: [role('Organization/other', [])], places: [] }, c)).toEqual([]);
  });

  test.each([
    ['Oak Gold Network 7', 'OAK-GOLD-NETWORK'],
    ['123', 'NETWORK'],
  ])('tier of %s', (name, tier) => expect(networkTier(name)).toBe(tier));
});
