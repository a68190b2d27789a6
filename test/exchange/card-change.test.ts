// A member's card gets another number: the person, with choice and history, is the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { itemReport } from '../../exchange/review/read.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-card-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

const HEAD =
  'member_number,former_member_number,family,given,birth_date,coverage_start,coverage_end,city,opt_in,opt_in_date';
async function* nothing() {}

async function load(text: string, x12?: { memberRef: string; lob: string }) {
  const path = join(folder, `${Math.random()}`);
  writeFileSync(path, text);
  const refused: string[] = [];
  const { counts, enrolment } = await importMembers(node.deps, {
    records: nothing(),
    enrolment: path,
    ...(x12 ? { x12 } : {}),
    validate,
    reject: (r) => void refused.push(r.reason),
  });
  return { counts, enrolment, refused };
}
const csv = (...rows: string[]) => load(`${HEAD}\n${rows.join('\n')}\n`);

const coverage = async (...numbers: string[]) =>
  (
    await node.deps.database.sql<{ n: string; m: string; s: string; e: string | null }[]>`
      select member_number as n, member_id as m, starts::text as s, ends::text as e from exchange.enrolment
      where member_number = any(${numbers}::text[]) order by member_number, starts`
  ).map((r) => [r.n, numbers.find((n) => patientIdFor(n) === r.m), r.s, r.e]);
const patientOf = async (number: string) => {
  const [row] = await node.deps.database.sql<
    { body: string }[]
  >`select body from exchange.resource where type = 'Patient' and id = ${patientIdFor(number)}`;
  return row === undefined ? undefined : JSON.parse(row.body);
};
const tokens = async (number: string) =>
  (
    await node.deps.database.sql<
      { mb: string[] }[]
    >`select mb from exchange.member_profile where member_id = ${patientIdFor(number)}`
  )[0]?.mb;

test('the member goes on under the new card: the coverage before is over, both cards find the person', async () => {
  await csv('A1,,Marlowe,Anna,1980-02-29,2026-01-01,,Riverton,yes,2026-02-01');
  const moved = 'A2,A1,Marlowe,Anna,1980-02-29,2027-01-01,,Lakeside,,';
  const first = await csv(moved);
  expect([first.refused, first.counts.created, first.enrolment.enrolments]).toEqual([[], 0, 2]);
  const wanted = [
    ['A1', 'A1', '2026-01-01', '2026-12-31'],
    ['A2', 'A1', '2027-01-01', null],
  ];
  expect(await coverage('A1', 'A2')).toEqual(wanted);
  expect(await tokens('A1')).toEqual(['A1', 'A2']);
  const patient = await patientOf('A1');
  expect(patient.identifier.map((i: { value: string }) => i.value)).toEqual(['A2', 'A1']);
  expect(patient.address[0].city).toBe('Lakeside');
  expect(await patientOf('A2')).toBeUndefined();
  const [choice] = await node.deps.database.sql<
    { choice: string }[]
  >`select choice from exchange.consent where member_id = ${patientIdFor('A1')}`;
  expect(choice?.choice).toBe('opt-in');

  // files go on to say it, or do not
  for (const row of [moved, moved.replace('A2,A1', 'A2,')]) {
    const again = await csv(row);
    expect([again.refused, again.counts.created, again.counts.updated, again.enrolment]).toEqual([
      [],
      0,
      0,
      { enrolments: 0, otherCoverages: 0, choices: 0 },
    ]);
  }
  expect(await coverage('A1', 'A2')).toEqual(wanted);
});

test('of the same day the coverage under the former card lasted that day; an earlier end stays', async () => {
  await csv('B1,,Lowell,Ben,1970-01-01,2026-01-01,,,,', 'C1,,Lowell,Cara,1971-01-01,2026-01-01,2026-03-31,,,');
  await csv('B2,B1,Lowell,Ben,1970-01-01,2026-01-01,,,,', 'C2,C1,Lowell,Cara,1971-01-01,2026-09-01,,,,');
  expect(await coverage('B1', 'B2')).toEqual([
    ['B1', 'B1', '2026-01-01', '2026-01-01'],
    ['B2', 'B1', '2026-01-01', null],
  ]);
  expect(await coverage('C1', 'C2')).toEqual([
    ['C1', 'C1', '2026-01-01', '2026-03-31'],
    ['C2', 'C1', '2026-09-01', null],
  ]);
});

test('a former card of someone born on another day, or of no one, leads to no one', async () => {
  await csv('D1,,Marsh,Dora,1970-01-01,2026-01-01,,,,');
  const { refused } = await csv(
    'D2,D1,Marsh,Dana,1999-01-01,2026-06-01,,,,',
    'D3,UNHEARD,Marsh,Dean,1998-01-01,2026-06-01,,,,',
    'D4,D4,Marsh,Dell,1997-01-01,2026-06-01,,,,',
    'D5,9.0E+11,Marsh,Dirk,1996-01-01,2026-06-01,,,,',
  );
  expect(refused).toEqual(['former_member_number is a number that a spreadsheet has rounded: its digits are lost.']);
  expect(await coverage('D1', 'D2', 'D3', 'D4')).toEqual([
    ['D1', 'D1', '2026-01-01', null],
    ['D2', 'D2', '2026-06-01', null],
    ['D3', 'D3', '2026-06-01', null],
    ['D4', 'D4', '2026-06-01', null],
  ]);
});

test('a file whose later rows name a card of its first is read the same way both times: one Patient with both', async () => {
  const filler = Array.from({ length: 1000 }, (_, i) => `F${i},,Filler,One,1990-01-01,2026-01-01,,,,`);
  await csv(
    'E1,,Early,Eve,1975-05-05,2026-01-01,2026-06-30,,,',
    ...filler,
    'E2,E1,Early,Eve,1975-05-05,2026-07-01,,,,',
  );
  expect(await coverage('E1', 'E2')).toEqual([
    ['E1', 'E1', '2026-01-01', '2026-06-30'],
    ['E2', 'E1', '2026-07-01', null],
  ]);
  expect((await patientOf('E1')).identifier).toHaveLength(2);
});

test('who is there under both cards stays two members, and is an item for a person, once', async () => {
  const { sql } = node.deps.database;
  const items = () => sql<{ id: string; a: string; b: string; member: string; peer: string; state: string }[]>`
    select id, a_id as a, b_id as b, member_id as member, peer_id as peer, state from exchange.review_item
    where kind = 'two-cards' and ${patientIdFor('H2')} in (a_id, b_id)`;
  await csv('H1,,Hale,Hope,1981-01-01,2026-01-01,,,,', 'H2,,Hale,Hope,1981-01-01,2026-06-01,,,,');
  expect(await items()).toEqual([]);
  // someone born on another day says nothing
  await csv('H2,D1,Hale,Hope,1981-01-01,2026-06-01,,,,');
  expect(await items()).toEqual([]);
  for (let times = 0; times < 2; times++) await csv('H2,H1,Hale,Hope,1981-01-01,2026-06-01,,,,');
  const [a, b] = [patientIdFor('H2'), patientIdFor('H1')];
  const [item] = await items();
  expect(item).toMatchObject({ a, b, member: a, peer: '', state: 'open' });
  expect(await items()).toHaveLength(1);
  // both people stand side by side, each with the card and under a name of its own
  const report = await itemReport(node.deps, item?.id ?? '');
  expect([report?.first?.text, report?.second?.text].map((t) => /"H\d"/.exec(t ?? '')?.[0])).toEqual(['"H2"', '"H1"']);
  expect(new Set([report?.first?.name, report?.second?.name]).size).toBe(2);
  expect(report?.first?.name).toBe(`Member ${report?.memberKey}`);
  expect((await coverage('H1', 'H2')).map((c) => c[1])).toEqual(['H1', 'H2']);
});

test('a coverage after a gap that is reported after the clocks were set is offered like any, once', async () => {
  const offers = async () => {
    await keepClocks(node.deps);
    return (
      await node.deps.database.sql<{ k: string }[]>`
        select kind || ' ' || subject || ' ' || start_event as k from exchange.deadline where member_id = ${patientIdFor('W1')} and kind = 'C1-offer' order by 1`
    ).map((r) => r.k.replace(`${patientIdFor('W1')}/`, ''));
  };
  const [first, anew] = ['C1-offer 2026-01-01 coverage-start', 'C1-offer 2026-09-01 coverage-anew'];
  await csv('W1,,Gap,Gil,1980-01-01,2026-01-01,,Riverton,,');
  expect(await offers()).toEqual([first]);
  await csv('W1,,Gap,Gil,1980-01-01,2026-09-01,,Riverton,,');
  expect(await offers()).toEqual([first]);
  const told = 'W1,,Gap,Gil,1980-01-01,2026-01-01,2026-03-31,Riverton,,';
  await csv(told);
  expect(await offers()).toEqual([first, anew]);
  await csv(told);
  expect(await offers()).toEqual([first, anew]);
});

const interchange = (body: string[]) =>
  `${[
    'ISA*00*          *00*          *ZZ*SPONSOR        *ZZ*PLAN           *270101*1200*^*00501*000000001*0*P*:',
    'GS*BE*SPONSOR*PLAN*20270101*1200*1*X*005010X220A1',
    'ST*834*0001*005010X220A1',
    'BGN*00*1*20270101*1200****4',
    ...body,
    `SE*${body.length + 3}*0001`,
    'GE*1*1',
    'IEA*1*000000001',
  ].join('~\n')}~\n`;
const member = (refs: string[], more: string[], ins = 'INS*Y*18*021*28*A***FT') => [
  ins,
  ...refs,
  'NM1*IL*1*NOON*GIL',
  'DMG*D8*19800101*M',
  ...more,
];
const X12 = { memberRef: '23', lob: 'qhp' };

test('an 834 file says it as REF*Q4; what ends under a new card that no one knows yet ends under the former one', async () => {
  const plan = ['HD*021**HLT*GOLD', 'DTP*348*D8*20260101'];
  await load(interchange(member(['REF*23*G1'], plan)), X12);
  const both = ['REF*23*G2', 'REF*Q4*G1'];
  const over = await load(
    interchange(member(both, ['HD*024**HLT*GOLD', 'DTP*349*D8*20260930'], 'INS*Y*18*024*08*A***TE')),
    X12,
  );
  expect(over.refused).toEqual([]);
  expect(await coverage('G1', 'G2')).toEqual([['G1', 'G1', '2026-01-01', '2026-09-30']]);
  await load(interchange(member(both, ['HD*021**HLT*GOLD', 'DTP*348*D8*20270101'])), X12);
  expect(await coverage('G1', 'G2')).toEqual([
    ['G1', 'G1', '2026-01-01', '2026-09-30'],
    ['G2', 'G1', '2027-01-01', null],
  ]);
});
