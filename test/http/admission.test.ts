import { expect, test } from 'vitest';
import { Outcome } from '../../src/fhir/outcome.ts';
import { admission } from '../../src/http/admission.ts';

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'admitted',
    (error: unknown) => (error instanceof Outcome ? `${error.code} ${error.headers['retry-after']}` : 'other'),
  );

const pause = () => Promise.resolve();

test('as many as there are places, then a queue in order, then no more', async () => {
  const admit = admission(2, 2, 1000, { now: () => 0, pause });
  const order: string[] = [];
  const enter = (name: string) =>
    outcome(admit.enter()).then((how) => {
      order.push(`${name} ${how}`);
    });
  await Promise.all([enter('a'), enter('b')]);
  const c = enter('c');
  const d = enter('d');
  await enter('e');
  expect(order).toEqual(['a admitted', 'b admitted', 'e busy 1']);
  admit.leave();
  await c;
  admit.leave();
  await d;
  expect(order.slice(3)).toEqual(['c admitted', 'd admitted']);
  admit.leave();
  admit.leave();
  await Promise.all([enter('f'), enter('g')]);
  expect(order.slice(5)).toEqual(['f admitted', 'g admitted']);
});

test('who waited too long is told to come back, and nobody joins behind', async () => {
  let now = 0;
  const admit = admission(1, 100, 1000, { now: () => now, pause });
  await admit.enter();
  const late = outcome(admit.enter());
  now = 900;
  const inTime = outcome(admit.enter());
  now = 1100;
  expect(await outcome(admit.enter())).toBe('busy 1');
  admit.leave();
  expect(await late).toBe('busy 1');
  expect(await inTime).toBe('admitted');
  admit.leave();
  expect(await outcome(admit.enter())).toBe('admitted');
});

test('a queue of thousands is worked off', async () => {
  const admit = admission(1, 10_000, 1e9, { now: () => 0 });
  await admit.enter();
  const all = Array.from({ length: 5000 }, () => admit.enter());
  for (const one of all) {
    admit.leave();
    await one;
  }
  admit.leave();
  expect(await outcome(admit.enter())).toBe('admitted');
});

test('a refusal waits for its pause, and takes no place meanwhile', async () => {
  let end = (): void => {};
  const admit = admission(1, 0, 1000, { now: () => 0, pause: () => new Promise<void>((done) => (end = done)) });
  await admit.enter();
  let said = '';
  const refused = outcome(admit.enter()).then((how) => (said = how));
  admit.leave();
  expect(await outcome(admit.enter())).toBe('admitted');
  expect(said).toBe('');
  end();
  await refused;
  expect(said).toBe('busy 1');
});

test('a higher level has few places, and waits for them while lower ones pass it by', async () => {
  const admit = admission([3, 2], 100, 1000, { now: () => 0, pause });
  const order: string[] = [];
  const enter = (name: string, level: number) => void outcome(admit.enter(level)).then(() => order.push(name));
  for (const name of ['long 1', 'long 2', 'long 3']) enter(name, 1);
  for (const name of ['short 1', 'short 2']) enter(name, 0);
  await new Promise((r) => setImmediate(r));
  expect(order).toEqual(['long 1', 'long 2', 'short 1']);
  admit.leave(1);
  await new Promise((r) => setImmediate(r));
  expect(order.slice(3)).toEqual(['short 2']);
  admit.leave(0);
  admit.leave(0);
  await new Promise((r) => setImmediate(r));
  expect(order.slice(4)).toEqual(['long 3']);
});

test('who has gone, or could not end in time, is not admitted', async () => {
  let now = 0;
  const admit = admission(1, 100, 1000, { now: () => now, pause });
  // also before there is anything to wait for
  expect(await outcome(admit.enter(0, { isGone: () => true }))).toBe('busy 1');
  await admit.enter();
  const waiting = [
    outcome(admit.enter(0, { latest: 500 })),
    outcome(admit.enter(0, { isGone: () => now > 0 })),
    outcome(admit.enter()),
  ];
  now = 600;
  admit.leave();
  expect(await Promise.all(waiting)).toEqual(['busy 1', 'busy 1', 'admitted']);
});

test('who waits too long is told so while nobody leaves', async () => {
  let now = 0;
  const admit = admission(1, 100, 1000, { now: () => now, pause });
  await admit.enter();
  const late = outcome(admit.enter());
  now = 1001;
  expect(await late).toBe('busy 1');
});

test('who waits is admitted by what is known of it by then', async () => {
  const admit = admission([3, 1], 100, 1000, { now: () => 0, pause });
  let level = 1;
  const levelNow = () => level;
  expect(await admit.enter(1, { levelNow })).toBe(1);
  const waiting = [admit.enter(1, { levelNow }), admit.enter(1, { levelNow })];
  level = 0;
  admit.leave(1);
  expect(await Promise.all(waiting)).toEqual([0, 0]);
});

test('who has become one of a higher level meanwhile waits among those, and holds up nobody of its own', async () => {
  let now = 0;
  const admit = admission([4, 2, 1], 100, 1000, { now: () => now, pause });
  const order: string[] = [];
  const enter = (name: string, level: number, levelNow?: () => number) =>
    admit.enter(level, levelNow && { levelNow }).then((held) => order.push(`${name} ${held}`));
  await Promise.all([enter('long', 2), enter('quick', 1)]);
  let level = 1;
  const waiting = [enter('became long', 1, () => level)];
  now = 1;
  waiting.push(enter('next long', 2), enter('next quick', 1));
  level = 2;
  admit.leave(1);
  await new Promise((r) => setImmediate(r));
  expect(order.slice(2)).toEqual(['next quick 1']);
  // it came before the other one that takes long
  admit.leave(2);
  await new Promise((r) => setImmediate(r));
  expect(order.slice(3)).toEqual(['became long 2']);
  admit.leave(2);
  await Promise.all(waiting);
});
