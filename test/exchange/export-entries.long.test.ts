// Directory-type records that left with an earlier export and are deleted or labelled since: named in `deleted`, once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf, type Manifest, REGULAR, SENSITIVE } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, planDay, US } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
const coded = (code: string) => ({
  meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code }] },
});
const place = (id: string, more: object = {}) => ({
  resourceType: 'Organization',
  id,
  active: true,
  name: `Place ${id}`,
  ...more,
});
const lab = (id: string, performer?: string, member = idOf(rivera)) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${member}` },
  effectiveDateTime: planDay(new Date(Date.now() - 30 * 86_400_000)),
  ...(performer === undefined ? {} : { performer: [{ reference: `Organization/${performer}` }] }),
});
const removal = (...urls: string[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
});

let node: TestNode;
let them: ExportClient;
let other: ExportClient;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  other = new ExportClient(node, await client(node, 'b', { npi: ASKER.npi }));
  await them.signIn();
  await other.signIn();
  await enrol(node.deps, [rivera, robert], []);
});
afterAll(() => node.close());

const write = (...records: object[]) => enrol(node.deps, [], records as never[]);
async function run(by: ExportClient, group: string, since?: string, more: object[] = []): Promise<Manifest> {
  const from = since === undefined ? [] : [{ name: '_since', valueInstant: since }];
  return (await by.finished(await by.kick(`Group/${group}/$davinci-data-export`, [...from, ...more]))).manifest;
}
const places = (keys: string[]) => keys.filter((k) => k.startsWith('Organization/'));
const gone = async (by: ExportClient, manifest: Manifest) => places(await by.deleted(manifest));

test('one that was deleted is reported to whom it was sent, by the types asked for, from then on, and not again', async () => {
  await write(
    place('shut', { partOf: { reference: 'Organization/above' } }),
    place('above'),
    place('open'),
    place('unsent'),
  );
  await write(lab('l1', 'shut'), lab('l2', 'open'));
  const [group, theirs] = [await them.group([card(rivera)]), await other.group([card(robert)])];
  const first = await run(them, group);
  expect(places(keysOf(await them.output(first)))).toEqual(
    expect.arrayContaining(['Organization/above', 'Organization/open', 'Organization/shut']),
  );
  const others = await run(other, theirs);
  await write(lab('l1'), removal('Organization/shut', 'Organization/above', 'Organization/unsent'));

  const next = await run(them, group, first.transactionTime);
  expect(await gone(them, next)).toEqual(['Organization/above', 'Organization/shut']);
  const byPatient = await run(them, group, first.transactionTime, [
    { name: 'organizeOutputBy', valueString: 'Patient' },
  ]);
  expect(await gone(them, byPatient)).toEqual(['Organization/above', 'Organization/shut']);
  const labs = [{ name: '_type', valueString: 'Observation' }];
  expect(await gone(them, await run(them, group, first.transactionTime, labs))).toEqual([]);
  const before = new Date(Date.parse(first.transactionTime) - 1000).toISOString();
  const until = [{ name: '_until', valueInstant: first.transactionTime }];
  expect(await gone(them, await run(them, group, before, until))).toEqual([]);
  expect(await gone(them, await run(them, group, next.transactionTime))).toEqual([]);
  expect(await gone(other, await run(other, theirs, others.transactionTime))).toEqual([]);
});

test('what left in the blocks of patients counts as well, and what is here again does not', async () => {
  await write(place('block'), place('back'), lab('l3', 'block'), lab('l4', 'back'));
  const group = await them.group([card(rivera)]);
  const first = await run(them, group, undefined, [{ name: 'organizeOutputBy', valueString: 'Patient' }]);
  await write(lab('l3'), removal('Organization/block', 'Organization/back'));
  await write(place('back', { alias: ['again'] }));
  const next = await run(them, group, first.transactionTime);
  expect(await gone(them, next)).toEqual(['Organization/block']);
  expect(places(keysOf(await them.output(next)))).toContain('Organization/back');
});

test('one that is labelled, or names one that is, is reported when nothing that the peer may have names it, and once', async () => {
  await write(place('ward', { partOf: { reference: 'Organization/house' } }), place('house'));
  await write(lab('l5', 'ward'), lab('l6', 'house', idOf(robert)));
  const both = await them.group([card(rivera), card(robert)]);
  const first = await run(them, both);
  await write(place('house', coded('PSY')));
  const next = await run(them, both, first.transactionTime);
  expect(await them.deleted(next)).toEqual(
    expect.arrayContaining(['Observation/l5', 'Observation/l6', 'Organization/house', 'Organization/ward']),
  );
  expect(await gone(them, await run(them, both, next.transactionTime))).toEqual([]);
  // who lost the answer asks again
  expect(await gone(them, await run(them, both, first.transactionTime))).toEqual([
    'Organization/house',
    'Organization/ward',
  ]);
});

test('one whose label a consent covers stays, in this export or in another of the peer', async () => {
  await write(place('clinic', { partOf: { reference: 'Organization/over' } }), place('over'));
  await write(lab('l7', 'clinic'), lab('l8', 'clinic', idOf(robert)));
  const hers = await other.group([card(rivera)], REGULAR);
  const his = await other.group([card(robert)], SENSITIVE);
  const [first] = [await run(other, hers), await run(other, his)];
  await write(place('over', coded('PSY')));
  const next = await run(other, hers, first?.transactionTime);
  expect(await other.deleted(next)).toContain('Observation/l7');
  expect(await gone(other, next)).toEqual([]);
  expect(await gone(other, await run(other, his, first?.transactionTime))).toEqual([]);
  // no consent covers 42 CFR Part 2
  await write(place('over', coded('42CFRPart2')));
  expect(await gone(other, await run(other, hers, next.transactionTime))).toEqual([
    'Organization/clinic',
    'Organization/over',
  ]);
});

const leavingPlaces = async (by: ExportClient, manifest: Manifest) => places(keysOf(await by.output(manifest)));
const everythingSince = async (by: ExportClient, since: string) => {
  const { entry = [] } = (
    await by.call(`/Patient/${idOf(rivera)}/$everything?_count=200&_since=${encodeURIComponent(since)}`)
  ).json() as { entry?: { resource: { resourceType: string; id: string } }[] };
  return places(entry.map((e) => `${e.resource.resourceType}/${e.resource.id}`));
};

test('what an entry names since it changed comes with it, though it is not new itself', async () => {
  const role = (organization: string) => ({
    resourceType: 'PractitionerRole',
    id: 'moves',
    organization: { reference: `Organization/${organization}` },
  });
  await write(place('old-office'), place('new-office'), role('old-office'));
  await write({ ...lab('l9'), performer: [{ reference: 'PractitionerRole/moves' }] });
  const group = await them.group([card(rivera)]);
  const first = await run(them, group);
  expect(await leavingPlaces(them, first)).not.toContain('Organization/new-office');
  await write(role('new-office'));
  expect(await leavingPlaces(them, await run(them, group, first.transactionTime))).toContain('Organization/new-office');
  const byPatient = [{ name: 'organizeOutputBy', valueString: 'Patient' }];
  expect(await leavingPlaces(them, await run(them, group, first.transactionTime, byPatient))).toContain(
    'Organization/new-office',
  );
  expect(await everythingSince(them, first.transactionTime)).toContain('Organization/new-office');
});

test('what a Provenance names comes with it when what it is about may leave', async () => {
  await write(
    place('signer'),
    { ...lab('l10'), effectiveDateTime: '2010-01-01' },
    {
      resourceType: 'Provenance',
      id: 'signed',
      recorded: new Date().toISOString(),
      target: [{ reference: 'Observation/l10' }],
      agent: [{ who: { reference: 'Organization/signer' } }],
    },
  );
  const group = await them.group([card(rivera)]);
  const first = await run(them, group);
  expect(await leavingPlaces(them, first)).not.toContain('Organization/signer');
  await write(lab('l10'));
  const next = await run(them, group, first.transactionTime);
  expect(keysOf(await them.output(next))).toEqual(expect.arrayContaining(['Organization/signer', 'Provenance/signed']));
  expect(await everythingSince(them, first.transactionTime)).toContain('Organization/signer');
});

test('what a labelled record names comes with it when a consent covers it', async () => {
  const narrow = await them.group([card(robert)]);
  await write(place('therapist'), { ...lab('l11', 'therapist', idOf(robert)), ...coded('PSY') });
  const first = await run(them, narrow);
  expect(await leavingPlaces(them, first)).not.toContain('Organization/therapist');
  const wide = await them.group([card(robert)], SENSITIVE);
  const next = await run(them, wide, first.transactionTime);
  expect(keysOf(await them.output(next))).toEqual(
    expect.arrayContaining(['Observation/l11', 'Organization/therapist']),
  );
});

test('who covers a member comes with the Coverage that names it, when it reveals nothing any more', async () => {
  await write(place('insurer', { partOf: { reference: 'Organization/parent' } }), {
    ...place('parent'),
    ...coded('PSY'),
  });
  await write({
    resourceType: 'Coverage',
    id: 'cover',
    status: 'active',
    beneficiary: { reference: `Patient/${idOf(rivera)}` },
    payor: [{ reference: 'Organization/insurer' }],
  });
  const group = await them.group([card(rivera)]);
  const first = await run(them, group);
  const came = keysOf(await them.output(first));
  expect([came.includes('Coverage/cover'), came.includes('Organization/insurer')]).toEqual([true, false]);
  await write(place('parent'));
  expect(await leavingPlaces(them, await run(them, group, first.transactionTime))).toEqual(
    expect.arrayContaining(['Organization/insurer', 'Organization/parent']),
  );
  expect(await everythingSince(them, first.transactionTime)).toContain('Organization/insurer');
});
