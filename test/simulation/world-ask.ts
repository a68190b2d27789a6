// Payers of a simulated world ask each other.
import { expect } from 'vitest';
import { planPulls } from '../../exchange/pull/plan.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { outcomes } from '../journey/laws.ts';
import { nodeOf, nodes, sqlOf, time, told } from './world.ts';
import { tick } from './world-duties.ts';
import { NAMES, PLANS } from './world-records.ts';

/** The pulls that each payer makes by its schedule, of what changed, or of everything. Returns the kinds of their outcomes. */
export async function ask(how: 'schedule' | 'changes' | 'all'): Promise<string> {
  const found = new Set<string>();
  tick(time.clock());
  const working = setInterval(() => {
    for (const node of nodes) void node.work();
  }, 20);
  try {
    for (const plan of PLANS) {
      const { deps, worker } = nodeOf(plan);
      await keepClocks(deps);
      const request =
        how === 'schedule'
          ? ({ cause: 'opt-in' } as const)
          : ({ cause: 'command', again: true, full: how === 'all' } as const);
      for (const id of await planPulls(deps, request)) {
        const done = await worker.finish(id);
        // nobody is matched where all of them have said no there since
        const ended = [done?.state, done?.reason === 'no-match' ? null : done?.reason];
        const members = await sqlOf(plan)`select member_id, outcome from exchange.pull_member where pull_id = ${id}`;
        expect(ended, told(`${NAMES[plan]} asks ${done?.peerId}: ${JSON.stringify(members)}`)).toEqual(['done', null]);
        for (const kind of Object.keys(await outcomes(sqlOf(plan), id))) found.add(kind);
      }
    }
  } finally {
    clearInterval(working);
  }
  return [...found].sort().join();
}
