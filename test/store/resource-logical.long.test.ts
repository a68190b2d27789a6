// References by identifier alone after whatever changes: the index is the one that a reindex makes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importResources } from '../../directory/resource/resource-import.ts';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import { onSchema } from '../../src/db/schema-view.ts';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { BASE, deletion, directory, entries, NOW } from '../directory/fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory([]);
});
afterAll(() => d.close());

/** The same numbers in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

const SYSTEM = 'https://plan.example/ids';
const ext = (name: string, value: JsonObject): JsonObject => ({
  url: `${PLAN_NET}/StructureDefinition/${name}`,
  ...value,
});

/** A record with what a few numbers say: few ids and few identifiers, so that they meet. */
function record(type: string, random: (below: number) => number): Resource {
  const id = `${type.toLowerCase()}${random(4)}`;
  const identifier = Array.from({ length: random(3) }, () => ({ system: SYSTEM, value: `i${random(5)}` }));
  const named = (to: string): JsonObject => {
    const way = random(5);
    if (way === 0) return { reference: `${to}/${to.toLowerCase()}${random(4)}` };
    if (way === 1) return { identifier: { value: `i${random(5)}` } };
    return { ...(way === 2 ? { type: to } : {}), identifier: { system: SYSTEM, value: `i${random(5)}` } };
  };
  const few = (to: string) => Array.from({ length: random(3) }, () => named(to));
  const code = (system: string, one: string) => ({ coding: [{ system, code: one }] });
  const common = { resourceType: type, id, identifier };
  switch (type) {
    case 'Practitioner':
      return { ...common, name: [{ family: `Roe${random(3)}` }] };
    case 'Organization':
      return { ...common, name: 'Group', ...(random(2) === 0 ? { partOf: named('Organization') } : {}) };
    case 'Location':
      return {
        ...common,
        name: 'Site',
        address: { city: `City${random(2)}` },
        ...(random(3) > 0 ? { position: { latitude: 41 + random(2), longitude: -72 } } : {}),
      };
    case 'VerificationResult':
      return {
        resourceType: type,
        id,
        status: 'validated',
        target: few('Practitioner'),
        lastPerformed: `2027-01-0${1 + random(3)}`,
        ...(random(2) === 0 ? { attestation: { who: named('Organization') } } : {}),
      };
    default:
      return {
        ...common,
        specialty: [code('http://nucc.org/provider-taxonomy', `207${random(2)}`)],
        practitioner: named('Practitioner'),
        location: few('Location'),
        healthcareService: few('HealthcareService'),
        extension: [
          ...few('Organization').map((valueReference) => ext('network-reference', { valueReference })),
          ext('newpatients', {
            extension: [
              {
                url: 'acceptingPatients',
                valueCodeableConcept: code(`${PLAN_NET}/CodeSystem/AcceptingPatientsCS`, 'newpt'),
              },
              ...few('Organization')
                .slice(0, 1)
                .map((valueReference) => ({ url: 'fromNetwork', valueReference })),
            ],
          }),
        ],
      };
  }
}

const TYPES = [
  'Practitioner',
  'Organization',
  'Location',
  'VerificationResult',
  'PractitionerRole',
  'PractitionerRole',
];

/** All entries of the index, in an order of their own. */
async function index(): Promise<Record<string, unknown>> {
  const { sql } = d.database;
  const of = async (text: string) => (await sql.unsafe(text)).map((row) => JSON.stringify(row)).sort();
  return {
    lookup: await of('select token::text, rk::text from directory.lookup'),
    words: await of('select rk::text, param, folded, raw from directory.words'),
    care: await of('select * from directory.care_at'),
    verification: await of('select target::text, rk::text, lo from directory.verification'),
    logical: await of('select rk::text, token::text, target::text, ord, param, before from directory.logical'),
    references:
      await of(`select key, array(select r || ' ' || p from unnest(refs, ref_params) u(r, p) order by 1) as refs,
      array(select p from unnest(params) p order by 1) as params from directory.resource where not deleted`),
  };
}

const remade = async () => {
  await d.database.sql`update directory.state set extraction_version = 0`;
  await reindex(d.database, BASE);
  return index();
};

test('any batches leave what a reindex makes', async () => {
  const random = numbers(7);
  let found = 0;
  for (let step = 0; step < 30; step++) {
    const some = Array.from({ length: 1 + random(12) }, () => record(TYPES[random(TYPES.length)] ?? '', random));
    const gone = Array.from({ length: random(3) }, () => record(TYPES[random(TYPES.length)] ?? '', random));
    await d.load([...entries(some), ...gone.map((r) => deletion(`${r.resourceType}/${String(r['id'])}`))], {
      batch: 1 + random(6),
    });
    if (step % 5 !== 4) continue;
    const before = await index();
    expect(await remade(), `after step ${step}`).toEqual(before);
    const [row] = await d.database.sql<{ n: number }[]>`select count(target)::int as n from directory.logical`;
    found += row?.n ?? 0;
  }
  expect(found).toBeGreaterThan(40);
});

test('a first load leaves what a reindex makes, also of what comes twice and of what is deleted in it', async () => {
  const random = numbers(11);
  const all = Array.from({ length: 120 }, () => record(TYPES[random(TYPES.length)] ?? '', random));
  const own = d;
  for (const input of [
    entries(all),
    [...entries(all), deletion('Practitioner/practitioner1'), deletion('PractitionerRole/practitionerrole2')],
  ]) {
    d = await directory([]);
    try {
      await d.load(input);
      const before = await index();
      expect(before['logical']).not.toEqual([]);
      expect(await remade()).toEqual(before);
    } finally {
      await d.close();
      d = own;
    }
  }
});

test('when all is gone nothing is left', async () => {
  const keys = await d.database.sql<{ key: string }[]>`select key from directory.resource where not deleted`;
  await d.load(keys.map(({ key }) => deletion(key)));
  const { lookup, words, care, verification, logical, references } = await index();
  expect([lookup, words, care, verification, logical, references]).toEqual([[], [], [], [], [], []]);
});

test('in the view of all directories an identifier of one leads to no record of another', async () => {
  const merged = onSchema(d.database, 'merged');
  const random = numbers(3);
  const load = () =>
    importResources(
      merged,
      entries(Array.from({ length: 40 }, () => record(TYPES[random(TYPES.length)] ?? '', random))),
      {
        base: BASE,
        clock: () => NOW,
      },
    );
  await load();
  await load();
  await d.database.sql`update merged.state set extraction_version = 0`;
  await reindex(merged, BASE);
  expect(await d.database.sql`select * from merged.logical`).toEqual([]);
  expect(await d.database.sql`select * from merged.verification where target = 0`).toEqual([]);
});
