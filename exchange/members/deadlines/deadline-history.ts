// One clock with what people said of it.
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import type { ClockFilter, ClockScope } from '../../staff/data/list-rows.ts';
import type { StaffSession } from '../../staff/data/sessions.ts';
import {
  addClockNote,
  type ClockNote,
  clockNotes,
  countUnexplained,
  findClock,
  noteUnexplained,
  type WholeClock,
} from './deadline-note.ts';
import { isLateReason, needsAction } from './rules.ts';

type Needs = Pick<Deps, 'database' | 'clock'>;

export async function clockWithNotes(
  deps: Needs,
  id: string,
): Promise<{ clock: WholeClock; notes: ClockNote[] } | undefined> {
  const clock = await findClock(deps.database.sql, id);
  return clock && { clock, notes: await clockNotes(deps.database.sql, id) };
}

/** A duty met in time, or that ended before its time was out, was not late: there is nothing to explain. */
export const mayBeLate = ({ state, dueAt, closedAt }: Pick<WholeClock, 'state' | 'dueAt' | 'closedAt'>): boolean =>
  state === 'withdrawn' || state === 'not-applicable' ? closedAt !== null && closedAt > dueAt : state !== 'met';

type Said = { reason: string; correctiveAction: string; words: string };

/** What speaks against a reason of a duty of that kind. */
function faultOf(kind: string, note: Said): string | undefined {
  if (!isLateReason(kind, note.reason)) return 'Choose a reason from the list.';
  if (needsAction(note.reason) && note.correctiveAction === '')
    return 'A lateness of ours needs the number of a corrective action.';
  return note.words.length > 1000 || note.correctiveAction.length > 100 ? 'One of the texts is too long.' : undefined;
}

const noted = (
  at: Date,
  session: StaffSession,
  k: { id: string; memberId: string | null },
  reason: string,
  requestId: string,
) =>
  auditRow({
    at,
    actorKind: 'staff',
    actor: session.subject,
    action: 'clock-note',
    object: `clock/${k.id}`,
    memberId: k.memberId ?? undefined,
    requestId,
    detail: { reason },
  });

/** Says why a clock was late. Returns a sentence when it cannot be taken. */
export async function noteClock(
  deps: Needs,
  session: StaffSession,
  clock: WholeClock,
  note: Said,
  requestId: string,
): Promise<string | undefined> {
  if (!mayBeLate(clock)) return 'This duty was not late.';
  const fault = faultOf(clock.kind, note);
  if (fault !== undefined) return fault;
  const at = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    await addClockNote(tx, clock.id, { at, by: session.subject, ...note });
    await writeAudit(tx, [noted(at, session, clock, note.reason, requestId)]);
  });
  return undefined;
}

export const unexplained = (deps: Needs, filter: ClockFilter, scope: ClockScope): Promise<number> =>
  countUnexplained(deps.database.sql, filter, deps.clock(), scope);

/** What the person saw is not what would be written. */
class OthersByNow extends Error {}

/** Rows of the audit that are written at once. */
const AUDIT_ROWS = 1000;

/**
 * Says of all late clocks of a list that have no reason why they were, each with a note and a row of the audit of its own.
 * @param seen how many the person saw. Returns a sentence when there are others by now, or it cannot be taken.
 */
export async function noteAll(
  deps: Needs,
  session: StaffSession,
  { filter, scope, kind, seen }: { filter: ClockFilter; scope: ClockScope; kind: string; seen: number },
  note: Said,
  requestId: string,
): Promise<string | undefined> {
  const fault = faultOf(kind, note);
  if (fault !== undefined) return fault;
  const at = deps.clock();
  const { sql } = deps.database;
  try {
    await sql.begin(async (tx) => {
      const clocks = await noteUnexplained(tx, filter, at, scope, { at, by: session.subject, ...note });
      if (clocks.length !== seen) throw new OthersByNow();
      for (let i = 0; i < clocks.length; i += AUDIT_ROWS)
        await writeAudit(
          tx,
          clocks.slice(i, i + AUDIT_ROWS).map((k) => noted(at, session, k, note.reason, requestId)),
        );
    });
  } catch (error) {
    if (!(error instanceof OthersByNow)) throw error;
    return 'There are others than before by now: look at the list again.';
  }
  return undefined;
}
