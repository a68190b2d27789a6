// What an enrolment file says, written: rows of coverage, and ends of it that are stated without when it had begun.
import { localDay } from '../../../src/calendar/federal.ts';
import type { Queryable } from '../../../src/db/database.ts';
import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import type { Reject } from '../../../src/import/rejects-file.ts';
import { openTwoCards } from '../../responder/match/duplicate-member-items.ts';
import { refreshProfiles, takeDueProfiles } from '../../responder/match/match-profile.ts';
import type { CoverageEnd, Enrolment } from './enrolment.ts';
import { settleEnrolled } from './enrolment-deadlines.ts';
import { enrolmentRows } from './enrolment-rows.ts';
import type { CardHistory } from './member-id-history.ts';
import type { NamedInFile } from './named-in-file.ts';
import { settleCards } from './next-member-id-rows.ts';
import { type EnrolmentLine, type Other, ownedRows } from './owned-rows.ts';
import {
  addEnrolled,
  type EnrolmentCounts,
  endCoverage,
  membersAmong,
  writeDeaths,
  writeEnrolment,
  writeOthers,
} from './write-enrolment.ts';
import type { Options834 } from './x12-member.ts';

/** Rows of one transaction. */
const BATCH = 1000;
const NOTHING_ENDS =
  'The coverage ends, when it began is not said, and no coverage of one member is known under this number that began before.';

const GOES_ON =
  'The coverage under this number was over before that day, and the member has another one in the same line of business that goes on after it. If that ends, name the number of the card that the member has now. A death and other coverage stated with it were taken.';

/** Those under which an end may be stated that a row stands before or after: of all cards of a member who is known. */
const numbersOf = ({ row, numbers = [] }: EnrolmentLine): string[] => [
  row.memberNumber,
  ...(row.formerNumber === undefined ? [] : [row.formerNumber]),
  ...numbers,
];

type End = { line: number; row: CoverageEnd };
/** An end of coverage that was over before, with the numbers of the member's other coverage that goes on. */
type Doubtful = End & { goesOn: readonly string[] };
/**
 * Lines of ends of which the file does not itself say that the other coverage goes on. A file that tells of all repeats
 * such ends each time, with the first day of the next card, or the last one of a month. Reads it once more where there
 * are any.
 */
async function stillDoubtful(
  ends: readonly Doubtful[],
  rows: () => AsyncIterable<{ row: Enrolment | CoverageEnd }>,
  today: string,
): Promise<number[]> {
  if (ends.length === 0) return [];
  const asked = new Set(ends.flatMap((e) => e.goesOn));
  const stated = new Set<string>();
  for await (const { row } of rows())
    if (!('endsOn' in row) && asked.has(row.memberNumber) && (row.ends ?? today) >= today) stated.add(row.memberNumber);
  return ends.flatMap((e) => (e.goesOn.every((n) => stated.has(n)) ? [] : [e.line]));
}

/** Ends of coverage: those that a row of the same number follows, and the others. Each in their order. */
function endsOf(all: readonly EnrolmentLine[]): [followed: End[], others: End[]] {
  const [followed, others]: [End[], End[]] = [[], []];
  const later = new Set<string>();
  for (const item of all.toReversed()) {
    const { line, row } = item;
    const numbers = numbersOf(item);
    if ('endsOn' in row) (numbers.some((n) => later.has(n)) ? followed : others).push({ line, row });
    else for (const n of numbers) later.add(n);
  }
  return [followed.reverse(), others.reverse()];
}

/** Those in doubt; one with several other payers has a row for each of them, and is one. */
const doubtfulOf = (ends: readonly End[], found: readonly { goesOn: string[] }[]): Doubtful[] =>
  ends.flatMap((end, i) => {
    const { goesOn = [] } = found[i] ?? {};
    return goesOn.length === 0 || ends[i - 1]?.line === end.line ? [] : [{ ...end, goesOn }];
  });

/** What ends say beside, of those whose they were found to be. */
const saidBy = (ends: readonly End[], found: readonly { memberId: string | null }[]) =>
  ends.flatMap(({ row: { died, prior } }, i) => {
    const memberId = found[i]?.memberId ?? null;
    return memberId === null ? [] : [{ memberId, died, prior }];
  });

/**
 * Ends once more that were in doubt: what went on after them may be cancelled, or over, by a row that came later.
 * @returns what is still in doubt, whose coverage ended, and what a next card ends or gives back by that
 */
async function endAgain(
  tx: Queryable,
  doubtful: readonly Doubtful[],
  today: string,
): Promise<{ doubtful: Doubtful[]; changed: number; memberIds: string[] }> {
  if (doubtful.length === 0) return { doubtful: [], changed: 0, memberIds: [] };
  const found = await endCoverage(
    tx,
    doubtful.map((d) => d.row),
  );
  const memberIds = found.flatMap((f) => (f.changed > 0 && f.memberId !== null ? [f.memberId] : []));
  const settled = await settleCards(tx, [], memberIds, today);
  return {
    doubtful: doubtful.flatMap((d, i) => {
      const goesOn = found[i]?.goesOn ?? [];
      return goesOn.length > 0 ? [{ ...d, goesOn }] : [];
    }),
    changed: found.reduce((n, f) => n + f.changed, 0) + settled.length,
    memberIds,
  };
}

/**
 * Writes the rows of a file, in their order: what an end says, what a row says of the same number after it, and what an
 * end after that says. A batch is one transaction; a row that follows an end that follows a row, all of one number,
 * begins the next.
 * @param input `enrolment`: path of the file, which was read and found sound before
 * @param refuse is called for rows that name no one @param refuseOther of those whose card is another person’s
 */
export async function commitEnrolment(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  input: { enrolment?: string; x12?: Options834; named?: NamedInFile },
  refuse: (r: Reject) => Promise<void> | void,
  refuseOther: (line: number, other: Other) => Promise<boolean>,
  history: CardHistory,
  formers: ReadonlyMap<string, string>,
): Promise<EnrolmentCounts> {
  const total: EnrolmentCounts = { enrolments: 0, otherCoverages: 0, choices: 0 };
  if (input.enrolment === undefined) return total;
  const path = input.enrolment;
  const today = localDay(deps.clock(), deps.config.timeZone);
  const doubtful: Doubtful[] = [];
  let batches = 0;
  const flush = async (all: EnrolmentLine[]) => {
    const batch = all.flatMap(({ line, row, formerId }) => ('endsOn' in row ? [] : [{ line, row, formerId }]));
    const [first, last] = endsOf(all);
    const ends = [...first, ...last];
    const ids = new Set(
      await membersAmong(
        deps.database.sql,
        batch.map((b) => b.row.memberId),
      ),
    );
    const usable = batch.filter((b) => ids.has(b.row.memberId) || !b.row.isKnownPatient);
    for (const b of batch.filter((x) => !usable.includes(x)))
      await refuse({
        source: path,
        line: b.line,
        code: 'unknown-member',
        reason: `patient_id names no Patient that this node knows.`,
      });
    if (usable.length + ends.length === 0) return;
    const rows = usable.map((u) => u.row);
    const { counts, freed, found, again, others } = await beginAgain(deps.database.sql, async (tx) => {
      await addEnrolled(
        tx,
        rows.map((r) => r.memberId).filter((id) => !ids.has(id)),
      );
      const rowsOf = (of: typeof ends) => of.map((e) => e.row);
      const before = await endCoverage(tx, rowsOf(first));
      const early = saidBy(first, before);
      const othersBefore = await writeOthers(tx, early);
      const counts = await writeEnrolment(tx, rows, 'enrolment file', today);
      await openTwoCards(
        tx,
        usable.flatMap(({ row, formerId }) => (formerId === undefined ? [] : [{ memberId: row.memberId, formerId }])),
        deps.clock(),
      );
      const after = await endCoverage(tx, rowsOf(last));
      const found = [...before, ...after];
      // a next card that such an end cancels
      const ended = found.flatMap((f) => (f.changed > 0 && f.memberId !== null ? [f.memberId] : []));
      const freed = await settleCards(tx, [], ended, today);
      const again = await endAgain(tx, doubtfulOf(ends, found), today);
      const late = saidBy(last, after);
      const others = othersBefore + (await writeOthers(tx, late));
      const died = await writeDeaths(tx, [...early, ...rows, ...late]);
      const touched = [...rows.map((r) => r.memberId), ...found.flatMap((f) => f.memberId ?? [])];
      await settleEnrolled(tx, deps, touched);
      const due = await takeDueProfiles(
        tx,
        rows.map((r) => r.memberId),
      );
      await refreshProfiles(tx, [...new Set([...due, ...counts.memberIds, ...died])], deps.clock());
      return { counts, freed: freed.length + again.changed, found, again: again.doubtful, others };
    });
    total.enrolments += counts.enrolments + freed + found.reduce((n, f) => n + f.changed, 0);
    total.otherCoverages += counts.otherCoverages + others;
    total.choices += counts.choices;
    for (const [i, { line }] of ends.entries()) {
      // one with several other payers has a row for each of them
      if (ends[i - 1]?.line !== line && (found[i]?.memberId ?? null) === null)
        await refuse({ source: path, line, code: 'invalid-enrolment', reason: NOTHING_ENDS });
    }
    doubtful.push(...again);
    batches++;
  };
  let batch: EnrolmentLine[] = [];
  // numbers of rows of the batch, and of those that end after one of them
  const [stated, ended] = [new Set<string>(), new Set<string>()];
  const flushAll = async () => {
    if (batch.length > 0) await flush(batch);
    batch = [];
    stated.clear();
    ended.clear();
  };
  // faults of rows were reported while staging
  for await (const item of ownedRows(
    deps.database.sql,
    enrolmentRows({ ...input, enrolment: path }, today, () => {}, input.named),
    history,
    formers,
    refuseOther,
  )) {
    const isEnd = 'endsOn' in item.row;
    if (!isEnd && numbersOf(item).some((n) => ended.has(n))) await flushAll();
    for (const n of numbersOf(item)) {
      if (!isEnd) stated.add(n);
      else if (stated.has(n)) ended.add(n);
    }
    batch.push(item);
    if (batch.length >= BATCH) await flushAll();
  }
  await flushAll();
  // what went on after an end may be stated in another batch to be over
  const left = batches > 1 ? doubtful.splice(0) : [];
  for (let i = 0; i < left.length; i += BATCH) {
    const again = await beginAgain(deps.database.sql, async (tx) => {
      const ended = await endAgain(tx, left.slice(i, i + BATCH), today);
      await settleEnrolled(tx, deps, ended.memberIds);
      return ended;
    });
    total.enrolments += again.changed;
    doubtful.push(...again.doubtful);
  }
  const readable = () => enrolmentRows({ ...input, enrolment: path }, today, () => {});
  for (const line of await stillDoubtful(doubtful, readable, today))
    await refuse({ source: path, line, code: 'invalid-enrolment', reason: GOES_ON });
  return total;
}
