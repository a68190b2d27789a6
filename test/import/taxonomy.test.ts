// The operator's copy of the provider taxonomy: replaces the list before, and specialties are checked against it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replaceTaxonomy, taxonomyCodes } from '../../directory/resource/taxonomy.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { readTaxonomyFile } from '../../src/import/taxonomy-file.ts';
import { freshDb } from '../support/db.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-taxonomy-'));
let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
});
afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A list of invented codes in the columns of the published file. */
function list(n: number, first = 'ZZZ'): string {
  const path = join(folder, `${n}-${first}.csv`);
  const row = (i: number) =>
    `${first}${String(i).padStart(6, '0')}X,Group,"Kind ${i}, with comma",Special,"Long\ntext",note,${i % 2 ? `Name ${i}` : ''},Individual`;
  writeFileSync(
    path,
    [
      'Code,Grouping,Classification,Specialization,Definition,Notes,Display Name,Section',
      ...Array.from({ length: n }, (_, i) => row(i)),
    ].join('\n'),
  );
  return path;
}
const load = async (path: string) => {
  const codes = await readTaxonomyFile(path);
  return db.sql.begin((tx) => replaceTaxonomy(tx, codes));
};

test('loaded, loaded again, replaced', async () => {
  expect(await taxonomyCodes(db.sql)).toBeUndefined();
  expect(await load(list(600))).toEqual({ added: 600, removed: 0 });
  expect(await load(list(600))).toEqual({ added: 0, removed: 0 });
  expect(await load(list(550))).toEqual({ added: 0, removed: 50 });
  const names = await db.sql<
    { name: string }[]
  >`select name from directory.taxonomy where code in ('ZZZ000000X', 'ZZZ000001X') order by code`;
  expect(names.map((n) => n.name)).toEqual(['Kind 0, with comma, Special', 'Name 1']);
});

test('what is no whole list changes nothing', async () => {
  await expect(readTaxonomyFile(list(20, 'YYY'))).rejects.toThrow('Nothing was changed');
  await expect(readTaxonomyFile(join(folder, 'none.csv'))).rejects.toThrow('is not there');
});

describe('a specialty', () => {
  const role = (code: string) => ({
    resourceType: 'PractitionerRole',
    id: 'r',
    meta: { profile: ['http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/plannet-PractitionerRole'] },
    active: true,
    practitioner: { reference: 'Practitioner/p' },
    specialty: [{ coding: [{ system: 'http://nucc.org/provider-taxonomy', code }] }],
  });
  const findings = (code: string, taxonomy?: ReadonlySet<string>) =>
    validate(role(code), { profiles: 'plan-net', ...(taxonomy ? { taxonomy } : {}) }).filter((i) =>
      i.path.includes('specialty'),
    ).length;

  test('of the list is in order, another one is a finding; without a list the shape decides', async () => {
    const taxonomy = await taxonomyCodes(db.sql);
    expect([findings('ZZZ000001X', taxonomy), findings('YYY000001X', taxonomy)]).toEqual([0, 1]);
    expect([findings('YYY000001X'), findings('not-a-code')]).toEqual([0, 1]);
  });
});
