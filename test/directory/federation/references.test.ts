// References without an address, or with the wrong one: resolved within the peer when exactly one record answers (Q34, Q36, Q37).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFederation } from '../../../directory/federation/app.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import { unresolvedCounts } from '../../../directory/federation/reference.ts';
import { nameIn, namesOf } from '../../../directory/federation/references.ts';
import type { JsonObject, Resource } from '../../../src/fhir/resource.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import { keysFor } from '../fixture.ts';
import { npi, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

const NPI = 'http://hl7.org/fhir/sid/us-npi';
const NETWORK = 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/network-reference';
let oak: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
let app: ReturnType<typeof createFederation>;
const record = (key: string): Resource => {
  const found = oak.script.records.find((r) => `${r.resourceType}/${String(r['id'])}` === key);
  if (!found) throw new Error(key);
  return found;
};
const shown = async (key: string) =>
  (await (await app.request(`/directory/all/fhir/${key}`)).json()) as Record<
    string,
    JsonObject & { reference?: string }
  >;
const networkOf = async (id: string) =>
  ((await shown(`PractitionerRole/oak.${id}`))['extension'] as unknown as JsonObject[])[0]?.[
    'valueReference'
  ] as JsonObject;
const again = async () => {
  w.day();
  for (const r of oak.script.records)
    if (r.resourceType === 'PractitionerRole' || r['changed'])
      r['meta'] = { versionId: '2', lastUpdated: w.state.now.toISOString() };
  await w.harvest('oak');
  await mergeDue(w.deps);
};

beforeAll(async () => {
  oak = await scriptedDirectory();
  w = await world({ DIRECTORY_RATE_PER_MINUTE: '0' });
  app = createFederation({ ...w.deps, keys: keysFor(), metrics: noMetrics } as never);
  await w.add('oak', oak.fhir);
  const role = (n: number) => record(`PractitionerRole/r${n}`);
  role(1)['practitioner'] = { identifier: { system: NPI, value: ` ${npi(1)}` } };
  role(2)['practitioner'] = { identifier: { value: 'x2' } };
  role(3)['practitioner'] = { identifier: { system: NPI, value: npi(777) }, display: 'Nobody here' };
  role(4)['practitioner'] = { reference: 'Organization/p4' };
  role(5)['practitioner'] = { reference: 'Practitioner/gone' };
  role(6)['extension'] = [{ url: NETWORK, valueReference: { display: 'OAK network, Inc.' } }];
  role(7)['practitioner'] = { display: 'Ana N7 Rivera7' };
  role(8)['organization'] = { type: 'Organization', identifier: { system: NPI, value: npi(999) } };
  expect((await w.harvest('oak')).state).toBe('done');
  await mergeDue(w.deps);
});
afterAll(async () => {
  await w.close();
  await oak.close();
});

test('by identifier, however it is written, to the one record that has it', async () => {
  expect((await shown('PractitionerRole/oak.r1'))['practitioner']?.reference).toBe('Practitioner/oak.p1');
  expect((await shown('PractitionerRole/oak.r2'))['practitioner']?.reference).toBe('Practitioner/oak.p2');
  expect((await shown('PractitionerRole/oak.r8'))['organization']?.reference).toBe('Organization/oak.clinic');
});
test('found by search as if it had had an address', async () => {
  const answer = await app.request('/directory/all/fhir/PractitionerRole?practitioner=Practitioner/oak.p1');
  expect(await answer.json()).toMatchObject({ total: 1 });
});
test('nobody answers: it stays what it was', async () => {
  expect((await shown('PractitionerRole/oak.r3'))['practitioner']).toEqual({
    identifier: { system: NPI, value: npi(777) },
    display: 'Nobody here',
  });
});
test('a network by its name, a person never', async () => {
  expect((await networkOf('r6'))['reference']).toBe('Organization/oak.net');
  expect((await shown('PractitionerRole/oak.r7'))['practitioner']).toEqual({ display: 'Ana N7 Rivera7' });
});
test('an id under the wrong type, when it is under exactly one other', async () => {
  expect((await shown('PractitionerRole/oak.r4'))['practitioner']?.reference).toBe('Practitioner/oak.p4');
});
test('what leads nowhere is counted', async () => {
  expect(await unresolvedCounts(w.sql, 'oak')).toEqual({ named: 1, addressed: 1 });
  const page = await (await app.request('/directory/all/peers/oak')).text();
  expect(page).toMatch(/references-by-name[\s\S]*?<td[^>]*>1</);
});

describe('when others come and go', () => {
  test('who is asked for comes: it leads there, though its own record did not change', async () => {
    oak.script.records.push({
      ...record('Practitioner/p1'),
      id: 'late',
      identifier: [{ system: NPI, value: npi(777) }],
      meta: { versionId: '1', lastUpdated: '2027-03-02T00:00:00Z' },
    });
    await again();
    expect((await shown('PractitionerRole/oak.r3'))['practitioner']?.reference).toBe('Practitioner/oak.late');
    expect(await unresolvedCounts(w.sql, 'oak')).toEqual({ named: 0, addressed: 1 });
  });
  test('two answer: neither is meant', async () => {
    oak.script.records.push({
      ...record('Practitioner/late'),
      id: 'later',
      meta: { versionId: '1', lastUpdated: '2027-03-03T00:00:00Z' },
    });
    await again();
    expect((await shown('PractitionerRole/oak.r3'))['practitioner']?.reference).toBeUndefined();
  });
  test('one of them is renumbered: the other one is meant again', async () => {
    Object.assign(record('Practitioner/later'), {
      identifier: [{ system: NPI, value: npi(778) }],
      meta: { versionId: '2', lastUpdated: '2027-03-04T00:00:00Z' },
    });
    await again();
    expect((await shown('PractitionerRole/oak.r3'))['practitioner']?.reference).toBe('Practitioner/oak.late');
  });
});

describe('what a reference asks for', () => {
  test.each<[string, JsonObject, string, string | undefined]>([
    [
      'an identifier where an organization stands',
      { identifier: { value: '1' } },
      'managingOrganization',
      'Organization',
    ],
    ['the type that it says itself', { type: 'Location', identifier: { value: '1' } }, 'x', 'Location'],
    ['the type of its own record', { identifier: { value: '1' } }, 'partOf', 'Location'],
    ['nothing: it has an address', { reference: 'Location/1', identifier: { value: '1' } }, 'location', undefined],
    ['nothing: it is no type of the directory', { type: 'Patient', identifier: { value: '1' } }, 'x', undefined],
    ['nothing: an empty identifier', { identifier: {} }, 'location', undefined],
    ['nothing: a name of a person', { display: 'Ana' }, 'practitioner', undefined],
  ])('%s', (_, reference, element, type) => expect(nameIn(reference, element, 'Location')?.type).toBe(type));
  test('NPIs are one number however they are marked and written', () => {
    const names = [
      { system: NPI, value: npi(5) },
      { system: 'http://terminology.hl7.org/NamingSystem/npi', value: ` ${npi(5)} ` },
      { type: { coding: [{ code: 'NPI' }] }, value: Number(npi(5)) },
    ].map((i) => namesOf({ resourceType: 'Practitioner', identifier: [i] } as Resource));
    expect(names[1]).toEqual(names[0]);
    expect(names[2]).toEqual(names[0]);
  });
});
