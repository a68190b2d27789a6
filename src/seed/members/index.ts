// Generated members of two plans: the folders `prior/` and `current/`, and the key `truth.ndjson`.
import { join } from 'node:path';
import { EVERYBODYS, makeFolder } from '../../make-folder.ts';
import { type WriteOptions, type Written, writeFiles } from '../write.ts';
import { sharedRecords } from './care.ts';
import { enrolmentHeader, enrolmentLine, enrolmentRow } from './enrolment.ts';
import { memberRecords } from './history.ts';
import { truth } from './shared-events.ts';
import { SIDES } from './side.ts';

export { sharedRecords } from './care.ts';
export {
  csvLine,
  ENROLMENT_COLUMNS,
  type EnrolmentRow,
  enrolmentHeader,
  enrolmentLine,
  enrolmentRow,
} from './enrolment.ts';
export { memberRecords } from './history.ts';
export { CASES, type Case } from './person.ts';
export { type Truth, truth } from './shared-events.ts';
export { PLAN_NAMES, PRIOR_PEER, SIDES, type Side } from './side.ts';

export type MemberOptions = {
  seed: number;
  /** how many people, 1 or more; forty show every special case once */
  members: number;
  /** last day of the histories, `YYYY-MM-DD`; default {@link UNTIL} */
  until?: string;
};

/**
 * Writes `<out>/prior` and `<out>/current` (one NDJSON a type and `enrolment.csv`) and `<out>/truth.ndjson`, which says
 * for each pair of records of the two sides what it truly is. Counts are by path (`prior/Observation`).
 * @throws RangeError when the number of members is below 1; the signal's reason when stopped
 */
export async function memberFolders(options: MemberOptions & WriteOptions): Promise<Written> {
  const { seed, members, until } = options;
  if (!Number.isSafeInteger(seed)) throw new RangeError('seed must be a whole number');
  if (!Number.isSafeInteger(members) || members < 1) throw new RangeError('there is at least one member');
  for (const side of SIDES) makeFolder(join(options.out, side), EVERYBODYS);
  return writeFiles(options, async (files) => {
    for (const side of SIDES) {
      await files.write(`${side}/enrolment.csv`, enrolmentHeader());
      for (const r of sharedRecords(seed, side))
        await files.write(`${side}/${r.resourceType}.ndjson`, JSON.stringify(r));
    }
    for (let index = 0; index < members; index++) {
      for (const side of SIDES) {
        const row = enrolmentRow(seed, index, side, until);
        if (row) await files.write(`${side}/enrolment.csv`, enrolmentLine(row));
        for (const r of memberRecords(seed, index, side, until))
          await files.write(`${side}/${r.resourceType}.ndjson`, JSON.stringify(r));
      }
      for (const line of truth(seed, index, until)) await files.write('truth.ndjson', JSON.stringify(line));
    }
  });
}
