import { afterAll, beforeAll, expect, test } from 'vitest';
import { fpi, readFpiSource } from '../../../directory/payer-index/fpi.ts';
import { publishing } from './support.ts';

let d: Awaited<ReturnType<typeof publishing>>;
beforeAll(async () => {
  d = await publishing(undefined, { PAYER_FPI_SOURCE: 'NAIC_ID:12345', PLAN_NAME: 'Oak Health Plan' });
  await d.publish();
});
afterAll(() => d.close());

test.each([
  ['NAIC_ID', '12345', '13e068e1-cd54-5baa-b7e3-79761afe7afc'],
  ['HIOS_ID', '987654', 'a0c3d863-48f6-5330-884b-99aa9a23f8d8'],
])('FPI of %s %s', (system, value, expected) => expect(fpi({ system, value })).toBe(expected));

test('without a number the legal name stands in, as letters and digits', () => {
  expect(readFpiSource('', 'Oak & Sons, Inc.')).toEqual({ system: 'LEGAL_NAME_HASH', value: 'oaksonsinc' });
});

type Plan = { system: string; value: string; parent_fpi: string; f_plan_id: string; plan_name: string };
type Index = {
  resourceType: string;
  copied_from_url: null;
  identifier: Record<string, unknown>[];
  plan_groups: {
    plan_identifiers: Plan[];
    plan_endpoints: Record<string, string>;
    plan_group_string_search_match: string[];
  }[];
};

test('Draft 1: members, levels, absolute URLs, lasting plan ids', async () => {
  const r = await d.fetch('/.well-known/payer-index', { headers: { accept: 'text/html' } });
  expect([r.status, r.headers.get('content-type'), r.headers.get('access-control-allow-origin')]).toEqual([
    200,
    'application/json',
    '*',
  ]);
  const index = (await r.json()) as Index;
  expect(index.resourceType).toBe('http://hl7.org/fhir/us/fast-ndh/StructureDefinition/NDHPayerWellknownDefinition');
  expect(index.copied_from_url).toBeNull();
  expect(Object.keys(index)).not.toContain('payerLegalName');
  expect(index.identifier).toEqual([
    {
      system: 'https://directory.cms.gov/payer_identification_system/fpi',
      value: '13e068e1-cd54-5baa-b7e3-79761afe7afc',
      is_fpi: true,
      fpi_source_system: 'NAIC_ID',
      fpi_source_value: '12345',
      payerLegalName: 'Oak Health Plan',
      payerContactWebsite: 'https://plan.example/',
      payer_level_string_search_matches: ['Oak Health Plan'],
    },
    {
      system: 'http://hl7.org/fhir/sid/us-npi',
      value: '9000000007',
      is_fpi: false,
      parent_fpi: '13e068e1-cd54-5baa-b7e3-79761afe7afc',
    },
  ]);
  const [group] = index.plan_groups;
  const [plan] = group?.plan_identifiers ?? [];
  expect(plan).toMatchObject({
    system: 'https://directory.cms.gov/payer_identification_system/cms_contract_id/plan/plan_id',
    value: 'H1234-001',
    plan_name: 'Oak Gold',
    plan_website: 'https://plan.example/',
    plan_level_string_search_matches: ['Oak Gold'],
  });
  expect(plan?.f_plan_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  for (const url of Object.values(group?.plan_endpoints ?? {})) expect(url).toMatch(/^https:\/\/plan\.example\//);
  const bulk = group?.plan_endpoints['davinci_pdex_provider_directory_endpoint_all_at_once'] ?? '';
  expect((await d.fetch(bulk)).status).toBe(200);
  expect(group?.plan_endpoints['davinci_payer_to_payer_endpoint']).toBe(
    group?.plan_endpoints['davinci_pdex_payer_endpoint'],
  );
  for (const key of ['ndh_meta_fhir_signup_url', 'ndh_meta_documentation_url'])
    expect(group?.plan_endpoints).toHaveProperty(key);
  d.pass(400);
  await d.publish(['index']);
  const again = (await (await d.fetch('/.well-known/payer-index')).json()) as Index;
  expect(again.plan_groups[0]?.plan_identifiers[0]?.f_plan_id).toBe(plan?.f_plan_id);
});
