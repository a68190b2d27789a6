// Emergency access: an administrator, who sees no member otherwise, opens the records of members for an hour, with a
// reason (45 CFR 164.312(a)(2)(ii)).
import { randomUUID } from 'node:crypto';
import { hashOf } from '../../../src/auth/staff-session.ts';
import type { Deps } from '../../../src/deps.ts';
import type { StaffSession } from '../../staff/data/sessions.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { addEmergency, type Emergency, endEmergencies, listEmergencies } from './emergency-access-rows.ts';

export type { Emergency };

type Needs = Pick<Deps, 'database' | 'clock'>;

export const EMERGENCY_MINUTES = 60;
const LEAST_REASON = 10;
const MOST_REASON = 1000;
export const EMERGENCY_REASON = `Say what has happened, in ${LEAST_REASON} to ${MOST_REASON} characters.`;

/**
 * Opens it for one session.
 * @param cookie id of the session
 * @returns false when the reason is none
 */
export async function beginEmergency(
  deps: Needs,
  session: StaffSession,
  cookie: string,
  text: string,
  requestId: string,
): Promise<boolean> {
  const reason = text.trim();
  if (reason.length < LEAST_REASON || reason.length > MOST_REASON) return false;
  const [id, at] = [randomUUID(), deps.clock()];
  const until = new Date(at.getTime() + EMERGENCY_MINUTES * 60_000);
  await deps.database.sql.begin(async (tx) => {
    await endEmergencies(tx, session.subject, at);
    await addEmergency(tx, { id, sessionHash: hashOf(cookie), subject: session.subject, reason, at, until });
    await writeAudit(tx, [trail('emergency-begun', id, session, at, requestId)]);
  });
  return true;
}

/** Ends what the person has open; false when there is none. */
export async function endEmergency(deps: Needs, session: StaffSession, requestId: string): Promise<boolean> {
  const at = deps.clock();
  return deps.database.sql.begin(async (tx) => {
    const ended = await endEmergencies(tx, session.subject, at);
    await writeAudit(
      tx,
      ended.map((id) => trail('emergency-ended', id, session, at, requestId)),
    );
    return ended.length > 0;
  });
}

const trail = (action: string, id: string, session: StaffSession, at: Date, requestId: string) =>
  auditRow({ at, actorKind: 'staff', actor: session.subject, action, object: `emergency/${id}`, requestId });

/** Those that were open in the last so many days. */
export const emergencies = (deps: Needs, days: number): Promise<Emergency[]> => {
  const now = deps.clock();
  return listEmergencies(
    deps.database.sql,
    new Date(now.getTime() - days * 86_400_000),
    new Date(now.getTime() + 1),
    now,
  );
};
