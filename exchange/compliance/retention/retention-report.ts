// How long what is kept, what has gone by now, and the legal holds: for the page of both.
import type { Deps } from '../../../src/deps.ts';
import type { LobDays } from '../../../src/settings.ts';
import { LINES_OF_BUSINESS } from '../../members/deadlines/rules.ts';
import { countPastFiles } from '../../requester/past-files.ts';
import { type Hold, listHolds } from './hold.ts';

export type Kept = {
  what: string;
  /** how long, in words */
  time: string;
  /** what stays when it goes, or why it never goes */
  stays: string;
  setting?: string;
};
export type RetentionReport = {
  kept: Kept[];
  /** pulls whose received files are there, went, and are kept beyond their time by a hold, or as someone has to decide; when the next go */
  files: { kept: number; removed: number; held: number; needed: number; nextAt: Date | null };
  holds: Hold[];
};

const days = (n: number): string => (n >= 730 ? `${Math.floor(n / 365)} years (${n} days)` : `${n} days`);
/** What lines of business have for themselves. */
function ofLines(byLob: LobDays): string {
  const own = (Object.entries(byLob) as [keyof LobDays, number][]).map(
    ([lob, n]) => `${LINES_OF_BUSINESS[lob].name} ${days(n)}`,
  );
  return own.length === 0 ? '' : `; ${own.join(', ')}: of members of several lines the longest`;
}

export async function retentionReport(deps: Pick<Deps, 'database' | 'config' | 'clock'>): Promise<RetentionReport> {
  const { config } = deps;
  const { sql } = deps.database;
  const [files, holds] = await Promise.all([countPastFiles(sql, deps.clock(), config.rawFileKeepDays), listHolds(sql)]);
  return {
    kept: [
      {
        what: 'Clocks, choices with their proof and text, attestations, decisions, cases, restores, reports, accounts of disclosures, audit trail',
        time: 'without end',
        stays:
          'The node removes none of it, which covers every duty to keep: ten years, six for accounts of disclosures.',
      },
      {
        what: 'Files as other payers sent them',
        time: `${days(config.rawFileKeepDays.days)} after their pull has ended${ofLines(config.rawFileKeepDays.byLob)}`,
        stays:
          'SHA-256 of each file, outcome of each line, and the records that were taken in. Not while someone has to decide about a line.',
        setting: 'RAW_FILE_KEEP_DAYS',
      },
      {
        what: 'Documents fetched from other payers',
        time: `${days(config.documentKeepDays)} after no version of a record names them`,
        stays: 'SHA-256, in the audit trail.',
        setting: 'DOCUMENT_KEEP_DAYS',
      },
      {
        what: 'Requests for matches, as other payers sent them',
        time: `${days(config.matchRequestKeepDays.days)} after the answer${ofLines(config.matchRequestKeepDays.byLob)}`,
        stays: 'SHA-256 in the audit trail; what was decided of each member, with consent and coverage.',
        setting: 'MATCH_REQUEST_KEEP_DAYS',
      },
      {
        what: 'Files of our answers to other payers',
        time: `${config.exportTtlHours} hours after they were made`,
        stays:
          'SHA-256 of each, what it held of whom, and what the walk through it found. A hold does not keep them: they are copies of records that stay.',
        setting: 'EXPORT_TTL_HOURS',
      },
    ],
    files,
    holds,
  };
}
