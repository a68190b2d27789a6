// Turns of pages: one that waits has none, and none is lost, however a page ends.
import { expect, test } from 'vitest';
import { rendering } from '../../directory/rendering.ts';
import { admission } from '../../src/http/admission.ts';

const later = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const here = () => false;
const turnsOf = (n: number) => admission([n, n, n], 100, 1000, { pause: () => Promise.resolve() });
/** Has every turn come back? */
const areFree = async (turns: ReturnType<typeof turnsOf>, n: number) => {
  const all = Promise.all(Array.from({ length: n }, () => turns.enter())).then(() => 'free');
  return Promise.race([all, later(200).then(() => 'lost')]);
};

test('a page that waits for the database has no turn meanwhile', async () => {
  const turns = turnsOf(1);
  const pages = rendering(10, turns);
  const order: string[] = [];
  const waits = pages.page(false, here, async (beside) => {
    await beside(() => later(30));
    order.push('waited');
  });
  await pages.page(true, here, async () => order.push('other'));
  await waits;
  expect(order).toEqual(['other', 'waited']);
  expect(await areFree(turns, 1)).toBe('free');
});

test('a page that one of several questions has ended gives back its turn when the others are answered', async () => {
  const turns = turnsOf(1);
  const pages = rendering(10, turns);
  const fails = (ms: number) => later(ms).then(() => Promise.reject(new Error('too long')));
  for (const [failing, other] of [
    [0, 20],
    [20, 20],
    [20, 0],
  ] as const) {
    const made = pages.page(false, here, (beside) =>
      Promise.all([beside(() => fails(failing)), beside(() => later(other))]),
    );
    await expect(made).rejects.toThrow('too long');
    await later(30);
  }
  expect(await areFree(turns, 1)).toBe('free');
});

test('a page whose questions go on while others wait has one turn at most', async () => {
  const turns = turnsOf(1);
  const pages = rendering(10, turns);
  const release: (() => void)[] = [];
  await turns.enter();
  const made = pages.page(false, here, (beside) => {
    const goesOn = async () => {
      await beside(() => Promise.resolve());
      await beside(() => new Promise<void>((done) => void release.push(done)));
    };
    return Promise.all([goesOn(), beside(() => Promise.resolve())]);
  });
  turns.leave();
  while (release.length === 0) await later(1);
  await later(10);
  for (const go of release) go();
  await made;
  expect(await areFree(turns, 1)).toBe('free');
});
