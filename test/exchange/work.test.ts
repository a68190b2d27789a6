// The loops of a worker: none waits for another.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startWork } from '../../exchange/work.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, PEOPLE, US } from './plan-fixture.ts';

const { rivera } = PEOPLE;
let node: TestNode;
let them: ExportClient;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera]);
});
afterAll(() => node.close());

test('while an export is made the audit is sealed and what is past its time is removed', async () => {
  const { sql } = node.deps.database;
  const place = `Group/${await them.group([card(rivera)])}/$export`;
  const over = (await them.finished(await them.kick(place))).status.split('/').at(-1) ?? '';
  await sql`update exchange.bulk_job set expires_at = now() - interval '1 minute' where id = ${over}`;
  const kick = await them.kick(place);
  const { blobs } = node.deps;
  const gate = Promise.withResolvers<string[]>();
  const begun = Promise.withResolvers<void>();
  // the first thing that a worker does with an export
  const list = vi.spyOn(blobs, 'list').mockImplementationOnce(() => {
    begun.resolve();
    return gate.promise;
  });
  const worker = startWork(node.deps, { plans: false });
  try {
    await begun.promise;
    worker.wake();
    await vi.waitFor(
      async () => {
        expect(await sql`select from exchange.audit_unsealed`).toHaveLength(0);
        expect(await sql`select from exchange.bulk_file where job_id = ${over}`).toHaveLength(0);
      },
      { timeout: 20_000, interval: 100 },
    );
    expect((await them.call(kick.header('content-location') ?? '')).status).toBe(202);
  } finally {
    list.mockRestore();
    gate.resolve([]);
    await worker.stop();
  }
  expect((await them.call(kick.header('content-location') ?? '')).status).toBe(200);
});
