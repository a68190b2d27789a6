// Rows of an enrolment file, checked one by one.
import { csvRows } from '../../../src/import/csv-rows.ts';
import { ImportFault } from '../../../src/import/reject.ts';
import type { Reject } from '../../../src/import/rejects-file.ts';
import { type CoverageEnd, type Enrolment, enrolmentColumns, readEnd, readEnrolment } from './enrolment.ts';
import { type NamedInFile, NOBODYS, noteAction, noteRow, type Whose } from './named-in-file.ts';
import type { EnrolmentLine } from './owned-rows.ts';
import { read834 } from './x12-834.ts';
import type { Options834, Row834 } from './x12-member.ts';

const TOO_LONG = 'It has values beyond the last column, so that some may stand in the wrong ones.';

const whoseIs = (values: Row834['values']): Whose => ({
  numbers: [values.member_number, values.former_member_number],
  patient: values.patient_id,
});

const howIs = (row: Enrolment | CoverageEnd, today: string): 'over' | undefined =>
  (('endsOn' in row ? row.endsOn : row.ends) ?? today) < today ? 'over' : undefined;

/**
 * Rows of the CSV or X12 file, one at a time. A row that cannot be read is refused with its line (or segment).
 * @param named what is noted of whom the file names
 * @param isWanted of which rows more is to be known than that they stand there: others are passed over unread
 */
export async function* enrolmentRows(
  input: { enrolment: string; x12?: Options834 },
  today: string,
  reject: (r: Reject) => Promise<void> | void,
  named?: NamedInFile,
  isWanted: (values: Row834['values']) => boolean = () => true,
): AsyncGenerator<EnrolmentLine> {
  const path = input.enrolment;
  if (input.x12 !== undefined) {
    const refuse = (line: number, reason: string) =>
      reject({ source: path, line, code: 'invalid-enrolment' as const, reason });
    const { lob } = input.x12;
    named?.lobs.add(lob);
    const refuseMember = (line: number, reason: string, numbers: readonly string[]) => {
      noteRow(named, { numbers }, 'refused');
      return refuse(line, reason);
    };
    for await (const { line, values, isEnd, isOver, isBeside } of read834(path, input.x12, refuseMember, (a) =>
      noteAction(named, a),
    )) {
      if (!isWanted(values)) continue;
      const row = isEnd ? readEnd(values, today) : readEnrolment(values, today);
      noteRow(named, whoseIs(values), 'faults' in row ? 'refused' : howIs(row, today));
      if ('faults' in row) await refuse(line, row.faults.join(' '));
      else
        yield {
          line,
          row: isBeside === undefined || 'endsOn' in row ? row : { ...row, isBeside },
          ...(isOver === undefined ? {} : { isOver }),
        };
    }
    return;
  }
  let hasHeader = false;
  const columns = (header: readonly string[]) => {
    hasHeader = true;
    return enrolmentColumns(path, header);
  };
  for await (const { line, values, hasMore, fault, isCut } of csvRows(path, { columns })) {
    if (fault !== undefined) {
      noteRow(named, NOBODYS);
      await reject({
        source: path,
        line,
        code: 'invalid-enrolment',
        reason: fault,
        ...(isCut ? { unread: true } : {}),
      });
      continue;
    }
    if (!isWanted(values)) continue;
    const row = hasMore ? { faults: [TOO_LONG] } : readEnrolment(values, today);
    // some of its values may stand in the wrong columns, or be half of what they were where the file was cut off
    const isOdd = hasMore || ('faults' in row && Object.values(values).includes(undefined));
    noteRow(named, isOdd ? NOBODYS : whoseIs(values), 'faults' in row ? 'refused' : howIs(row, today));
    if ('faults' in row) await reject({ source: path, line, code: 'invalid-enrolment', reason: row.faults.join(' ') });
    else {
      named?.lobs.add(row.lob);
      yield { line, row };
    }
  }
  if (!hasHeader) throw new ImportFault(`The enrolment file ${path} is empty: it has not even a header.`);
}
