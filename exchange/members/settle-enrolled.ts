// The duties of members whose enrolment was told anew, by whatever file.
import type { Deps } from '../../src/deps.ts';
import type { Queryable } from '../../src/store/database.ts';
import { calendarOf } from '../clocks/business-day.ts';
import { settleOfferClocks, settleWithdrawn, takeAgain } from '../store/members/member-clock.ts';
import { renewRequests } from '../store/members/renewed-request.ts';

/** Offers of coverage whose gap is told now begin, those that were answered are met, what ended ends, and what is to be asked again begins anew. */
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
