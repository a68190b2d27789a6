// GET and DELETE of a status URL, Bulk Data 2.0.0 to 4.0.0. Only the client that started a job can see that it exists.
import { hash } from 'node:crypto';
import type { Context } from 'hono';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { FHIR_JSON, type FhirEnv, route } from '../../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { blockClock } from '../../members/deadlines/deadline.ts';
import { addresses } from '../../plan.ts';
import { authorize, type Caller, covers, recordRefusal } from '../authorize.ts';
import { type BulkJob, cancelJob, findJob, forgetFiles, jobFiles } from '../bulk-job.ts';
import { takeCallAlone } from '../match/attempt-rows.ts';
import { mayHave } from './export-access.ts';
import type { ExportParameters } from './export-parameters.ts';
import { heldPolls } from './long-poll.ts';
import { manifest } from './manifest.ts';

/** Headers of every answer that tells of a job. */
const PRIVATE = { 'cache-control': 'private, no-store', vary: 'Authorization' };
/** Polls before their time that are answered all the same. */
const EARLY_POLLS = 10;

/**
 * The job of an address, of anyone who began it. What is not theirs, or not there, is written to the audit: who tries ids is seen. A job of
 * theirs that is over is not: it was. What scopes are needed differs: to end a job none, for a file those of its type.
 */
export async function ownJob(c: Context<FhirEnv>, deps: Deps): Promise<{ caller: Caller; job: BulkJob }> {
  const caller = await authorize(c, deps);
  const id = c.req.param('job') ?? '';
  const job = await findJob(deps.database.sql, id, caller.peer.id);
  if (!job) return hidden(c, deps, caller, 'not-granted', id);
  if (isOver(deps, job)) throw new Outcome('not-found');
  return { caller, job };
}

const isOver = (deps: Deps, job: BulkJob): boolean =>
  job.state === 'cancelled' || job.state === 'revoked' || (job.expiresAt !== null && job.expiresAt < deps.clock());

/** The same for who asks how a job goes: a token for less than the job holds does not see it, no matter who has it. */
async function wholeJob(c: Context<FhirEnv>, deps: Deps): Promise<BulkJob> {
  const { caller, job } = await ownJob(c, deps);
  const { types } = job.parameters as Partial<ExportParameters>;
  const isCovered =
    job.kind === 'match'
      ? caller.permissions.has('match.bulk')
      : caller.permissions.has('export') && types?.every((type) => covers(caller, type)) !== false;
  return isCovered ? job : hidden(c, deps, caller, 'insufficient-scope', job.id);
}

/** @throws Outcome 404 like that of what no one has, after it is recorded */
async function hidden(
  c: Context<FhirEnv>,
  deps: Deps,
  caller: Caller,
  reason: 'not-granted' | 'insufficient-scope',
  job: string,
): Promise<never> {
  await recordRefusal(c, deps, caller.peer, reason, `job/${job}`);
  throw new Outcome('not-found');
}

/** Seconds until a client should ask again: soon at first, then a fifth of the time that has passed. */
function retryAfterSeconds(receivedAt: Date, now: Date): number {
  const elapsed = (now.getTime() - receivedAt.getTime()) / 1000;
  return elapsed < 5 ? 1 : Math.max(1, Math.min(30, Math.floor(elapsed / 5)));
}

/**
 * A poll of a job that runs: one for each Retry-After that was reported, and ten before their time. What is reported
 * grows while it is waited: the budget fills as fast as what may have been reported last, so that who was refused and
 * waited as long as it was asked to is not refused again.
 */
async function takePoll(deps: Deps, job: BulkJob, now: Date): Promise<void> {
  const wait = retryAfterSeconds(job.receivedAt, now);
  const toldBefore = retryAfterSeconds(job.receivedAt, new Date(now.getTime() - wait * 1000));
  const over = await takeCallAlone(
    deps.database.sql,
    job.peerId,
    `poll/${job.id}`,
    60 / toldBefore,
    now,
    EARLY_POLLS + 1,
  );
  if (over > 0) throw new Outcome('throttled', 'Ask again when Retry-After has passed.', { retryAfter: wait });
}

export function exportStatus(deps: Deps) {
  const hold = heldPolls(deps);
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/$export-status/:job');
    const asked = await wholeJob(c, deps);
    const parameters = asked.parameters as ExportParameters;
    const statusHeader = (status: string) => (parameters.separateStatus === true ? { 'x-export-status': status } : {});
    const received = deps.clock();
    if (asked.state === 'queued' || asked.state === 'running') await takePoll(deps, asked, received);
    const job = await hold(asked, c.req.raw.signal);
    if (!job || isOver(deps, job)) throw new Outcome('not-found');
    if (job.state === 'failed') {
      if (parameters.separateStatus !== true) throw new Outcome('internal');
      const failure = JSON.stringify(new Outcome('internal').toResource());
      return c.body(failure, 200, {
        ...PRIVATE,
        ...statusHeader('500 Internal Server Error'),
        'content-type': FHIR_JSON,
      });
    }
    if (job.state !== 'complete') {
      return c.body(null, parameters.separateStatus === true ? 200 : 202, {
        ...PRIVATE,
        ...statusHeader('202 Accepted'),
        'x-progress': job.state === 'queued' ? 'queued' : `${job.progress}% complete`,
        'retry-after': String(retryAfterSeconds(job.receivedAt, deps.clock())),
      });
    }
    if (job.kind === 'export' && !(await mayHave(deps, job))) throw new Outcome('not-found');
    const page = pageOf(c);
    const files = await jobFiles(deps.database.sql, job.id);
    const body = manifest(job, files, addresses(deps.config).fhir, page);
    if (!body) throw new Outcome('not-found');
    const text = JSON.stringify(body);
    const etag = `"${hash('sha256', text)}"`;
    const headers = {
      ...PRIVATE,
      ...statusHeader('200 OK'),
      etag,
      expires: (job.expiresAt ?? deps.clock()).toUTCString(),
    };
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers);
    return c.body(text, 200, { ...headers, 'content-type': 'application/json' });
  };
}

function pageOf(c: Context<FhirEnv>): number {
  const written = new URL(c.req.url).searchParams.get('page');
  if (written === null) return 1;
  if (!/^[1-9]\d{0,5}$/.test(written)) throw new Outcome('not-found');
  return Number(written);
}

/** Anyone who began a job may end it, with any token: nothing is disclosed of it. */
export function exportDelete(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/$export-status/:job');
    const { caller, job } = await ownJob(c, deps);
    const at = deps.clock();
    const ended = await deps.database.sql.begin(async (tx) => {
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
    if (!ended) throw new Outcome('not-found');
    const { files, stay } = ended;
    const isCopy = deps.blobs.isCopy === true;
    // the housekeeping removes them when they were walked
    if (stay && !isCopy) return c.body(null, 202, PRIVATE);
    for (const f of files) await deps.blobs.delete(f.blobKey);
    // of a copy the node still has them, and removes what stands in the list
    if (!isCopy) await forgetFiles(deps.database.sql, files, at);
    // and what a worker that died has left
    if (job.kind === 'export') for (const key of await deps.blobs.list(`bulk/${job.id}/`)) await deps.blobs.delete(key);
    return c.body(null, 202, PRIVATE);
  };
}
