// The end of an export: what makes its files an answer, in one transaction.
import type { WrittenFile } from '../../../src/blobs/ndjson-files.ts';
import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { closeClock, closeRepeated } from '../../members/deadlines/deadline.ts';
import { LABELLER, LABELLER_VERSION } from '../../records/facts/label.ts';
import { type BulkJob, completeJob, requeueJob } from '../bulk-job.ts';
import { type GrantScope, grantsHeld } from '../grant.ts';
import { deliveredMembers } from './delivered.ts';
import { keepEntries, noteReported, type Reported } from './delivered-entries.ts';

const AUDIT_ROWS = 1000;
/** Why an export was begun again; the word stands in `bulk_job.failure` until it is finished. */
const CONSENT_CHANGED = 'consent-changed';

/** A member of whom what the peer has was named as gone: nothing allows it any more, or the peer got it as another member's. */
export type Withdrawn = { memberId: string; reason: 'consent-ended' | 'two-persons' };

type Ending = {
  deps: Pick<Deps, 'clock' | 'config'>;
  job: BulkJob;
  owner: string;
  scope: GrantScope;
  transactionTime: Date;
  counts: Record<string, number>;
  /** members of whom what the peer has was named, and why */
  withdrawn: readonly Withdrawn[];
  /** of directory entries, when it was asked for changes of any */
  reported: Reported | undefined;
};

/**
 * Files, state and evidence together, unless someone's consent ended while the files were written. False when it begins
 * again, or is not ours any more.
 */
export async function complete(run: Ending, tx: Queryable, files: WrittenFile[]): Promise<boolean> {
  const { deps, job, owner, counts } = run;
  const at = deps.clock();
  if ((await grantsHeld(tx, job.id, run.scope, localDay(at, deps.config.timeZone))).ended > 0) {
    await requeueJob(tx, job.id, owner, CONSENT_CHANGED);
    return false;
  }
  counts['resources'] = files
    .filter((f) => f.kind === 'output')
    .reduce((n, f) => n + f.lines, -(counts['headers'] ?? 0));
  delete counts['headers'];
  const expiresAt = new Date(at.getTime() + deps.config.exportTtlHours * 3_600_000);
  const done = { at, expiresAt, transactionTime: run.transactionTime, counts, files, labeller: LABELLER };
  if (!(await completeJob(tx, job.id, owner, done))) return false;
  if (run.reported) await noteReported(tx, job.peerId, run.transactionTime, run.reported);
  await keepEntries(tx, [job.id]);
  await closeClock(tx, 'C3-export', job.id, at);
  await closeRepeated(tx, job.id, at);
  const common = { at, actorKind: 'peer', actor: job.peerId, peerId: job.peerId, object: `export/${job.id}` } as const;
  await writeAudit(tx, [
    auditRow({
      ...common,
      action: 'export',
      detail: {
        ...counts,
        labeller: LABELLER_VERSION,
        files: files.map((f) => ({ type: f.type, lines: f.lines, sha256: f.sha256 })),
      },
    }),
  ]);
  await writeAudit(
    tx,
    run.withdrawn.map(({ memberId, reason }) => auditRow({ ...common, action: 'export-withdrawn', memberId, reason })),
  );
  for (let after = ''; ; ) {
    const page = await deliveredMembers(tx, job.id, after, AUDIT_ROWS);
    await writeAudit(
      tx,
      page.map((m) =>
        auditRow({
          ...common,
          action: 'export-member',
          memberId: m.memberId,
          consentId: m.consentId,
          reason: 'payer-to-payer',
          // an export that an older program began has none
          detail: { policy: m.policy, types: m.types, ...(m.days === null ? {} : { days: m.days }) },
        }),
      ),
    );
    if (page.length < AUDIT_ROWS) return true;
    after = page.at(-1)?.memberId ?? after;
  }
}
