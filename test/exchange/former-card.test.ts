// What is said under a card that another one took the place of, by files that come later: the coverage of before stays over, and an end of it is no silence.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import { cardFiles, ending, goesOn, interchange, person, X12 } from '../support/card-files.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-former-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});
const { load, csv, coverage } = cardFiles(() => node, folder);
const twoCards = async (a: string, b: string) => {
  await csv([person(a)]);
  await csv([person(b, { former: a, starts: '2026-07-01' })]);
};

test('an end under a card that is over, after that day, is refused where another coverage of the member goes on; with or without its start', async () => {
  await twoCards('A1', 'A2');
  const stands = [
    ['A1', 'A1', '2026-01-01', '2026-06-30'],
    ['A2', 'A1', '2026-07-01', null],
  ];
  for (const starts of [undefined, '20260101']) {
    const { refused } = await load(interchange(ending('A1', '20261130', starts)), X12);
    expect(refused).toEqual([expect.stringMatching(/^\d+ The coverage under this number was over before/)]);
    expect(await coverage('A1', 'A2')).toEqual(stands);
  }
  // what is over that day, or before, is no news; nor is what begins later another one that goes on
  for (const ends of ['20260630', '20260801']) {
    const { refused } = await load(interchange(ending('A1', ends)), X12);
    expect([ends, refused.length]).toEqual([ends, ends === '20260801' ? 1 : 0]);
  }
  const { refused } = await load(interchange(ending('A1', '20260331')), X12);
  expect([refused, await coverage('A1', 'A2')]).toEqual([
    [],
    [
      ['A1', 'A1', '2026-01-01', '2026-03-31'],
      ['A2', 'A1', '2026-07-01', null],
    ],
  ]);
  // under the card that the member has now it ends
  expect((await load(interchange(ending('A2', '20261130')), X12)).refused).toEqual([]);
  expect((await coverage('A2'))[0]?.[3]).toBe('2026-11-30');
  // nothing goes on: the end of before is repeated
  expect((await load(interchange(ending('A1', '20261130')), X12)).refused).toEqual([]);
});

test('the death that is reported with such an end is taken all the same', async () => {
  await twoCards('B1', 'B2');
  const { refused } = await load(interchange(ending('B1', '20261130', undefined, '20261129')), X12);
  expect(refused).toHaveLength(1);
  const [member] = await node.deps.database.sql<
    { died: string | null }[]
  >`select died::text from exchange.member where id = ${patientIdFor('B1')}`;
  expect(member?.died).toBe('2026-11-29');
});

test('a later file that has the former card alone does not open its coverage again, as long as that under the new card stands', async () => {
  await twoCards('C1', 'C2');
  const stands = [
    ['C1', 'C1', '2026-01-01', '2026-06-30'],
    ['C2', 'C1', '2026-07-01', null],
  ];
  for (const ends of ['', '2026-11-30', '2026-06-30']) {
    expect((await csv([person('C1', { ends })])).refused).toEqual([]);
    expect(await coverage('C1', 'C2')).toEqual(stands);
  }
  // the member's own card is the new one all the same
  const [patient] = await node.deps.database.sql<
    { body: string }[]
  >`select body from exchange.resource where type = 'Patient' and id = ${patientIdFor('C1')}`;
  const cards = JSON.parse(patient?.body ?? '{}').identifier.map((i: { use?: string; value: string }) => [
    i.value,
    i.use,
  ]);
  expect(cards).toEqual([
    ['C2', undefined],
    ['C1', 'old'],
  ]);
  // an earlier end is said
  await csv([person('C1', { ends: '2026-05-31' })]);
  expect((await coverage('C1'))[0]?.[3]).toBe('2026-05-31');
  // that under the new card never began: the former one goes on
  await csv([person('C2', { starts: '2026-07-01', ends: '2026-07-01' }), person('C1')]);
  expect(await coverage('C1', 'C2')).toEqual([
    ['C1', 'C1', '2026-01-01', null],
    ['C2', 'C1', '2026-07-01', '2026-07-01'],
  ]);
});

test('a row whose patient_id no one has takes no other row with it', async () => {
  const { refused } = await csv([
    person('D1'),
    person('D2', { patient: 'nobody-1', former: 'D1', starts: '2026-07-01' }),
  ]);
  expect(refused).toEqual(['3 patient_id names no Patient that this node knows.']);
  expect(await coverage('D1', 'D2')).toEqual([['D1', 'D1', '2026-01-01', null]]);
  // whose Patient comes with the same import is known
  const records: ImportEntry[] = [
    {
      source: 'records',
      line: 1,
      resource: { resourceType: 'Patient', id: 'somebody-1', birthDate: '1980-02-29' },
      text: '{"resourceType":"Patient","id":"somebody-1","birthDate":"1980-02-29"}',
    } as unknown as ImportEntry,
  ];
  const known = await csv(
    [person('E1'), person('E2', { patient: 'somebody-1', former: 'E1', starts: '2026-07-01' })],
    records,
  );
  expect(known.refused).toEqual([]);
  expect(await coverage('E1', 'E2')).toEqual([
    ['E1', 'somebody-1', '2026-01-01', '2026-06-30'],
    ['E2', 'somebody-1', '2026-07-01', null],
  ]);
});

test('an end of before that a file repeats beside the coverage that goes on is no fault; beside another one alone it is', async () => {
  await twoCards('F1', 'F2');
  // the first day of the next card, the last one of its month
  for (const ends of ['20260701', '20260731'])
    for (const starts of [undefined, '20260101']) {
      const said = [ending('F1', ends, starts), goesOn('F2', '20260701')];
      for (const members of [said, said.toReversed()]) {
        const { refused, enrolment } = await load(interchange(...members), X12);
        expect([ends, refused, enrolment.enrolments]).toEqual([ends, [], 0]);
      }
    }
  expect(await coverage('F1', 'F2')).toEqual([
    ['F1', 'F1', '2026-01-01', '2026-06-30'],
    ['F2', 'F1', '2026-07-01', null],
  ]);
  // a second coverage that goes on says nothing of the first one's
  await csv([person('F3', { patient: patientIdFor('F1'), starts: '2026-03-01' })]);
  const { refused } = await load(interchange(ending('F1', '20261130'), goesOn('F3', '20260301')), X12);
  expect(refused).toHaveLength(1);
  const over = await load(interchange(ending('F1', '20261130'), ending('F2', '20261130', '20260701')), X12);
  expect(over.refused).toHaveLength(1);
});

test('a next card that is cancelled ends nothing, though its row names the one of before', async () => {
  await twoCards('G1', 'G2');
  const cancelled = person('G2', { former: 'G1', starts: '2026-07-01', ends: '2026-07-01' });
  for (const rows of [
    [cancelled, person('G1')],
    [person('G1'), cancelled],
  ]) {
    await csv(rows);
    expect(await coverage('G1', 'G2')).toEqual([
      ['G1', 'G1', '2026-01-01', null],
      ['G2', 'G1', '2026-07-01', '2026-07-01'],
    ]);
    expect((await csv(rows)).enrolment.enrolments).toBe(0);
  }
  // nor one that was never known to begin
  await csv([person('H1')]);
  await csv([person('H2', { former: 'H1', starts: '2026-07-01', ends: '2026-07-01' })]);
  expect((await coverage('H1'))[0]?.[3]).toBe(null);
});

test('a next card that begins later than was said ends the one of before later, in whatever order the rows stand', async () => {
  const rows = (a: string, b: string) => [
    person(a),
    person(b, { former: a, starts: '2026-07-01', ends: '2026-07-01' }),
    person(b, { former: a, starts: '2026-08-01' }),
  ];
  for (const [i, order] of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ].entries()) {
    const [a, b] = [`K${i}`, `L${i}`];
    await twoCards(a, b);
    const ordered = order.map((at) => rows(a, b)[at] ?? '');
    await csv(ordered);
    expect([i, await coverage(a, b)]).toEqual([
      i,
      [
        [a, a, '2026-01-01', '2026-07-31'],
        [b, a, '2026-07-01', '2026-07-01'],
        [b, a, '2026-08-01', null],
      ],
    ]);
    expect((await csv(ordered)).enrolment.enrolments).toBe(0);
  }
});

test('the first of several cards that followed each other does not open its coverage again, nor one that the member went back to', async () => {
  await twoCards('M1', 'M2');
  await csv([person('M3', { former: 'M2', starts: '2026-10-01' })]);
  const stands = await coverage('M1', 'M2', 'M3');
  expect(stands.map((c) => c[3])).toEqual(['2026-06-30', '2026-09-30', null]);
  expect((await csv([person('M1')])).enrolment.enrolments).toBe(0);
  expect(await coverage('M1', 'M2', 'M3')).toEqual(stands);
  // the last one over, it is as its row says
  await csv([person('M3', { starts: '2026-10-01', ends: '2026-10-31' })]);
  await csv([person('M1')]);
  expect((await coverage('M1'))[0]?.[3]).toBe(null);
  await twoCards('N1', 'N2');
  await csv([person('N1', { former: 'N2', starts: '2026-09-01' })]);
  expect((await csv([person('N1')])).enrolment.enrolments).toBe(0);
  expect((await coverage('N1', 'N2')).map((c) => c[3])).toEqual(['2026-06-30', null, '2026-08-31']);
});

test('an end under a card that is over is no fault where the coverage that goes on is in another line of business', async () => {
  await csv([person('P1', { ends: '2026-06-30' })]);
  const patient = patientIdFor('P1');
  await csv([person('P2', { patient, starts: '2026-03-01', lob: 'qhp' })]);
  expect((await load(interchange(ending('P1', '20261130')), X12)).refused).toEqual([]);
  expect((await load(interchange(ending('P1', '20261130', '20260101')), X12)).refused).toEqual([]);
  await csv([person('P1', { ends: '2026-06-30' }), person('P3', { patient, starts: '2026-03-01' })]);
  const { refused } = await load(interchange(ending('P1', '20261130')), X12);
  expect(refused).toEqual([expect.stringMatching(/in the same line of business/)]);
});

test('other payers that are reported with an end are taken, with its first day or without, also under a card that is over', async () => {
  const others = async () =>
    (
      await node.deps.database.sql<{ p: string; n: string; e: string | null }[]>`
        select payer as p, member_number as n, ends::text as e from exchange.other_coverage where member_id = ${patientIdFor('Q1')} order by 1`
    ).map((o) => [o.p, o.n, o.e]);
  const cob = (payer: string, ends: string) => [`COB*P*${payer}-1*1`, `DTP*345*D8*${ends}`, `NM1*IN*2*${payer}`];
  await twoCards('Q1', 'Q2');
  // under the card of before, reported as going on under the next one
  const told = [...ending('Q1', '20260630', '20260101'), ...cob('ONE', '20260131')];
  const repeated = [...ending('Q1', '20260731', '20260101'), ...cob('ONE', '20260228')];
  for (const [member, day] of [
    [told, '2026-01-31'],
    [repeated, '2026-02-28'],
  ] as const) {
    const { refused } = await load(interchange([...member], goesOn('Q2', '20260701')), X12);
    expect([refused, await others()]).toEqual([[], [['ONE', 'ONE-1', day]]]);
  }
  // without its first day, of several payers
  const several = [...ending('Q2', '20261130'), ...cob('ONE', '20260228'), ...cob('TWO', '20260331')];
  const { refused, enrolment } = await load(interchange(several), X12);
  expect([refused, enrolment.otherCoverages, await others()]).toEqual([
    [],
    1,
    [
      ['ONE', 'ONE-1', '2026-02-28'],
      ['TWO', 'TWO-1', '2026-03-31'],
    ],
  ]);
  expect((await load(interchange(several), X12)).enrolment).toEqual({ enrolments: 0, otherCoverages: 0, choices: 0 });
  // who is no one is refused once
  const nobody = several.map((s) => s.replace('Q2', 'Q9'));
  expect((await load(interchange(nobody), X12)).refused).toHaveLength(1);
});
