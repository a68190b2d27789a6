// A reviewer takes a pull as it is. The worker then goes on with it, and the database lets it balance with the difference.

import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import type { StaffSession } from '../../staff/data/staff-session.ts';
import { acceptPull } from '../accept-pull.ts';
import { acceptLeft } from '../incomplete-pulls.ts';

/** States in which a pull can be accepted; the last three only when a person has to look at it (requester/incomplete-pulls.ts). */
export const ACCEPTABLE = ['unbalanced', 'partial', 'done', 'failed', 'refused'] as const;
export type Acceptable = (typeof ACCEPTABLE)[number];

/** False when the pull is no longer in the state that the reviewer saw. */
export async function accept(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  session: StaffSession,
  pullId: string,
  seen: Acceptable,
  note: string,
  requestId: string,
): Promise<boolean> {
  const at = deps.clock();
  return await deps.database.sql.begin(async (tx) => {
    const done =
      seen === 'unbalanced' || seen === 'partial'
        ? (await acceptPull(tx, pullId, seen, session, note, at)) && seen
        : await acceptLeft(tx, pullId, seen, session, note, at, localDay(at, deps.config.timeZone));
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'staff',
        actor: session.subject,
        action: 'accept',
        object: `pull/${pullId}`,
        outcome: done ? 'ok' : 'refused',
        reason: done || 'changed-meanwhile',
        requestId,
        detail: session.development ? { dev: true } : {},
      }),
    ]);
    return done !== undefined && done !== false;
  });
}
