// Enrolment out of the Coverage records of our members, after they were imported.

import { localDay } from '../../../src/calendar/federal.ts';
import { beginAgain } from '../../../src/db/retry.ts';
import type { Deps } from '../../../src/deps.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { refreshProfiles } from '../../responder/match/match-profile.ts';
import { namePayer } from '../consent/choice-rows.ts';
import type { LineOfBusiness } from '../deadlines/rules.ts';
import { type CoverageRow, type OtherPayer, readCoverage } from './coverage.ts';
import { coveragesOf, organizationsOf } from './coverage-rows.ts';
import { settleEnrolled } from './enrolment-deadlines.ts';
import { type EnrolmentCounts, writeEnrolment } from './write-enrolment.ts';

const PAGE = 500;

/**
 * Reads the Coverage of all members that have one, in pages; running it again changes nothing.
 * @param report called for each Coverage that cannot be used
 * @returns what is new or changed; `read` of Coverage records that can be used, those of this plan and those of others
 */
export async function enrolFromCoverage(
  deps: Pick<Deps, 'database' | 'clock' | 'config'>,
  lob: LineOfBusiness,
  report: (coverageId: string, reason: string) => Promise<void> | void,
): Promise<EnrolmentCounts & { read: { ours: number; others: number } }> {
  const { sql } = deps.database;
  const us = { npi: deps.config.planNpi, name: deps.config.planName };
  const total = { enrolments: 0, otherCoverages: 0, choices: 0, read: { ours: 0, others: 0 } };
  let after = '';
  for (;;) {
    const page = await coveragesOf(sql, after, PAGE);
    if (page.length === 0) return total;
    after = page.at(-1)?.memberId ?? after;
    const parsed = page.map((p) => ({ ...p, coverage: JSON.parse(p.body) as Resource }));
    const organizations = new Map(
      (
        await organizationsOf(
          sql,
          parsed.flatMap((p) => p.links ?? []),
        )
      ).map((o) => [`Organization/${o.id}`, JSON.parse(o.body) as Resource]),
    );
    const ours: CoverageRow[] = [];
    const others: OtherPayer[] = [];
    for (const p of parsed) {
      const read = readCoverage(p.coverage, p.memberId, us, lob, organizations);
      if ('ours' in read) ours.push(read.ours);
      else if ('other' in read) others.push(read.other);
      else await report(p.id, read.fault);
    }
    const { enrolments, named } = await beginAgain(sql, async (tx) => {
      const counts = await writeEnrolment(tx, ours, 'Coverage', localDay(deps.clock(), deps.config.timeZone));
      let named = 0;
      for (const o of others) {
        const { isNew } = await namePayer(tx, {
          ...o,
          starts: o.starts ?? null,
          ends: o.ends ?? null,
          at: deps.clock(),
          saidBy: 'Coverage',
        });
        if (isNew) named++;
      }
      await refreshProfiles(tx, counts.memberIds, deps.clock());
      await settleEnrolled(tx, deps, [...new Set([...counts.memberIds, ...others.map((o) => o.memberId)])]);
      return { enrolments: counts.enrolments, named };
    });
    total.enrolments += enrolments;
    total.otherCoverages += named;
    total.read.ours += ours.length;
    total.read.others += others.length;
  }
}
