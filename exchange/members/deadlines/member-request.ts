// Wishes of members to have a payer asked, and requests that count as such (exchange.member_request).
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../../src/db/database.ts';

export async function addRequest(
  tx: Queryable,
  r: { memberId: string; otherCoverageId: string; at: Date; saidBy: string },
): Promise<string> {
  const id = randomUUID();
  await tx`
    insert into exchange.member_request (id, member_id, other_coverage_id, at, reported_by)
    values (${id}, ${r.memberId}, ${r.otherCoverageId}, ${r.at}, ${r.saidBy})`;
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
  const rows = await tx`
    select 1 from exchange.member_request where
      member_id = ${memberId} and other_coverage_id = ${otherCoverageId} and at > ${since} and reported_by not in (${RENEWED}, ${COVERED_ANEW},
      ${THERE_ANEW}, ${IDENTIFIED}) limit 1`;
  return rows.length > 0;
}
