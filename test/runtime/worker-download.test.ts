// A file that takes long, out of a Worker's bucket: whether it may still leave is asked after the Worker has answered.
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import worker from '../../exchange/worker.ts';
import type { Bucket } from '../../src/runtime/r2-blobs.ts';
import { ExportClient } from '../exchange/export-client.ts';
import { BULK_MATCH, client } from '../exchange/peer-client.ts';
import { ASKER, card, enrol, PEOPLE, US } from '../exchange/plan-fixture.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
let them: ExportClient;
let url: string;
let token: string;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, MATCH_PER_MINUTE: '0' });
  await enrol(node.deps, Object.values(PEOPLE));
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, 'system/*.rs'] }));
  token = await them.signIn();
  const group = await them.group([card(PEOPLE.rivera)]);
  const { manifest } = await them.finished(await them.kick(`Group/${group}/$davinci-data-export`));
  url = manifest.output.find((f) => f.type === 'Patient')?.url ?? '';
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => node.close());

/** The file through the Worker, in two parts with six seconds between them, in which something may be done. */
async function download(meanwhile: () => Promise<unknown>): Promise<string> {
  const now = performance.now.bind(performance);
  let late = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now() + late);
  const bucket: Bucket = {
    head: async () => null,
    list: async () => ({ objects: [], truncated: false }),
    delete: async () => {},
    async get(key) {
      const parts: Uint8Array[] = [];
      for await (const part of (await node.deps.blobs.get(key)) ?? []) parts.push(part);
      const all = new Uint8Array(Buffer.concat(parts));
      let asked = 0;
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(to) {
            if (asked++ === 0) return to.enqueue(all.subarray(0, 100));
            await meanwhile();
            late += 6000;
            to.enqueue(all.subarray(100));
            to.close();
          },
        },
        // nothing is read ahead
        { highWaterMark: 0 },
      );
      return { body };
    },
  };
  const { url: connectionString } = node.deps.database as unknown as { url: string };
  const key = async (use: 'token' | 'client') => JSON.stringify(await node.deps.keys.signing(use));
  const env = {
    HYPERDRIVE: { connectionString },
    BASE_URL: node.base,
    LOG_LEVEL: 'silent',
    TOKEN_KEY: await key('token'),
    CLIENT_KEY: await key('client'),
    BLOBS: bucket,
  };
  const ended: Promise<unknown>[] = [];
  const answer = await worker.fetch(new Request(url, { headers: { authorization: `Bearer ${token}` } }), env, {
    waitUntil: (p) => void ended.push(p),
  });
  expect(answer.status).toBe(200);
  await Promise.all(ended);
  return answer.text();
}

test('comes whole', async () => {
  const text = await download(async () => {});
  expect(
    text
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l).resourceType),
  ).toEqual(['Patient']);
});

test('is broken off when the peer is suspended meanwhile', async () => {
  const { sql } = node.deps.database;
  await expect(download(() => sql`update exchange.peer set state = 'suspended' where id = 'a'`)).rejects.toThrow(
    'the file may not leave any more',
  );
});
