// A payer that asks for many people who are not here: its matches let those of others go first, and come in good time all the same.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { claimJob } from '../../exchange/responder/bulk-job.ts';
import { startNode, type TestNode } from '../support/node.ts';

const NOW = new Date('2027-03-10T15:00:00Z');
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
let node: TestNode;

beforeAll(async () => {
  node = await startNode({}, { clock: () => NOW });
  await node.deps.database
    .sql`insert into exchange.peer (id, name, state, added_by) values ('misses', 'Misses', 'active', 'test'), ('finds', 'Finds', 'active', 'test')`;
});
afterAll(() => node.close());
beforeEach(async () => {
  await node.deps.database.sql`delete from exchange.bulk_job`;
  await node.deps.database.sql`delete from exchange.alert`;
});

const job = (id: string, peer: string, minutes: number, kind = 'match', counts?: object) => node.deps.database.sql`
  insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at, completed_at, counts)
  values (${id}, ${kind}, ${peer}, ${counts ? 'complete' : 'queued'}, '', '{"members": 10}', ${ago(minutes)}, ${NOW}, ${counts ? ago(minutes) : null}, ${JSON.stringify(counts ?? {})}::text::jsonb)`;
/** One worker after the other, each of which keeps what it has. */
async function taken(first = 0): Promise<string[]> {
  const ids: string[] = [];
  for (let n = first; ; n++) {
    const found = await claimJob(node.deps.database.sql, `worker ${n}`, NOW, 60, n % 2 === 1);
    if (!found) return ids;
    ids.push(found.id);
  }
}
const missed = async () => {
  await job('many', 'misses', 60, 'match', { match: 100, nomatch: 150 });
  await keepAlerts(node.deps);
};

test('jobs are taken in the order in which they came, two of a payer at once', async () => {
  await job('m1', 'misses', 30);
  await job('m2', 'misses', 29);
  await job('f1', 'finds', 20);
  expect(await taken()).toEqual(['m1', 'm2', 'f1']);
});

test('matches of a payer that asks for many who are not here come one by one, after those of others', async () => {
  await missed();
  await job('m1', 'misses', 30);
  await job('m2', 'misses', 29);
  await job('f1', 'finds', 20);
  await job('f2', 'finds', 10);
  expect(await taken()).toEqual(['f1', 'f2', 'm1']);
  await node.deps.database.sql`update exchange.bulk_job set state = 'complete' where id = 'm1'`;
  expect(await taken(10)).toEqual(['m2']);
});

test('what it asked for four hours ago waits no longer, nor do its exports', async () => {
  await missed();
  await job('old', 'misses', 241);
  await job('export', 'misses', 30, 'export');
  await job('f1', 'finds', 20);
  await job('m1', 'misses', 25);
  expect(await taken()).toEqual(['old', 'export', 'f1']);
});

test('once the alert has ended it is as any other', async () => {
  await missed();
  await node.deps.database.sql`update exchange.alert set cleared_at = ${NOW}`;
  await job('m1', 'misses', 30);
  await job('f1', 'finds', 20);
  expect(await taken()).toEqual(['m1', 'f1']);
});
