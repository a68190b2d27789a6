// The duties of members whose enrolment was stated again, by whatever file.

import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { calendarOf } from '../deadlines/business-day.ts';
import { settleOfferClocks, settleWithdrawn, takeAgain } from '../deadlines/member-deadlines.ts';
import { renewRequests } from '../deadlines/renewed-request.ts';

/**
 * Offers of coverage whose gap is stated now begin, those that were answered are met, what ended ends, and what is to
 * be asked again begins again.
 */
export async function settleEnrolled(
  tx: Queryable,
  deps: Pick<Deps, 'clock' | 'config'>,
  memberIds: readonly string[],
): Promise<void> {
  const [calendar, now] = [calendarOf(deps.config), deps.clock()];
  await takeAgain(tx, calendar, now, memberIds);
  await settleOfferClocks(tx, memberIds);
  await settleWithdrawn(tx, now, memberIds);
  await renewRequests(tx, calendar, now, memberIds);
}
