// Enrolment out of X12 834 files (005010X220A1): the envelope, and the members in it one by one. What a member's loops
// say is in x12-member.ts.
import { ImportFault } from '../../../src/import/reject.ts';
import { textOfFile } from '../../../src/import/text-of-file.ts';
import { type Member, newMember, numbersOf, type Options834, type Row834, rowsOf, take } from './x12-member.ts';
import { type X12Segment, x12Segments } from './x12-segments.ts';

/** Two or three capitals and digits: X12.6, 3.6.2. */
const IDENTIFIER = /^[A-Z][A-Z0-9]{1,2}$/;
/** GS01 of files of enrolments. */
const ENROLMENT_GROUP = 'BE';
const NO_ISA = 'no ISA segment at its beginning: this is no X12 file.';

/**
 * Rows of a file, in its order.
 * @param report called for members that cannot be taken, with the number of their INS segment and what numbers they have
 * @param tell called with what each transaction says of itself (BGN08)
 * @throws ImportFault when the envelope is broken: no ISA, segments that are none, another transaction than 834 or one
 * without members, counts
 *   that differ, a cut end
 */
export async function* read834(
  path: string,
  options: Options834,
  report: (line: number, reason: string, numbers: readonly string[]) => Promise<void> | void,
  tell: (action: string) => unknown = () => {},
): AsyncGenerator<Row834> {
  const fault = (text: string) => new ImportFault(`${path}: ${text}`);
  let number = 0;
  let member: Member | undefined;
  let transaction: { control: string; from: number; members: number } | undefined;
  /** of the group, of the interchange, of the file: how many stand in it */
  let [transactions, groups, all] = [0, 0, 0];
  let envelope: 'none' | 'open' | 'closed' = 'none';
  const done = async function* (m: Member | undefined): AsyncGenerator<Row834> {
    for (const made of m === undefined ? [] : rowsOf(m, options))
      if ('row' in made) yield made.row;
      else if (m) await report(m.line, made.fault, numbersOf(m, options));
  };
  for await (const segment of segmentsOf(path)) {
    number++;
    const e = (n: number): string => (segment.elements[n - 1] ?? '').trim();
    if (envelope === 'none' && segment.tag !== 'ISA') throw fault(NO_ISA);
    if (!IDENTIFIER.test(segment.tag))
      throw fault(
        `segment ${number} begins with ${JSON.stringify(segment.tag.slice(0, 20))}: what a segment is called is two or three capital letters and digits.`,
      );
    switch (segment.tag) {
      case 'ISA':
        if (envelope === 'open') throw fault('an interchange begins within another: the one before was cut off.');
        envelope = 'open';
        groups = 0;
        break;
      case 'GS':
        if (e(1) !== ENROLMENT_GROUP) throw fault(`a group of ${e(1)} is none of enrolments (${ENROLMENT_GROUP}).`);
        groups++;
        transactions = 0;
        break;
      case 'GE':
        if (Number(e(1)) !== transactions)
          throw fault(`a group says ${e(1)} transactions and has ${transactions}: some are missing.`);
        break;
      case 'ST':
        if (transaction) throw fault(`transaction ${transaction.control} has no end (SE): it was cut off.`);
        if (e(1) !== '834') throw fault(`transaction ${e(1)} is no enrolment (834).`);
        transaction = { control: e(2), from: number, members: 0 };
        transactions++;
        all++;
        break;
      case 'SE': {
        yield* done(member);
        member = undefined;
        const counted = number - (transaction?.from ?? number) + 1;
        if (Number(e(1)) !== counted || e(2) !== transaction?.control)
          throw fault(`transaction ${e(2)} says ${e(1)} segments and has ${counted}: nothing after it was read.`);
        if (transaction.members === 0)
          throw fault(`transaction ${e(2)} names no member (INS): this is no enrolment, or not all of it.`);
        transaction = undefined;
        break;
      }
      case 'BGN':
        tell(e(8));
        break;
      case 'INS':
        if (!transaction) throw fault(`segment ${number} names a member outside of a transaction (ST).`);
        transaction.members++;
        yield* done(member);
        member = newMember(number, e(1), e(3), e(12), e(13));
        break;
      case 'IEA':
        if (Number(e(1)) !== groups)
          throw fault(`an interchange says ${e(1)} groups and has ${groups}: some are missing.`);
        envelope = 'closed';
        break;
      default:
        if (member && transaction) take(member, segment.tag, e);
    }
  }
  if (envelope === 'none') throw fault(NO_ISA);
  if (envelope === 'open' || transaction) throw fault('the file ends before its IEA segment: it was cut off.');
  if (all === 0) throw fault('no transaction (ST): no one is named.');
}

/** @throws ImportFault when the file cannot be read, or is no X12 */
async function* segmentsOf(path: string): AsyncGenerator<X12Segment> {
  try {
    yield* x12Segments(textOfFile(path));
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new ImportFault(`${path}: ${cause.message}: this is no X12 file.`, { cause });
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new ImportFault(`There is no file ${path}, or it cannot be read.`, { cause });
  }
}
