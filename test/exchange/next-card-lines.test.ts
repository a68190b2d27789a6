// Next cards in another line of business, and ends that are in doubt as a next card goes on (docs/enrolment.md).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientIdFor } from '../../exchange/members/enrolment.ts';
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

test('a death that is told with an end in doubt is taken: it is of the person, whichever coverage is meant', async () => {
  await csv([person('CA1')]);
  await csv([person('CA2', { former: 'CA1', starts: '2026-07-01' })]);
  const { refused } = await load(interchange(ending('CA1', '20261031', undefined, '20261029')), X12);
  expect([refused.length, await ends('CA1', 'CA2')]).toEqual([1, ['2026-06-30', null]]);
  expect(refused[0]).toContain('A death and other coverage told with it were taken.');
  const [member] = await node.deps.database.sql`
    select died::text as died from exchange.member where id = ${patientIdFor('CA1')}`;
  expect(member?.['died']).toBe('2026-10-29');
});
