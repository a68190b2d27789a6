// The vocabulary holds the words that names have, and no others for ever.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkIndex } from '../../directory/commands/reindex.ts';
import { importResources } from '../../directory/resource/resource-import.ts';
import { prepare } from '../../directory/resource/resource-prepare.ts';
import { reindex } from '../../directory/resource/resource-reindex.ts';
import { beginUpdate } from '../../directory/resource/resource-update.ts';
import { knownWords } from '../../directory/resource/vocabulary.ts';
import { onSchema } from '../../src/db/schema-view.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { EXTRACTION_VERSION } from '../../src/fhir/search/extract.ts';
import { BASE, deletion, directory, entries, NOW, ORIGIN } from '../directory/fixture.ts';

const person = (id: string, family: string, ...given: string[]): Resource => ({
  resourceType: 'Practitioner',
  id,
  name: [{ family, given }],
});
const clinic = (id: string, name: string): Resource => ({ resourceType: 'Organization', id, name });

let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory([
    person('a', 'Quillfeather', 'Ana', 'Zora'),
    person('b', 'Brown', 'Ana'),
    clinic('c', 'Brown Ivy Clinic'),
  ]);
});
afterAll(() => d.close());

const vocabulary = async () => {
  const rows = await d.database.sql<
    { word: string }[]
  >`select word from directory.vocabulary group by word order by word`;
  return rows.map((r) => r.word);
};
const alike = (name: string) => d.find(`Practitioner?name-like=${name}`);

test('a word goes with the last name that has it, whether it begins a name, stands in it or is two written as one', async () => {
  expect(await vocabulary()).toEqual([
    'ana',
    'brown',
    'brownivy',
    'clinic',
    'ivy',
    'ivyclinic',
    'quillfeather',
    'zora',
  ]);
  await d.load(entries([person('a', 'Quillfeather', 'Ana')]));
  expect(await vocabulary()).not.toContain('zora');
  await d.load([deletion('Practitioner/a')]);
  expect(await vocabulary()).toEqual(['ana', 'brown', 'brownivy', 'clinic', 'ivy', 'ivyclinic']);
  await d.load([...entries([clinic('c', 'Clinic Ivy')]), deletion('Practitioner/b')]);
  expect(await vocabulary()).toEqual(['clinic', 'clinicivy', 'ivy']);
  await d.load(entries([person('b', 'Ivy')]));
  await d.load([deletion('Organization/c')]);
  expect(await vocabulary()).toEqual(['ivy']);
  expect(await alike('ivvy')).toEqual(['Practitioner/b']);
  const before = await vocabulary();
  await d.database.sql`update directory.state set extraction_version = 0`;
  await reindex(d.database, BASE);
  expect(await vocabulary()).toEqual(before);
});

test('an index of an older program is made anew, also that of the view of all directories; of a named database it is told', async () => {
  const merged = onSchema(d.database, 'merged');
  await importResources(merged, entries([person('m', 'Thornbury')]), {
    base: `${ORIGIN}/directory/all/fhir`,
    clock: () => NOW,
  });
  await d.database.sql`update directory.state set extraction_version = 7`;
  await d.database.sql`update merged.state set extraction_version = 7`;
  await d.database.sql`delete from merged.vocabulary`;
  const said: string[] = [];
  const check = (embedded: boolean) =>
    checkIndex({ database: d.database, baseUrl: ORIGIN, embedded }, (line) => said.push(line));
  await check(false);
  expect(await d.database.sql`select word from merged.vocabulary`).toHaveLength(0);
  await check(true);
  expect((await d.database.sql`select word from merged.vocabulary`).map((r) => r['word'])).toContain('thornbury');
  await check(true);
  expect(said).toHaveLength(2);
  expect(
    await d.database
      .sql`select extraction_version as v from directory.state union all select extraction_version from merged.state`,
  ).toEqual([{ v: EXTRACTION_VERSION }, { v: EXTRACTION_VERSION }]);
});

test('an import that goes on while another one takes words out enters its own once more', async () => {
  await d.load(entries([person('x', 'Thistlewood')]));
  const sql = d.database.dedicated('copy');
  try {
    const into = await beginUpdate(sql, { clock: () => NOW, base: BASE, batch: 10 });
    const add = (r: Resource) => {
      const [entry] = entries([r]);
      const made = entry === undefined ? undefined : prepare(entry, { base: BASE });
      if (made === undefined || !('staged' in made)) throw new Error('It was to be staged.');
      into.add(made.staged);
    };
    // waits as a change until its input has ended: no name of the index has the word in the meantime
    add(person('b', 'Thistlewood'));
    await into.flush();
    await d.load([deletion('Practitioner/x')]);
    expect(await vocabulary()).not.toContain('thistlewood');
    for await (const merged of into.finish()) expect(merged.updated).toBe(1);
    expect(await alike('thistelwood')).toEqual(['Practitioner/b']);
    // and what comes in a later batch, which it knew before
    add(person('y', 'Underhill'));
    await into.flush();
    await d.load([deletion('Practitioner/y')]);
    add(person('z', 'Underhill'));
    await into.flush();
    expect(await alike('undrhill')).toEqual(['Practitioner/z']);
  } finally {
    await sql.end({ timeout: 1 });
  }
});

test('words that an import has forgotten for want of room are entered once more when another one took them out', async () => {
  const sql = d.database.dedicated('copy');
  const pruneAll = () =>
    d.database.sql.unsafe(
      `delete from directory.vocabulary where word like 'zz%'; update directory.state set pruned = pruned + 1`,
    );
  const ours = async () => (await vocabulary()).filter((word) => word.startsWith('zz'));
  try {
    const words = knownWords(2);
    const write = () => sql.begin((tx) => words.write(tx));
    words.add(['zza', 'zzb']);
    await write();
    // forgets the two while they are not written anywhere
    words.add(['zzc']);
    await pruneAll();
    await write();
    expect(await ours()).toEqual(['zza', 'zzb', 'zzc']);
    await pruneAll();
    words.add(['zzd', 'zze']);
    await write();
    expect(await ours()).toEqual(['zza', 'zzb', 'zzc', 'zzd', 'zze']);
    await pruneAll();
    await write();
    expect(await ours()).toEqual(['zza', 'zzb', 'zzc', 'zzd', 'zze']);
  } finally {
    await pruneAll();
    await sql.end({ timeout: 1 });
  }
});
