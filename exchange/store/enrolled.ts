// Who is ours to ask for: whom a request may say to be enrolled here.
import { EARLY_DAYS } from '../clocks/rules.ts';

/**
 * Does enrolment `e` last, or begin soon, as SQL. A request attests that the member is enrolled: the choice may be made before the coverage
 * begins, and nothing is asked long before. enrolment_pkey.
 * @param today SQL of a date: of the plan's calendar
 */
export const lastsSql = (e: string, today: string): string =>
  `(coalesce(${e}.ends, 'infinity'::date) >= ${today} and ${e}.starts <= ${today} + ${EARLY_DAYS})`;

/** Such an enrolment, or none was ever known (records without an enrolment). */
export const enrolledSql = (member: string, today: string): string =>
  `(exists (select from exchange.enrolment e where e.member_id = ${member} and ${lastsSql('e', today)})
    or not exists (select from exchange.enrolment e where e.member_id = ${member}))`;
