// downloading → reconciling: every file is kept as it came, with its hash. Finished files are not fetched again; one that broke
// off goes on from what is kept.
import { downloadBundles } from './client/bundle-pages.ts';
import { download } from './client/download.ts';
import type { Downloaded } from './client/file-parts.ts';
import { poll, readManifest } from './client/kick-off.ts';
import { askPeer, discard, isAway, PeerFault } from './client/peer-fetch.ts';
import { inLanes } from './concurrency.ts';
import { closeRequests, howSure, SYNCHRONOUS } from './export-step.ts';
import { freshLinks } from './fresh-links.ts';
import { readSaid } from './messages.ts';
import { holdPull, pullMembers } from './pull.ts';
import { notedTypes, noteTypes } from './pull-fault.ts';
import {
  appendFiles,
  type FileWithParts,
  fileDownloaded,
  fileFailed,
  fileKept,
  moveFiles,
  pullFiles,
  REFETCHED,
} from './pull-file.ts';
import { abilitiesOf, advance, fallBack, LocalFailure, RetryLater, type Step, some, writeFaults } from './states.ts';

/** Files of one pull at once. */
const WIDTH = 4;
const MIB = 1024 * 1024;
/** Faults after which the others need not be tried. */
const FOR_ALL = new Set(['auth', 'unreachable', 'certificate', 'throttled', 'not-registered']);
const REFUSED_TYPE = 'peer-type-refused';
const INCOMPLETE = 'peer-incomplete';
const REFUSED_SEARCH = /^bundle-(400|403|404|405|422|501)$/;
const NOT_SPOKEN = /^bundle-(400|404|405|501)$/;

export async function downloadStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  const isAtOnce = SYNCHRONOUS.includes(s.pull.fetchForm);
  let files = await pullFiles(sql, s.pull.id);
  for (let isFresh = false; ; isFresh = true) {
    const outcome = await fetchAll(s, files);
    if (outcome.fault && isAtOnce && s.pull.fetchForm === 'everything' && NOT_SPOKEN.test(outcome.fault.reason))
      if (!files.some((f) => f.state === 'downloaded') && abilitiesOf(s).searchTypes.length > 0)
        return fallBack(s, 'everything', outcome.fault, 'matched', howSure(outcome.fault));
    if (!outcome.hasExpired || isFresh || isAtOnce) {
      if (outcome.fault?.isTransient) throw outcome.fault;
      break;
    }
    await readAgain(s, files);
    files = await pullFiles(sql, s.pull.id);
  }
  files = await pullFiles(sql, s.pull.id);
  const said = await readSaid(s.deps, s.pull.id, files);
  if (said.isProblem) s.note('peer-error-file');
  const refused = s.pull.fetchForm === 'search' ? refusedSearches(files) : new Set<string>();
  const failed = files.filter((f) => f.state === 'failed' && f.kind !== 'error' && !refused.has(f.type));
  if (failed.length > 0 && s.pull.acceptedBy === null)
    return advance(s, 'partial', { reason: 'file-failed' }, `${some(failed.length, 'file')} could not be fetched`);
  const bytes = files.reduce((n, f) => n + (f.bytes ?? 0), 0);
  if (bytes > s.limits.pullBytes && s.pull.acceptedBy === null)
    return advance(s, 'partial', { reason: 'pull-too-large' }, `${bytes} bytes`);
  const lacks = [...refused, ...(await notedTypes(sql, s.pull.id, REFUSED_TYPE))];
  if (said.mayLack) s.note(INCOMPLETE);
  // what it could not give would not come by itself: the next request begins where this one did
  const changes = said.mayLack || lacks.length > 0 ? { transactionTime: null } : {};
  return advance(s, 'reconciling', changes, '', async (tx) => {
    await noteTypes(tx, s.pull.id, REFUSED_TYPE, [...refused]);
    // with the type: a person may have taken it that the payer gives none of it
    await noteTypes(tx, s.pull.id, INCOMPLETE, lacks);
    if (isAtOnce) await closeRequests(tx, s, await pullMembers(tx, s.pull.id), s.deps.clock());
  });
}

/** Types of which each search was refused, where others were answered: what may be had is taken. Pure. */
function refusedSearches(files: readonly FileWithParts[]): Set<string> {
  const isRefused = (f: FileWithParts) => f.state === 'failed' && REFUSED_SEARCH.test(f.failure ?? '');
  const answered = new Set(files.filter((f) => !isRefused(f)).map((f) => f.type));
  const types = new Set(files.filter((f) => isRefused(f) && !answered.has(f.type)).map((f) => f.type));
  // a payer that gives nothing but the person gives nothing
  const isAnything = [...answered].some((type) => type !== 'Patient');
  return types.has('Patient') || !isAnything ? new Set() : types;
}

type Fetched = { fault: PeerFault | undefined; hasExpired: boolean };

/** Fetches what is missing. `fault`: the last one that another try may mend, or else the last one. */
async function fetchAll(s: Step, files: readonly FileWithParts[]): Promise<Fetched> {
  const manifest = readManifest(JSON.parse(s.pull.manifest ?? '{}'), s.pull.exportStatusUrl ?? s.peer.fhirBase ?? '');
  const outcome: Fetched = { fault: undefined, hasExpired: false };
  await inLanes(
    files.filter((f) => f.state === 'pending'),
    WIDTH,
    async (file) => {
      try {
        await fetchFile(s, file, manifest.requiresAccessToken);
      } catch (error) {
        if (!(error instanceof PeerFault)) throw error;
        const { isFinal, isExpired } = judge(s, file, error);
        // a file is given up while its payer is there: who is away altogether is waited for, and no try is lost
        if (isFinal && isAway(error.reason) && (await isAwayAltogether(s))) throw error;
        await holdPull(s.deps.database.sql, s.pull.id, s.owner);
        if (error.reason !== 'auth')
          await fileFailed(s.deps.database.sql, s.pull.id, file.position, error.reason, isFinal);
        if (FOR_ALL.has(error.reason) && !isFinal) throw error;
        outcome.hasExpired ||= isExpired;
        if (!isFinal && !isExpired) outcome.fault = error;
        else if (!outcome.fault?.isTransient) outcome.fault = error;
      }
    },
  );
  return outcome;
}

/** Is it the end of this file? One that is gone is looked up once more in a fresh manifest. Pure but for the limits. */
function judge(s: Step, file: FileWithParts, fault: PeerFault): { isFinal: boolean; isExpired: boolean } {
  const isLast = file.attempts + 1 >= s.limits.fileTries;
  const isGone = fault.reason === 'file-404' || fault.reason === 'file-410';
  const isExpired = isGone && s.pull.exportStatusUrl !== null && file.failure !== fault.reason && !isLast;
  if (fault.reason === 'auth') return { isFinal: false, isExpired: false };
  return { isFinal: !isExpired && (!fault.isTransient || isLast), isExpired };
}

/** Does the payer answer nothing at all? What it publishes is asked for, without a token. */
async function isAwayAltogether(s: Step): Promise<boolean> {
  try {
    await discard(await askPeer(s, `${s.peer.fhirBase ?? ''}/.well-known/smart-configuration`));
    return false;
  } catch (error) {
    if (error instanceof PeerFault) return isAway(error.reason);
    throw error;
  }
}

/** Room must be left for what else is written: nothing is begun that would fill the disk, nor gone on with. */
async function leaveRoom(s: Step): Promise<void> {
  const room = await s.deps.blobs.room?.();
  if (room !== undefined && room < s.deps.config.diskReserveMb * MIB + WIDTH * s.limits.partBytes)
    throw new LocalFailure('disk-full');
}

async function fetchFile(s: Step, file: FileWithParts, needsToken: boolean | undefined): Promise<void> {
  const { sql } = s.deps.database;
  await leaveRoom(s);
  // a second look at a file stands beside the first
  const key = `pulls/${s.pull.id}/${file.position}${file.failure === REFETCHED ? 'r' : ''}`;
  const hold = () => holdPull(sql, s.pull.id, s.owner);
  const got: Downloaded = SYNCHRONOUS.includes(s.pull.fetchForm)
    ? await downloadBundles(s, file.url, key, hold)
    : await download(s, {
        url: file.url,
        needsToken,
        key,
        kept: file.kept,
        hold,
        keep: async (kept) => {
          await hold();
          await fileKept(sql, s.pull.id, file.position, kept);
          await leaveRoom(s);
        },
      });
  await hold();
  await fileDownloaded(sql, s.pull.id, file.position, got);
}

/** Files that are gone may be had under fresh addresses: the manifest is read once more. */
async function readAgain(s: Step, files: readonly FileWithParts[]): Promise<void> {
  const { sql } = s.deps.database;
  const statusUrl = s.pull.exportStatusUrl ?? '';
  s.note('peer-files-expired');
  const answer = await poll(s, statusUrl, s.pull.attempts);
  if (!answer.isDone) {
    await writeFaults(s);
    throw new RetryLater(answer.waitMs);
  }
  const now = readManifest(JSON.parse(answer.text), statusUrl);
  const { moved, added, vanished } = freshLinks(files, now.files);
  if (added.length > 0) s.note('peer-manifest-changed');
  for (const _ of vanished) s.note('peer-file-vanished');
  await sql.begin(async (tx) => {
    await holdPull(tx, s.pull.id, s.owner);
    await moveFiles(tx, s.pull.id, moved);
    await appendFiles(tx, s.pull.id, added, files.length);
  });
}
