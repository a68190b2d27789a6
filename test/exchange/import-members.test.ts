// Importing our own members: what is refused and why, and that loading again changes nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importMembers } from '../../exchange/members/import-members.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { readImport } from '../../src/import/read-import.ts';
import type { Reject } from '../../src/import/rejects-file.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
let folder: string;
beforeAll(async () => {
  node = await startNode();
  folder = mkdtempSync(join(tmpdir(), 'payer-node-import-'));
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

async function load(text: string, enrolment?: string) {
  const file = join(folder, 'records.ndjson');
  writeFileSync(file, text);
  const rejects: Reject[] = [];
  const csv = join(folder, 'enrolment.csv');
  if (enrolment !== undefined) writeFileSync(csv, enrolment);
  const result = await importMembers(node.deps, {
    records: readImport([file]),
    ...(enrolment === undefined ? {} : { enrolment: csv }),
    validate,
    reject: (r) => void rejects.push(r),
  });
  return { result, rejects: rejects.map((r) => [r.line, r.code]) };
}

const patient =
  '{"resourceType":"Patient","id":"p1","name":[{"family":"Rivera","given":["Ana"]}],"birthDate":"1974-12-25"}';
const weight = (id: string, of: string, value = '70.50') =>
  `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/${of}"},"valueQuantity":{"value":${value}}}`;

test('what is refused has its line and reason; the rest is stored as written', async () => {
  const { result, rejects } = await load(
    [
      weight('o1', 'p1'),
      patient,
      weight('o2', 'stranger'),
      weight('o3', 'p1').replace('"weight"', '"we\\u0000ight"'),
      '{"resourceType":"Group","id":"g1","type":"person","actual":true}',
      '{"resourceType":"Observation","id":"o4","code":{}}',
      'not json',
    ].join('\n'),
  );
  expect(result.counts).toMatchObject({ created: 2, updated: 0, unchanged: 0 });
  expect(rejects.sort()).toEqual([
    [3, 'unknown-member'],
    [4, 'invalid-resource'],
    [5, 'not-a-member-record'],
    [6, 'invalid-resource'],
    [7, 'not-json'],
  ]);
  const [row] = await node.deps.database
    .sql`select body from exchange.resource where member_id = 'p1' and type = 'Observation' and id = 'o1'`;
  expect(row?.['body']).toContain('"valueQuantity":{"value":70.50}');
});

test('the same again changes nothing; a change is a version, a deletion hides', async () => {
  expect((await load([patient, weight('o1', 'p1')].join('\n'))).result.counts).toMatchObject({
    created: 0,
    updated: 0,
    unchanged: 2,
  });
  expect((await load(weight('o1', 'p1', '71'))).result.counts).toMatchObject({ updated: 1 });
  const bundle =
    '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Observation/o1"}}]}';
  expect((await load(bundle)).result.counts).toMatchObject({ deleted: 1 });
  expect((await load(bundle)).result.counts).toMatchObject({ deleted: 0, unchanged: 1 });
  const [row] = await node.deps.database
    .sql`select version, deleted from exchange.resource where member_id = 'p1' and type = 'Observation' and id = 'o1'`;
  expect(row).toEqual({ version: 3, deleted: true });
  const versions = await node.deps.database
    .sql`select version from exchange.resource_version where member_id = 'p1' and type = 'Observation' and id = 'o1' order by version`;
  expect(versions.map((v) => v['version'])).toEqual([1, 2]);
});

test('enrolment: faults by row, people without records, choices kept', async () => {
  const header =
    'patient_id,member_number,family,given,birth_date,coverage_start,prior_payer,prior_member_number,opt_in,opt_in_date';
  const rows = [
    'p1,N1,Rivera,Ana,1974-12-25,2026-01-01,old,O1,yes,2026-11-01',
    ',N2,Okafor,Ben,1980-02-30,2026-01-01,,,,',
    ',N3,Lee,Kim,1990-03-04,2026-01-01,,,maybe,',
    ',N4,Lee,Min,1991-03-04,2026-01-01,,,,',
  ];
  const { result, rejects } = await load(patient, [header, ...rows].join('\n'));
  expect(rejects.sort()).toEqual([
    [3, 'invalid-enrolment'],
    [4, 'invalid-enrolment'],
  ]);
  expect(result.enrolment).toMatchObject({ enrolments: 2, otherCoverages: 1, choices: 1 });
  const profiles = await node.deps.database.sql`select family, dob, mb from exchange.member_profile order by mb`;
  expect([...profiles]).toEqual([
    { family: ['rivera'], dob: ['1974-12-25'], mb: ['N1'] },
    { family: ['lee'], dob: ['1991-03-04'], mb: ['N4'] },
  ]);
  const again = await load(patient, [header, ...rows].join('\n'));
  expect(again.result.enrolment).toMatchObject({ enrolments: 0, otherCoverages: 0, choices: 0 });
});
