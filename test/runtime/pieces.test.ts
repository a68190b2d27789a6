// Memory that goes round.
import { expect, test } from 'vitest';
import { PIECE_BYTES, pieces } from '../../src/chunks.ts';

test('what is given back is taken next, what is no piece is left alone', () => {
  const all = pieces();
  const one = all.take();
  expect(one.length).toBe(PIECE_BYTES);
  expect(all.take().buffer).not.toBe(one.buffer);
  expect(all.take(PIECE_BYTES + 1).length).toBe(PIECE_BYTES + 1);
  all.give(new ArrayBuffer(5));
  all.give(one.buffer);
  expect(all.take(7).buffer).toBe(one.buffer);
});

test('no more is kept than goes round, and what is free can go elsewhere', () => {
  const all = pieces();
  expect(all.spare(2)).toEqual([]);
  for (let i = 0; i < 100; i++) all.give(new ArrayBuffer(PIECE_BYTES));
  const away = all.spare(1);
  expect(away).toHaveLength(1);
  const rest = all.spare(1000);
  expect(rest.length).toBeLessThan(50);
  expect(rest).not.toContain(away[0]);
  // one that is in another thread is nobody's memory here
  const moved = new ArrayBuffer(PIECE_BYTES);
  structuredClone(moved, { transfer: [moved] });
  all.give(moved);
  expect(all.spare(1)).toEqual([]);
});
