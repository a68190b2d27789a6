// Copies that a payer passes on of another payer's records, where their member is merged with another, and two again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { decided, preauthorization } from './authorization-fixture.ts';
import { deletions, lab, OUR_BASE, output, type RawFile, reconciler } from './reconcile/reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const G = 'https://g.example/fhir';
const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
beforeAll(async () => {
  node = await reconciler();
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('g', 'G', '9000000046', 'active', ${G}, array['https://g.example'], 'test')`;
  const person = { resourceType: 'Patient', birthDate: '1980-02-29', name: [{ family: 'Rivera', given: ['Ana'] }] };
  await node.own({ ...person, id: 'm1' }, { ...person, id: 'm2' });
});
afterAll(() => node.close());

const result = (id: string, patient: string, day: string, hour: string, value: number, meta: object = {}) =>
  lab(id, {
    subject: { reference: `Patient/${patient}` },
    meta: { lastUpdated: `2026-08-${day}T00:00:00Z`, ...meta },
    effectiveDateTime: `2026-08-01T${hour}:00:00Z`,
    valueQuantity: { value, code: 'g/dL' },
  });
const told = (day: string, peer: string | undefined, ...files: RawFile[]) =>
  node.pull(files, {
    since: new Date(),
    madeAt: new Date(`2026-08-${day}T12:00:00Z`),
    ...(peer === undefined ? {} : { peer }),
  });
const outlived = async (type = 'Observation') =>
  [
    ...(await node.sql<
      { id: string }[]
    >`select source_id as id from exchange.resource where withheld = 'outlived' and type = ${type} order by 1`),
  ].map((r) => r.id);
const asked = () => node.sql`select kind from exchange.review_item where type = 'Observation' and state = 'open'`;

test('they are one with their record and no contradiction, and go from view with one that was taken back, and come back apart from it', async () => {
  await told(
    '04',
    'g',
    output(
      'Observation',
      result('g1', 'p1', '03', '08', 6),
      result('g2', 'p1', '03', '11', 5),
      result('g3', 'p1', '03', '14', 6),
    ),
  );
  await told('05', 'g', deletions('Observation/g2'));
  await told(
    '05',
    undefined,
    output(
      'Observation',
      // of the same member, and of the other one: as they were before their payer changed them, or took them back
      result('k0', 'p1', '02', '14', 5, { source: `${G}/Observation/g3` }),
      result('k1', 'p2', '02', '08', 5, { source: `${G}/Observation/g1` }),
      result('k2', 'p2', '02', '11', 5, { source: `${G}/Observation/g2` }),
    ),
  );
  expect([await outlived(), await asked()]).toEqual([[], []]);
  const one = { memberId: 'm1', formerId: 'm2', reason: 'called, one card was a mistake' };
  expect(
    await makeOne(node.deps, { ...one, seen: ['two-there', 'overlap', 'names', 'two-cards'] }, who),
  ).toHaveProperty('id');
  expect([await outlived(), await asked()]).toEqual([['k2'], []]);
  expect(await makeTwo(node.deps, one, who)).toHaveProperty('id');
  expect([await outlived(), await asked()]).toEqual([[], []]);
});

test('so it is with an authorization that was denied to the one, of which the other one’s payer passes on a copy from before', async () => {
  const authorization = (id: string, patient: string, code: string, day: string) => ({
    ...preauthorization(id, `2026-08-${day}T00:00:00Z`),
    patient: { reference: `Patient/${patient}` },
    identifier: [{ system: 'https://g.example/pa', value: 'PA-1000001' }],
    insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000106' } },
    item: [{ sequence: 1, productOrService: { text: 'x' }, adjudication: [decided(code, `2026-08-${day}T00:00:00Z`)] }],
  });
  await told('06', 'g', output('ExplanationOfBenefit', authorization('x1', 'p1', 'A3', '05')));
  await told('06', undefined, output('ExplanationOfBenefit', authorization('x2', 'p2', 'A1', '03')));
  const denied = async () => [
    ...(await node.sql`select member_id as id from exchange.resource where withheld = 'denied-since'`),
    ...(await node.sql`select member_id as id from exchange.denied_authorization`),
  ];
  expect(await denied()).toEqual([{ id: 'm1' }]);
  const two = { memberId: 'm2', formerId: 'm1', reason: 'called, one card was a mistake' };
  expect(
    await makeOne(node.deps, { ...two, seen: ['two-there', 'overlap', 'names', 'two-cards'] }, who),
  ).toHaveProperty('id');
  expect(await denied()).toEqual([{ id: 'm2' }, { id: 'm2' }]);
  expect(await makeTwo(node.deps, two, who)).toHaveProperty('id');
  expect(await denied()).toEqual([{ id: 'm1' }]);
});

test('what a payer passes on of the one to the other is the one’s record, also where nothing but its name tells', async () => {
  const visit = (id: string, patient: string, meta: object = {}) => ({
    resourceType: 'Encounter',
    id,
    meta: { lastUpdated: '2026-08-03T00:00:00Z', ...meta },
    status: 'finished',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    subject: { reference: `Patient/${patient}` },
    length: { value: 47, unit: 'min', system: 'http://unitsofmeasure.org', code: 'min' },
  });
  const renumbered = async (id: string, former: string) => {
    await node.own(visit(id, 'm1'));
    await node.ownGone(`Encounter/${former}`);
  };
  await node.own(visit('own-visit', 'm1'));
  await told('20', undefined, output('Encounter', visit('back', 'p2', { source: `${OUR_BASE}/Encounter/own-visit` })));
  const links = () => node.sql`select state, rule from exchange.link where type = 'Encounter'`;
  expect([...(await links())]).toEqual([]);
  const one = { memberId: 'm1', formerId: 'm2', reason: 'called, one card was a mistake' };
  const seen = ['two-there', 'overlap', 'names', 'two-cards'];
  expect(await makeOne(node.deps, { ...one, seen }, who)).toHaveProperty('id');
  expect([...(await links())]).toEqual([{ state: 'confirmed', rule: 'source' }]);
  // ours under another number: the copy is called by the former one, and falls with that
  await renumbered('own-visit-2', 'own-visit');
  expect(await outlived('Encounter')).toEqual(['back']);
  await renumbered('own-visit', 'own-visit-2');
  expect(await outlived('Encounter')).toEqual([]);
  await renumbered('own-visit-2', 'own-visit');
  expect(await makeTwo(node.deps, one, who)).toHaveProperty('id');
  expect(await outlived('Encounter')).toEqual([]);
  expect(await makeOne(node.deps, { ...one, seen }, who)).toHaveProperty('id');
  expect(await outlived('Encounter')).toEqual(['back']);
  // nor does a pull after it show the copy, which is called so still
  await told('21', undefined, output('Encounter', { ...visit('new', 'p2'), period: { start: '2026-08-09' } }));
  expect(await outlived('Encounter')).toEqual(['back']);
});

test('a copy of ours from before we changed it, that came of the other member, is not shown and no one is asked of it, until ours says so again', async () => {
  const ours = (id: string, hour: string, value: number) =>
    node.own({ ...result(id, 'm1', '01', hour, value), status: 'final' });
  for (const [id, hour] of [
    ['c1', '17'],
    ['c2', '19'],
    ['c3', '21'],
  ] as const)
    await ours(id, hour, 30);
  const copy = (id: string, hour: string, value: number, of: string) =>
    result(id, 'p2', '22', hour, value, { source: `${OUR_BASE}/Observation/${of}` });
  expect(await makeTwo(node.deps, { formerId: 'm2', reason: 'they are two' }, who)).toHaveProperty('id');
  await told(
    '22',
    undefined,
    output('Observation', copy('d1', '17', 30, 'c1'), copy('d2', '19', 30, 'c2'), copy('d3', '21', 29, 'c3')),
  );
  await ours('c1', '17', 31);
  await ours('c2', '19', 31);
  await ours('c3', '21', 31);
  await node.ownGone('Observation/c2');
  const one = { memberId: 'm1', formerId: 'm2', reason: 'called, one card was a mistake' };
  const seen = ['two-there', 'overlap', 'names', 'two-cards'];
  expect(await makeOne(node.deps, { ...one, seen }, who)).toHaveProperty('id');
  const copies = async () => (await outlived()).filter((id) => id.startsWith('d'));
  const kinds = async () => (await asked()).map((i) => i['kind']).sort();
  expect(await copies()).toEqual(['d1', 'd2']);
  // what ours never said is asked about
  expect(await kinds()).toEqual(['echo-modified', 'value-mismatch']);
  // ours says so again, and otherwise once more
  await ours('c1', '17', 30);
  expect(await copies()).toEqual(['d2']);
  await ours('c1', '17', 32);
  expect(await copies()).toEqual(['d1', 'd2']);
  expect(await kinds()).toEqual(['echo-modified', 'value-mismatch']);
  // and under another number
  await ours('c1-r', '17', 32);
  await node.ownGone('Observation/c1');
  expect(await copies()).toEqual(['d1', 'd2']);
  expect(await kinds()).toEqual(['echo-modified', 'value-mismatch']);
  expect(await makeTwo(node.deps, one, who)).toHaveProperty('id');
  expect([await copies(), await kinds()]).toEqual([[], []]);
});
