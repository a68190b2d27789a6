import { expect, test } from 'vitest';
import { plans } from '../../src/store/search-plans.ts';

test('statements are prepared until they are slow once, and again after a rest', () => {
  let now = 0;
  const p = plans(() => now);
  expect(p.prepares('a')).toBe(true);
  p.took('a', 10);
  expect(p.prepares('a')).toBe(true);
  p.took('a', 80);
  expect(p.prepares('a')).toBe(false);
  expect(p.prepares('b')).toBe(true);
  now += 9 * 60_000;
  expect(p.prepares('a')).toBe(false);
  now += 2 * 60_000;
  expect(p.prepares('a')).toBe(true);
});

test('their number has an end, so no client can fill the server with plans', () => {
  const p = plans(() => 0);
  const first = Array.from({ length: 400 }, (_, i) => p.prepares(`s${i}`));
  expect(first.every(Boolean)).toBe(true);
  expect(p.prepares('one more')).toBe(false);
  p.took('one more', 1000);
  expect(p.prepares('s0')).toBe(true);
});
