// GET of a finished file: stored gzip, sent as it is or inflated; one byte range on the gzip form. Each delivery is an
// audit row before the first byte leaves.
import type { Context } from 'hono';
import { acceptsGzip, inflated, readRange, streamed } from '../../src/blobs/serve-file.ts';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { isNotModified } from '../../src/http/conditional.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import type { ExportParameters } from '../export/parameters.ts';
import { holdsConsent } from '../export/revoke.ts';
import { BY_PATIENT } from '../export/write-members.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { findFile } from '../store/bulk-job.ts';
import { covers, insufficientScope, recordRefusal } from './authorize.ts';
import { jobCaller } from './export-status.ts';

export function exportFile(deps: Deps) {
  return async (c: Context<FhirEnv>): Promise<Response> => {
    route(c, '/exchange/fhir/$export-file/:job/:file');
    const { caller, job } = await jobCaller(c, deps);
    const name = /^([0-9a-f]{32})\.ndjson$/.exec(c.req.param('file') ?? '')?.[1];
    const file =
      job.state === 'complete' && name !== undefined ? await findFile(deps.database.sql, job.id, name) : undefined;
    if (!file) {
      await recordRefusal(c, deps, caller.peer, 'not-granted', `job/${job.id}`);
      throw new Outcome('not-found');
    }
    // the list of what left the view names types too, and files by patient hold all
    const types =
      file.kind === 'output' && file.type !== BY_PATIENT
        ? [file.type]
        : ((job.parameters as Partial<ExportParameters>).types ?? []);
    if (job.kind === 'export' && types.some((type) => !covers(caller, type))) return insufficientScope(c, deps, caller);
    if (job.kind === 'export' && !(await holdsConsent(deps, job))) throw new Outcome('not-found');
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
    if (isNotModified(c.req.header('if-none-match'), undefined, etag, job.receivedAt))
      return c.body(null, 304, headers);
    if (range === 'unsatisfiable')
      return c.body(null, 416, { ...headers, 'content-range': `bytes */${file.storedBytes}` });
    if (c.req.method === 'HEAD')
      return c.body(null, 200, { ...headers, ...(isGzip ? { 'content-length': String(file.storedBytes) } : {}) });
    await writeAudit(deps.database.sql, [
      auditRow({
        at: deps.clock(),
        actorKind: 'peer',
        actor: caller.peer.id,
        action: 'file',
        object: `${job.kind}/${job.id}/${file.id}`,
        peerId: caller.peer.id,
        requestId: c.get('requestId'),
        detail: { type: file.type, lines: file.lines, sha256: file.sha256 },
      }),
    ]);
    const stream = await deps.blobs.get(file.blobKey, range === 'ignore' ? undefined : range);
    if (!stream) throw new Outcome('not-found');
    if (range !== 'ignore')
      return streamed(stream, 206, {
        ...headers,
        'content-range': `bytes ${range.start}-${range.end - 1}/${file.storedBytes}`,
        'content-length': String(range.end - range.start),
      });
    if (isGzip) return streamed(stream, 200, { ...headers, 'content-length': String(file.storedBytes) });
    return streamed(inflated(stream), 200, headers);
  };
}
