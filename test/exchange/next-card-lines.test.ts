// Next cards in another line of business, and ends that are in doubt as a next card goes on (docs/enrollment.md).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { cardFiles, ending, interchange, person, X12 } from '../support/card-files.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-next-lines-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});
const { load, csv, coverage, ends } = cardFiles(() => node, folder);

test('an end whose next card is cancelled by the same file, before it or after, in one batch or another, holds', async () => {
  const other = Array.from({ length: 1000 }, (_, i) => ending(`nobody${i}`, '20261031', '20260101'));
  const cancels = (x: string) => ending(`${x}2`, '20260701', '20260701');
  const ends1 = (x: string) => ending(`${x}1`, '20261031');
  for (const [x, file] of [
    ['AA', [ends1('AA'), cancels('AA')]],
    ['AB', [cancels('AB'), ends1('AB')]],
    ['AC', [ends1('AC'), ending('AC2', '20260701')]],
    ['AD', [ends1('AD'), ...other, cancels('AD')]],
  ] as const) {
    await csv([person(`${x}1`)]);
    await csv([person(`${x}2`, { former: `${x}1`, starts: '2026-07-01' })]);
    for (const again of [false, true]) {
      const { refused, enrolment } = await load(interchange(...file), X12);
      expect([x, again, refused, await ends(`${x}1`, `${x}2`)]).toEqual([x, again, [], ['2026-10-31', '2026-07-01']]);
      if (again) expect([x, enrolment.enrolments]).toEqual([x, 0]);
    }
  }
});

test('a next card ends the former one in its own line of business alone', async () => {
  const rows = (x: string) => [
    person(`${x}1`, { lob: 'medicaid-mc' }),
    person(`${x}2`, { former: `${x}1`, starts: '2026-07-01', lob: 'ma' }),
    person(`${x}3`, { former: `${x}2`, starts: '2026-10-01', lob: 'ma' }),
  ];
  for (const r of rows('BA')) await csv([r]);
  await csv(rows('BB'));
  await csv(rows('BC').toReversed());
  for (const x of ['BA', 'BB', 'BC']) {
    expect([x, await ends(`${x}1`, `${x}2`, `${x}3`)]).toEqual([x, [null, '2026-09-30', null]]);
    const { enrolment, counts } = await csv(rows(x));
    expect([x, enrolment.enrolments, counts.updated]).toEqual([x, 0, 0]);
    // one member, who has all three
    expect([x, new Set((await coverage(`${x}1`, `${x}2`, `${x}3`)).map((c) => c[1])).size]).toEqual([x, 1]);
  }
  // nor does an end of one that stands beside it say which is meant
  await csv([person('BA1', { lob: 'medicaid-mc', ends: '2026-11-30' })]);
  expect(await ends('BA1', 'BA2', 'BA3')).toEqual(['2026-11-30', '2026-09-30', null]);
});

test('a death that is reported with an end in doubt is taken: it is of the person, whichever coverage is meant', async () => {
  await csv([person('CA1')]);
  await csv([person('CA2', { former: 'CA1', starts: '2026-07-01' })]);
  const { refused } = await load(interchange(ending('CA1', '20261031', undefined, '20261029')), X12);
  expect([refused.length, await ends('CA1', 'CA2')]).toEqual([1, ['2026-06-30', null]]);
  expect(refused[0]).toContain('A death and other coverage stated with it were taken.');
  const [member] = await node.deps.database.sql`
    select died::text as died from exchange.member where id = ${patientIdFor('CA1')}`;
  expect(member?.['died']).toBe('2026-10-29');
});

test('what is over under a card is over whatever first day it was reported with, in its plan and line of business', async () => {
  for (const [x, earlier, later] of [
    // a first day put right to an earlier one, to a later one, and a new year, without the row of before
    ['DA', '2026-07-01', '2026-06-01'],
    ['DB', '2026-06-01', '2026-07-01'],
  ] as const) {
    await csv([person(x, { starts: earlier })]);
    await csv([person(x, { starts: later })]);
    expect([x, await ends(x)]).toEqual([x, [null, null]]);
    const over = [person(x, { starts: later, ends: '2026-12-31' })];
    await csv(over);
    expect([x, await ends(x)]).toEqual([x, ['2026-12-31', '2026-12-31']]);
    expect([x, (await csv(over)).enrolment.enrolments]).toEqual([x, 0]);
    // it goes on by a row of its own, and so by one file that tells both
    await csv([person(x, { starts: earlier })]);
    expect([x, (await ends(x)).filter((e) => e === null).length]).toEqual([x, 1]);
    await csv([...over, person(x, { starts: earlier })]);
    expect([x, (await ends(x)).filter((e) => e === null).length]).toEqual([x, 1]);
  }
  // nothing of what was cancelled, of another line of business, or of what begins after it
  await csv([person('DC', { starts: '2026-01-01' }), person('DC', { starts: '2026-02-01', lob: 'medicaid-mc' })]);
  await csv([person('DC', { starts: '2026-05-01', ends: '2026-05-01' })]);
  expect(await ends('DC')).toEqual([null, null, '2026-05-01']);
  await csv([person('DC', { starts: '2026-06-01', ends: '2026-08-31' }), person('DC', { starts: '2026-10-01' })]);
  expect(await ends('DC')).toEqual(['2026-08-31', null, '2026-05-01', '2026-08-31', null]);
});

test('the end of a drug benefit ends no health plan beside it', async () => {
  const drugs = (number: string, maintenance: string, starts?: string) =>
    ending(number, '20260831', starts).map((s) =>
      s.replace('INS*Y*18*024', `INS*Y*18*${maintenance}`).replace('**HLT*', '**PDG*'),
    );
  await csv([person('EA')]);
  expect((await load(interchange(drugs('EA', '001', '20260301')), X12)).refused).toEqual([]);
  expect(await ends('EA')).toEqual([null, '2026-08-31']);
  expect((await load(interchange(drugs('EA', '001')), X12)).refused).toHaveLength(1);
  expect(await ends('EA')).toEqual([null, '2026-08-31']);
  // the member leaves
  expect((await load(interchange(drugs('EA', '024')), X12)).refused).toEqual([]);
  expect(await ends('EA')).toEqual(['2026-08-31', '2026-08-31']);
});
