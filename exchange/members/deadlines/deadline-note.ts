// Why a clock was late, said by people. Insert-only: the newest note holds.

import { desc, eq, getColumns } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { peer } from '../../peers/schema.ts';
import { type ClockFilter, type ClockScope, clockValues, clockWhere } from '../../staff/data/list-rows.ts';
import type { MemberClock } from '../consent/choice-rows.ts';
import { deadline, deadlineNote } from '../schema.ts';

export type ClockNote = Omit<typeof deadlineNote.$inferSelect, 'id' | 'deadlineId'>;
const { id: noteId, deadlineId, ...noteColumns } = getColumns(deadlineNote);

export async function addClockNote(tx: Queryable, clockId: string, note: ClockNote): Promise<void> {
  await orm(tx)
    .insert(deadlineNote)
    .values({ ...note, deadlineId: clockId });
}

/** Newest first. Served by deadline_note_clock. */
export async function clockNotes(sql: Queryable, clockId: string): Promise<ClockNote[]> {
  return orm(sql).select(noteColumns).from(deadlineNote).where(eq(deadlineId, clockId)).orderBy(desc(noteId));
}

export type WholeClock = MemberClock & {
  subject: string;
  memberId: string | null;
  peerId: string | null;
  zone: string | null;
  lob: string | null;
};

/** Served by the primary key. */
export async function findClock(sql: Queryable, id: string): Promise<WholeClock | undefined> {
  const [row] = await orm(sql)
    .select({ ...getColumns(deadline), peerName: peer.name })
    .from(deadline)
    .leftJoin(peer, eq(peer.id, deadline.peerId))
    .where(eq(deadline.id, id));
  return row;
}

/**
 * Clocks of a list that are late, and of which neither people nor what stopped them said why. deadline_due, deadline_open and
 * deadline_attempted, deadline_note_clock.
 */
const UNEXPLAINED = (filter: ClockFilter) => `
    from exchange.deadline c where ${clockWhere(filter)} and (c.state = 'met-late' or (c.state in ('open', 'attempted', 'blocked')
      and c.due_at < $1))
      and c.reason is null and not exists (select from exchange.deadline_note n where n.deadline_id = c.id)`;
/** So many are reported, or given a reason, at once. */
export const MOST_UNEXPLAINED = 20_000;

/** How many of a list have no reason, up to {@link MOST_UNEXPLAINED}. */
export async function countUnexplained(
  sql: Queryable,
  filter: ClockFilter,
  now: Date,
  scope: ClockScope,
): Promise<number> {
  const [row] = await sql.unsafe<{ n: number }[]>(
    `select count(*)::int as n from (select 1 ${UNEXPLAINED(filter)} limit $4) u`,
    clockValues(now, undefined, MOST_UNEXPLAINED, scope),
  );
  return row?.n ?? 0;
}

/** Gives each of them the same note. */
export async function noteUnexplained(
  tx: Queryable,
  filter: ClockFilter,
  now: Date,
  scope: ClockScope,
  note: ClockNote,
): Promise<{ id: string; memberId: string | null }[]> {
  return [
    ...(await tx.unsafe<{ id: string; memberId: string | null }[]>(
      `with u as (select c.id, c.member_id ${UNEXPLAINED(filter)} order by c.id limit $4), noted as (
         insert into exchange.deadline_note (deadline_id, at, by, reason, corrective_action, words)
         select id, $15, $16, $17, $18, $19 from u order by id returning deadline_id)
       select u.id, u.member_id as "memberId" from u join noted on noted.deadline_id = u.id`,
      [
        ...clockValues(now, undefined, MOST_UNEXPLAINED, scope),
        note.at,
        note.by,
        note.reason,
        note.correctiveAction,
        note.words,
      ],
    )),
  ];
}
