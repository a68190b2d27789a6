// What is said of members whom no payer can find, as no one has reported their numbers.

import type { Queryable } from '../../src/db/database.ts';
import { countNumbers } from '../members/enrolment/enrolled.ts';

const HOW =
  'no payer that asks finds them. Give their numbers: "import members --enrolment FILE", or "import members PATH… --enrolment-from-coverage" where Coverage records tell them.';

/** Undefined when every member has a number, or there is no member. */
export async function unnumbered(sql: Queryable): Promise<string | undefined> {
  const { members, without } = await countNumbers(sql);
  return without === 0 ? undefined : `${without} of ${members} members have no member number: ${HOW}`;
}

/**
 * For `doctor`.
 * @throws Error with a sentence when there are members and none has a number
 */
export async function memberNumbers(sql: Queryable): Promise<string> {
  const { members, without } = await countNumbers(sql);
  if (members === 0) return 'none yet';
  if (without === members) throw new Error(`none of ${members} has a member number: ${HOW}`);
  return without === 0
    ? `${members}, each with a member number`
    : `${members}, of whom ${without} have no member number: ${HOW}`;
}
