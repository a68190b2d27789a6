// A person takes a pull as it is: with another number of lines than declared, or without the files that could not be had.

import { and, eq, isNull } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { pull, pullEvent } from './schema.ts';

/**
 * Sends an `unbalanced` or `partial` pull on. False when it is no longer in the state that the person saw. Served by the
 * primary key. `note` is the person's reason, kept in the timeline.
 */
export async function acceptPull(
  tx: Queryable,
  pullId: string,
  seen: 'unbalanced' | 'partial',
  by: { subject: string; name: string },
  note: string,
  at: Date,
): Promise<boolean> {
  const state = seen === 'unbalanced' ? 'reconciling' : 'downloading';
  const moved = await orm(tx)
    .update(pull)
    .set({ state, acceptedBy: by.subject, acceptedAt: at, reason: null, nextAt: at, attempts: 0 })
    .where(and(eq(pull.id, pullId), eq(pull.state, seen), isNull(pull.acceptedBy)))
    .returning({ id: pull.id });
  if (moved.length === 0) return false;
  await orm(tx)
    .insert(pullEvent)
    .values({ pullId, at, state, detail: `accepted by ${by.name}: ${note}` });
  return true;
}
