// Why a clock was late, said by people. Insert-only: the newest note holds.
import type { Queryable } from '../../../src/store/database.ts';
import type { MemberClock } from '../members/member-choice.ts';

export type ClockNote = { at: Date; by: string; reason: string; correctiveAction: string; words: string };

export async function addClockNote(tx: Queryable, clockId: string, note: ClockNote): Promise<void> {
  await tx`
    insert into exchange.clock_note (clock_id, at, by, reason, corrective_action, words)
    values (${clockId}, ${note.at}, ${note.by}, ${note.reason}, ${note.correctiveAction}, ${note.words})`;
}

/** Newest first. Served by clock_note_clock. */
export async function clockNotes(sql: Queryable, clockId: string): Promise<ClockNote[]> {
  return [
    ...(await sql<ClockNote[]>`
      select at, by, reason, corrective_action as "correctiveAction", words from exchange.clock_note where clock_id = ${clockId} order by id desc`),
  ];
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
  const [row] = await sql<WholeClock[]>`
    select k.id, k.kind, k.subject, k.member_id as "memberId", k.peer_id as "peerId", p.name as "peerName", k.starts_at as "startsAt", k.due_at as "dueAt", k.state,
      k.closed_at as "closedAt", k.reason, k.rule_ref as "ruleRef", k.rule_version as "ruleVersion", k.calendar_version as "calendarVersion",
      k.start_event as "startEvent", k.stop_event as "stopEvent", k.zone, k.lob
    from exchange.clock k left join exchange.peer p on p.id = k.peer_id where k.id = ${id}`;
  return row;
}
