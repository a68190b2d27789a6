import { expect, test } from 'vitest';
import { MOST_KEPT, type Plans, plans } from '../../src/db/search-plans.ts';

/** Runs a statement so many times; how long each takes, prepared and planned. Which ones were prepared. */
function run(p: Plans, times: number, ms: (prepared: boolean, turn: number) => number): boolean[] {
  return Array.from({ length: times }, (_, turn) => {
    const prepared = p.prepares('a');
    p.took('a', ms(prepared, turn), prepared);
    return prepared;
  });
}

test('a statement that is slow only because its plan is kept is planned each time, until after a rest', () => {
  let now = 0;
  const p = plans(() => now);
  const uneven = (prepared: boolean, turn: number) => (prepared && turn % 10 < 3 ? 200 : 2);
  expect(run(p, 48, uneven).filter(Boolean).length).toBeGreaterThan(20);
  expect(run(p, 100, uneven).filter(Boolean)).toEqual([]);
  now += 9 * 60_000;
  expect(p.prepares('a')).toBe(false);
  now += 2 * 60_000;
  expect(p.prepares('a')).toBe(true);
  expect(p.prepares('b')).toBe(true);
});

test('on a busy machine, where planning does not help, statements stay prepared', () => {
  const p = plans(() => 0);
  run(p, 60, () => 80);
  expect(run(p, 100, () => 80).every(Boolean)).toBe(true);
});

test('nor does a busy minute decide, in which some of both ways are slow', () => {
  const p = plans(() => 0);
  run(p, 60, (prepared, turn) => (turn % (prepared ? 6 : 12) < 2 ? 90 : 2));
  expect(run(p, 100, () => 2).every(Boolean)).toBe(true);
});

test('one that was slow once, by chance, stays prepared', () => {
  const p = plans(() => 0);
  run(p, 60, (_, turn) => (turn === 0 ? 300 : 2));
  expect(run(p, 100, () => 2).every(Boolean)).toBe(true);
});

const MINUTE = 60_000;

test('one that was cancelled is planned from then on, and longer when it is cancelled again as soon as it is tried', () => {
  let now = 0;
  const p = plans(() => now);
  for (const rest of [10, 60, 360, 360]) {
    expect(p.prepares('a')).toBe(true);
    p.took('a', Number.POSITIVE_INFINITY, true);
    expect(run(p, 10, () => 3).some(Boolean)).toBe(false);
    now += (rest - 1) * MINUTE;
    expect(p.prepares('a')).toBe(false);
    now += 2 * MINUTE;
  }
  expect(p.prepares('a')).toBe(true);
});

test('one moment in which all were cancelled costs a good statement minutes, each time', () => {
  let now = 0;
  const p = plans(() => now);
  for (let times = 0; times < 3; times++) {
    p.prepares('a');
    // several were on their way
    for (let i = 0; i < 5; i++) {
      p.took('a', Number.POSITIVE_INFINITY, true);
      now += 1000;
    }
    expect(p.prepares('a')).toBe(false);
    now += 10 * MINUTE;
    expect(run(p, 100, () => 2).every(Boolean)).toBe(true);
    now += 60 * MINUTE;
  }
});

test('their number has an end, and those that are asked for stay', () => {
  const p = plans(() => 0);
  p.prepares('often');
  p.took('often', Number.POSITIVE_INFINITY, true);
  p.prepares('once');
  p.took('once', Number.POSITIVE_INFINITY, true);
  for (let i = 0; i < 2 * MOST_KEPT; i++) {
    expect(p.prepares(`s${i}`)).toBe(true);
    expect(p.prepares('often')).toBe(false);
  }
  // what was learned of it is forgotten with it
  expect(p.prepares('once')).toBe(true);
});
