// The worker's side of an export: one snapshot, one pass over the members' records, files gzipped as they are written. What
// may leave is decided by the statement (responder/export/export-rows.ts); records are parsed only when the client
// asked for a part of them.
import { type FileLimits, NdjsonFiles, type WrittenFile } from '../../../src/blobs/ndjson-files.ts';
import { arrayLiteral, type Sql } from '../../../src/db/database.ts';
import { withPages } from '../../../src/db/raw-rows.ts';
import type { Deps } from '../../../src/deps.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { addMonths, localDay, yearsBefore } from '../../members/deadlines/business-day.ts';
import { decideAhead } from '../../members/enrolment/relabel.ts';
import { findPeer } from '../../peers/peer.ts';
import { addresses, ourselves } from '../../plan.ts';
import { EXPORT_ORDER, SHARED_TYPES } from '../../records/facts/record-types.ts';
import { type BulkJob, renewJob } from '../bulk-job.ts';
import { type Grant, type GrantScope, grantedMembers, groupSize, stillGranted } from '../grant.ts';
import { complete, type Withdrawn } from './complete-export.ts';
import { clearDelivered, writeDelivered } from './delivered.ts';
import {
  type EntryConditions,
  entriesGone,
  keepFinishedEntries,
  type Reported,
  writeEntries,
} from './delivered-entries.ts';
import type { ExportParameters } from './export-parameters.ts';
import { type ExportConditions, readByKey } from './export-rows.ts';
import { lackedSince } from './missing-since.ts';
import { writeOutcomes } from './outcomes.ts';
import { Shape } from './output-form.ts';
import { settledTime } from './settled-time.ts';
import { Named, type NamedRecord, namedRecords } from './shared-entries.ts';
import { sharedTransmitters } from './transmitter.ts';
import { deliveredOf, twoSince, withdrawnMembers } from './withdrawn-since.ts';
import { placing, writeDeleted, writeMembers } from './write-members.ts';

/** Members read by one statement: at first, and at most. */
const FIRST_SLICE = 25;
const MEMBER_SLICE = 125;
/** Records of theirs, about: what was sent of each is held until it is noted, when all are through. */
const SLICE_RECORDS = 20_000;

/** How many members to read next, when so many had so many records. */
export const nextSlice = (members: number, records: number): number =>
  Math.max(1, Math.min(MEMBER_SLICE, Math.floor((SLICE_RECORDS * members) / Math.max(1, records))));
const FILE_LIMITS = { lines: 25_000, bytes: 64 * 1024 * 1024 };

/** Sizes that the client asked for, which are within what we give. */
function fileLimits({ minimumFileSize: least, maximumFileSize: most }: ExportParameters): FileLimits {
  if (least === undefined && most === undefined) return FILE_LIMITS;
  const bytes = Math.min(Math.max(FILE_LIMITS.bytes, least ?? 0), most ?? Number.POSITIVE_INFINITY);
  const lines = least === undefined ? FILE_LIMITS.lines : Number.POSITIVE_INFINITY;
  return { lines, bytes, ...(most === undefined ? {} : { most }) };
}
/** What is counted of records that rules of another program decided. */
const UNCLASSIFIED = 'withheld-unclassified';

type Run = {
  deps: Deps;
  job: BulkJob;
  owner: string;
  parameters: ExportParameters;
  scope: GrantScope;
  today: string;
  transactionTime: Date;
  /** since when the peer may lack something, when it asks for changes */
  since: string | undefined;
  files: NdjsonFiles;
  counts: Record<string, number>;
  /** members of whom what the peer has was named, and why */
  withdrawn: Withdrawn[];
  /** of directory entries, when it is asked for changes of any */
  reported: Reported | undefined;
};

/** Runs one export job that this worker holds. False when the job was taken away meanwhile, or begins again. */
export async function runExport(deps: Deps, job: BulkJob, owner: string): Promise<boolean> {
  const { sql } = deps.database;
  if (!(await findPeer(sql, job.peerId))) throw new Error('the job has no peer');
  const folder = `bulk/${job.id}`;
  // listed before it is known that the job is ours still: what someone writes who takes it over meanwhile is not among them
  const left = await deps.blobs.list(`${folder}/`);
  if (!(await clearDelivered(sql, job.id, owner))) return false;
  for (const key of left) await deps.blobs.delete(key);
  const run: Run = {
    deps,
    job,
    owner,
    parameters: job.parameters as ExportParameters,
    scope: { peerId: job.peerId, groupId: job.groupId },
    today: localDay(deps.clock(), deps.config.timeZone),
    transactionTime: new Date(0),
    since: await lackedSince(sql, job),
    files: new NdjsonFiles(deps.blobs, folder, fileLimits(job.parameters as ExportParameters)),
    counts: {},
    withdrawn: [],
    reported: undefined,
  };
  if (!(await decided(run))) return false;
  if (run.since !== undefined) await keepFinishedEntries(sql, job.peerId);
  run.transactionTime = await settledTime(sql);
  const client = deps.database.dedicated('pages');
  let written: WrittenFile[] | undefined;
  try {
    const alive = await client.begin('isolation level repeatable read read only', (tx) =>
      writeAll(run, withPages(client, tx) as unknown as Sql),
    );
    if (alive) written = await run.files.finish(EXPORT_ORDER);
  } catch (error) {
    // also where the disk is full at the last file: what is there of it would fill the disk until the next try
    await run.files.abandon();
    throw error;
  } finally {
    await client.end({ timeout: 1 });
  }
  if (!written) await run.files.abandon();
  const kept = written !== undefined && (await sql.begin((tx) => complete(run, tx, written)));
  if (!kept) {
    for (const f of written ?? []) await deps.blobs.delete(f.blobKey);
    await clearDelivered(sql, job.id, owner);
    return false;
  }
  deps.metrics.count('exports_total', { result: 'complete' });
  deps.metrics.count('export_resources_total', {}, run.counts['resources'] ?? 0);
  return true;
}

/** Decides what older rules have decided of the members, so that it leaves with the rest. False when the job is no longer ours. */
async function decided({ deps, job, owner, scope, today, parameters }: Run): Promise<boolean> {
  const { sql } = deps.database;
  const granted = await grantedMembers(sql, scope, today, [], parameters.patients);
  const isOurs = () => renewJob(sql, job.id, owner, deps.clock(), deps.config.leaseSeconds, 0);
  const ids = granted.map((m) => m.memberId);
  // what rules that hold here no more leave undecided stays, is counted, and comes with a later export
  return (await decideAhead(deps, ids, isOurs)) !== 'stopped';
}

/** Every record of every member, in slices. False when the job is no longer ours. */
async function writeAll(run: Run, tx: Sql): Promise<boolean> {
  const { deps, job, parameters, counts, files } = run;
  const { sql } = deps.database;
  await readByKey(tx);
  const { since: asked } = parameters;
  const seen = run.since === undefined || asked === undefined ? [] : [...new Set([run.since, asked])];
  const granted = await grantedMembers(tx, run.scope, run.today, seen);
  const wanted =
    parameters.patients === undefined ? granted : granted.filter((m) => parameters.patients?.includes(m.memberId));
  const conditions = {
    everybody: arrayLiteral(wanted.map((m) => m.memberId)),
    types: (parameters.types ?? EXPORT_ORDER).filter((t) => EXPORT_ORDER.includes(t)),
    since: run.since,
    until: formatInstant(run.transactionTime),
    before: parameters.until,
    latestProvenance: parameters.latestProvenance === true,
    relevantProvenance: parameters.relevantProvenance === true,
    windowStart: yearsBefore(run.today, deps.config.exportWindowYears),
    today: run.today,
    yearAgo: addMonths(run.today, -12),
  };
  const shape = new Shape(parameters, addresses(deps.config).fhir);
  const byPatient = parameters.byPatient === true;
  const place = placing(files, byPatient, counts);
  const about = { us: ourselves(deps.config), peerId: job.peerId };
  const sharedTypes = conditions.types.filter((t) => SHARED_TYPES.includes(t));
  const named = sharedTypes.length === 0 ? undefined : new Named();
  const held: Grant[] = [];
  let noted = Promise.resolve();
  let size = FIRST_SLICE;
  for (let from = 0; from < wanted.length; ) {
    const members = await withoutEnded(run, wanted.slice(from, from + size));
    from += size;
    held.push(...members);
    if (members.length > 0) {
      const sent = await writeMembers(
        tx,
        files,
        place,
        { ...conditions, members },
        about,
        shape,
        byPatient,
        counts,
        named,
      );
      await noted;
      // written down while the next members are read
      noted = writeDelivered(sql, job, run.owner, sent);
      noted.catch(() => {}); // a failure is seen where it is awaited
      const records = sent.flatMap((s) => Object.values(s.types)).reduce((sum, n) => sum + n, 0);
      size = nextSlice(members.length, records);
    }
    const progress = Math.floor((Math.min(wanted.length, from) / wanted.length) * 95);
    if (!(await renewJob(sql, job.id, run.owner, deps.clock(), deps.config.leaseSeconds, progress))) return false;
  }
  await noted;
  await writeWithdrawn(run, tx, { ...conditions, members: wanted });
  // in blocks of patients they stand in each that names them
  const shared =
    named === undefined || byPatient
      ? []
      : await writeShared(files, namedRecords(tx, shape, { ...conditions, types: sharedTypes }, named));
  if (conditions.types.includes('Provenance'))
    for (const { json } of sharedTransmitters(about.us, job.peerId, shared))
      await files.write('output', 'Provenance', json);
  if (named) await noteEntries(run, tx, { ...conditions, types: sharedTypes }, named);
  const all = job.groupId === null ? granted.length : await groupSize(tx, job.groupId);
  const undecided = (counts[UNCLASSIFIED] ?? 0) > 0;
  await writeOutcomes(files, parameters, { members: all - granted.length + wanted.length - held.length, undecided });
  counts['members'] = held.length;
  return true;
}

/**
 * Names what the peer has of members who have withdrawn since it asked last, and of whom it got as another one. Of
 * members who are asked for by name, all are granted.
 */
async function writeWithdrawn(run: Run, tx: Sql, conditions: ExportConditions): Promise<void> {
  const { job, parameters, scope, files, counts } = run;
  const { since, until } = parameters;
  if (since === undefined || parameters.patients !== undefined) return;
  for (const memberId of await withdrawnMembers(tx, scope, run.today, since, until)) {
    const rows = await deliveredOf(tx, job.peerId, memberId, { ...conditions, since });
    if (rows.length === 0) continue;
    await writeDeleted(files, rows, counts);
    run.withdrawn.push({ memberId, reason: 'consent-ended' });
  }
  for (const again of await twoSince(tx, job.peerId, run.today, since, until)) {
    const rows = await deliveredOf(tx, job.peerId, again.memberId, { ...conditions, since }, again);
    if (rows.length === 0) continue;
    await writeDeleted(files, rows, counts);
    run.withdrawn.push({ memberId: again.formerId, reason: 'two-persons' });
  }
}

/** The directory-type records that what leaves names, in files of their types. */
async function writeShared(
  files: NdjsonFiles,
  records: AsyncIterable<NamedRecord>,
): Promise<{ key: string; lastUpdated: Date }[]> {
  const written: { key: string; lastUpdated: Date }[] = [];
  for await (const { key, type, text, lastUpdated } of records) {
    await files.write('output', type, text);
    written.push({ key, lastUpdated });
  }
  return written;
}

/** Notes the directory-type records that leave, and names those that the peer has and that left its view. Last in the transaction. */
async function noteEntries(
  run: Run,
  tx: Sql,
  conditions: Omit<EntryConditions, 'since' | 'isNamed'>,
  named: Named,
): Promise<void> {
  const { deps, job, owner, since, files, counts } = run;
  await writeEntries(deps.database.sql, job, owner, [...named.left]);
  if (since === undefined) return;
  const gone = await entriesGone(tx, job.peerId, { ...conditions, since, isNamed: (key) => named.keys.has(key) });
  const rows = gone.map((key) => ({ type: key.slice(0, key.indexOf('/')), id: key.slice(key.indexOf('/') + 1) }));
  await writeDeleted(files, rows, counts);
  run.reported = { since, types: conditions.types, gone };
}

/** Consent as it is now, not as the snapshot saw it: who has withdrawn meanwhile is left out. */
async function withoutEnded(run: Run, members: Grant[]): Promise<Grant[]> {
  const ids = members.map((m) => m.memberId);
  const now = localDay(run.deps.clock(), run.deps.config.timeZone);
  const granted = await stillGranted(run.deps.database.sql, run.scope, now, ids);
  return members.flatMap((m) => {
    const policy = granted.get(m.memberId);
    return policy === undefined ? [] : [policy === 'regular' ? { ...m, policy } : m];
  });
}
