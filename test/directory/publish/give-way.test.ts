// Work of a publication lets requests in.
import { expect, test } from 'vitest';
import { givingWay } from '../../../directory/publish/give-way.ts';

test('who waits for the loop has its turn while records are still written', async () => {
  const giveWay = givingWay();
  let answered = 0;
  setImmediate(() => answered++);
  let before = 0;
  for (let record = 1; record <= 100; record++) {
    const turn = giveWay();
    if (turn) await turn;
    if (answered === 0) before = record;
  }
  expect(answered).toBe(1);
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(100);
});
