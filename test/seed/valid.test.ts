import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { directoryResources, memberRecords, SIDES, sharedRecords } from '../../src/seed/index.ts';
import { SERVICE_KINDS, SPECIALTIES } from '../../src/seed/specialties.ts';
import { read } from './read.ts';

const issuesOf = (resources: Iterable<Resource>) => {
  const out: string[] = [];
  for (const r of resources)
    for (const i of validate(r)) out.push(`${r.resourceType}/${read(r, 'id')} ${i.code} ${i.path} ${i.message}`);
  return out;
};

test('a generated directory has neither errors nor findings', () => {
  expect(issuesOf(directoryResources({ seed: 21, resources: 3_000 }))).toEqual([]);
});

test.each(SIDES)('records of members at the %s plan have neither errors nor findings', (side) => {
  expect(issuesOf(sharedRecords(21, side))).toEqual([]);
  for (let i = 0; i < 20; i++) expect(issuesOf(memberRecords(21, i, side))).toEqual([]);
});

test('the check above can fail', () => {
  const [first] = directoryResources({ seed: 21, resources: 200 });
  expect(issuesOf([{ ...first, resourceType: 'Organization', active: 'yes' }])).not.toEqual([]);
});

const taxonomy = join(process.env['TEST_DATA_DIR'] ?? '', 'data/plannet-nppes-csv/nucc_provider_taxonomy.csv');

test.skipIf(process.env['TEST_DATA_DIR'] === undefined || !existsSync(taxonomy))(
  'specialties are codes of the taxonomy in the section their value set is built from (needs TEST_DATA_DIR)',
  () => {
    const rows: Record<string, string>[] = parse(readFileSync(taxonomy), { columns: true, bom: true });
    const section = new Map(rows.map((r) => [r['Code'], r['Section']]));
    for (const s of SPECIALTIES) expect(section.get(s.code), s.code).toBe('Individual');
    for (const s of SERVICE_KINDS)
      expect(section.get(s.specialty.code), s.specialty.code).toSatisfy(
        (v) => v === 'Non-Individual' || s.specialty.code === '193200000X',
      );
  },
);
