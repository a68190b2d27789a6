// Who is covered here and absent from a full enrolment file, and the end of that coverage when the enrolment office wants it.
import { localDay } from '../../../src/calendar/federal.ts';
import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { endStanding, numbersOfAlike, pageStanding, type Standing, unknownNumbers } from './absent-rows.ts';
import { settleEnrolled } from './enrolment-deadlines.ts';
import type { NamedInFile } from './named-in-file.ts';
import { settleCards } from './next-member-id-rows.ts';

const PAGE = 1000;
type Needs = Pick<Deps, 'database' | 'clock' | 'config'>;

/** `namedAs`: numbers by which the file names someone of the same name and birth date. */
export type Absent = Standing & { namedAs: readonly string[] };

/**
 * Does the file name this coverage: its card; one of the member's of which nothing stands, as the author of the file
 * may not know the card of today; or, in a row that was refused, the member. A card of other coverage that stands says
 * nothing of this one.
 */
const isNamed = (s: Standing, named: NamedInFile): boolean =>
  named.numbers.has(s.memberNumber) ||
  s.idle.some((n) => named.current.has(n)) ||
  s.ids.some((id) => named.patients.has(id));

/** Pages of coverage that stands in the lines of business of the file: all of the page, and what of it no row names. */
export async function* absentFrom(
  deps: Needs,
  named: NamedInFile,
): AsyncGenerator<{ all: readonly Standing[]; absent: readonly Absent[] }> {
  const { sql } = deps.database;
  const today = localDay(deps.clock(), deps.config.timeZone);
  for (let after: Standing | undefined; ; ) {
    const all = await pageStanding(sql, [...named.lobs], today, PAGE, after);
    const absent = all.filter((s) => !isNamed(s, named));
    const alike =
      absent.length === 0 ? undefined : await numbersOfAlike(sql, [...new Set(absent.map((s) => s.memberId))]);
    const namedAs = (s: Standing) => (alike?.get(s.memberId) ?? []).filter((n) => named.numbers.has(n));
    if (all.length > 0) yield { all, absent: absent.map((s) => ({ ...s, namedAs: namedAs(s) })) };
    after = all.at(-1);
    if (all.length < PAGE || after === undefined) return;
  }
}

/** How many rows of a file do not tell whose they are: they name no one, or were refused and have numbers that no one has here. */
export async function rowsOfNobody(deps: Needs, named: NamedInFile): Promise<number> {
  let found = named.nameless;
  for (let from = 0; from < named.refused.length; from += PAGE) {
    const rows = named.refused.slice(from, from + PAGE);
    const unknown = await unknownNumbers(deps.database.sql, rows.flat());
    found += rows.filter((numbers) => numbers.every((n) => unknown.has(n))).length;
  }
  return found;
}

/**
 * Ends the coverage of those who are absent; what follows of it, as of the end by any file, follows. Who may be there
 * with another card is left.
 * @param endsOn YYYY-MM-DD, the last day
 * @param by the person who loads the file
 * @returns how many coverages
 */
export async function endAbsent(deps: Needs, named: NamedInFile, endsOn: string, by: string): Promise<number> {
  let ended = 0;
  const today = localDay(deps.clock(), deps.config.timeZone);
  for await (const { absent } of absentFrom(deps, named)) {
    const gone = absent.filter((s) => s.namedAs.length === 0);
    if (gone.length === 0) continue;
    ended += await beginAgain(deps.database.sql, async (tx) => {
      const members = await endStanding(tx, gone, endsOn);
      // what such an end gives back, as it cancels the next card, is of someone absent too where no row names it
      const freed = await settleCards(tx, [], [...new Set(members)], today);
      const unnamed = freed.filter((c) => !named.numbers.has(c.memberNumber));
      if (unnamed.length > 0) await endStanding(tx, unnamed, endsOn);
      await settleEnrolled(tx, deps, [...new Set(members)]);
      await writeAudit(tx, [
        auditRow({
          at: deps.clock(),
          actorKind: 'command',
          actor: by,
          action: 'absent-ended',
          object: 'own-records',
          detail: { ended: members.length, endsOn, lobs: [...named.lobs].sort() },
        }),
      ]);
      return members.length;
    });
  }
  return ended;
}
