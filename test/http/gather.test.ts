// Requests that share a statement: in order, bounded, and nobody fails for another.
import { expect, test } from 'vitest';
import { gather } from '../../src/http/gather.ts';

const tick = () => new Promise((r) => setImmediate(r));

test('what waits while one is on its way goes together, each with its own result', async () => {
  const calls: number[][] = [];
  let open: () => void = () => {};
  const gate = new Promise<void>((r) => (open = r));
  const ask = gather(
    async (items: readonly number[]) => {
      calls.push([...items]);
      if (calls.length === 1) await gate;
      return items.map((i) => i * 10);
    },
    { most: 3, lanes: 1 },
  );
  const first = ask(1);
  await tick();
  const rest = [2, 3, 4, 5].map(ask);
  await tick();
  expect(calls).toEqual([[1]]);
  open();
  expect(await Promise.all([first, ...rest])).toEqual([10, 20, 30, 40, 50]);
  expect(calls).toEqual([[1], [2, 3, 4], [5]]);
});

test('as many at once as there are lanes', async () => {
  let running = 0;
  let most = 0;
  const ask = gather(
    async (items: readonly number[]) => {
      most = Math.max(most, ++running);
      await tick();
      running--;
      return items;
    },
    { most: 1, lanes: 2 },
  );
  await Promise.all([1, 2, 3, 4, 5, 6].map(ask));
  expect(most).toBe(2);
});

test('one that fails does so alone', async () => {
  const ask = gather(
    async (items: readonly number[]) => {
      if (items.includes(2)) throw new Error('two');
      return items;
    },
    { most: 10, lanes: 1 },
  );
  const results = await Promise.allSettled([1, 2, 3].map(ask));
  expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
