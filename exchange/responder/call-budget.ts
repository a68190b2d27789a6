// Budgets of calls, kept in the database so that they hold across processes: see takeCall in match-attempt.ts.

import { lt } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { callBudget } from './schema.ts';

/**
 * Seconds until a budget that refills at `perMinute` holds a call again; 0 when it does. Takes nothing. call_budget_pkey.
 */
export async function waitFor(
  sql: Queryable,
  subject: string,
  kind: string,
  perMinute: number,
  now: Date,
): Promise<number> {
  const [row] = await sql<{ calls: number }[]>`
    select calls + (calls < 0)::int + greatest(0, extract(epoch from ${now}::timestamptz - at)) * ${perMinute} / 60.0 as calls
    from exchange.call_budget where peer_id = ${subject} and kind = ${kind}`;
  const left = row?.calls ?? 1;
  return left >= 1 ? 0 : Math.max(1, Math.ceil(((1 - left) * 60) / perMinute));
}

/** Forgets budgets that are full again: none takes longer than an hour. call_budget_at. */
export async function forgetBudgets(sql: Queryable, now: Date): Promise<void> {
  await orm(sql)
    .delete(callBudget)
    .where(lt(callBudget.at, new Date(now.getTime() - 3_600_000)));
}
