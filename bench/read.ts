// How fast is a read by id? Product: the directory's route. Raw: the same row behind a bare route.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../src/runtime/node.ts';
import { compare } from './compare.ts';
import type { Question } from './harness.ts';

export const read: Question = async (bench) => {
  const url = await bench.directory();
  const database = openDatabase(url, { max: 1 });
  const keys = await database.sql<{ key: string }[]>`select key from directory.resource order by rk limit 2000`;
  await database.close();
  const file = join(tmpdir(), `payer-node-read-${process.pid}`);
  writeFileSync(file, keys.map((r) => `/directory/fhir/${r.key}`).join('\n'));
  return compare(bench, url, file, { question: 'read', unit: 'requests/s' });
};
