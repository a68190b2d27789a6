// Somebody has gone through what stands under Security, and signs for it (45 CFR 164.308(a)(1)(ii)(D)).
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../store/audit/audit.ts';
import { addSecurityReview } from '../store/report/security-review.ts';
import type { StaffSession } from './sessions.ts';

export { type SecurityReview, securityReviews } from '../store/report/security-review.ts';

const MOST_NOTE = 1000;

/**
 * @param until the instant up to which the person was shown the events
 * @returns false when it is none, is to come, or somebody has reviewed up to then
 */
export async function reviewEvents(
  deps: Pick<Deps, 'database' | 'clock'>,
  session: StaffSession,
  until: Date,
  note: string,
  requestId: string,
): Promise<boolean> {
  const at = deps.clock();
  if (Number.isNaN(until.getTime()) || until > at) return false;
  return deps.database.sql.begin(async (tx) => {
    const review = { id: randomUUID(), at, subject: session.subject, until, note: note.trim().slice(0, MOST_NOTE) };
    const events = await addSecurityReview(tx, review);
    if (events === undefined) return false;
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'staff',
        actor: session.subject,
        action: 'events-reviewed',
        object: `security-review/${review.id}`,
        requestId,
        detail: { until: until.toISOString(), events, ...(session.development ? { dev: true } : {}) },
      }),
    ]);
    return true;
  });
}
