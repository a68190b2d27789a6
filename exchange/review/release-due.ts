// Releases that are decided and not carried out yet. The row commits with the decision and goes with what is taken in.
import type { Queryable } from '../../src/db/database.ts';
import { heldItem, isReleasedVersion } from '../records/released-version.ts';
import type { Item } from './review-rows.ts';

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

/**
 * The line whose version a released one took the place of; undefined when none was shown. `isReleased`: that one had been released itself.
 * ledger_pkey, identity_pkey, ledger_member, review_decision_item.
 */
export async function shownBefore(
  sql: Queryable,
  item: Pick<Item, 'pullId' | 'file' | 'line' | 'entry' | 'peerId'>,
): Promise<{ pullId: string; place: { file: number; line: number; entry: number }; isReleased: boolean } | undefined> {
  const { pullId, file, line, entry, peerId } = item;
  const [row] = await sql<{ pullId: string; file: number; line: number; entry: number; isReleased: boolean }[]>`
    with taken as (
      select outcome from exchange.unit_revision
      where pull_id = ${pullId} and file = ${file} and line = ${line} and entry = ${entry ?? 0} and cause = 'release' and outcome_before = 'quarantined'
        and outcome <> 'quarantined' order by id desc limit 1
    ), held as (
      select i.member_id, i.type, i.local_id, p.created_at from exchange.ledger l join exchange.pull p on p.id = l.pull_id
      join exchange.identity i on i.peer_id = ${peerId} and i.type = l.type and i.source_id = l.source_id
      where l.pull_id = ${pullId} and l.file = ${file} and l.line = ${line} and l.entry = ${entry ?? 0} and exists (select from taken where outcome = 'updated')
    )
    select l.pull_id as "pullId", l.file, l.line, l.entry, ${sql.unsafe(isReleasedVersion(heldItem('i.peer_id', 'i.type', 'i.source_id'), 'l.hash'))} as "isReleased"
    from held h join exchange.identity i on i.peer_id = ${peerId} and i.type = h.type and i.local_id = h.local_id
    -- the ledger tells of whom it was then
    join exchange.ledger l on l.type = h.type and l.source_id = i.source_id and l.member_id in (
      select h.member_id union select g.former_id from exchange.member_merge g where g.member_id = h.member_id union select g.member_id from exchange.member_merge g where g.former_id = h.member_id)
    join exchange.pull p on p.id = l.pull_id and p.peer_id = ${peerId} and p.created_at < h.created_at
    left join lateral (
      select r.outcome from exchange.unit_revision r
      where r.pull_id = l.pull_id and r.file = l.file and r.line = l.line and r.entry = l.entry order by r.id desc limit 1) v on true
    where coalesce(v.outcome, l.outcome) in ('created', 'updated', 'linked-duplicate')
    order by p.created_at desc, l.file desc, l.line desc limit 1`;
  return (
    row && {
      pullId: row.pullId,
      place: { file: row.file, line: row.line, entry: row.entry },
      isReleased: row.isReleased,
    }
  );
}

/** From what a line was released before, as far as that was not taken back: what is taken back is the release from the check that it waits for again. unit_revision_unit. */
export async function releasedFrom(
  sql: Queryable,
  { pullId, file, line, entry }: Pick<Item, 'pullId' | 'file' | 'line' | 'entry'>,
): Promise<string[]> {
  const rows = await sql<{ reason: string }[]>`
    select distinct v.reason_before as reason from exchange.unit_revision v
    where v.pull_id = ${pullId} and v.file = ${file} and v.line = ${line} and v.entry = ${entry ?? 0} and v.cause = 'release'
      and v.outcome_before = 'quarantined' and v.reason_before is not null
      and not exists (
        select from exchange.unit_revision u where u.pull_id = v.pull_id and u.file = v.file and u.line = v.line and u.entry = v.entry
          and u.cause = 'release' and u.id > v.id and u.outcome_before <> 'quarantined' and u.reason = v.reason_before)`;
  return rows.map((r) => r.reason);
}
