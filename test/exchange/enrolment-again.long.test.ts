// A plan sends all its members every day: what did not change is only read, what did is taken, and what matching compares keeps up
// with both, also when an import ends amid its work.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { choicesOf } from '../../exchange/members/consent/file-choices.ts';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import { readImport } from '../../src/import/read-import.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-again-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

const HEAD =
  'member_number,family,given,birth_date,coverage_start,coverage_end,prior_payer,prior_member_number,opt_in,opt_in_date';
async function* nothing(): AsyncGenerator<ImportEntry> {}

function load(rows: readonly string[], reject: () => void = () => {}) {
  const path = join(folder, `${Math.random()}.csv`);
  writeFileSync(path, `${HEAD}\n${rows.join('\n')}\n`);
  return importMembers(node.deps, { records: nothing(), enrolment: path, validate, reject });
}

function loadRecords(lines: readonly string[], reject: () => void = () => {}) {
  const path = join(folder, `${Math.random()}.ndjson`);
  writeFileSync(path, lines.join('\n'));
  return importMembers(node.deps, { records: readImport([path]), validate, reject });
}

const TABLES = ['member', 'enrolment', 'other_coverage', 'consent', 'member_profile', 'member_token', 'resource'];

/** Where each row stands and who wrote or locked it last: another place or transaction is a row that was touched. */
async function places(): Promise<string[]> {
  const all: string[] = [];
  for (const table of TABLES) {
    const rows = await node.deps.database.sql.unsafe<{ place: string }[]>(
      `select tableoid || ' ' || ctid || ' ' || xmin || ' ' || xmax as place from exchange.${table} order by 1`,
    );
    all.push(...rows.map((r) => `${table} ${r.place}`));
  }
  return all;
}

const profile = async (memberId: string) => {
  const [row] = await node.deps.database.sql<{ family: string[]; mb: string[]; tokens: number }[]>`
    select p.family, p.mb, (select count(*)::int from exchange.member_token t where t.member_id = p.member_id) as tokens
    from exchange.member_profile p where p.member_id = ${memberId}`;
  return row;
};

const row = (number: string, family = 'Marlowe', ends = '') =>
  `${number},${family},Anna,1980-02-29,2026-01-01,${ends},Riverton Health,R-${number},yes,2026-02-01`;

test('the same file touches no row; of one with a change only what changed is written', async () => {
  const rows = Array.from({ length: 1200 }, (_, i) => row(`S${i}`));
  const first = await load(rows);
  expect([first.counts.created, first.enrolment]).toEqual([
    1200,
    { enrolments: 1200, otherCoverages: 1200, choices: 1200 },
  ]);
  const before = await places();
  const again = await load(rows);
  expect([again.counts.created, again.counts.unchanged, again.enrolment]).toEqual([
    0,
    1200,
    { enrolments: 0, otherCoverages: 0, choices: 0 },
  ]);
  expect(await places()).toEqual(before);

  rows[7] = row('S7', 'Marlowe', '2026-12-31');
  rows[1100] = row('S1100', 'Okafor');
  const changed = await load(rows);
  expect([changed.counts.updated, changed.counts.unchanged, changed.enrolment]).toEqual([
    1,
    1199,
    { enrolments: 1, otherCoverages: 0, choices: 0 },
  ]);
  expect((await profile(patientIdFor('S1100')))?.family).toEqual(['okafor']);
  const moved = (await places()).filter((place) => !before.includes(place));
  // one coverage, whose member's profile and other payer are looked at; one name with its tokens (card twice, birth date with both names, our number)
  expect(
    Object.fromEntries(
      Object.entries(Object.groupBy(moved, (m) => m.split(' ')[0] ?? '')).map(([k, v]) => [k, v?.length]),
    ),
  ).toEqual({
    enrolment: 1,
    // the member is marked for the check of its deadlines
    member: 1,
    member_profile: 2,
    member_token: 5,
    other_coverage: 1,
    resource: 1,
  });
});

test('of several rows of one person the last counts, also when it says what is there already', async () => {
  await load([row('T1', 'First')]);
  const others = Array.from({ length: 1000 }, (_, i) => row(`U${i}`));
  await load([row('T1', 'Second'), ...others, row('T1', 'First')]);
  expect((await profile(patientIdFor('T1')))?.family).toEqual(['first']);
  await load([row('T1', 'First'), ...others, row('T1', 'Second')]);
  expect((await profile(patientIdFor('T1')))?.family).toEqual(['second']);
});

test('an import that ends after it wrote a Patient: the next one makes what matching compares', async () => {
  const person = (family: string) =>
    `{"resourceType":"Patient","id":"stopped","name":[{"family":"${family}","given":["Ana"]}],"birthDate":"1974-12-25"}`;
  const stray =
    '{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/nobody"}}';
  const stops = () => {
    throw new Error('stopped');
  };
  await expect(loadRecords([person('Rivera'), stray], stops)).rejects.toThrow('stopped');
  expect(await profile('stopped')).toBeUndefined();
  await load([row('V1')]);
  expect((await profile('stopped'))?.family).toEqual(['rivera']);
  await expect(loadRecords([person('Santos'), stray], stops)).rejects.toThrow('stopped');
  await load([row('V1')]);
  expect((await profile('stopped'))?.family).toEqual(['santos']);
});

test('a Patient of ours that is deleted matches no one by name any more', async () => {
  await loadRecords([
    '{"resourceType":"Patient","id":"gone","name":[{"family":"Castellane","given":["Ana"]}],"birthDate":"1974-12-25"}',
  ]);
  expect((await profile('gone'))?.tokens).toBe(3);
  await loadRecords([
    '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/gone"}}]}',
  ]);
  // the number that we gave the member stays
  expect(await profile('gone')).toMatchObject({ family: [], tokens: 1 });
});

test('a no after a yes is a withdrawal, anyone who said the yes, and only when it came before', () => {
  const yes = (on: string) => ({ memberId: 'm', optIn: true, policy: 'regular' as const, on });
  const no = (on: string) => ({ ...yes(on), optIn: false });
  const called = (known: ReturnType<typeof yes>[], fresh: ReturnType<typeof yes>[]) =>
    choicesOf(known, fresh).map((c) => c.choice);
  expect(called([], [no('2026-01-01'), yes('2026-01-02'), no('2026-01-03'), no('2026-01-04')])).toEqual([
    'decline',
    'opt-in',
    'withdraw',
    'decline',
  ]);
  expect(called([yes('2026-01-05')], [no('2026-01-04'), no('2026-01-05')])).toEqual(['decline', 'withdraw']);
  // of one day what the file says comes after what is known, and its rows in their order
  expect(called([no('2026-01-05')], [yes('2026-01-05'), no('2026-01-05')])).toEqual(['opt-in', 'withdraw']);
  // rows in any order of days
  expect(called([], [no('2026-01-03'), yes('2026-01-01')])).toEqual(['withdraw', 'opt-in']);
  expect(called([yes('2026-01-01')], [{ ...no('2026-01-02'), memberId: 'other' }])).toEqual(['decline']);
});
