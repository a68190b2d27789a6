// GET and DELETE of a status URL, Bulk Data 2.0.0. Only the client that started a job can see that it exists.
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { addresses } from '../plan.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { type BulkFile, type BulkJob, cancelJob, findJob, forgetFile, jobFiles } from '../store/bulk-job.ts';
import { blockClock } from '../store/clock.ts';
import { authorize, type Caller } from './authorize.ts';

/** Either permission opens the routes of a job; the job's kind decides which is needed. */
export async function jobCaller(c: Context<FhirEnv>, deps: Deps): Promise<{ caller: Caller; job: BulkJob }> {
  const caller = await anyPermission(c, deps);
  const job = await findJob(deps.database.sql, c.req.param('job') ?? '', caller.peer.id);
  const isOver =
    job !== undefined &&
    (job.state === 'cancelled' || job.state === 'revoked' || (job.expiresAt !== null && job.expiresAt < deps.clock()));
  if (!job || isOver) throw new Outcome('not-found');
  if (!caller.permissions.has(job.kind === 'match' ? 'match.bulk' : 'export')) throw new Outcome('not-found');
  return { caller, job };
}

async function anyPermission(c: Context<FhirEnv>, deps: Deps): Promise<Caller> {
  try {
    return await authorize(c, deps, 'export');
  } catch (error) {
    if (error instanceof Outcome && error.code === 'insufficient-scope') return authorize(c, deps, 'match.bulk');
    throw error;
  }
}

/** The manifest, in the form of Bulk Data 2.0.0 with the members of later versions that older readers ignore. */
export function manifest(job: BulkJob, files: readonly BulkFile[], fhirBase: string): Record<string, unknown> {
  const list = (kind: BulkFile['kind']) =>
    files
      .filter((f) => f.kind === kind)
      .map((f) => ({
        type: f.type,
        url: `${fhirBase}/$export-file/${job.id}/${f.id}.ndjson`,
        count: f.lines,
        fileSize: f.bytes,
      }));
  return {
    transactionTime: formatInstant(job.transactionTime ?? job.completedAt ?? job.receivedAt),
    request: job.requestUrl,
    requiresAccessToken: true,
    outputFormat: 'application/fhir+ndjson',
    output: list('output'),
    deleted: list('deleted'),
    error: list('error'),
  };
}

/** Seconds until a client should ask again: soon at first, then a fifth of the time that has passed. */
export function retryAfterSeconds(receivedAt: Date, now: Date): number {
  const elapsed = (now.getTime() - receivedAt.getTime()) / 1000;
  return elapsed < 5 ? 1 : Math.max(1, Math.min(30, Math.floor(elapsed / 5)));
}

export function exportStatus(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/$export-status/:job');
    const { job } = await jobCaller(c, deps);
    if (job.state === 'failed') throw new Outcome('internal');
    if (job.state !== 'complete')
      return c.body(null, 202, {
        'x-progress': job.state === 'queued' ? 'queued' : `${job.progress}% complete`,
        'retry-after': String(retryAfterSeconds(job.receivedAt, deps.clock())),
        'cache-control': 'no-store',
      });
    const files = await jobFiles(deps.database.sql, job.id);
    return c.json(manifest(job, files, addresses(deps.config).fhir), 200, {
      expires: (job.expiresAt ?? deps.clock()).toUTCString(),
      'cache-control': 'no-store',
    });
  };
}

export function exportDelete(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/$export-status/:job');
    const { caller, job } = await jobCaller(c, deps);
    const at = deps.clock();
    const files = await deps.database.sql.begin(async (tx) => {
      const gone = await cancelJob(tx, job.id, caller.peer.id, at);
      // what the peer no longer wants is no longer owed
      await blockClock(tx, job.kind === 'match' ? 'C3-match' : 'C3-export', job.id, 'withdrawn', 'cancelled-by-peer');
      await writeAudit(tx, [
        auditRow({
          at,
          actorKind: 'peer',
          actor: caller.peer.id,
          action: 'export-deleted',
          object: `${job.kind}/${job.id}`,
          peerId: caller.peer.id,
          requestId: c.get('requestId'),
        }),
      ]);
      return gone;
    });
    if (!files) throw new Outcome('not-found');
    for (const f of files) {
      await deps.blobs.delete(f.blobKey);
      await forgetFile(deps.database.sql, job.id, f.blobKey);
    }
    return c.body(null, 202, { 'cache-control': 'no-store' });
  };
}
