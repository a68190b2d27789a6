// What `import members` says and does of those who are covered here and absent from a full enrolment file.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { timeRange } from '../../src/fhir/instant.ts';
import { CommandFault } from '../../src/runtime/fault.ts';
import { type OpenNode, person } from '../../src/runtime/open-node.ts';
import { csvRow } from '../../src/ui/csv.ts';
import { absentFrom, endAbsent, rowsOfNobody } from '../members/enrolment/absent.ts';
import { isFull, type NamedInFile } from '../members/enrolment/named-in-file.ts';

export type AbsentOptions = {
  full?: boolean;
  absent: string;
  endAbsent?: string;
  absentMost?: string;
};

const COLUMNS = [
  'patient_id',
  'member_number',
  'plan',
  'line_of_business',
  'coverage_start',
  'coverage_end',
  'named_as',
] as const;
/**
 * One in so many of those who are covered in a line of business may be ended at once, unless more are named: a file that was cut off ends no one, and one
 * row in the wrong line of business does not end all others of that.
 */
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

type Tally = { covered: number; absent: number; alike: number };

/** Writes the list; an older one is replaced when it is whole. @returns how many are covered, and how many of them are absent, by line of business */
async function writeAbsent(deps: OpenNode['deps'], named: NamedInFile, file: string): Promise<Map<string, Tally>> {
  const part = `${file}.part`;
  // who they are stands in it, by their numbers
  const out = createWriteStream(part, { mode: 0o600 });
  const opened = once(out, 'open');
  await opened.catch((cause: unknown) => {
    throw new CommandFault(`The list ${file} of those absent cannot be written.`, { cause });
  });
  out.write(csvRow(COLUMNS));
  const tallies = new Map([...named.lobs].sort().map((l): [string, Tally] => [l, { covered: 0, absent: 0, alike: 0 }]));
  for await (const { all, absent } of absentFrom(deps, named)) {
    const count = (lob: string, what: keyof Tally) => {
      const tally = tallies.get(lob);
      if (tally) tally[what]++;
    };
    for (const s of all) count(s.lob, 'covered');
    for (const s of absent) {
      count(s.lob, 'absent');
      if (s.namedAs.length > 0) count(s.lob, 'alike');
    }
    const rows = absent.map((s) => [s.memberId, s.memberNumber, s.plan, s.lob, s.starts, s.ends, s.namedAs.join(' ')]);
    if (rows.length > 0 && !out.write(rows.map(csvRow).join(''))) await once(out, 'drain');
  }
  out.end();
  await finished(out);
  await rename(part, file);
  return tallies;
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
    return refused('the file says that it holds changes alone (BGN08): no one is taken for absent.');
  if (!whole)
    return o.endAbsent === undefined
      ? []
      : refused('the file does not say that it names everybody (BGN08 4 or RX; or say --full): no one was ended.');
  if (named.lobs.size === 0)
    return refused(
      'no row of the full file could be taken: of whom it is, and who is absent from it, cannot be determined.',
    );
  const tallies = [...(await writeAbsent(deps, named, o.absent))];
  const sum = (what: keyof Tally) => tallies.reduce((n, [, t]) => n + t[what], 0);
  const [absent, alike] = [sum('absent'), sum('alike')];
  const told = tallies.map(
    ([lob, t]) =>
      `coverages that stand here (${lob}): ${number.format(t.covered)}; named by no row of this full file: ${number.format(t.absent)}, listed in ${o.absent}`,
  );
  if (alike > 0)
    told.push(
      `${number.format(alike)} of these have the name and birth date of someone whom it names by another number (named_as): one person with another card, it may be`,
    );
  if (o.endAbsent === undefined || absent === 0) return told;
  const unclear = await rowsOfNobody(deps, named);
  if (unclear > 0)
    return [
      ...told,
      ...refused(
        `${number.format(unclear)} rows do not tell whose they are, or were refused and have a number that no one has here, and may be of those absent: no one was ended. Put them right and load the file again.`,
      ),
    ];
  const gone = absent - alike;
  const tooMany = (t: Tally) => t.absent - t.alike > Math.floor(t.covered / SHARE);
  const over = o.absentMost === undefined ? tallies.filter(([, t]) => tooMany(t)) : [];
  const most =
    o.absentMost === undefined
      ? over.map(([lob, t]) => `${lob}: ${number.format(Math.floor(t.covered / SHARE))}`).join(', ')
      : number.format(Number(o.absentMost));
  if (over.length > 0 || (o.absentMost !== undefined && gone > Number(o.absentMost)))
    return [
      ...told,
      ...refused(
        `more than may be ended at once (${most}): no one was ended. If the file is whole, say --absent-most ${gone}.`,
      ),
    ];
  const ended = gone === 0 ? 0 : await endAbsent(deps, named, o.endAbsent, person());
  return [
    ...told,
    `ended on ${o.endAbsent}: ${number.format(ended)} of these`,
    ...(alike > 0
      ? refused(
          `not ended: ${number.format(alike)} who may be there with another card. Make them one (members one), name the former card in the file, or end them by a row.`,
        )
      : []),
  ];
}
