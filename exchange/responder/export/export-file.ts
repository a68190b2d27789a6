// GET of a finished file: stored gzip, sent as it is or inflated; one byte range on the gzip form. Each delivery is an
// audit row before the first byte leaves. One that takes long is broken off when the peer may not have the file any more.

import type { Context } from 'hono';
import { readScopes, SCOPE_OF } from '../../../src/auth/scopes.ts';
import { gunzipped } from '../../../src/blobs/gunzipped.ts';
import { readRange, streamed } from '../../../src/blobs/serve-file.ts';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { orBrokenOff, whileAllowed } from '../../../src/http/break-off.ts';
import { isAnother, isNotModified } from '../../../src/http/conditional.ts';
import { type FhirEnv, route } from '../../../src/http/fhir-app.ts';
import { acceptsGzip } from '../../../src/http/negotiate.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { findPeer } from '../../peers/peer.ts';
import { covers, insufficientScope, recordRefusal } from '../authorize.ts';
import { type BulkJob, findFile, findJob } from '../bulk-job.ts';
import { takeDownload } from './download-limit.ts';
import { mayHave } from './export-access.ts';
import type { ExportParameters } from './export-parameters.ts';
import { ownJob } from './export-status.ts';
import { BY_PATIENT } from './write-members.ts';

/** A client that takes a file slowly is looked at again after so long; where it cannot be, as the database is away, it waits so long. */
const LOOKS = { everyMs: 5000, patienceMs: 30_000 };
/** After so many seconds a client asks again for a file that is not yet where it is served from. */
const COPIED_SECONDS = 30;
export const notCopied = (): Outcome =>
  new Outcome('unavailable', 'The file is on its way here.', { retryAfter: COPIED_SECONDS });

/**
 * Is the peer still let in, and does every consent hold? A file that expired meanwhile, or that its peer has deleted,
 * may be read to its end.
 */
async function mayGoOn(deps: Deps, job: BulkJob): Promise<boolean> {
  const { sql } = deps.database;
  const [peer, now] = await Promise.all([findPeer(sql, job.peerId), findJob(sql, job.id, job.peerId)]);
  const isTheirs = peer?.state === 'active' && now !== undefined && now.state !== 'revoked';
  const may = isTheirs && (job.kind === 'match' || (await mayHave(deps, job)));
  if (!may) deps.log('warn', 'download broken off', { job: job.id, peer: job.peerId });
  return may;
}

export function exportFile(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/$export-file/:job/:file');
    const { caller, job } = await ownJob(c, deps);
    const name = /^([0-9a-f]{32})\.ndjson$/.exec(c.req.param('file') ?? '')?.[1];
    const file =
      job.state === 'complete' && name !== undefined ? await findFile(deps.database.sql, job.id, name) : undefined;
    if (!file) {
      await recordRefusal(c, deps, caller.peer, 'not-granted', `job/${job.id}`);
      throw new Outcome('not-found');
    }
    if (job.kind === 'match' && !caller.permissions.has('match.bulk'))
      return insufficientScope(c, deps, caller, SCOPE_OF['match.bulk']);
    // the list of what left the view names types too, and files by patient hold all
    const types =
      file.kind === 'output' && file.type !== BY_PATIENT
        ? [file.type]
        : ((job.parameters as Partial<ExportParameters>).types ?? []);
    const beyond = types.filter((type) => !covers(caller, type));
    if (job.kind === 'export' && beyond.length > 0) return insufficientScope(c, deps, caller, readScopes(beyond));
    if (job.kind === 'export' && !(await mayHave(deps, job))) throw new Outcome('not-found');
    const isGzip = acceptsGzip(c.req.header('accept-encoding'));
    const etag = `"${file.sha256}${isGzip ? '' : '-identity'}"`;
    const ifRange = c.req.header('if-range');
    const range =
      isGzip && (ifRange === undefined || ifRange === etag)
        ? readRange(c.req.header('range'), file.storedBytes)
        : 'ignore';
    const headers: Record<string, string> = {
      'content-type': 'application/fhir+ndjson',
      'content-disposition': `attachment; filename="${file.type === BY_PATIENT ? 'Patients' : file.type}.${file.position}.ndjson"`,
      'cache-control': 'private, no-store',
      vary: 'Accept-Encoding, Authorization',
      etag,
      'accept-ranges': isGzip ? 'bytes' : 'none',
      ...(isGzip
        ? {
            'content-encoding': 'gzip',
            'repr-digest': `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`,
          }
        : {}),
    };
    if (isAnother(c.req.header('if-match'), etag)) throw new Outcome('precondition-failed');
    if (isNotModified(c.req.header('if-none-match'), undefined, etag, job.receivedAt))
      return c.body(null, 304, headers);
    if (range === 'unsatisfiable')
      return c.body(null, 416, { ...headers, 'content-range': `bytes */${file.storedBytes}` });
    const missing = () => (deps.blobs.isCopy === true ? notCopied() : new Outcome('not-found'));
    if (c.req.method === 'HEAD') {
      if ((await deps.blobs.size(file.blobKey)) === undefined) throw missing();
      return c.body(null, 200, { ...headers, ...(isGzip ? { 'content-length': String(file.storedBytes) } : {}) });
    }
    takeDownload(c, deps, caller.peer.id);
    const stored = await deps.blobs.get(file.blobKey, range === 'ignore' ? undefined : range);
    if (!stored) throw missing();
    await writeAudit(deps.database.sql, [
      auditRow({
        at: deps.clock(),
        actorKind: 'peer',
        actor: caller.peer.id,
        action: 'file',
        object: `${job.kind}/${job.id}/${file.id}`,
        peerId: caller.peer.id,
        requestId: c.get('requestId'),
        detail: {
          type: file.type,
          lines: file.lines,
          sha256: file.sha256,
          // of a part about as many as its share
          ...(range === 'ignore'
            ? {}
            : { records: Math.ceil((file.lines * (range.end - range.start)) / file.storedBytes) }),
        },
      }),
    ]);
    const allowed = whileAllowed(c, stored, () => mayGoOn(deps, job), LOOKS);
    const stream = orBrokenOff(c, deps, range === 'ignore' && !isGzip ? gunzipped(allowed) : allowed);
    if (range !== 'ignore')
      return streamed(stream, 206, {
        ...headers,
        'content-range': `bytes ${range.start}-${range.end - 1}/${file.storedBytes}`,
        'content-length': String(range.end - range.start),
      });
    if (isGzip) return streamed(stream, 200, { ...headers, 'content-length': String(file.storedBytes) });
    return streamed(stream, 200, headers);
  };
}
