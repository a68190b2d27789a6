// How fast is the search that every client makes: roles of a specialty with their practitioners, forty entries?
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../src/runtime/node.ts';
import { compare } from './compare.ts';
import type { Question } from './harness.ts';

export const search: Question = async (bench) => {
  const url = await bench.directory();
  const database = openDatabase(url, { max: 1 });
  // specialties with at least a full page, as the data has them
  const found = await database.sql<{ code: string }[]>`
    select c->'coding'->0->>'code' as code
    from directory.resource r, jsonb_array_elements(r.body::jsonb->'specialty') c
    where r.type = 8 and not r.deleted group by 1 having count(*) >= 20 order by count(*) desc limit 40`;
  await database.close();
  if (found.length === 0) throw new Error('No specialty has 20 roles: choose a larger --size.');
  const file = join(tmpdir(), `payer-node-search-${process.pid}`);
  const query = (code: string) =>
    `specialty=http://nucc.org/provider-taxonomy|${code}&_count=20&_include=PractitionerRole:practitioner`;
  writeFileSync(
    file,
    found.map((f) => `/directory/fhir/PractitionerRole?${query(f.code).replace('|', '%7C')}`).join('\n'),
  );
  return compare(bench, url, file, { question: 'search', unit: 'requests/s' });
};
