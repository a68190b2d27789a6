// Releases that are decided and not carried out yet. The row commits with the decision and goes with what is taken in.
import type { Queryable } from '../../../src/store/database.ts';

export type ReleaseDue = { itemId: string; isUndo: boolean; subject: string; requestId: string };

/** @param dueAt when another process may carry it out: this one is about to */
export async function addRelease(tx: Queryable, due: ReleaseDue, dueAt: Date): Promise<void> {
  await tx`
    insert into exchange.release_due (item_id, is_undo, subject, request_id, due_at)
    values (${due.itemId}, ${due.isUndo}, ${due.subject}, ${due.requestId}, ${dueAt})
    on conflict (item_id) do update set is_undo = excluded.is_undo, subject = excluded.subject, request_id = excluded.request_id, due_at = excluded.due_at`;
}

/** Was it still due? Another one may have carried it out, or a person decided otherwise since: that stays. Primary key. */
export async function forgetRelease(
  tx: Queryable,
  { itemId, isUndo }: Pick<ReleaseDue, 'itemId' | 'isUndo'>,
): Promise<boolean> {
  const gone = await tx`delete from exchange.release_due where item_id = ${itemId} and is_undo = ${isUndo} returning 1`;
  return gone.length > 0;
}

/** Takes one that is due, until a time. The table is nearly always empty. */
export async function claimRelease(sql: Queryable, now: Date, until: Date): Promise<ReleaseDue | undefined> {
  const [row] = await sql<ReleaseDue[]>`
    update exchange.release_due set due_at = ${until}
    where item_id = (select item_id from exchange.release_due where due_at <= ${now} order by due_at limit 1 for update skip locked)
    returning item_id as "itemId", is_undo as "isUndo", subject, request_id as "requestId"`;
  return row;
}

/** What was decided about an item and is not carried out yet. Primary key. */
export async function dueRelease(sql: Queryable, itemId: string): Promise<{ isUndo: boolean } | undefined> {
  const [row] = await sql<{ isUndo: boolean }[]>`
    select is_undo as "isUndo" from exchange.release_due where item_id = ${itemId}`;
  return row;
}

/** Primary key. */
export async function postponeRelease(sql: Queryable, itemId: string, until: Date): Promise<void> {
  await sql`update exchange.release_due set due_at = ${until} where item_id = ${itemId}`;
}
