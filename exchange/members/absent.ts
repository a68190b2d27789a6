// Who is covered here and absent from a full enrolment file, and the end of that coverage when the enrolment desk wants it.
import { localDay } from '../../src/calendar/federal.ts';
import type { Deps } from '../../src/deps.ts';
import { beginAgain } from '../../src/store/begin-again.ts';
import { auditRow, writeAudit } from '../store/audit/audit.ts';
import { endStanding, pageStanding, type Standing } from '../store/members/absent.ts';
import type { NamedInFile } from './named-in-file.ts';
import { settleEnrolled } from './settle-enrolled.ts';

const PAGE = 1000;
type Needs = Pick<Deps, 'database' | 'clock' | 'config'>;

/** Pages of coverage that stands in the lines of business of the file: all of the page, and what of it is of members whom no row names. */
export async function* absentFrom(
  deps: Needs,
  named: NamedInFile,
): AsyncGenerator<{ all: number; absent: readonly Standing[] }> {
  const today = localDay(deps.clock(), deps.config.timeZone);
  for (let after: Standing | undefined; ; ) {
    const page = await pageStanding(deps.database.sql, [...named.lobs], today, PAGE, after);
    if (page.length > 0)
      yield { all: page.length, absent: page.filter((s) => !s.numbers.some((n) => named.numbers.has(n))) };
    after = page.at(-1);
    if (page.length < PAGE || after === undefined) return;
  }
}

/**
 * Ends the coverage of those who are absent; what follows of it, as of the end by any file, follows.
 * @param endsOn YYYY-MM-DD, the last day
 * @returns how many coverages
 */
export async function endAbsent(deps: Needs, named: NamedInFile, endsOn: string): Promise<number> {
  let ended = 0;
  for await (const { absent } of absentFrom(deps, named)) {
    if (absent.length === 0) continue;
    ended += await beginAgain(deps.database.sql, async (tx) => {
      const members = await endStanding(tx, absent, endsOn);
      await settleEnrolled(tx, deps, [...new Set(members)]);
      return members.length;
    });
  }
  await writeAudit(deps.database.sql, [
    auditRow({
      at: deps.clock(),
      actorKind: 'command',
      actor: 'import members',
      action: 'absent-ended',
      object: 'own-records',
      detail: { ended, endsOn, lobs: [...named.lobs].sort() },
    }),
  ]);
  return ended;
}
