import { afterEach, beforeEach, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', name: [{ family: 'Rivera' }] });
});
afterEach(() => node.close());

const DAYS = [1, 2, 3, 4];
const told = (by: string) =>
  output('Observation', ...DAYS.map((n) => lab(`${by}${n}`, { effectiveDateTime: `2026-01-0${n}T08:00:00Z` })));
const gone = (by: string) => deletions(...DAYS.map((n) => `Observation/${by}${n}`));
const shown = async () =>
  (
    await node.sql<{ n: number }[]>`
      select count(*)::int as n from exchange.resource where origin = ${PEER} and type = 'Observation' and not deleted`
  )[0]?.n;
let days = 0;
async function tell(file: ReturnType<typeof output>, isFull: boolean): Promise<string> {
  const madeAt = new Date(Date.UTC(2026, 1, ++days));
  const { id } = await node.pull([file], { madeAt, ...(isFull ? {} : { since: new Date() }) });
  return [...new Set((await node.ledger(id)).map((line) => line.split(' ')[0]))].join();
}

test('the records stay, until they are gone by their newest numbers', async () => {
  expect(await tell(told('a'), true)).toBe('created');
  expect(await tell(told('b'), true)).toBe('unchanged');
  expect(await tell(gone('a'), false)).toBe('retracted');
  expect(await shown()).toBe(4);
  // once more, and this time the last ones are gone first
  expect(await tell(told('c'), true)).toBe('unchanged');
  expect(await tell(told('c'), true)).toBe('unchanged');
  expect(await tell(gone('b'), false)).toBe('retracted');
  expect(await shown()).toBe(4);
  expect(await brokenLaws(node.sql)).toEqual({});
  expect(await tell(gone('c'), false)).toBe('retracted');
  expect(await shown()).toBe(0);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('all numbers are gone at once', async () => {
  await tell(told('a'), true);
  await tell(told('b'), true);
  const keys = ['a', 'b'].flatMap((by) => DAYS.map((n) => `Observation/${by}${n}`));
  await tell(deletions(...keys), false);
  expect(await shown()).toBe(0);
  expect(await brokenLaws(node.sql)).toEqual({});
});
