// The worker's side of $davinci-data-export: one snapshot, one pass over the members' records, files gzipped as they are
// written. What may leave is decided by the statement (store/export.ts); nothing is parsed here.
import { NdjsonFiles } from '../../src/blobs/ndjson-files.ts';
import type { Deps } from '../../src/deps.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import { operationOutcome } from '../../src/fhir/outcome.ts';
import type { Sql } from '../../src/store/database.ts';
import { addMonths, localDay, yearsBefore } from '../clocks/business-day.ts';
import { ourselves } from '../plan.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { type BulkJob, completeJob, renewJob } from '../store/bulk-job.ts';
import { closeClock } from '../store/clock.ts';
import {
  deletedRows,
  type ExportConditions,
  exportRows,
  settledTime,
  sharedRows,
  withheldCounts,
} from '../store/export.ts';
import { grantedMembers, groupSize } from '../store/match-group.ts';
import { findPeer } from '../store/peer.ts';
import { LABELLER_VERSION } from '../transform/label.ts';
import { EXPORT_ORDER, SHARED_TYPES } from '../transform/record-types.ts';
import { MAX_TARGETS, transmitterProvenance } from './transmitter.ts';

/** Members read by one statement. */
const MEMBER_SLICE = 250;
const DELETIONS_PER_BUNDLE = 500;
const FILE_LIMITS = { lines: 25_000, bytes: 64 * 1024 * 1024 };

export type ExportParameters = {
  types?: string[];
  since?: string;
  patients?: string[];
  ignoredPatients?: number;
  notes?: string[];
};

/** Runs one export job that this worker holds. False when the job was taken away meanwhile. */
export async function runExport(deps: Deps, job: BulkJob, owner: string): Promise<boolean> {
  if (job.groupId === null) throw new Error('an export needs a Group');
  const { sql } = deps.database;
  const peer = await findPeer(sql, job.peerId);
  if (!peer) throw new Error('the job has no peer');
  const parameters = job.parameters as ExportParameters;
  const today = localDay(deps.clock(), deps.config.timeZone);
  const files = new NdjsonFiles(deps.blobs, `bulk/${job.id}`, FILE_LIMITS);
  const counts: Record<string, number> = {};
  const transactionTime = await settledTime(sql);
  const client = deps.database.dedicated('export');
  let alive = true;
  try {
    alive = await client.begin('isolation level repeatable read read only', async (tx) => {
      const granted = await grantedMembers(tx, job.groupId ?? '', today);
      const wanted =
        parameters.patients === undefined ? granted : granted.filter((m) => parameters.patients?.includes(m.memberId));
      const lost = (await groupSize(tx, job.groupId ?? '')) - granted.length;
      const base: Omit<ExportConditions, 'members'> = {
        types: (parameters.types ?? EXPORT_ORDER).filter((t) => EXPORT_ORDER.includes(t)),
        since: parameters.since,
        until: formatInstant(transactionTime),
        windowStart: yearsBefore(today, deps.config.exportWindowYears),
        today,
        yearAgo: addMonths(today, -12),
      };
      for (let from = 0; from < wanted.length; from += MEMBER_SLICE) {
        const conditions = { ...base, members: wanted.slice(from, from + MEMBER_SLICE) };
        const going = await writeSlice(
          tx as unknown as Sql,
          files,
          conditions,
          { us: ourselves(deps.config), peerId: peer.id },
          counts,
        );
        if (!going) return false;
        if (
          !(await renewJob(
            sql,
            job.id,
            owner,
            deps.clock(),
            deps.config.leaseSeconds,
            Math.floor((from / Math.max(1, wanted.length)) * 95),
          ))
        )
          return false;
      }
      const sharedTypes = base.types.filter((t) => SHARED_TYPES.includes(t));
      if (wanted.length > 0 && sharedTypes.length > 0)
        for await (const rows of sharedRows(tx as unknown as Sql, { ...base, types: sharedTypes, members: wanted }))
          for (const row of rows) await files.write('output', row.type, row.text);
      await writeOutcomes(files, parameters, lost);
      counts['members'] = wanted.length;
      return true;
    });
  } catch (error) {
    await files.abandon();
    throw error;
  } finally {
    await client.end({ timeout: 1 });
  }
  if (!alive) {
    await files.abandon();
    return false;
  }
  const written = await files.finish(EXPORT_ORDER);
  const resources = written.filter((f) => f.kind === 'output').reduce((n, f) => n + f.lines, 0);
  const kept = await sql.begin(async (tx) => {
    const at = deps.clock();
    const expiresAt = new Date(at.getTime() + deps.config.exportKeepHours * 3_600_000);
    if (
      !(await completeJob(tx, job.id, owner, {
        at,
        expiresAt,
        transactionTime,
        counts: { ...counts, resources },
        files: written,
      }))
    )
      return false;
    await closeClock(tx, 'C3-export', job.id, at);
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'peer',
        actor: peer.id,
        action: 'export',
        object: `export/${job.id}`,
        peerId: peer.id,
        detail: {
          ...counts,
          labeller: LABELLER_VERSION,
          resources,
          files: written.map((f) => ({ type: f.type, lines: f.lines, sha256: f.sha256 })),
        },
      }),
    ]);
    return true;
  });
  if (!kept) {
    for (const f of written) await deps.blobs.delete(f.blobKey);
    return false;
  }
  deps.metrics.count('exports_total', { result: 'complete' });
  deps.metrics.count('export_resources_total', {}, resources);
  return true;
}

/** Records of some members, their deletions, and one Transmitter Provenance a member. */
async function writeSlice(
  tx: Sql,
  files: NdjsonFiles,
  conditions: ExportConditions,
  about: { us: ReturnType<typeof ourselves>; peerId: string },
  counts: Record<string, number>,
): Promise<boolean> {
  let member = '';
  let targets: string[] = [];
  let recorded = '';
  const withProvenance = conditions.types.includes('Provenance');
  const transmit = async () => {
    for (let i = 0; withProvenance && i < targets.length; i += MAX_TARGETS)
      await files.write(
        'output',
        'Provenance',
        transmitterProvenance(about.us, about.peerId, targets.slice(i, i + MAX_TARGETS), recorded).json,
      );
    targets = [];
    recorded = '';
  };
  for await (const rows of exportRows(tx, conditions))
    for (const row of rows) {
      if (row.member_id !== member) {
        await transmit();
        member = row.member_id;
      }
      await files.write('output', row.type, row.text);
      if (row.type !== 'Provenance') targets.push(`${row.type}/${row.id}`);
      const at = formatInstant(row.last_updated);
      if (at > recorded) recorded = at;
    }
  await transmit();
  const deleted = await deletedRows(tx, conditions);
  for (let i = 0; i < deleted.length; i += DELETIONS_PER_BUNDLE)
    await files.write(
      'deleted',
      'Bundle',
      JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: deleted
          .slice(i, i + DELETIONS_PER_BUNDLE)
          .map((d) => ({ request: { method: 'DELETE', url: `${d.type}/${d.id}` } })),
      }),
    );
  for (const [reason, n] of Object.entries(await withheldCounts(tx, conditions)))
    counts[`withheld-${reason}`] = (counts[`withheld-${reason}`] ?? 0) + n;
  counts['deleted'] = (counts['deleted'] ?? 0) + deleted.length;
  return true;
}

/** What the client should know, without naming a member or a category of what was left out. */
async function writeOutcomes(files: NdjsonFiles, parameters: ExportParameters, membersLost: number): Promise<void> {
  const note = async (
    severity: 'information' | 'warning',
    code: 'informational' | 'not-found' | 'suppressed',
    textOf: string,
  ) => files.write('error', 'OperationOutcome', JSON.stringify(operationOutcome(severity, code, textOf)));
  for (const text of parameters.notes ?? []) await note('information', 'informational', text);
  for (let i = 0; i < (parameters.ignoredPatients ?? 0); i++)
    await note('warning', 'not-found', 'A patient of the request is not a member of the Group and was left out.');
  if (membersLost > 0)
    await note(
      'information',
      'suppressed',
      'Some members of the Group are no longer covered by a consent and were left out.',
    );
}
