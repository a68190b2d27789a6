// Requests that share a statement: in order, bounded, and nobody fails for another.
import { describe, expect, test } from 'vitest';
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
    { most: 3, slots: 1 },
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
    { most: 1, slots: 2 },
  );
  await Promise.all([1, 2, 3, 4, 5, 6].map(ask));
  expect(most).toBe(2);
});

test('where the database has no time for any, not all of them wait for that one after the other', async () => {
  const calls: number[] = [];
  const ask = gather(
    async (items: readonly number[]) => {
      calls.push(items.length);
      await new Promise((r) => setTimeout(r, 1));
      if (items.length > 1 || items[0] !== 1) throw Object.assign(new Error('too long'), { code: '57014' });
      return items;
    },
    { most: 64, slots: 1 },
  );
  const said = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => ask(i)));
  // one that is quick alone is answered among them
  expect(said.map((s) => s.status)).toEqual(said.map((_, i) => (i === 1 ? 'fulfilled' : 'rejected')));
  expect(calls.length).toBeLessThan(8);
});

test('one that fails does so alone', async () => {
  const ask = gather(
    async (items: readonly number[]) => {
      if (items.includes(2)) throw new Error('two');
      return items;
    },
    { most: 10, slots: 1 },
  );
  const results = await Promise.allSettled([1, 2, 3].map(ask));
  expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

describe('a further call, where many came', () => {
  const gated = () => {
    const calls: number[][] = [];
    const opens: (() => void)[] = [];
    const ask = gather(
      async (items: readonly number[]) => {
        calls.push([...items]);
        await new Promise<void>((open) => opens.push(open));
        return items;
      },
      { most: 10, slots: 2 },
    );
    return { calls, opens, ask };
  };

  test('begins when half as many wait', async () => {
    const { calls, opens, ask } = gated();
    const asked = [1, 2, 3, 4].map(ask);
    await tick();
    asked.push(ask(5));
    await tick();
    expect(calls).toEqual([[1, 2, 3, 4]]);
    asked.push(ask(6));
    await tick();
    expect(calls).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
    for (const open of opens) open();
    expect(await Promise.all(asked)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('or when one ends', async () => {
    const { calls, opens, ask } = gated();
    const asked = [1, 2, 3, 4].map(ask);
    await tick();
    asked.push(ask(5));
    opens[0]?.();
    await tick();
    expect(calls[1]).toEqual([5]);
    opens[1]?.();
    expect(await Promise.all(asked)).toEqual([1, 2, 3, 4, 5]);
  });

  test('or a little later, when the one before does not end', async () => {
    const { calls, opens, ask } = gated();
    const asked = [1, 2, 3, 4].map(ask);
    await tick();
    asked.push(ask(5));
    await expect.poll(() => calls[1]).toEqual([5]);
    for (const open of opens) open();
    expect(await Promise.all(asked)).toEqual([1, 2, 3, 4, 5]);
  });

  test('alone goes at once, beside one that was alone', async () => {
    const { calls, opens, ask } = gated();
    const asked = [ask(1)];
    await tick();
    asked.push(ask(2));
    await tick();
    expect(calls).toEqual([[1], [2]]);
    for (const open of opens) open();
    expect(await Promise.all(asked)).toEqual([1, 2]);
  });
});
