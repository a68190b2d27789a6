// A pull that waits for its payer is given up by a person.

import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { OPEN_STATES, type PullState } from './pull.ts';
import { pullEvent } from './schema.ts';

/**
 * States in which nothing of a pull has been taken in yet; one that waits for a person in `review` may have begun to,
 * which is looked at.
 */
export const BEFORE_RECORDS: readonly PullState[] = [
  ...OPEN_STATES.filter((state) => state !== 'reconciling'),
  'review',
];

/**
 * Ends a pull of which nothing has been taken in. Anyone who works on it loses the lease, and commits nothing more.
 * Served by the primary key, and that of slices.
 * @param note the person's reason, kept in the timeline
 * @returns whether the pull was still in the state that the person saw
 */
export async function endPull(
  tx: Queryable,
  pullId: string,
  seen: PullState,
  name: string,
  note: string,
  at: Date,
): Promise<boolean> {
  const ended = await tx`
    update exchange.pull set state = 'failed', reason = 'given-up', finished_at = ${at}, next_at = ${at}, attempts = 0, lease_owner = null,
      lease_until = null
    where id = ${pullId} and state = ${seen} and state = any(${[...BEFORE_RECORDS]}::text[])
      and not exists (select from exchange.pull_slice l where l.pull_id = ${pullId} and l.state = 'committed') returning 1`;
  if (ended.length === 0) return false;
  await orm(tx)
    .insert(pullEvent)
    .values({ pullId, at, state: 'failed', detail: `given up by ${name}: ${note}` });
  return true;
}
