// Many files at once: one payer cannot take the memory from all others.
import { request } from 'undici';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { MOST_DOWNLOADS } from '../../exchange/responder/export/download-limit.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, PEOPLE, US } from './plan-fixture.ts';

const { rivera } = PEOPLE;
let node: TestNode;
const signedIn = async (id: string): Promise<{ them: ExportClient; token: string; url: string }> => {
  const them = new ExportClient(node, await client(node, id, { npi: ASKER.npi }));
  const token = await them.signIn();
  const { manifest } = await them.finished(await them.kick(`Group/${await them.group([card(rivera)])}/$export`));
  return { them, token, url: manifest.output[0]?.url ?? '' };
};
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  await enrol(node.deps, [rivera]);
});
afterAll(() => node.close());

test('of a payer that takes files and reads none, no more than so many are open; others are served, and so is it when one ends', async () => {
  const a = await signedIn('a');
  const b = await signedIn('b');
  const get = node.deps.blobs.get.bind(node.deps.blobs);
  const gate = Promise.withResolvers<void>();
  // begins, and goes on only at the end of the test
  async function* held(key: string) {
    yield new Uint8Array();
    await gate.promise;
    const stored = await get(key);
    if (stored) yield* stored as AsyncIterable<Uint8Array>;
  }
  const spy = vi.spyOn(node.deps.blobs, 'get').mockImplementation(async (key) => held(key));
  const open = (headers: Record<string, string> = {}) => {
    const gone = new AbortController();
    const answer = request(a.url, {
      headers: { authorization: `Bearer ${a.token}`, 'accept-encoding': 'gzip', ...headers },
      signal: gone.signal,
    });
    answer.catch(() => {}); // some are broken off by the test
    return { gone, answer };
  };
  try {
    const all = Array.from({ length: MOST_DOWNLOADS }, () => open());
    await vi.waitFor(() => expect(spy).toHaveBeenCalledTimes(MOST_DOWNLOADS), { timeout: 10_000 });
    const over = await a.them.call(a.url, { headers: { 'accept-encoding': 'gzip' } });
    expect([over.status, over.header('retry-after')]).toEqual([429, '5']);
    expect((await a.them.call(a.url, { method: 'HEAD' })).status).toBe(200);
    spy.mockRestore();
    expect((await b.them.call(b.url)).status).toBe(200);
    all[0]?.gone.abort();
    await vi.waitFor(async () => expect((await a.them.call(a.url)).status).toBe(200), { timeout: 10_000 });
    gate.resolve();
    for (const { answer } of all.slice(1))
      expect((await (await answer).body.arrayBuffer()).byteLength).toBeGreaterThan(0);
    // all places are free again
    const again = await Promise.all(Array.from({ length: MOST_DOWNLOADS }, () => a.them.call(a.url)));
    expect(again.map((one) => one.status)).toEqual(again.map(() => 200));
  } finally {
    spy.mockRestore();
    gate.resolve();
  }
});
