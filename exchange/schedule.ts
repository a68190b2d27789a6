// What the schedule does wherever it runs: open the clocks of new duties, tell of overdue ones, forget what is spent. On Node
// it also wakes the worker (command/serve.ts); on Workers this is all.
import type { Deps } from '../src/deps.ts';
import { localDay, requestDue } from './clocks/business-day.ts';
import { forgetBudgets } from './store/budget.ts';
import { openRequestClocks, overdueClocks } from './store/clock.ts';
import { forgetAttempts } from './store/match-attempt.ts';
import { forgetAssertions } from './store/peer.ts';

/** One tick. Missed ticks lose nothing: everything is computed from rows. */
export async function keepClocks(deps: Deps): Promise<void> {
  const { sql } = deps.database;
  const now = deps.clock();
  await openRequestClocks(sql, now, requestDue(localDay(now, deps.config.timeZone), deps.config.timeZone));
  await forgetAssertions(sql, now);
  await forgetAttempts(sql, now);
  await forgetBudgets(sql, now);
  for (const clock of await overdueClocks(sql, now)) {
    deps.metrics.gauge('clocks_overdue', clock.n, { kind: clock.kind });
    deps.log('warn', 'clocks overdue', { kind: clock.kind, count: clock.n });
  }
}
