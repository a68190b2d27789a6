// What `import members` says and does of those who are covered here and absent from a full enrolment file.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { absentFrom, endAbsent } from '../../exchange/members/absent.ts';
import { isFull, type NamedInFile } from '../../exchange/members/named-in-file.ts';
import { timeRange } from '../fhir/instant.ts';
import { type CsvValue, csvField } from '../ui/csv.ts';
import { CommandFault } from './fault.ts';
import type { OpenNode } from './node.ts';

export type AbsentOptions = {
  full?: boolean;
  absent: string;
  endAbsent?: string;
  absentMost?: string;
};

const COLUMNS = ['patient_id', 'member_number', 'plan', 'line_of_business', 'coverage_start', 'coverage_end'] as const;
/** One in so many of those who are covered may be ended at once, unless more are named: a file that was cut off ends nobody. */
const SHARE = 10;
const number = new Intl.NumberFormat('en-US');

/** @throws CommandFault when the options make no sense together */
export function checkAbsentOptions(
  o: AbsentOptions & { enrolment?: string; enrolmentFromCoverage?: boolean; x12?: boolean },
): void {
  if ((o.full || o.endAbsent !== undefined) && o.enrolment === undefined)
    throw new CommandFault('--full and --end-absent are of an enrolment file: name it with --enrolment.');
  if (o.endAbsent === undefined) {
    if (o.absentMost !== undefined) throw new CommandFault('--absent-most goes with --end-absent.');
    return;
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(o.endAbsent) || timeRange(o.endAbsent) === undefined)
    throw new CommandFault('--end-absent is a date YYYY-MM-DD.');
  if (o.absentMost !== undefined && !/^\d{1,9}$/.test(o.absentMost))
    throw new CommandFault('--absent-most is a number.');
  if (!o.full && !o.x12) throw new CommandFault('--end-absent needs a full file: say --full when it is one.');
}

const line = (values: readonly CsvValue[]): string => `${values.map(csvField).join(',')}\r\n`;

/** Writes the list; an older one is replaced when it is whole. @returns how many are covered, and how many of them are absent */
async function writeAbsent(deps: OpenNode['deps'], named: NamedInFile, file: string) {
  const part = `${file}.part`;
  // who they are stands in it, by their numbers
  const out = createWriteStream(part, { mode: 0o600 });
  const opened = once(out, 'open');
  await opened.catch((cause: unknown) => {
    throw new CommandFault(`The list ${file} of those absent cannot be written.`, { cause });
  });
  out.write(line(COLUMNS));
  let [covered, absent] = [0, 0];
  for await (const page of absentFrom(deps, named)) {
    covered += page.all;
    absent += page.absent.length;
    const rows = page.absent.map((s) => [s.memberId, s.memberNumber, s.plan, s.lob, s.starts, s.ends]);
    if (rows.length > 0 && !out.write(rows.map(line).join(''))) await once(out, 'drain');
  }
  out.end();
  await finished(out);
  await rename(part, file);
  return { covered, absent };
}

/**
 * Lists those who are absent when the file is a full one, and ends their coverage when that is asked for and safe.
 * @returns what is to be said; the exit code tells of what was asked for and not done
 */
export async function tellAbsent(deps: OpenNode['deps'], named: NamedInFile, o: AbsentOptions): Promise<string[]> {
  const refused = (why: string): string[] => {
    process.exitCode = 1;
    return [why];
  };
  const whole = isFull(named, o.full === true);
  if (whole === undefined)
    return refused('the file says that it holds changes alone (BGN08): nobody is taken for absent.');
  if (!whole)
    return o.endAbsent === undefined
      ? []
      : refused('the file does not say that it names everybody (BGN08 4 or RX; or say --full): nobody was ended.');
  const { covered, absent } = await writeAbsent(deps, named, o.absent);
  const lobs = [...named.lobs].sort().join(', ');
  const told = `coverages that stand here (${lobs}): ${number.format(covered)}; of members whom this full file does not name: ${number.format(absent)}, listed in ${o.absent}`;
  if (o.endAbsent === undefined || absent === 0) return [told];
  if (named.nameless > 0)
    return [
      told,
      ...refused(
        `${named.nameless} rows do not tell whose they are, and may be of those absent: nobody was ended. Put them right and load the file again.`,
      ),
    ];
  const most = o.absentMost === undefined ? Math.floor(covered / SHARE) : Number(o.absentMost);
  if (absent > most)
    return [
      told,
      ...refused(
        `more than may be ended at once (${number.format(most)}): nobody was ended. If the file is whole, say --absent-most ${absent}.`,
      ),
    ];
  const ended = await endAbsent(deps, named, o.endAbsent);
  return [told, `ended on ${o.endAbsent}: ${number.format(ended)} of these`];
}
