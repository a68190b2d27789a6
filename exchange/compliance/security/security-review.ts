// Someone has gone through what stands under Security, and signs for it (45 CFR 164.308(a)(1)(ii)(D)).
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import type { StaffSession } from '../../staff/data/sessions.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { lastSeal } from '../audit/audit-seal.ts';
import { addSecurityReview } from './security-review-rows.ts';

export { type SecurityReview, securityReviews } from './security-review-rows.ts';

/** Number of the newest seal of the audit trail; 0 before the first one. */
export const newestSeal = async (deps: Pick<Deps, 'database'>): Promise<number> =>
  (await lastSeal(deps.database.sql))?.id ?? 0;

/** Characters, a line end as one. */
export const MOST_NOTE = 1000;

/**
 * @param shown the instant up to which the person was shown the events, and the newest seal then: what was not sealed
 * yet, or is committed later with an earlier time, is for the next review
 * @returns `reviewed` when someone has reviewed up to then, `instant` when either is none or is to come, `note` when
 * that is too long; nothing is written then
 */
export async function reviewEvents(
  deps: Pick<Deps, 'database' | 'clock'>,
  session: StaffSession,
  shown: { until: Date; seal: number },
  note: string,
  requestId: string,
): Promise<'signed' | 'reviewed' | 'instant' | 'note'> {
  const at = deps.clock();
  const { until, seal } = shown;
  if (Number.isNaN(until.getTime()) || until > at) return 'instant';
  const text = note.replaceAll('\r\n', '\n').trim();
  if (text.length > MOST_NOTE) return 'note';
  if (!Number.isSafeInteger(seal) || seal < 0 || seal > (await newestSeal(deps))) return 'instant';
  return deps.database.sql.begin(async (tx) => {
    const review = { id: randomUUID(), at, subject: session.subject, until, seal, note: text };
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
        detail: { until: until.toISOString(), seal, events, ...(session.development ? { dev: true } : {}) },
      }),
    ]);
    return 'signed';
  });
}
