// A person takes a pull as it is: with another number of lines than declared, or without the files that could not be had.
import type { Queryable } from '../../src/db/database.ts';

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
  const next = seen === 'unbalanced' ? 'reconciling' : 'downloading';
  const moved = await tx`
    update exchange.pull set state = ${next}, accepted_by = ${by.subject}, accepted_at = ${at}, reason = null, next_at = ${at}, attempts = 0
    where id = ${pullId} and state = ${seen} and accepted_by is null returning 1`;
  if (moved.length === 0) return false;
  await tx`
    insert into exchange.pull_event (pull_id, at, state, detail)
    values (${pullId}, ${at}, ${next}, ${`accepted by ${by.name}: ${note}`})`;
  return true;
}
