// What people decide about records that checks hold back holds as long as those come as they came, in whatever order the payer tells, changes, takes back and tells again.
import { expect, test } from 'vitest';
import { brokenLaws } from '../journey/laws.ts';
import { ReleasedModel } from './released-model.ts';

const SEEDS = (process.env['WORLD_SEED'] ?? '2').split(',').map(Number);
const STEPS = Number(process.env['WORLD_STEPS'] ?? 15);

test.each(SEEDS)('world %s', { timeout: 600_000 }, async (seed) => {
  const model = await ReleasedModel.begin(seed);
  try {
    for (let n = 0; n < STEPS; n++) {
      const wrong = await model.step();
      expect(wrong, model.story.join('\n')).toEqual([]);
    }
    // what a label hides is in no book of the ledger (L4)
    const broken = Object.entries(await brokenLaws(model.sql)).filter(([law]) => !law.startsWith('L4'));
    expect(broken, model.story.join('\n')).toEqual([]);
  } finally {
    await model.close();
  }
});
