// What the schedule does wherever it runs: open the clocks of new duties, tell of overdue ones, forget what is spent. On Node
// it also wakes the worker (command/serve.ts); on Workers this is all.
import type { Deps } from '../src/deps.ts';
import { keepAlerts } from './alerts/keep.ts';
import { calendarOf } from './clocks/business-day.ts';
import { forgetBudgets } from './store/budget.ts';
import { overdueClocks } from './store/clock.ts';
import { forgetAttempts } from './store/match-attempt.ts';
import {
  openOfferClocks,
  openRefreshClocks,
  openRequestClocks,
  settleOfferClocks,
  settleWithdrawn,
} from './store/member-clock.ts';
import { forgetAssertions } from './store/peer.ts';

/** One tick. Missed ticks lose nothing: everything is computed from rows. */
export async function keepClocks(deps: Deps): Promise<void> {
  const { sql } = deps.database;
  const now = deps.clock();
  const calendar = calendarOf(deps.config);
  await sql.begin(async (tx) => {
    await openOfferClocks(tx, calendar);
    await settleOfferClocks(tx, undefined);
    await openRequestClocks(tx, calendar, now);
    await settleWithdrawn(tx, now, undefined);
    await openRefreshClocks(tx, calendar, now);
  });
  await forgetAssertions(sql, now);
  await forgetAttempts(sql, now);
  await forgetBudgets(sql, now);
  for (const clock of await overdueClocks(sql, now)) {
    deps.metrics.gauge('clocks_overdue', clock.n, { kind: clock.kind });
    deps.log('warn', 'clocks overdue', { kind: clock.kind, count: clock.n });
  }
  await keepAlerts(deps);
}
