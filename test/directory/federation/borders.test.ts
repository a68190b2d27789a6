// What one directory says of another: its references into ours and into those of others, and what becomes of what it contained.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFederation } from '../../../directory/federation/app.ts';
import { recordFacts } from '../../../directory/federation/compare/compare-rows.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import { type Bundle, entries, FIXTURE, ids, keysFor } from '../fixture.ts';
import { scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

const OWN = 'https://plan.example/directory/fhir';
const MERGED = 'https://plan.example/directory/all/fhir';
const PLAN_NET = 'http://hl7.org/fhir/us/davinci-pdex-plan-net';
let oak: Awaited<ReturnType<typeof scriptedDirectory>>;
let elm: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
let app: ReturnType<typeof createFederation>;
const find = async (path: string) =>
  ids((await (await app.request(`/directory/all/fhir/${path}`)).json()) as Bundle, 'match').sort();

const network = (reference: string) => [
  { url: `${PLAN_NET}/StructureDefinition/network-reference`, valueReference: { reference } },
];
const roleOf = (id: string) => {
  const found = elm.script.records.find((r) => r['id'] === id);
  if (!found) throw new Error(id);
  return found;
};
/** one of ours that nobody has verified */
const own = 'Practitioner/unverified';

beforeAll(async () => {
  oak = await scriptedDirectory();
  elm = await scriptedDirectory();
  w = await world({ DIRECTORY_RATE_PER_MINUTE: '0' });
  app = createFederation({ ...w.deps, keys: keysFor(), metrics: noMetrics } as never);
  await importResources(
    w.database,
    entries([
      ...FIXTURE,
      { resourceType: 'Practitioner', id: 'unverified', active: true, name: [{ family: 'Stone', given: ['Una'] }] },
    ]),
    { base: OWN, clock: () => w.state.now },
  );
  await w.add('oak', oak.fhir);
  await w.add('elm', elm.fhir);
  roleOf('r1')['extension'] = network(`${OWN}/Organization/net1`);
  roleOf('r2')['extension'] = network(`${MERGED}//Organization/net1/`);
  roleOf('r3')['extension'] = network(`${oak.fhir}/Organization/net`);
  roleOf('r4')['extension'] = network(`${MERGED}/Organization/oak.net`);
  roleOf('r5')['extension'] = network(`${elm.fhir}/Organization/net`);
  for (const id of ['r6', 'r7'])
    Object.assign(roleOf(id), {
      contained: [
        {
          resourceType: 'Location',
          id: 'in',
          status: 'active',
          name: 'Inner',
          address: { line: ['9 Elm Way'], city: 'Hartford', state: 'CT', postalCode: '06103' },
        },
      ],
      location: [{ reference: '#in' }],
    });
  const day = { lastUpdated: '2027-01-01T00:00:00Z' };
  elm.script.records.push(
    { resourceType: 'Location', id: 'zip', meta: day, status: 'active', name: 'Elm', address: { postalCode: '06103' } },
    {
      resourceType: 'InsurancePlan',
      id: 'ip',
      meta: day,
      status: 'active',
      name: 'Elm Plan',
      network: [{ reference: `${OWN}/Organization/net1` }],
      plan: [{ network: [{ reference: `${OWN}/Organization/net1` }] }],
    },
    {
      resourceType: 'OrganizationAffiliation',
      id: 'oa',
      meta: day,
      active: true,
      network: [{ reference: `${OWN}/Organization/net1` }],
      participatingOrganization: { reference: 'Organization/clinic' },
    },
    {
      resourceType: 'VerificationResult',
      id: 'vr',
      meta: day,
      status: 'validated',
      statusDate: '2027-02-01',
      lastPerformed: '2027-02-01',
      target: [{ reference: `${OWN}/${own}` }, { reference: 'Practitioner/p1' }],
      attestation: { date: '2027-02-01' },
    } as Resource,
  );
  for (const slug of ['oak', 'elm']) expect((await w.harvest(slug)).state).toBe('done');
  await mergeDue(w.deps);
});
afterAll(async () => {
  await w.close();
  await oak.close();
  await elm.close();
});

test('nobody is in the network of another because a third says so', async () => {
  const ours = await find('PractitionerRole?network=Organization/net1&_count=200');
  expect(ours.filter((k) => k.includes('elm.'))).toEqual([]);
  expect(ours.length).toBeGreaterThan(0);
  expect(
    (await find('PractitionerRole?network=Organization/oak.net&_count=200')).filter((k) => k.includes('elm.')),
  ).toEqual([]);
  expect(await find('PractitionerRole?network=Organization/elm.net&_count=200')).toContain('PractitionerRole/elm.r5');
  expect((await find('InsurancePlan?network=Organization/net1')).filter((k) => k.includes('elm.'))).toEqual([]);
  expect((await find('OrganizationAffiliation?network=Organization/net1')).filter((k) => k.includes('elm.'))).toEqual(
    [],
  );
  // kept, as a name
  expect(await find('PractitionerRole?_id=elm.r1')).toEqual(['PractitionerRole/elm.r1']);
});

test('nobody verifies the record of another', async () => {
  const facts = await recordFacts(w.sql, [own, 'Practitioner/elm.p1']);
  expect(facts.get('Practitioner/elm.p1')?.verifiedAt).not.toBeNull();
  expect([facts.get(own)?.verifiedAt, facts.get(own)?.attestedAt]).toEqual([null, null]);
});

test('what was contained goes with what contained it', async () => {
  expect(await find('Location?_id=elm.r6.c.in')).toEqual(['Location/elm.r6.c.in']);
  delete roleOf('r6')['contained'];
  roleOf('r6')['location'] = [{ reference: 'Location/loc' }];
  await w.sql`update federation.peer set cursor = '{}'`;
  w.day();
  expect((await w.harvest('elm')).state).toBe('done');
  await mergeDue(w.deps);
  expect(await find('Location?_id=elm.r6.c.in')).toEqual([]);
  expect(await find('PractitionerRole?_id=elm.r6')).toEqual(['PractitionerRole/elm.r6']);
  // of a record that goes as a whole
  expect(await find('Location?_id=elm.r7.c.in')).toEqual(['Location/elm.r7.c.in']);
  roleOf('r7')['active'] = false;
  await w.sql`update federation.peer set cursor = '{}'`;
  w.day();
  expect((await w.harvest('elm')).state).toBe('done');
  await mergeDue(w.deps);
  expect(await find('Location?_id=elm.r7.c.in')).toEqual([]);
  expect(await w.sql`select * from federation.lifted`).toEqual([]);
});

test.each<[string, number[]]>([
  ['/directory/all/peers/%00', [400, 404]],
  ['/directory/all/peers/%E2%82', [400, 404]],
  ['/directory/all/peers/<script>', [404]],
  ['/directory/all/compare?npi=%00', [400]],
  ['/directory/all/compare?organization=%00', [400, 404]],
  ['/directory/all/compare?location=<script>alert(1)</script>', [404]],
  ['/directory/all/compare?npi=1&organization=2', [400]],
  ['/directory/all/fhir/$compare?organization=%00', [400, 404]],
  ['/directory/all/fhir/$compare?npi=99999999999999999999', [400]],
  ['/directory/all/fhir/Provenance?target=%00', [200, 400]],
  ['/directory/all/fhir/Provenance/abc', [404]],
  ['/directory/all/fhir/Provenance/999999999999999999999999', [404]],
  ['/directory/all/fhir/Provenance/%00', [400, 404]],
  ['/directory/all/fhir/Practitioner/elm.%00', [400, 404]],
  ['/all?q=%00', [200, 400, 404]],
])('a question that cannot be read is no failure of ours: %s', async (path, expected) => {
  const answer = await app.request(path);
  expect(expected).toContain(answer.status);
  expect(await answer.text()).not.toContain('<script>alert');
});

test('what peers write is text on pages', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  await w.sql`update federation.peer set name = ${evil} where slug = 'elm'`;
  Object.assign(roleOf('clinic'), { name: `${evil} Clinic` });
  await w.sql`update federation.peer set cursor = '{}'`;
  w.day();
  await w.harvest('elm');
  await mergeDue(w.deps);
  for (const path of [
    '/directory/all/compare?organization=elm.clinic',
    '/directory/all/peers',
    '/directory/all/peers/elm',
  ]) {
    const text = await (await app.request(path)).text();
    expect(text).toContain('&lt;img');
    expect(text).not.toContain('<img src=x');
  }
});

test('Q45: a place with only a ZIP is found by it, and by distance from the middle of its area, which is said', async () => {
  expect(await find('Location?address-postalcode=06103&_id=elm.zip')).toEqual(['Location/elm.zip']);
  expect(await find('Location?near=41.76|-72.68|50|km')).toContain('Location/elm.zip');
  const { position } = (await (await app.request('/directory/all/fhir/Location/elm.zip')).json()) as {
    position: object;
  };
  expect(position).toMatchObject({ extension: [{ valueCode: 'zip-centre' }], latitude: expect.closeTo(41.77, 1) });
});
