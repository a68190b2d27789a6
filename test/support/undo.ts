// Changes what is insert-only, to set the stage again. The product has no such way.
import type { Queryable } from '../../src/db/database.ts';

/** Runs a change of exchange.consent with its guard off. `change` is a statement that has not been sent yet. */
export async function undo(sql: Queryable, change: PromiseLike<unknown>): Promise<void> {
  await sql`alter table exchange.consent disable trigger consent_insert_only`;
  try {
    await change;
  } finally {
    await sql`alter table exchange.consent enable trigger consent_insert_only`;
  }
}
