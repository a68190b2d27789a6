// Cards that took the place of others: whose the rows are, in whatever order they stand, and what is over.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordPayer } from '../../exchange/members/consent/record-choice.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { addPeer } from '../../exchange/peers/peer.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-cards-'));
beforeAll(async () => {
  node = await startNode();
  await addPeer(
    node.deps.database.sql,
    {
      id: 'riverton',
      name: 'Riverton Health',
      npi: '9000000012',
      fhirBase: 'https://riverton.example/fhir',
      clientIdThere: 'us',
      clientIdHere: 'riverton',
      jwksUrl: 'https://riverton.example/jwks',
      scopes: ['system/*.rs'],
    },
    'test',
    new Date(),
  );
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

async function* nothing(): AsyncGenerator<ImportEntry> {}
const HEAD =
  'patient_id,member_number,former_member_number,family,given,birth_date,coverage_start,coverage_end,prior_payer,prior_member_number,prior_coverage_start,prior_coverage_end';
async function load(rows: readonly string[]) {
  const path = join(folder, `${Math.random()}.csv`);
  writeFileSync(path, [HEAD, ...rows].join('\n'));
  const refused: string[] = [];
  const result = await importMembers(node.deps, {
    records: nothing(),
    enrolment: path,
    validate,
    reject: (r) => void refused.push(r.reason),
  });
  return { ...result.enrolment, updated: result.counts.updated, refused };
}
const row = (number: string, former: string, starts: string, ends = '', born = '1980-01-01', patient = '') =>
  `${patient},${number},${former},Marlowe,Ada,${born},${starts},${ends}`;

const cards = async (...numbers: string[]) => {
  const rows = await node.deps.database.sql<{ m: string; n: string; starts: string; ends: string | null }[]>`
    select member_id as m, member_number as n, starts::text, ends::text from exchange.enrolment where member_number = any(${numbers}::text[]) order by starts, n`;
  return {
    members: new Set(rows.map((r) => r.m)).size,
    days: rows.map((r) => `${r.n} ${r.starts} ${r.ends ?? ''}`.trim()),
    items: (
      await node.deps.database
        .sql`select from exchange.review_item where kind = 'two-cards' and member_id = any(${rows.map((r) => r.m)}::text[])`
    ).length,
  };
};
const numbersOf = async (number: string) => {
  const [patient] = await node.deps.database.sql<{ ids: { use?: string; value: string }[] }[]>`
    select (r.body::jsonb -> 'identifier') as ids from exchange.enrolment e join exchange.resource r on r.type = 'Patient' and r.id = e.member_id
    where e.member_number = ${number}`;
  return patient?.ids.map((i) => `${i.value}${i.use === 'old' ? ' (old)' : ''}`);
};

test('who comes with the cards of years is one member, in whatever order the rows stand', async () => {
  for (const [k, order] of [
    ['K', [0, 1, 2]],
    ['L', [2, 1, 0]],
    ['M', [1, 2, 0]],
  ] as const) {
    const rows = [
      row(`${k}1`, '', '2020-01-01'),
      row(`${k}2`, `${k}1`, '2022-01-01'),
      row(`${k}3`, `${k}2`, '2024-01-01'),
    ];
    const file = order.map((n) => rows[n] as string);
    expect(await load(file)).toMatchObject({ refused: [] });
    expect(await cards(`${k}1`, `${k}2`, `${k}3`)).toEqual({
      members: 1,
      days: [`${k}1 2020-01-01 2021-12-31`, `${k}2 2022-01-01 2023-12-31`, `${k}3 2024-01-01`],
      items: 0,
    });
    expect(await numbersOf(`${k}3`)).toEqual([`${k}3`, `${k}1 (old)`, `${k}2 (old)`]);
    expect(await load(file)).toMatchObject({ enrolments: 0, updated: 0 });
  }
});

test('the former coverage is over wherever its row stands, and the file once more changes nothing', async () => {
  const others = Array.from({ length: 1500 }, (_, i) => row(`B${i}`, '', '2025-01-01', '', '1970-01-01'));
  const file = [row('C2', 'C1', '2025-06-01'), ...others, row('C1', '', '2020-01-01')];
  await load(file);
  const owed = { members: 1, days: ['C1 2020-01-01 2025-05-31', 'C2 2025-06-01'], items: 0 };
  expect(await cards('C1', 'C2')).toEqual(owed);
  expect(await load(file)).toMatchObject({ enrolments: 0, updated: 0, refused: [] });
  expect(await cards('C1', 'C2')).toEqual(owed);
});

test('a former card that is reported later is of the one who holds the present one', async () => {
  await load([row('D2', '', '2025-01-01')]);
  await load([row('D1', '', '2020-01-01'), row('D2', 'D1', '2025-01-01')]);
  expect(await cards('D1', 'D2')).toEqual({
    members: 1,
    days: ['D1 2020-01-01 2024-12-31', 'D2 2025-01-01'],
    items: 0,
  });
});

test('a number that was given again to the same person begins another coverage', async () => {
  await load([row('E1', '', '2020-01-01'), row('E2', 'E1', '2022-01-01', '2023-12-31'), row('E1', '', '2024-01-01')]);
  expect((await cards('E1', 'E2')).days).toEqual([
    'E1 2020-01-01 2021-12-31',
    'E2 2022-01-01 2023-12-31',
    'E1 2024-01-01',
  ]);
});

test('someone born on another day is another member, and cards in a circle end', async () => {
  await load([row('F1', '', '2020-01-01'), row('F2', 'F1', '2022-01-01', '', '1991-09-09')]);
  expect(await cards('F1', 'F2')).toEqual({ members: 2, days: ['F1 2020-01-01', 'F2 2022-01-01'], items: 0 });
  expect(await load([row('G1', 'G2', '2020-01-01'), row('G2', 'G1', '2022-01-01')])).toMatchObject({ refused: [] });
  expect((await cards('G1', 'G2')).members).toBe(1);
});

const people = async (...numbers: string[]) => {
  const rows = await node.deps.database.sql<{ given: string; n: string; ends: string | null }[]>`
    select r.body::jsonb #>> '{name,0,given,0}' as given, e.member_number as n, e.ends::text from exchange.enrolment e
    join exchange.resource r on r.type = 'Patient' and r.id = e.member_id where e.member_number = any(${numbers}::text[]) order by 2`;
  return rows.map((r) => `${r.n} ${r.given} ${r.ends ?? ''}`.trim());
};
const named = (given: string, number: string, former: string, starts: string) =>
  `,${number},${former},Marlowe,${given},1990-09-09,${starts},`;

test('twins, of whom one has the card that the row of the other one names as the former, stay two people', async () => {
  // no one is here yet
  const first = [named('Ann', 'TA', '', '2020-01-01'), named('Bob', 'TB', 'TA', '2025-01-01')];
  for (let times = 0; times < 2; times++) {
    expect(await load(first)).toMatchObject({ refused: [] });
    expect(await people('TA', 'TB')).toEqual(['TA Ann', 'TB Bob']);
  }
  // one of them is, and both rows say that theirs took the place of her card
  await load([named('Ann', 'UF', '', '2020-01-01')]);
  const both = [named('Ann', 'UA', 'UF', '2025-01-01'), named('Bob', 'UB', 'UF', '2025-01-01')];
  for (let times = 0; times < 2; times++) {
    expect(await load(both)).toMatchObject({ refused: [] });
    expect(await people('UA', 'UB', 'UF')).toEqual(['UA Ann', 'UB Bob', 'UF Ann 2024-12-31']);
    expect((await cards('UA', 'UB')).members).toBe(2);
  }
  // she is, and is in the file
  await load([named('Ann', 'VF', '', '2020-01-01')]);
  for (let times = 0; times < 2; times++) {
    expect(await load([named('Ann', 'VF', '', '2020-01-01'), named('Bob', 'VB', 'VF', '2025-01-01')])).toMatchObject({
      refused: [],
    });
    expect(await people('VB', 'VF')).toEqual(['VB Bob', 'VF Ann']);
  }
  // a short form is no other name
  await load([named('Robert', 'WA', '', '2020-01-01'), named('Bob', 'WB', 'WA', '2025-01-01')]);
  expect((await cards('WA', 'WB')).members).toBe(1);
});

test('of two members who hold a card each, neither is taken for the other: a person is asked', async () => {
  await load([row('H1', '', '2020-01-01'), row('H2', '', '2022-01-01')]);
  await load([row('H1', '', '2020-01-01'), row('H2', 'H1', '2022-01-01')]);
  expect(await cards('H1', 'H2')).toEqual({ members: 2, days: ['H1 2020-01-01', 'H2 2022-01-01'], items: 1 });
});

const days = async (number: string) => {
  const rows = await node.deps.database.sql<{ d: string }[]>`
    select coalesce(starts::text, '') || ' to ' || coalesce(ends::text, '') as d from exchange.other_coverage where member_number = ${number}`;
  return rows.map((r) => r.d);
};

test('what a member informed of another coverage stays when the file says nothing, or the same, of it', async () => {
  const file = (other: string) => load([`${row('P1', '', '2026-01-01')},${other}`]);
  const call = async (starts: string | null, ends: string | null, payer = 'Riverton Health') => {
    const [m] = await node.deps.database.sql<
      { id: string }[]
    >`select member_id as id from exchange.enrolment where member_number = 'P1'`;
    const actor = { kind: 'staff', subject: 'call', requestId: 'call' } as const;
    await recordPayer(node.deps, m?.id ?? '', { payer, memberNumber: 'R1', starts, ends }, actor);
  };
  await file('Riverton Health,R1,,');
  await call(null, '2026-03-31');
  expect(await file('Riverton Health,R1,,')).toMatchObject({ otherCoverages: 0 });
  expect(await days('R1')).toEqual([' to 2026-03-31']);
  // the file knows better now
  await file('Riverton Health,R1,2020-01-01,2026-04-30');
  expect(await days('R1')).toEqual(['2020-01-01 to 2026-04-30']);
  await call(null, '2026-05-15');
  await file('Riverton Health,R1,2020-01-01,2026-04-30');
  expect(await days('R1')).toEqual(['2020-01-01 to 2026-05-15']);
  // and takes back what it said
  await file('Riverton Health,R1,2020-01-01,');
  expect(await days('R1')).toEqual(['2020-01-01 to ']);
  // one payer, by whatever it is called
  await call(null, '2026-06-30', '9000000012');
  await file('RIVERTON HEALTH,R1,2020-01-01,');
  await file('riverton,R1,2020-01-01,');
  expect(await days('R1')).toEqual(['2020-01-01 to 2026-06-30']);
  // days that cannot be beside each other
  await file('riverton,R1,2026-08-01,');
  expect(await days('R1')).toEqual(['2026-08-01 to ']);
  // of several rows of a file the last holds
  await load([
    `${row('P1', '', '2026-01-01')},riverton,R1,2026-08-01,2026-12-31`,
    `${row('P1', '', '2026-01-01')},Riverton Health,R1,2026-08-01,2026-11-30`,
  ]);
  expect(await days('R1')).toEqual(['2026-08-01 to 2026-11-30']);
});
