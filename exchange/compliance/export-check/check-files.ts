// Walks the files of finished exports, line by line, for anything that must not leave.
import { createHash } from 'node:crypto';
import { gunzipped } from '../../../src/blobs/gunzipped.ts';
import type { Deps } from '../../../src/deps.ts';
import { lines } from '../../../src/fhir/ndjson.ts';
import { isObject, isResource, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { addMonths, localDay, yearsBefore } from '../../members/deadlines/business-day.ts';
import { listPeers } from '../../peers/peer.ts';
import { keptBackOf } from '../../records/kept-back.ts';
import { type BulkFile, type FinishedExport, findFile, finishedExports, jobFiles } from '../../responder/bulk-job.ts';
import { deliveredMembers } from '../../responder/export/delivered.ts';
import { BY_PATIENT } from '../../responder/export/write-members.ts';
import {
  authorizationNumbers,
  type ContentContext,
  type ContentFault,
  contentFaults,
  isPartsFault,
  type Staying,
} from './check-line.ts';
import {
  authorizationsBeside,
  documentsOf,
  leavingText,
  revealingAt,
  stayingOf,
  supportersOf,
} from './export-check-rows.ts';
import { hiddenDocuments } from './supporting-documents.ts';

export type FoundFault = {
  job: string;
  file: string;
  type: string;
  /** counts from 1; 0 when it is about the file */
  line: number;
  kind: ContentFault['kind'] | 'unreadable' | 'changed-file' | 'missing-file' | 'line-count';
  path: string;
};
/** `missing`: files that are not in the store, of which nothing can be said; `faults` is all else that was reported. */
export type ContentVerdict = { jobs: number; files: number; lines: number; faults: number; missing: number };

type Needs = Pick<Deps, 'database' | 'blobs' | 'config'>;
const PAGE = 1000;

async function contextOf(deps: Needs, job: FinishedExport): Promise<ContentContext> {
  const members = new Map<string, string>();
  const hidden = new Set<string>();
  const hiddenNumbers = new Map<string, Set<string>>();
  const documents = new Map<string, ReadonlySet<string>>();
  const staying = new Map<string, Map<string, Staying>>();
  for (let after = ''; ; ) {
    const page = await deliveredMembers(deps.database.sql, job.id, after, PAGE);
    for (const m of page) members.set(m.memberId, m.policy);
    const ids = page.map((m) => m.memberId);
    const beside = await authorizationsBeside(deps.database.sql, ids, job.transactionTime);
    const numbers = beside.map((a) => ({ ...a, numbers: authorizationNumbers(read(a.body)) }));
    // what one of the same member has that may be disclosed, as after an appeal, names that one too
    const shown = new Set(
      numbers.filter((a) => !a.isHidden).flatMap((a) => a.numbers.map((n) => `${a.memberId} ${n}`)),
    );
    for (const one of numbers.filter((a) => a.isHidden)) {
      hidden.add(one.id);
      const own = hiddenNumbers.get(one.memberId) ?? new Set();
      for (const n of one.numbers) if (!shown.has(`${one.memberId} ${n}`)) own.add(n);
      hiddenNumbers.set(one.memberId, own);
    }
    const supporters = await supportersOf(deps.database.sql, ids, job.transactionTime);
    const named = await documentsOf(deps.database.sql, ids, job.transactionTime);
    const keptBack = await keptBackOf(deps.database.sql, ids, job.transactionTime);
    for (const [memberId, keys] of hiddenDocuments(supporters, named, read, keptBack)) documents.set(memberId, keys);
    for (const { memberId, key, label, isDoubted } of await stayingOf(deps.database.sql, ids, job.transactionTime)) {
      const own = staying.get(memberId) ?? new Map<string, Staying>();
      staying.set(memberId, own.set(key, { label, isDoubted }));
    }
    if (page.length < PAGE) break;
    after = page.at(-1)?.memberId ?? after;
  }
  const day = localDay(job.transactionTime, deps.config.timeZone);
  const peerOrigins = new Set(
    (await listPeers(deps.database.sql)).flatMap((p) => [
      ...p.origins,
      ...p.fileOrigins,
      ...(p.fhirBase === null ? [] : [new URL(p.fhirBase).origin]),
    ]),
  );
  const windowStart = yearsBefore(day, deps.config.exportWindowYears);
  return {
    members,
    hidden,
    hiddenNumbers,
    hiddenDocuments: documents,
    staying,
    revealing: await revealingAt(deps.database.sql, job.transactionTime),
    peerOrigins,
    windowStart,
    today: day,
    yearAgo: addMonths(day, -12),
  };
}

/**
 * The faults of a line. What a part of a record leaves open, by `_elements`, the whole decides; what that said is not
 * known of one written since.
 */
async function faultsOf(
  { sql }: Deps['database'],
  resource: Resource,
  context: ContentContext,
  at: Date,
): Promise<ContentFault[]> {
  const found = contentFaults(resource, context);
  if (!found.some((f) => isPartsFault(resource, f))) return found;
  const id = text(resource['id']) ?? '';
  const whole = read(
    (await leavingText(sql, [...context.members.keys()], { resourceType: resource.resourceType, id }, at)) ?? '',
  );
  const kinds = new Set((whole === undefined ? [] : contentFaults(whole, context)).map((f) => f.kind));
  return found.filter((f) => kinds.has(f.kind) || !isPartsFault(resource, f));
}

/** Bytes as stored, hashed as they pass. */
async function* hashed(source: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

type Place = Omit<FoundFault, 'line' | 'kind' | 'path'>;

async function walkFile(
  deps: Needs,
  file: BulkFile,
  context: ContentContext,
  at: Date,
  tell: (fault: FoundFault) => void,
): Promise<number> {
  const place: Place = { job: file.jobId, file: file.id, type: file.type };
  const about = (kind: FoundFault['kind'], line = 0, path = '') => tell({ ...place, line, kind, path });
  // removed between being found and being read: its peer had it deleted, or it is over
  const missing = async () => {
    if (await findFile(deps.database.sql, file.jobId, file.id)) about('missing-file');
  };
  const stored = await deps.blobs.get(file.blobKey);
  if (!stored) {
    await missing();
    return 0;
  }
  const hash = createHash('sha256');
  let n = 0;
  try {
    for await (const line of lines(gunzipped(hashed(stored, hash)))) {
      n++;
      const resource = 'text' in line ? read(line.text) : undefined;
      const isMixed = file.type === BY_PATIENT;
      if (!resource || (file.kind === 'output' && !isMixed && resource.resourceType !== file.type))
        about('unreadable', line.number);
      else if (file.kind === 'output' && !(isMixed && isHeader(resource, context)))
        for (const fault of await faultsOf(deps.database, resource, context, at))
          about(fault.kind, line.number, fault.path);
    }
  } catch (error) {
    if (isObject(error) && error['code'] === 'ENOENT') await missing();
    else about('unreadable', n + 1);
    return n;
  }
  if (hash.digest('hex') !== file.sha256) about('changed-file');
  if (n !== file.lines) about('line-count');
  return n;
}

/** The line that begins the block of a patient, who must be one of the export. */
function isHeader(resource: Resource, context: ContentContext): boolean {
  const [first] = resource.resourceType === 'Parameters' ? objects(resource['parameter']) : [];
  const value = first?.['valueReference'];
  const reference = isObject(value) ? text(value['reference']) : undefined;
  return reference?.startsWith('Patient/') === true && context.members.has(reference.slice('Patient/'.length));
}

function read(line: string) {
  try {
    const parsed: unknown = JSON.parse(line);
    return isResource(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param jobId one export; else all whose files are there
 * @returns undefined when there is no such export
 */
export async function walkContent(
  deps: Needs,
  jobId: string | undefined,
  tell: (fault: FoundFault) => void,
): Promise<ContentVerdict | undefined> {
  const jobs = await finishedExports(deps.database.sql, jobId);
  if (jobId !== undefined && jobs.length === 0) return undefined;
  const verdict: ContentVerdict = { jobs: jobs.length, files: 0, lines: 0, faults: 0, missing: 0 };
  for (const job of jobs) {
    const context = await contextOf(deps, job);
    for (const file of (await jobFiles(deps.database.sql, job.id)).filter((f) => f.removedAt === null)) {
      verdict.files++;
      verdict.lines += await walkFile(deps, file, context, job.transactionTime, (fault) => {
        if (fault.kind === 'missing-file') verdict.missing++;
        else verdict.faults++;
        tell(fault);
      });
    }
  }
  return verdict;
}
