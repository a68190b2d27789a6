// References by identifier alone of our own records, in the view of all directories: they lead to ours, whoever else has the identifier.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFederation } from '../../../directory/federation/app.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import { NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import { type Bundle, entries, ids, keysFor } from '../fixture.ts';
import { scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

const OWN = 'https://plan.example/directory/fhir';
const SYSTEM = 'https://plan.example/staff';
let oak: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
let app: ReturnType<typeof createFederation>;
const find = async (query: string) =>
  ids((await (await app.request(`/directory/all/fhir/${query}`)).json()) as Bundle, 'match').sort();
const load = (list: Resource[]) => importResources(w.database, entries(list), { base: OWN, clock: () => w.state.now });
const later = () => {
  w.state.now = new Date(w.state.now.getTime() + 60_000);
};

const person = (id: string, ...identifiers: [string, string][]): Resource => ({
  resourceType: 'Practitioner',
  id,
  active: true,
  identifier: identifiers.map(([system, value]) => ({ system, value })),
  name: [{ family: id }],
});
const role = (id: string, system: string, value: string): Resource => ({
  resourceType: 'PractitionerRole',
  id,
  active: true,
  practitioner: { type: 'Practitioner', identifier: { system, value } },
});

beforeAll(async () => {
  oak = await scriptedDirectory();
  w = await world({ DIRECTORY_RATE_PER_MINUTE: '0' });
  app = createFederation({ ...w.deps, keys: keysFor(), metrics: noMetrics } as never);
  const shared = oak.script.records.find((r) => r['resourceType'] === 'Practitioner');
  const [first] = (shared?.['identifier'] ?? []) as { value: string }[];
  const npi = first?.value ?? '';
  await load([
    person('ours', [NPI_SYSTEM, npi], [SYSTEM, '1']),
    person('other', [SYSTEM, '2']),
    role('shared', NPI_SYSTEM, npi),
    role('moving', SYSTEM, '2'),
    role('nowhere', SYSTEM, '3'),
  ]);
  await w.add('oak', oak.fhir);
  expect((await w.harvest('oak')).state).toBe('done');
  await mergeDue(w.deps);
});
afterAll(async () => {
  await w.close();
  await oak.close();
});

test('they lead to our own record, though a record of another payer has the identifier too', async () => {
  expect(await find('PractitionerRole?practitioner=Practitioner/ours')).toEqual(['PractitionerRole/shared']);
  expect(await find('PractitionerRole?practitioner.family=other')).toEqual(['PractitionerRole/moving']);
  expect(await find('Practitioner?_has:PractitionerRole:practitioner:active=true&family=ours')).toEqual([
    'Practitioner/ours',
  ]);
  expect(await find('PractitionerRole?practitioner:identifier=https://plan.example/staff|3')).toEqual([
    'PractitionerRole/nowhere',
  ]);
});

test('when another of ours has the identifier they lead there, though they have not changed themselves', async () => {
  later();
  await load([person('other'), person('late', [SYSTEM, '2'], [SYSTEM, '3'])]);
  await mergeDue(w.deps);
  expect(await find('PractitionerRole?practitioner.family=late')).toEqual([
    'PractitionerRole/moving',
    'PractitionerRole/nowhere',
  ]);
  expect(await find('PractitionerRole?practitioner=Practitioner/other')).toEqual([]);
  // where two have it, nowhere
  later();
  await load([person('second', [SYSTEM, '3'])]);
  await mergeDue(w.deps);
  expect(await find('PractitionerRole?practitioner.family=late')).toEqual(['PractitionerRole/moving']);
  // and nothing comes anew when nothing leads elsewhere
  later();
  await load([person('more', [SYSTEM, '4'])]);
  expect(await mergeDue(w.deps)).toMatchObject({ created: 1, updated: 0 });
});
