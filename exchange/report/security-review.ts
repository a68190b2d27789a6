// Somebody has gone through what stands under Security, and signs for it (45 CFR 164.308(a)(1)(ii)(D)).
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../store/audit/audit.ts';
import { addSecurityReview } from '../store/report/security-review.ts';
import type { StaffSession } from './sessions.ts';

export { type SecurityReview, securityReviews } from '../store/report/security-review.ts';

/** Characters, a line end as one. */
export const MOST_NOTE = 1000;

/**
 * @param until the instant up to which the person was shown the events
 * @returns `reviewed` when somebody has reviewed up to then, `instant` when it is none or is to come, `note` when that is too long; nothing is written then
 */
export async function reviewEvents(
  deps: Pick<Deps, 'database' | 'clock'>,
  session: StaffSession,
  until: Date,
  note: string,
  requestId: string,
): Promise<'signed' | 'reviewed' | 'instant' | 'note'> {
  const at = deps.clock();
  if (Number.isNaN(until.getTime()) || until > at) return 'instant';
  const text = note.replaceAll('\r\n', '\n').trim();
  if (text.length > MOST_NOTE) return 'note';
  return deps.database.sql.begin(async (tx) => {
    const review = { id: randomUUID(), at, subject: session.subject, until, note: text };
    const events = await addSecurityReview(tx, review);
    if (events === undefined) return 'reviewed';
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
    return 'signed';
  });
}
