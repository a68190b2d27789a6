import type { CapabilityStatement, Bundle as FhirBundle, SearchParameter } from 'fhir/r4.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fhirPath } from '../../directory/search/search-parameter.ts';
import { PARAMETERS } from '../../src/fhir/search/parameters.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { BASE, directory } from './fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
});
afterAll(() => d.close());

const errors = (resource: unknown) => validate(resource).map((i) => `${i.path} ${i.code} ${i.message}`);

test('the CapabilityStatement is valid R4, and every address of ours in it resolves', async () => {
  const statement = (await (await d.get('metadata')).json()) as CapabilityStatement;
  expect(errors(statement)).toEqual([]);
  const named =
    statement.rest?.[0]?.resource?.flatMap((r) => r.searchParam?.map((p) => p.definition ?? '') ?? []) ?? [];
  const own = [...new Set(named.filter((url) => url.startsWith(BASE)))];
  expect(own.length).toBeGreaterThan(40);
  for (const url of own) {
    const response = await d.get(url.slice(BASE.length + 1));
    expect(response.status, url).toBe(200);
    const found = (await response.json()) as SearchParameter;
    expect([found.resourceType, found.url]).toEqual(['SearchParameter', url]);
    expect(errors(found)).toEqual([]);
    // an expression is evaluated on the base: one that begins elsewhere is an error to validators
    for (const path of found.expression?.split(' | ') ?? [])
      expect(path, url).toMatch(new RegExp(`^${found.base[0]}\\.`));
  }
  const list = (await (await d.get('SearchParameter')).json()) as FhirBundle;
  expect(list.entry?.map((e) => e.fullUrl).sort()).toEqual(own.sort());
  expect(errors(list)).toEqual([]);
});

test('definitions: components of the composite resolve, unknown ones are 404, nothing is written', async () => {
  const found = (await (
    await d.get('SearchParameter/location-new-patient-and-from-network')
  ).json()) as SearchParameter;
  expect(found.component?.map((c) => c.definition)).toEqual([
    `${BASE}/SearchParameter/location-new-patient`,
    `${BASE}/SearchParameter/location-new-patient-from-network`,
  ]);
  expect((await d.get('SearchParameter/nothing')).status).toBe(404);
  const put = await d.get('SearchParameter/location-near-zip', {}, 'PUT');
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('paths of the table are FHIRPath in the definitions', () => {
  const modality = PARAMETERS.get('HealthcareService')?.get('virtual-modality');
  expect(fhirPath(modality?.expression ?? '')).toBe(
    "HealthcareService.extension.where(url='http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/delivery-method').extension.where(url='virtualModalities').value",
  );
  expect(fhirPath('Practitioner.telecom[system=phone]')).toBe("Practitioner.telecom.where(system='phone')");
});
