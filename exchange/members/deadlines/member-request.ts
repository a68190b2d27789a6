// Wishes of members to have a payer asked, and requests that count as such (exchange.member_request).

import { randomUUID } from 'node:crypto';
import { and, eq, gt, notInArray } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { memberRequest } from '../schema.ts';

export async function addRequest(
  tx: Queryable,
  r: { memberId: string; otherCoverageId: string; at: Date; saidBy: string },
): Promise<string> {
  const { memberId, otherCoverageId, at, saidBy: reportedBy } = r;
  const id = randomUUID();
  await orm(tx).insert(memberRequest).values({ id, memberId, otherCoverageId, at, reportedBy });
  return id;
}

/** Who wrote a request that no person made: a duty that began again, */
export const RENEWED = 'choice or coverage again';
/** one of a coverage with us after a gap, */
export const COVERED_ANEW = 'coverage again';
/** one of a coverage there that goes on again after its run-off was over, */
export const THERE_ANEW = 'other coverage again';
/** and one of a member whose name or birth date was corrected after the payer had answered that it has no such member. */
export const IDENTIFIED = 'identity corrected';

/** Has the member asked for this since? */
export async function hasRequest(
  tx: Queryable,
  memberId: string,
  otherCoverageId: string,
  since: Date,
): Promise<boolean> {
  const rows = await orm(tx)
    .select({ id: memberRequest.id })
    .from(memberRequest)
    .where(
      and(
        eq(memberRequest.memberId, memberId),
        eq(memberRequest.otherCoverageId, otherCoverageId),
        gt(memberRequest.at, since),
        notInArray(memberRequest.reportedBy, [RENEWED, COVERED_ANEW, THERE_ANEW, IDENTIFIED]),
      ),
    )
    .limit(1);
  return rows.length > 0;
}
