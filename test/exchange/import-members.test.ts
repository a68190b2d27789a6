// Importing our own members: what is refused and why, and that loading again changes nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readEnrolment } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { factsOf } from '../../exchange/records/facts/facts.ts';
import type { Resource } from '../../src/fhir/resource.ts';
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
    [7, 'cut-off'],
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

const HEAD = 'member_number,family,given,birth_date,coverage_start';
const csvOf = async (text: string | Buffer) => {
  const csv = join(folder, `${Math.random()}.csv`);
  writeFileSync(csv, text);
  const rejects: [number, string][] = [];
  await importMembers(node.deps, {
    records: (async function* () {})(),
    enrolment: csv,
    validate,
    reject: (r) => void rejects.push([r.line, r.reason]),
  });
  return rejects;
};
const personOf = async (number: string) => {
  const rows = await node.deps.database.sql`
    select r.body::jsonb #>> '{name,0,family}' as family, r.body::jsonb #>> '{name,0,given,0}' as given, e.subscriber_id as sub
    from exchange.enrolment e join exchange.resource r on r.member_id = e.member_id and r.type = 'Patient' where e.member_number = ${number}`;
  return rows.map((r) => [r['family'], r['given'], r['sub']]);
};

test.each([
  ['UTF-8 with a mark and CRLF', 'X1', `\uFEFF${HEAD}\r\nX1,Muñoz,José,1970-01-01,2026-01-01\r\n`],
  ['Windows-1252', 'X2', Buffer.from(`${HEAD}\r\nX2,Muñoz,José,1970-01-01,2026-01-01\r\n`, 'latin1')],
  [
    'UTF-16 with tabs, as “Unicode text”',
    'X3',
    Buffer.from(`\uFEFF${HEAD}\r\nX3,Muñoz,José,1970-01-01,2026-01-01\r\n`.replaceAll(',', '\t'), 'utf16le'),
  ],
  [
    'semicolons, said in a line of its own',
    'X4',
    `sep=;\r\n${HEAD}\r\nX4,Muñoz,José,1970-01-01,2026-01-01\r\n`.replaceAll(',', ';'),
  ],
  ['line ends of carriage returns alone', 'X5', `${HEAD}\rX5,Muñoz,José,1970-01-01,2026-01-01\r`],
  [
    'capitals and blanks in the header, columns without a name, rows without a value',
    'X6',
    `Member Number,FAMILY,Given,Birth-Date,coverage_start,,\n,,,,,,\nX6,Muñoz,José,1970-01-01,2026-01-01,,\n,,,,,,\n`,
  ],
])('an enrolment file in %s', async (_, number, text) => {
  expect(await csvOf(text)).toEqual([]);
  expect(await personOf(number)).toEqual([['Muñoz', 'José', null]]);
});

test('who says no after a yes withdraws; loading it again changes nothing', async () => {
  const header = 'member_number,family,given,birth_date,coverage_start,opt_in,opt_in_date';
  const row = (number: string, answer: string, day: string) =>
    `${number},Doe,Jo,1970-01-01,2026-01-01,${answer},2026-01-${day}`;
  const choices = async () =>
    (
      await node.deps.database.sql<{ c: string }[]>`
        select e.member_number || ' ' || c.choice || ' ' || extract(day from c.recorded_on) as c
        from exchange.consent c join exchange.enrolment e using (member_id) where e.member_number like 'W%' order by 1`
    ).map((r) => r.c);
  const first = [
    header,
    row('W1', 'yes', '02'),
    row('W2', 'no', '02'),
    // all in one file, the later one first
    row('W3', 'no', '05'),
    row('W3', 'yes', '03'),
    row('W4', 'no', '04'),
    row('W4', 'yes', '04'),
    // the last word of a day holds, however often it changed
    row('W5', 'no', '06'),
    row('W5', 'yes', '06'),
    row('W5', 'no', '06'),
    row('W6', 'yes', '06'),
    row('W6', 'no', '06'),
    row('W6', 'yes', '06'),
  ].join('\n');
  const second = [header, row('W1', 'no', '09'), row('W2', 'no', '09'), row('W4', 'no', '10')].join('\n');
  await load('', first);
  const then = await load('', second);
  expect(then.result.enrolment?.choices).toBe(3);
  const all = [
    'W1 opt-in 2',
    'W1 withdraw 9',
    'W2 decline 2',
    'W2 decline 9',
    'W3 opt-in 3',
    'W3 withdraw 5',
    'W4 decline 4',
    'W4 opt-in 4',
    'W4 withdraw 10',
    'W5 decline 6',
    'W5 opt-in 6',
    'W5 withdraw 6',
    'W6 opt-in 6',
    'W6 opt-in 6',
    'W6 withdraw 6',
  ];
  const holds = await node.deps.database.sql`
    select distinct on (e.member_number) e.member_number || ' ' || c.choice as c from exchange.consent c join exchange.enrolment e using (member_id)
    where e.member_number in ('W4', 'W5', 'W6') order by e.member_number, c.recorded_on desc, c.created_at desc`;
  expect(holds.map((r) => r['c'])).toEqual(['W4 withdraw', 'W5 withdraw', 'W6 opt-in']);
  expect(await choices()).toEqual([...all].sort());
  expect((await load('', first)).result.enrolment?.choices).toBe(0);
  expect((await load('', second)).result.enrolment?.choices).toBe(0);
  expect(await choices()).toEqual([...all].sort());
});

test('numbers that a spreadsheet keeps as text, and one that it has rounded; a character that no text has', async () => {
  const rejects = await csvOf(
    `${HEAD},subscriber_id\n="007",Muñoz,José,1970-01-01,2026-01-01,"=""0042"""\n9.00012E+11,A,B,1970-01-01,2026-01-01,\nX7,A\0b,B,1970-01-01,2026-01-01,\n`,
  );
  expect(rejects.map(([line]) => line)).toEqual([3, 4]);
  expect(await personOf('007')).toEqual([['Muñoz', 'José', '0042']]);
});

test('a column that stands twice is refused: which one holds cannot be determined', async () => {
  await expect(csvOf(`${HEAD},Family\nX8,A,B,1970-01-01,2026-01-01,C\n`)).rejects.toThrow('family twice');
  // also where there is no row
  await expect(csvOf('ISA*garbage')).rejects.toThrow('has no column member_number');
  await expect(csvOf(`${HEAD},shoe_size\n`)).rejects.toThrow('not known: shoe_size');
  await expect(csvOf('')).rejects.toThrow('is empty');
});

test.each([
  [{ coverage_end: '2025-12-31' }, ['coverage_end is before coverage_start.']],
  [
    { prior_payer: 'old', prior_coverage_start: '2025-01-01', prior_coverage_end: '2024-12-31' },
    ['prior_coverage_end is before prior_coverage_start.'],
  ],
  [{ birth_date: '2026-11-29' }, ['birth_date is a day to come.']],
  [{ birth_date: '0001-01-01' }, ['birth_date is of a person older than 130.']],
  [{ opt_in: 'yes', opt_in_date: '2026-11-29' }, ['opt_in_date is a day to come.']],
])('a row whose days go backwards, or are to come where they cannot, is refused: %j', (more, faults) => {
  const row = {
    member_number: 'B1',
    family: 'Back',
    given: 'Ann',
    birth_date: '1970-02-03',
    coverage_start: '2026-01-01',
  };
  expect(readEnrolment({ ...row, ...more }, '2026-11-28')).toEqual({ faults });
});

test('a card that a member with that birth date holds is that member’s, whose records came under another id', async () => {
  const { sql } = node.deps.database;
  await load(
    '{"resourceType":"Patient","id":"from-records","name":[{"family":"Held","given":["Ann"]}],"birthDate":"1970-02-03"}',
    `patient_id,${HEAD}\nfrom-records,H1,Held,Ann,1970-02-03,2026-01-01\n`,
  );
  await csvOf(
    `${HEAD},coverage_end\nH1,HELD,ANN,1970-02-03,2026-01-01,2026-12-31\nH1,Other,Person,1999-02-03,2027-01-01,\n`,
  );
  const rows =
    await sql`select member_id as m, starts::text as s, ends::text as e from exchange.enrolment where member_number = 'H1' order by starts`;
  expect(rows.map((r) => [r['m'] === 'from-records', r['s'], r['e']])).toEqual([
    [true, '2026-01-01', '2026-12-31'],
    [false, '2027-01-01', null],
  ]);
  expect(await personOf('H1')).toContainEqual(['Held', 'Ann', null]);
});

test('a card that two people of a file have is no member’s by chance: who is left out is reported, and nothing of theirs is anyone’s', async () => {
  const { sql } = node.deps.database;
  const of = async (number: string) =>
    (
      await sql<{ body: string; spans: string[] }[]>`
        select r.body, array_agg(e.starts::text order by e.starts) as spans from exchange.enrolment e
        join exchange.resource r on r.member_id = e.member_id and r.type = 'Patient' and r.id = e.member_id
        where e.member_number = ${number} group by r.body`
    ).map(({ body, spans }) => [(JSON.parse(body) as { name: [{ given: string[] }] }).name[0].given[0], spans]);
  // a family with one card: two children after the parent
  expect(
    await csvOf(
      `${HEAD}\nF1,Soto,Eva,1970-05-05,2025-01-01\nF1,Soto,Leo,2010-06-06,2025-02-01\nF1,Soto,Eva,1970-05-05,2026-01-01\nF2,Mora,Ada,1980-05-05,2025-01-01\n`,
    ),
  ).toEqual([[3, expect.stringContaining('another person')]]);
  expect([...(await of('F1')), ...(await of('F2'))]).toEqual([
    ['Eva', ['2025-01-01', '2026-01-01']],
    ['Ada', ['2025-01-01']],
  ]);
  // given out again later; a birth date, or a name, that is corrected is the same person's
  expect(
    await csvOf(
      `${HEAD}\nF1,Vega,Tom,1999-01-01,2027-01-01\nF1,Vega,Eva María,1971-05-05,2027-01-01\nF2,Ruiz,Ada Luz,1980-05-05,2026-01-01\n`,
    ),
  ).toEqual([[2, expect.stringContaining('another person')]]);
  expect([...(await of('F1')), ...(await of('F2'))]).toEqual([
    ['Eva', ['2025-01-01', '2026-01-01', '2027-01-01']],
    ['Ada', ['2025-01-01', '2026-01-01']],
  ]);
});

test('twins with one card in one file are two people; short forms, newborns and names that a later file corrects are one', async () => {
  const spans = async (number: string) =>
    (
      await node.deps.database.sql<{ starts: string }[]>`
        select starts::text from exchange.enrolment where member_number = ${number} order by 1`
    ).map((r) => r.starts);
  const twins = `${HEAD}\nT1,Soto,Ana,2015-05-05,2025-01-01\nT1,Soto,Luz,2015-05-05,2025-02-01\nT2,Soto,Bob,1980-05-05,2025-01-01\nT2,Soto,Robert,1980-05-05,2026-01-01\nT3,Soto,Babygirl,2026-05-05,2026-05-05\nT3,Soto,Iris,2026-05-05,2026-06-01\n`;
  for (const _ of ['first', 'again']) {
    expect(await csvOf(twins)).toEqual([[2, expect.stringContaining('twins')]]);
    expect([await spans('T1'), await spans('T2'), await spans('T3')]).toEqual([
      ['2025-02-01'],
      ['2025-01-01', '2026-01-01'],
      ['2026-05-05', '2026-06-01'],
    ]);
  }
  expect(await csvOf(`${HEAD}\nT1,Soto,Lucía,2015-05-05,2026-01-01\n`)).toEqual([]);
  expect(await spans('T1')).toEqual(['2025-02-01', '2026-01-01']);
});

test('a row with more values than there are columns is refused: some may stand in the wrong ones', async () => {
  expect(await csvOf(`${HEAD}\nG1,A,B,1970-01-01,2026-01-01,,\nG2,A,B,1970-01-01,2026-01-01,,x\n`)).toEqual([
    [3, expect.stringContaining('beyond the last column')],
  ]);
});

test('a document of several megabytes within a record is taken', async () => {
  const document = (data: string) =>
    `{"resourceType":"DocumentReference","id":"large","status":"current","subject":{"reference":"Patient/p9"},"content":[{"attachment":{"contentType":"application/pdf","data":"${data}"}}]}`;
  const { result, rejects } = await load(
    [patient.replace('"p1"', '"p9"'), document('Ab3/'.repeat(9 * 256 * 1024))].join('\n'),
  );
  expect([result.counts, rejects]).toEqual([expect.objectContaining({ created: 2 }), []]);
});

test('of one day the file that came last holds, whatever was said before, and all of it is kept', async () => {
  const file = (...answers: string[]) =>
    [
      'member_number,family,given,birth_date,coverage_start,opt_in,opt_in_date',
      ...answers.map((answer) => `V1,Doe,Vi,1970-01-01,2026-01-01,${answer},2026-01-06`),
    ].join('\n');
  const said = async () =>
    (
      await node.deps.database.sql<{ choice: string }[]>`
        select c.choice from exchange.consent c join exchange.enrolment e using (member_id)
        where e.member_number = 'V1' order by c.recorded_on, c.created_at`
    ).map((r) => r.choice);
  const days: [string[], string[]][] = [
    [['no'], ['decline']],
    [['yes'], ['decline', 'opt-in']],
    [['no'], ['decline', 'opt-in', 'withdraw']],
    // once more
    [['no'], ['decline', 'opt-in', 'withdraw']],
    [
      ['yes', 'no'],
      ['decline', 'opt-in', 'withdraw'],
    ],
    [
      ['no', 'yes'],
      ['decline', 'opt-in', 'withdraw', 'opt-in'],
    ],
    [['no'], ['decline', 'opt-in', 'withdraw', 'opt-in', 'withdraw']],
  ];
  for (const [answers, expected] of days) {
    const before = (await said()).length;
    expect((await load('', file(...answers))).result.enrolment?.choices).toBe(expected.length - before);
    expect(await said()).toEqual(expected);
  }
});

test('a record that contains something of another person is refused, in whatever it stands; a statement of both is no member’s alone', async () => {
  const about = (of: string) => JSON.parse(weight('w', of)) as object;
  const within = (id: string, more: object) =>
    weight(id, 'p1').replace('"subject"', `"contained":[${JSON.stringify(more)}],"subject"`);
  const statement = (id: string, more: object) =>
    JSON.stringify({
      resourceType: 'Provenance',
      id,
      contained: [more],
      target: [{ reference: 'Observation/own' }],
      recorded: '2026-01-02T00:00:00Z',
      agent: [{ who: { display: 'us' } }],
    });
  const { rejects } = await load(
    [
      patient,
      patient.replace('"p1"', '"p2"'),
      within('own', about('p1')),
      within('other', about('p2')),
      within('named', {
        resourceType: 'List',
        id: 'w',
        status: 'current',
        mode: 'working',
        subject: { reference: 'Patient/p2' },
      }),
      within('packed', { resourceType: 'Bundle', id: 'w', type: 'collection', entry: [{ resource: about('p2') }] }),
      JSON.stringify({ resourceType: 'Organization', id: 'org', name: 'O', contained: [about('p1')] }),
      statement('of-one', about('p1')),
      statement('of-both', about('p2')),
    ].join('\n'),
  );
  expect(rejects).toEqual([4, 5, 6, 7].map((line) => [line, 'holds-others']));
  const rows = await node.deps.database.sql<{ id: string }[]>`
    select id from exchange.resource where member_id = 'p1' and type = 'Provenance'`;
  expect(rows.map((r) => r.id)).toEqual(['of-one']);
});

test('our own document that was made about another of our members is refused', async () => {
  const document = (id: string, person?: string) =>
    JSON.stringify({
      resourceType: 'DocumentReference',
      id,
      status: 'current',
      subject: { reference: 'Patient/p1' },
      content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }],
      ...(person === undefined ? {} : { context: { sourcePatientInfo: { reference: person } } }),
    });
  const patient = JSON.stringify({ resourceType: 'Patient', id: 'p1' });
  const { rejects } = await load(
    [
      patient,
      document('doc-1'),
      document('doc-2', 'Patient/p1'),
      document('doc-3', 'https://clinic.example/fhir/Patient/7'),
      document('doc-4', 'Patient/p2'),
    ].join('\n'),
  );
  expect(rejects).toEqual([[5, 'holds-others']]);
  // one that an older program took stays here
  const kept = JSON.parse(document('old', 'Patient/p2')) as Resource;
  expect(factsOf(kept, JSON.stringify(kept)).withheld).toBe('holds-others');
});
