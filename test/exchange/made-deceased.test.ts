// A Patient that was made of an enrolment has the day of death that a file reported, whatever row reported it, until a file takes it back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { cardFiles, ending, interchange, person, X12 } from '../support/card-files.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-deceased-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});
const { load, csv } = cardFiles(() => node, folder);
const patient = async (number: string) => {
  const [row] = await node.deps.database.sql<
    { body: string }[]
  >`select body from exchange.resource where type = 'Patient' and id = ${patientIdFor(number)}`;
  return JSON.parse(row?.body ?? '{}');
};
const died = async (number: string) => (await patient(number)).deceasedDateTime;

test('a row tells it, one that says nothing of it keeps it, another day corrects it, and no takes it back', async () => {
  for (const [says, holds] of [
    ['', undefined],
    ['2026-03-01', '2026-03-01'],
    ['', '2026-03-01'],
    ['2026-03-02', '2026-03-02'],
    ['no', undefined],
    ['', undefined],
  ] as const) {
    const rows = [person('A1', { died: says })];
    await csv(rows);
    expect([says, await died('A1')]).toEqual([says, holds]);
    expect([says, (await csv(rows)).counts.updated]).toEqual([says, 0]);
  }
  // of several rows of one file the last that says something
  const rows = [
    person('A1', { died: '2026-03-03' }),
    person('A1', { starts: '2025-01-01', ends: '2025-06-30' }),
    person('A1', { starts: '2024-01-01', ends: '2024-06-30' }),
  ];
  await csv(rows);
  expect(await died('A1')).toBe('2026-03-03');
  expect((await csv(rows)).counts).toMatchObject({ updated: 0 });
});

test('an end (024) tells it, with its first day or without, and changes nothing else of the Patient', async () => {
  for (const [number, starts] of [
    ['B1', undefined],
    ['B2', '20260101'],
  ] as const) {
    await csv([person(number)]);
    const before = await patient(number);
    const file = interchange(ending(number, '20260331', starts, '20260330'));
    expect((await load(file, X12)).refused).toEqual([]);
    const { meta: _, deceasedDateTime, ...now } = await patient(number);
    expect([number, deceasedDateTime]).toEqual([number, '2026-03-30']);
    if (starts === undefined) expect({ ...now, meta: before.meta }).toEqual({ ...before, meta: before.meta });
    expect((await load(file, X12)).counts.updated).toBe(0);
  }
});
