// Makes the set of an export that a reader asked for: of the state at the time, in a snapshot of its own.
import { randomUUID } from 'node:crypto';
import { operationOutcome } from '../../src/fhir/outcome.ts';
import type { ExportRequest } from '../../src/fhir/search/export-request.ts';
import { subsetResource } from '../../src/fhir/search/subset.ts';
import { type DirectoryType, isDirectoryType } from '../../src/fhir/search/types.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { BULK_ORDER, deletionLines, LeaseLost, named, setFolder, writing } from './bulk-files.ts';
import {
  claimExport,
  deletedKeys,
  type ExportJob,
  endExport,
  exportRows,
  failExport,
  renewExport,
} from './export-set.ts';
import { finishSet } from './file-set.ts';
import type { PublishDeps } from './make-publication.ts';
import { inSnapshot, settle } from './publication.ts';

const TRIES = 3;

/** Makes one that waits. @returns false when none does */
export async function makeExport(deps: PublishDeps, stopped: () => boolean = () => false): Promise<boolean> {
  const { sql } = deps.database;
  const owner = randomUUID();
  const { leaseSeconds } = deps.config;
  const job = await claimExport(sql, owner, deps.clock(), leaseSeconds);
  if (!job) return false;
  let held = true;
  const renewal = setInterval(
    () => {
      renewExport(sql, job.id, owner, deps.clock(), leaseSeconds).then(
        (still) => {
          held &&= still;
        },
        (error: unknown) => deps.log('warn', 'lease not renewed', { error: describe(error) }),
      );
    },
    (leaseSeconds * 1000) / 3,
  );
  try {
    await run(deps, job, owner, () => held && !stopped());
  } catch (error) {
    if (!(error instanceof LeaseLost))
      deps.log('error', 'directory export failed', { set: job.id, error: describe(error) });
    await failExport(sql, job.id, owner, deps.clock(), error instanceof LeaseLost || job.attempts < TRIES);
  } finally {
    clearInterval(renewal);
  }
  return true;
}

async function run(deps: PublishDeps, job: ExportJob, owner: string, alive: () => boolean): Promise<void> {
  const { database } = deps;
  const { id: snapshot, covers, end } = await settle(database, deps.clock());
  const folder = setFolder(job.publication, job.id);
  for (const key of await deps.blobs.list(`${folder}/`)) await deps.blobs.delete(key);
  try {
    const files = await writing(deps, folder, [
      (out) =>
        inSnapshot(database, snapshot, async (sql) => {
          const request = job.parameters;
          const types = wanted(request);
          for (const type of types) {
            const elements = elementsOf(request, type);
            const { baseUrl, directoryStaleDays: staleDays } = deps.config;
            const options = { base: `${baseUrl}/directory/fhir`, now: covers, staleDays };
            for await (const rows of exportRows(sql, type, request, options)) {
              if (!alive()) throw new LeaseLost();
              for (const { body } of rows) {
                const text = elements === undefined ? body : subsetResource(body, { summary: 'false', elements });
                const full = out.write('output', type, text);
                if (full) await full;
              }
            }
          }
          if (request.since !== undefined) {
            const deletions = deletionLines(out);
            for await (const rows of deletedKeys(sql, types, request.since, request.until))
              for (const { key } of rows) await deletions.add(key);
            await deletions.end();
          }
          for (const name of request.ignored) {
            const outcome = operationOutcome('warning', 'not-supported', `Ignored, not supported here: ${name}`);
            await out.write('error', 'OperationOutcome', JSON.stringify(outcome));
          }
        }),
    ]);
    const at = deps.clock();
    const kept = await database.sql.begin(async (tx) => {
      if (!(await endExport(tx, job.id, owner, at))) return false;
      await finishSet(tx, job.id, {
        state: 'ready',
        covers,
        at,
        files: named(files, `${job.publication}/export-${job.id}`),
      });
      return true;
    });
    if (!kept) {
      for (const f of files) await deps.blobs.delete(f.blobKey);
      throw new LeaseLost();
    }
  } finally {
    await end();
  }
}

/** Types asked for, what others refer to first. */
function wanted(request: ExportRequest): DirectoryType[] {
  return BULK_ORDER.filter((t) => request.types.length === 0 || request.types.includes(t));
}

/** Elements asked for of a type; those that name another type do not count. */
function elementsOf(request: ExportRequest, type: DirectoryType): string[] | undefined {
  const found = request.elements.flatMap((e) => {
    const [of = '', name] = e.split('.');
    if (name === undefined) return [of];
    return isDirectoryType(of) && of === type ? [name] : [];
  });
  return found.length === 0 ? undefined : found;
}
