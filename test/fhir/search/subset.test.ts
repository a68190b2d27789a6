// What is left of a resource is still valid against its profile.
import { expect, test } from 'vitest';
import { type Subset, subsetResource } from '../../../src/fhir/search/subset.ts';
import { validate } from '../../../src/fhir/validate/validate.ts';
import { directoryResources } from '../../../src/seed/index.ts';

const DATA = [...directoryResources({ seed: 21, resources: 1_000 })];
const SUBSETS: Subset[] = [
  { summary: 'true', elements: [] },
  { summary: 'text', elements: [] },
  { summary: 'data', elements: [] },
  { summary: 'false', elements: ['id'] },
  { summary: 'false', elements: ['practitioner', 'endpoint', 'plan'] },
];

test.each(SUBSETS)('of generated resources %j leaves what the profiles require', (subset) => {
  for (const r of DATA) {
    const left = JSON.parse(subsetResource(JSON.stringify(r), subset));
    expect([r.resourceType, r['id'], validate(left)]).toEqual([r.resourceType, r['id'], []]);
  }
});

test('of elements of which one is required the first is kept, and none beside one that was asked for', () => {
  const role = {
    resourceType: 'PractitionerRole',
    id: 'r',
    practitioner: {},
    organization: {},
    telecom: [],
    endpoint: [],
  };
  const left = (elements: string[]) =>
    Object.keys(JSON.parse(subsetResource(JSON.stringify(role), { summary: 'false', elements })));
  expect(left(['id'])).toEqual(['resourceType', 'id', 'practitioner', 'telecom']);
  expect(left(['organization', 'endpoint'])).toEqual(['resourceType', 'id', 'organization', 'endpoint']);
});
