// A payer that asks for a match, dies and asks for the same anew: each request has its own time to be answered (docs/deadlines.md: `C3-match`), and
// what becomes of one says nothing of the other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

const NOW = new Date('2027-03-10T15:00:00Z');
const LATER = new Date(NOW.getTime() + 3 * 86_400_000);
let node: TestNode;
let them: ExportClient;
let now = NOW;

const ask = async (): Promise<string> => {
  const answer = await them.call('/Group/$bulk-member-match', {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', prefer: 'respond-async' },
    body: matchBody(parts(card(PEOPLE.rivera), '2027-03-10')),
  });
  expect(answer.status).toBe(202);
  return answer.header('content-location')?.split('/').at(-1) ?? '';
};
const status = async (job: string, method = 'GET') => (await them.call(`/$export-status/${job}`, { method })).status;
const fateOf = async (job: string) => {
  const [k] = await node.deps.database.sql`
    select state, reason, stop_event, closed_at <= due_at as "isInTime" from exchange.deadline where kind = 'C3-match' and subject = ${job}`;
  return k;
};
const MET = { state: 'met', reason: null, stop_event: 'answered', isInTime: true };

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, { clock: () => now });
  await enrol(node.deps, [PEOPLE.rivera]);
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn(undefined, now);
});
afterAll(() => node.close());

test('one that is taken back before it was answered is withdrawn, and its like is met', async () => {
  const [first, second] = [await ask(), await ask()];
  expect(await status(first, 'DELETE')).toBe(202);
  await node.work();
  expect([await fateOf(first), await fateOf(second)]).toMatchObject([
    { state: 'withdrawn', reason: 'cancelled-by-peer' },
    MET,
  ]);
  expect([await status(first), await status(second)]).toEqual([404, 200]);
});

test('one that was answered stays met: no one looked, it is deleted, another is asked for, its files are gone', async () => {
  const [unseen, deleted] = [await ask(), await ask()];
  await node.work();
  const anew = await ask();
  expect(await status(deleted, 'DELETE')).toBe(202);
  expect(await status(deleted, 'DELETE')).toBe(404);
  await node.work();
  now = new Date(LATER.getTime() + node.deps.config.exportTtlHours * 3_600_000);
  await them.signIn(undefined, now);
  await node.work();
  for (const job of [unseen, deleted, anew]) expect(await fateOf(job)).toMatchObject(MET);
  expect(await status(unseen)).toBe(404);
});
