// A command that follows a pull ends with it, also when the database goes away meanwhile.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followed } from '../../exchange/commands/follow-pull.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
beforeEach(async () => {
  node = await startNode();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await node.close();
});

test('what is followed may fail: its fault is told, and nothing goes on', async () => {
  const begun = vi.spyOn(globalThis, 'setInterval');
  const ended = vi.spyOn(globalThis, 'clearInterval');
  const away = new Error('the database is away');
  await expect(followed(node.deps, 'p', () => Promise.reject(away))).rejects.toBe(away);
  expect(begun).toHaveBeenCalledOnce();
  expect(ended).toHaveBeenCalledWith(begun.mock.results[0]?.value);
  expect(await followed(node.deps, 'p', () => Promise.resolve('done'))).toBe('done');
});
