// What people decide about results that contradict each other holds as long as they are as they were, in whatever order payers tell, change, take back and tell again.
import { expect, test } from 'vitest';
import { brokenLaws } from '../journey/laws.ts';
import { DecidedModel } from './decided-model.ts';

const SEEDS = (process.env['WORLD_SEED'] ?? '2').split(',').map(Number);
const STEPS = Number(process.env['WORLD_STEPS'] ?? 15);

test.each(SEEDS)('world %s', { timeout: 600_000 }, async (seed) => {
  const model = await DecidedModel.begin(seed);
  try {
    for (let n = 0; n < STEPS; n++) {
      const wrong = await model.step();
      expect(wrong, model.story.join('\n')).toEqual([]);
    }
    expect(await brokenLaws(model.sql)).toEqual({});
  } finally {
    await model.close();
  }
});
