// A payer that was named by mistake is taken back: by staff with a reason, or by the member.

import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import type { Actor } from '../consent/record-choice.ts';
import { settleWithdrawn } from '../deadlines/member-deadlines.ts';
import { nameInError } from './payer-link-event.ts';

const LEAST_REASON = 3;
const MOST_REASON = 1000;
/** What stands as the reason when the member takes it back at the link. */
export const MEMBER_SAYS = 'the member says so';

/**
 * Its duties end as ones that never were, and pulls that have not begun leave it out. What was asked for before is
 * taken in as any other answer, and what came stays. `unknown`: no such payer of the member, or it is taken back
 * already.
 */
export async function recordNamedInError(
  deps: Pick<Deps, 'database' | 'clock'>,
  memberId: string,
  said: { otherCoverageId: string; reason: string },
  actor: Actor,
): Promise<'done' | 'unknown' | 'no-reason'> {
  const at = deps.clock();
  const reason = said.reason.trim().slice(0, MOST_REASON);
  if (reason.length < LEAST_REASON) return 'no-reason';
  return beginAgain(deps.database.sql, async (tx) => {
    await tx`select 1 from exchange.member where id = ${memberId} for update`;
    const { otherCoverageId } = said;
    if (!(await nameInError(tx, memberId, { otherCoverageId, at, reason, by: actor.subject }))) return 'unknown';
    await settleWithdrawn(tx, at, [memberId]);
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: actor.kind,
        actor: actor.subject,
        action: 'payer-in-error',
        object: `other-coverage/${otherCoverageId}`,
        memberId,
        requestId: actor.requestId,
      }),
    ]);
    return 'done';
  });
}
