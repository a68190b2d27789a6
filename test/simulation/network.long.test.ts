// Payers who cover the same people ask each other, again and again, while each corrects, deletes, labels, denies, replaces and numbers anew what it has by itself:
// in the end each shows, and gives, each thing once, as its payer has it, and nothing is written any more. Real HTTP, three databases.
//
// NETWORK_SEED, NETWORK_STEPS and NETWORK_ORDER (who asks whom when) try other networks, NETWORK_PLANS more payers, NETWORK_TIMES (how often all comes to rest, and goes on),
// NETWORK_MOVES=1 people who leave payers and come back, NETWORK_WEATHER=0.05 requests that fail, NETWORK_DEATHS=0.05 programs that die in the middle of a step; what happened
// is told in each failure, with NETWORK_LINES=1 line by line.
import { expect, test } from 'vitest';
import { Network } from './network.ts';

const { env } = process;
const SEEDS = env['NETWORK_SEED']?.split(',').map(Number);
const ORDER = Number(env['NETWORK_ORDER'] ?? 0);
const STEPS = Number(env['NETWORK_STEPS'] ?? 2);
const TIMES = Number(env['NETWORK_TIMES'] ?? 1);
/** Seeds with the order of asking: the same records come to the same, in whatever order they are asked for. */
const NETWORKS = SEEDS?.map((seed) => [seed, ORDER] as const) ?? [[202, 0]];

test.each(NETWORKS)('network %s, order %s', { timeout: 900_000 }, async (seed, order) => {
  const network = await Network.begin(seed, order);
  try {
    for (let time = 0; time < TIMES; time++) {
      for (let n = 0; n < STEPS; n++) await network.step();
      await network.settle();
      // what is gone is told in answers for changes alone, and goes on from one to the next; a statement is told onward once more where it is about more records
      const isQuiet = (kinds: string) => /^(echo,)?(unchanged)?$/.test(kinds);
      let [before, last] = ['begun', 'begun'];
      for (let n = 0; n < 12 && !(isQuiet(before) && isQuiet(last)); n++)
        [before, last] = [last, (await network.round(n % 2 === 1)).join()];
      expect([isQuiet(last), ...(await network.faults())], network.story.join('\n')).toEqual([true]);
    }
  } finally {
    await network.close();
  }
});
