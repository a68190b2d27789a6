// One clock with what people said of it.
import type { Deps } from '../../src/deps.ts';
import { isLateReason, needsAction } from '../clocks/rules.ts';
import { auditRow, writeAudit } from '../store/audit/audit.ts';
import { addClockNote, type ClockNote, clockNotes, findClock, type WholeClock } from '../store/report/clock-note.ts';
import type { StaffSession } from './sessions.ts';

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

/** Says why a clock was late. Returns a sentence when it cannot be taken. */
export async function noteClock(
  deps: Needs,
  session: StaffSession,
  clock: WholeClock,
  note: { reason: string; correctiveAction: string; words: string },
  requestId: string,
): Promise<string | undefined> {
  if (!mayBeLate(clock)) return 'This duty was not late.';
  if (!isLateReason(note.reason)) return 'Choose a reason from the list.';
  if (needsAction(note.reason) && note.correctiveAction === '')
    return 'A lateness of ours needs the number of a corrective action.';
  if (note.words.length > 1000 || note.correctiveAction.length > 100) return 'One of the texts is too long.';
  const at = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    await addClockNote(tx, clock.id, { at, by: session.subject, ...note });
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'staff',
        actor: session.subject,
        action: 'clock-note',
        object: `clock/${clock.id}`,
        memberId: clock.memberId ?? undefined,
        requestId,
        detail: { reason: note.reason },
      }),
    ]);
  });
  return undefined;
}
