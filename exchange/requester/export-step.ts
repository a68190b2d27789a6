import { calendarOf } from '../members/deadlines/business-day.ts';
import { closeClock } from '../members/deadlines/deadline.ts';
import { openRefreshClocks } from '../members/deadlines/member-deadlines.ts';
import { findPeer } from '../peers/peer.ts';
import { recordAbilities } from '../peers/peer-health.ts';
import { noteTaken } from '../peers/peer-takes.ts';
import { startExport } from './ask-export.ts';
import type { Abilities, FetchForm } from './client/abilities.ts';
import { poll, readManifest } from './client/kick-off.ts';
import type { Manifest, ManifestFile } from './client/manifest.ts';
import { PeerFault } from './client/peer-fetch.ts';
import { knownSince } from './known-since.ts';
import { leftOutMembers, type movePull, type PullMember, pullMembers, setOutcomes } from './pull.ts';
import { noteTypes } from './pull-fault.ts';
import { addFiles } from './pull-file.ts';
import { noteLeftOut } from './pull-member.ts';
import { askWithout, namedTypes, outOfReach, type Refused, refusedTypes, TYPES } from './refused-types.ts';
import { leaveJobs } from './split-pull.ts';
import { abilitiesOf, advance, endLeftOut, fallBack, RetryLater, type Step, saysMissing, some } from './states.ts';

type Tx = Parameters<typeof movePull>[0];
/** What was written at the peer while its answer was made may lie a little before the time that it says. */
const OVERLAP_MS = 60_000;
const CLOCK_SKEW_MS = 300_000;
const NOT_SPOKEN = /^(kick-off-(400|404|405|422|501)|job-failed-501|status-501)$/;
/** An answer of these alone is the list of members, not their history. */
const BARE = new Set([
  'Group',
  'Patient',
  'Coverage',
  'RelatedPerson',
  'Organization',
  'Practitioner',
  'PractitionerRole',
  'Location',
]);
const UNASKED = { outcome: null, peerPatientId: null };
export const SYNCHRONOUS: readonly (FetchForm | null)[] = ['everything', 'search'];

/** The duty to ask ends when the peer has taken the request, and the next one begins. */
export async function closeRequests(tx: Tx, s: Step, members: readonly PullMember[], at: Date): Promise<void> {
  // beside what is owed: the quarter's question was asked before it
  if (s.pull.cause === 'comparison') return;
  for (const m of members)
    if (m.outcome === 'matched' && m.otherCoverageId !== null) await closeClock(tx, 'C2', m.otherCoverageId, at);
  await openRefreshClocks(tx, calendarOf(s.deps.config), at, { pullId: s.pull.id, at });
}

/** A 400 or 422 may find fault with what this request asks for; a 404 is what servers say of addresses that they do not have. Pure. */
export const howSure = (fault: PeerFault): 'said' | 'guessed' | 'now' =>
  saysMissing(fault) ? 'said' : fault.reason.endsWith('-404') ? 'guessed' : 'now';

/** matched → exporting; of a peer that answers at once, → downloading. */
export async function exportStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  const left = await leftOutMembers(sql, s.pull.id);
  const members = (await pullMembers(sql, s.pull.id)).filter((m) => m.outcome === 'matched');
  const asked = members.filter((m) => !left.has(m.submittedId));
  if (asked.length === 0)
    return endLeftOut(
      s,
      members.flatMap((m) => left.get(m.submittedId) ?? []),
    );
  const of = new Set(asked.map((m) => m.memberId));
  const leftOut = members.flatMap((m) => (of.has(m.memberId) ? [] : m.memberId));
  await noteLeftOut(sql, s.pull.id, leftOut);
  const form = s.pull.fetchForm ?? abilitiesOf(s).fetch;
  if (leftOut.length > 0 && isMatchedGroup(s, form)) return matchAnew(s, leftOut.length);
  const patients = [
    // of a member with two cards there it is the same one
    ...new Set(asked.flatMap((m) => [...(m.peerPatientId === null ? [] : [m.peerPatientId]), ...m.furtherPatients])),
  ];
  if (SYNCHRONOUS.includes(form)) return askAtOnce(s, form, patients);
  const since = await sinceOf(s);
  const abilities = abilitiesOf(s);
  const types = namedTypes(abilities);
  let statusUrl: string;
  let lacks: { type: string; why: Refused }[] = [];
  try {
    if (types === undefined) statusUrl = await startExport(s, form, patients, since);
    else
      ({ answer: statusUrl, left: lacks } = await askWithout(
        types,
        abilities.searchTypes,
        (some) => startExport(s, form, patients, since, some.join(',')),
        since !== undefined,
      ));
  } catch (error) {
    if (error instanceof PeerFault && form !== 'all' && NOT_SPOKEN.test(error.reason))
      return fallBack(s, form, error, 'matched', howSure(error));
    throw error;
  }
  const at = s.deps.clock();
  return advance(
    s,
    'exporting',
    { exportStatusUrl: statusUrl, kickedOffAt: at, since: since ?? null },
    since === undefined ? 'everything' : `changes since ${since.toISOString()}`,
    async (tx) => {
      await closeRequests(tx, s, members, at);
      if (types !== undefined) await tellTypes(tx, s, lacks);
      await noteTypes(tx, s.pull.id, 'peer-scope-types', outOfReach(s.tokens.scopes(s.peer.id), types ?? TYPES));
    },
  );
}

/** Is a Group asked for that the peer has made for this request, and not one that was agreed on? */
const isMatchedGroup = ({ pull, peer }: Step, form: FetchForm): boolean =>
  (form === 'davinci' || form === 'group') && pull.matchForm === 'bulk' && pull.groupId !== peer.groupThere;

/**
 * Of a Group everybody in it is asked for (that some of it are named, `patient`, a payer need not know): one without
 * those who are to be asked for no more is matched.
 */
async function matchAnew(s: Step, left: number): Promise<void> {
  const { sql } = s.deps.database;
  const unmatched = (await pullMembers(sql, s.pull.id)).map(({ submittedId }) => ({ submittedId, ...UNASKED }));
  await leaveJobs(s, s.pull.matchStatusUrl);
  return advance(
    s,
    'authorized',
    { matchStatusUrl: null, groupId: null, since: null },
    `matched again without ${some(left, 'member')}, to be asked for no more`,
    (tx) => setOutcomes(tx, s.pull.id, unmatched),
  );
}

/** Notes the types that the peer does not give, and remembers those that it refused now. */
async function tellTypes(tx: Tx, s: Step, left: readonly { type: string; why: Refused }[]): Promise<void> {
  // what else an answer taught meanwhile stands on the record
  const known = (await findPeer(tx, s.peer.id))?.abilities ?? abilitiesOf(s);
  const now = { ...known, lacks: [...new Set([...known.lacks, ...left.map((l) => `${l.why}:${l.type}`)])] };
  if (left.length > 0) await recordAbilities(tx, s.peer.id, now, s.deps.clock());
  await noteTypes(tx, s.pull.id, 'peer-type-refused', refusedTypes(now, 'refused'));
  await noteTypes(tx, s.pull.id, 'peer-type-unknown', refusedTypes(now, 'unknown'));
}

/** From when on what changed is asked for; undefined for everything. Members who were matched again are known as they were before. */
async function sinceOf(s: Step): Promise<Date | undefined> {
  if (s.pull.since !== null) return s.pull.since;
  const known = s.pull.isFull ? undefined : await knownSince(s.deps.database.sql, s.pull);
  return known && new Date(known.getTime() - OVERLAP_MS);
}

/** Addresses that answer at once with what belongs to these patients. Pure. */
function requestsFor(
  form: FetchForm,
  base: string,
  a: Pick<Abilities, 'searchTypes' | 'revincludes'>,
  patients: readonly string[],
): { type: string; url: string }[] {
  if (form === 'everything') return patients.map((id) => ({ type: '', url: `${base}/Patient/${id}/$everything` }));
  const more = a.revincludes ? '&_revinclude=Provenance:target' : '';
  return patients.flatMap((id) => [
    { type: 'Patient', url: `${base}/Patient?_id=${id}` },
    ...a.searchTypes
      .filter((type) => type !== 'Provenance' || !a.revincludes)
      .map((type) => ({ type, url: `${base}/${type}?patient=${id}&_count=100${more}` })),
  ]);
}

async function askAtOnce(s: Step, form: FetchForm, patients: readonly string[]): Promise<void> {
  const abilities = abilitiesOf(s);
  if (form === 'search' && abilities.searchTypes.length === 0) throw new PeerFault('no-export-form');
  const files = requestsFor(form, s.peer.fhirBase ?? '', abilities, patients).map(
    (r): ManifestFile => ({ kind: 'output', type: r.type, url: r.url, count: undefined }),
  );
  // such answers have no time of their own: the next request asks for everything again
  const manifest = { output: files.map(({ type, url }) => ({ type, url })), error: [] };
  return advance(
    s,
    'downloading',
    { manifest: JSON.stringify(manifest), transactionTime: null, kickedOffAt: s.deps.clock(), exportStatusUrl: null },
    some(files.length, 'request'),
    async (tx) => {
      await addFiles(tx, s.pull.id, files);
      await noteTypes(tx, s.pull.id, 'peer-scope-types', outOfReach(s.tokens.scopes(s.peer.id), TYPES));
    },
  );
}

/** exporting → downloading: the manifest is stored whole before the first file. */
export async function exportingStep(s: Step): Promise<void> {
  const statusUrl = s.pull.exportStatusUrl ?? '';
  const answer = await poll(s, statusUrl, s.pull.attempts).catch((error: unknown) => {
    if (error instanceof PeerFault && s.pull.fetchForm === 'patient' && hasFailed(s, error)) return error;
    throw error;
  });
  if (answer instanceof PeerFault) {
    await leaveJobs(s, statusUrl);
    return fallBack(s, 'patient', answer, 'matched', saysMissing(answer) ? 'said' : 'guessed');
  }
  if (!answer.isDone) throw new RetryLater(answer.waitMs);
  const manifest = readManifest(JSON.parse(answer.text), statusUrl, s.note);
  if (isBare(s, manifest)) {
    const abilities = abilitiesOf(s);
    s.note('peer-types');
    await leaveJobs(s, statusUrl);
    return advance(s, 'matched', { exportStatusUrl: null }, 'asked again with types named', (tx) =>
      recordAbilities(tx, s.peer.id, { ...abilities, lacks: [...abilities.lacks, 'untyped'] }, s.deps.clock()),
    );
  }
  // a history that is not listed is none that is empty: what changes from now on would be all that is ever asked for
  const isUnsaid = s.pull.since === null && !manifest.hasOutput;
  if (isUnsaid) s.note('peer-incomplete');
  return advance(
    s,
    'downloading',
    { manifest: answer.text, transactionTime: isUnsaid ? null : timeOf(s, manifest) },
    some(manifest.files.length, 'file'),
    async (tx) => {
      await addFiles(tx, s.pull.id, manifest.files);
      await noteTaken(tx, s.peer.id, (await pullMembers(tx, s.pull.id)).length);
    },
  );
}

/** Polls that fail before a job is taken for failed, where the answer does not say so: some say it without a code. */
const FAILED_POLLS = 3;

/** Is it the job that failed, not the poll? An export of some Patients is what servers get wrong that have it for everybody. */
const hasFailed = ({ pull }: Step, { reason }: PeerFault): boolean =>
  reason === 'job-failed-500' || (reason === 'status-500' && pull.reason === reason && pull.attempts >= FAILED_POLLS);

/** The watermark. A time ahead of now would hide what changes until then from the next pull; one before the last is a fault. */
function timeOf(s: Step, manifest: Manifest): Date | null {
  const time = manifest.transactionTime;
  const isAhead = (time?.getTime() ?? 0) - s.deps.clock().getTime() > CLOCK_SKEW_MS;
  const isBack = time !== undefined && s.pull.since !== null && time < s.pull.since;
  if (time !== undefined && !isAhead && !isBack) return time;
  s.note('peer-transaction-time');
  return null;
}

function isBare(s: Step, manifest: Manifest): boolean {
  const types = manifest.files.filter((f) => f.kind === 'output').map((f) => f.type);
  return (
    s.pull.since === null &&
    types.length > 0 &&
    types.every((t) => BARE.has(t)) &&
    !abilitiesOf(s).lacks.includes('untyped')
  );
}
