// What ends as a next card took the place of one, and goes on as it was said when that next card is cancelled (docs/enrollment.md).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { cardFiles, ending, interchange, person, X12 } from '../support/card-files.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-next-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});
const { load, csv, coverage, ends } = cardFiles(() => node, folder);
const CANCELLED = { starts: '2026-07-01', ends: '2026-07-01' };

test('a next card that is cancelled gives back the end that was said of the one before', async () => {
  for (const [n, said] of ['', '2026-11-30', '2027-03-31', '2026-06-30', '2026-03-31'].entries()) {
    const [a, b] = [`A${n}`, `B${n}`];
    await csv([person(a, { ends: said })]);
    await csv([person(b, { former: a, starts: '2026-07-01' })]);
    expect(await ends(a, b)).toEqual([said !== '' && said < '2026-06-30' ? said : '2026-06-30', null]);
    const cancelled = await csv([person(b, CANCELLED)]);
    expect([said, cancelled.enrolment.enrolments]).toEqual([said, said !== '' && said <= '2026-06-30' ? 1 : 2]);
    expect(await ends(a, b)).toEqual([said === '' ? null : said, '2026-07-01']);
    expect((await csv([person(b, CANCELLED)])).enrolment.enrolments).toBe(0);
    // it begins all the same
    await csv([person(b, { starts: '2026-07-01' })]);
    expect(await ends(a, b)).toEqual([said !== '' && said < '2026-06-30' ? said : '2026-06-30', null]);
  }
});

test('so it is by the rows of one file in any order, by an X12 file, and what the file says of the former card meanwhile counts', async () => {
  for (const [n, all] of [
    [person('C0'), person('D0', { former: 'C0', starts: '2026-07-01' })],
    [person('D1', { former: 'C1', starts: '2026-07-01' }), person('C1')],
  ].entries()) {
    await csv(all);
    expect(await ends(`C${n}`, `D${n}`)).toEqual(['2026-06-30', null]);
    await csv([person(`C${n}`, { ends: '2027-05-31' })]);
    expect(await ends(`C${n}`, `D${n}`)).toEqual(['2026-06-30', null]);
    const { refused } = await load(interchange(ending(`D${n}`, '20260701', n === 0 ? '20260701' : undefined)), X12);
    expect([refused, await ends(`C${n}`, `D${n}`)]).toEqual([[], ['2027-05-31', '2026-07-01']]);
  }
});

test('of three cards the first is over when the third begins, where the second never was', async () => {
  await csv([person('E1')]);
  await csv([person('E2', { former: 'E1', starts: '2026-07-01' })]);
  await csv([person('E3', { former: 'E2', starts: '2026-10-01' })]);
  await csv([person('E2', CANCELLED)]);
  expect(await ends('E1', 'E2', 'E3')).toEqual(['2026-09-30', '2026-07-01', null]);
  for (const rows of [
    [person('E1')],
    [person('E3', { starts: '2026-10-01' })],
    [person('E2', CANCELLED), person('E1')],
  ])
    expect((await csv(rows)).enrolment.enrolments).toBe(0);
  expect(await ends('E1', 'E2', 'E3')).toEqual(['2026-09-30', '2026-07-01', null]);
  // nor was the third
  await csv([person('E3', { starts: '2026-10-01', ends: '2026-10-01' })]);
  expect(await ends('E1', 'E2', 'E3')).toEqual([null, '2026-07-01', '2026-10-01']);
  // all of it in one file, and by a card whose second start holds
  await csv([
    person('F3', { former: 'F2', starts: '2026-10-01' }),
    person('F1'),
    person('F2', { former: 'F1', ...CANCELLED }),
  ]);
  expect(await ends('F1', 'F2', 'F3')).toEqual(['2026-09-30', '2026-07-01', null]);
  await csv([person('F2', { starts: '2026-08-01' })]);
  expect(await coverage('F1', 'F2', 'F3')).toEqual([
    ['F1', 'F1', '2026-01-01', '2026-07-31'],
    ['F2', 'F1', '2026-07-01', '2026-07-01'],
    ['F2', 'F1', '2026-08-01', '2026-09-30'],
    ['F3', 'F1', '2026-10-01', null],
  ]);
});

test('an end that someone said since is not taken back with the next card', async () => {
  await csv([person('G1')]);
  await csv([person('G2', { former: 'G1', starts: '2026-07-01' })]);
  await load(interchange(ending('G1', '20260331')), X12);
  await csv([person('G2', CANCELLED)]);
  expect(await ends('G1', 'G2')).toEqual(['2026-03-31', '2026-07-01']);
});

test('a card that comes back is over when its own next one begins, in one file as in several', async () => {
  const rows = (x: string) => [
    person(`${x}1`),
    person(`${x}2`, { former: `${x}1`, starts: '2026-05-01' }),
    person(`${x}1`, { former: `${x}2`, starts: '2026-08-01' }),
    person(`${x}3`, { former: `${x}1`, starts: '2026-11-01' }),
  ];
  for (const r of rows('H')) await csv([r]);
  await csv(rows('I'));
  await csv(rows('J').toReversed());
  for (const x of ['H', 'I', 'J']) {
    expect([x, await ends(`${x}1`, `${x}2`, `${x}3`)]).toEqual([x, ['2026-04-30', '2026-10-31', '2026-07-31', null]]);
    expect([x, (await csv(rows(x))).enrolment.enrolments]).toEqual([x, 0]);
  }
  // reported alone while the second was over, it goes on as its row says, until the third; and without that one as before
  await csv([person('K1')]);
  await csv([person('K2', { former: 'K1', starts: '2026-05-01', ends: '2026-05-31' })]);
  await csv([person('K1')]);
  await csv([person('K3', { former: 'K1', starts: '2026-11-01' })]);
  expect(await ends('K1', 'K2', 'K3')).toEqual(['2026-10-31', '2026-05-31', null]);
  await csv([person('K3', { starts: '2026-11-01', ends: '2026-11-01' })]);
  expect(await ends('K1', 'K2', 'K3')).toEqual([null, '2026-05-31', '2026-11-01']);
});

test('what was said goes with a person who is merged with another member, and back', async () => {
  await csv([person('L1', { ends: '2027-02-28' })]);
  await csv([person('L2', { former: 'L1', starts: '2026-07-01' })]);
  await csv([person('M1').replace('1980-02-29', '1980-03-01')]);
  const id = async (number: string) =>
    (await node.deps.database.sql`select member_id as id from exchange.enrolment where member_number = ${number}`)[0]?.[
      'id'
    ] as string;
  const one = { memberId: await id('M1'), formerId: await id('L1'), reason: 'one person' };
  const who = { kind: 'command', subject: 'x', requestId: '' } as const;
  const asked = await makeOne(node.deps, { ...one, seen: [] }, who);
  const seen = 'doubts' in asked ? asked.doubts.map((d) => d.code) : [];
  expect(seen.length > 0 ? await makeOne(node.deps, { ...one, seen }, who) : asked).toHaveProperty('id');
  expect(await id('L1')).toBe(one.memberId);
  await csv([person('L2', { patient: one.memberId, ...CANCELLED })]);
  expect(await ends('L1', 'L2')).toEqual(['2027-02-28', '2026-07-01']);
  await csv([person('L2', { patient: one.memberId, starts: '2026-07-01' })]);
  expect(await makeTwo(node.deps, { formerId: one.formerId, reason: 'two' }, who)).toHaveProperty('id');
  expect(await id('L1')).toBe(one.formerId);
  expect(await ends('L1', 'L2')).toEqual(['2026-06-30', null]);
  await csv([person('L2', CANCELLED)]);
  expect(await ends('L1', 'L2')).toEqual(['2027-02-28', '2026-07-01']);
});

/** Numbers of the Patient that was made of a card, that of today first. */
const cardsOf = async (number: string) => {
  const [patient] = await node.deps.database.sql<
    { body: string }[]
  >`select body from exchange.resource where type = 'Patient' and id = ${patientIdFor(number)}`;
  return JSON.parse(patient?.body ?? '{}').identifier.map((i: { value: string }) => i.value);
};

test('a next card that was cancelled is no number of the member, in whatever order it is reported; nor does the same file say anything new', async () => {
  // reported before it was cancelled, never reported to begin, all in one file
  await csv([person('P1')]);
  await csv([person('P2', { former: 'P1', starts: '2026-07-01' })]);
  expect(await cardsOf('P1')).toEqual(['P2', 'P1']);
  await csv([person('Q1')]);
  const rows = (x: string) => [person(`${x}1`), person(`${x}2`, { former: `${x}1`, ...CANCELLED })];
  for (const [x, all] of [
    ['P', [person('P2', CANCELLED)]],
    ['Q', rows('Q').slice(1)],
    ['R', rows('R')],
    ['S', rows('S').toReversed()],
  ] as const) {
    await csv([...all]);
    for (const again of [all, rows(x), rows(x).toReversed()]) {
      expect([x, await cardsOf(`${x}1`)]).toEqual([x, [`${x}1`]]);
      const { enrolment, counts } = await csv([...again]);
      expect([x, enrolment.enrolments, counts.updated]).toEqual([x, 0, 0]);
    }
  }
  // of three cards the third is that of today, also in the row of the first
  const third = person('P3', { former: 'P2', starts: '2026-10-01' });
  const three = (x: string) => [...rows(x), third].map((r) => r.replaceAll('P', x));
  for (const [x, all] of [
    ['P', [third]],
    ['T', three('T')],
    ['U', three('U').toReversed()],
  ] as const) {
    await csv([...all]);
    for (const again of [all, three(x), three(x).toReversed()]) {
      expect([x, await cardsOf(`${x}1`)]).toEqual([x, [`${x}3`, `${x}1`]]);
      const { enrolment, counts } = await csv([...again]);
      expect([x, enrolment.enrolments, counts.updated]).toEqual([x, 0, 0]);
    }
    expect([x, await ends(`${x}1`, `${x}2`, `${x}3`)]).toEqual([x, ['2026-09-30', '2026-07-01', null]]);
  }
  // a card that is the only one stays one
  await csv([person('V1', CANCELLED)]);
  expect(await cardsOf('V1')).toEqual(['V1']);
});

test('of someone who went back to a card the Patient has that one as the one of today, and all numbers, by one file in any order', async () => {
  const rows = [
    person('W1'),
    person('W2', { former: 'W1', starts: '2026-05-01' }),
    person('W1', { former: 'W2', starts: '2026-08-01' }),
  ];
  const as = (x: string) => rows.map((r) => r.replaceAll('W', x));
  // known by the first card, and not known before
  await csv(as('X').slice(0, 1));
  for (const [first, all] of [
    ['X1', as('X')],
    ['Y1', as('Y')],
    ['Z1', as('Z').toReversed()],
  ] as const) {
    await csv([...all]);
    const id = (await coverage(first))[0]?.[1];
    const other = first.replace('1', '2');
    expect([id === first || id === patientIdFor(other), await ends(first, other)]).toEqual([
      true,
      ['2026-04-30', null, '2026-07-31'],
    ]);
    expect(await cardsOf(id === first ? first : other)).toEqual([first, other]);
    for (const again of [all, all.toReversed()])
      expect([first, (await csv([...again])).counts.updated]).toEqual([first, 0]);
  }
});
