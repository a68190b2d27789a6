// Two nodes over real HTTP, real tokens and two databases: a pull from first request to the ledger.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importMembers } from '../../exchange/members/import-members.ts';
import { planPulls } from '../../exchange/pull/plan.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { readImport } from '../../src/import/read-import.ts';
import { memberFolders, PLAN_NAMES } from '../../src/seed/index.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';

let prior: TestNode;
let ours: TestNode;
let folder: string;

async function load(node: TestNode, side: string) {
  const rejects: unknown[] = [];
  const result = await importMembers(node.deps, {
    records: readImport([join(folder, side)]),
    enrolment: join(folder, side, 'enrolment.csv'),
    validate,
    reject: (r) => void rejects.push(r),
  });
  return { result, rejects };
}

/** Works on both sides until the pull rests. */
async function finish(id: string) {
  const working = setInterval(() => void prior.work(), 50);
  try {
    return await ours.worker.finish(id);
  } finally {
    clearInterval(working);
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'payer-node-members-'));
  await memberFolders({ seed: 7, members: 12, out: folder });
  prior = await startNode({ PLAN_NAME: PLAN_NAMES.prior, PLAN_NPI: '9000000012' });
  ours = await startNode({ PLAN_NAME: PLAN_NAMES.current, PLAN_NPI: '9000000004' });
  await introduce(ours, prior);
  const a = await load(prior, 'prior');
  const b = await load(ours, 'current');
  expect(a.rejects).toEqual([]);
  expect(b.rejects).toEqual([]);
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a pull', () => {
  test('ends done, and the ledger holds every line of every file', async () => {
    const [id] = await planPulls(ours.deps, { cause: 'opt-in' });
    expect(id).toBeDefined();
    const pull = await finish(id ?? '');
    const events = await ours.deps.database
      .sql`select state, detail from exchange.pull_event where pull_id = ${id ?? ''} order by id`;
    expect(pull?.state, JSON.stringify(events)).toBe('done');
    const sums = await ours.deps.database
      .sql`select outcome, reason, count(*)::int as n from exchange.ledger group by 1, 2 order by 1, 2`;
    console.log(events, sums);
  });
});
