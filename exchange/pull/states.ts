// The steps of a pull, one per state. Each may be repeated: it commits its result and its audit row together, or nothing.
import type { Deps } from '../../src/deps.ts';
import { lines } from '../../src/fhir/ndjson.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { correlate, groupsIn } from '../client/correlate.ts';
import { discover } from '../client/discover.ts';
import { download } from '../client/download.ts';
import { kickOff, poll, readManifest, releaseJob } from '../client/kick-off.ts';
import { matchRequest } from '../client/member-bundle.ts';
import { PeerFault } from '../client/peer-fetch.ts';
import type { PeerTokens } from '../client/token.ts';
import { addDays, localDay } from '../clocks/business-day.ts';
import { addresses, ourselves } from '../plan.ts';
import { gunzipped } from '../reconcile/stage.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { closeClock } from '../store/clock.ts';
import { type Peer, pinPeer } from '../store/peer.ts';
import {
  copyOutcomes,
  movePull,
  type Pull,
  type PullPatch,
  type PullState,
  pullMembers,
  setOutcomes,
  watermark,
  withdrawnMembers,
} from '../store/pull.ts';
import { addFiles, fileDownloaded, fileFailed, pullFiles, REFETCHED } from '../store/pull-file.ts';
import { submissions } from '../store/submission.ts';

/** What a step works with. */
export type Step = { deps: Deps; tokens: PeerTokens; owner: string; pull: Pull; peer: Peer };
type Tx = Parameters<typeof movePull>[0];

/** Commits the next state with its audit row, and whatever the step has to write besides. */
export async function advance(
  s: Step,
  state: PullState,
  patch: PullPatch,
  detail: string,
  also?: (tx: Tx) => Promise<void>,
): Promise<void> {
  const at = s.deps.clock();
  await s.deps.database.sql.begin(async (tx) => {
    if (also) await also(tx);
    await movePull(tx, s.pull.id, s.owner, at, state, { nextAt: at, ...patch }, detail);
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'system',
        actor: 'pull',
        action: `pull-${state}`,
        object: `pull/${s.pull.id}`,
        peerId: s.peer.id,
        ...(patch.reason ? { reason: patch.reason } : {}),
      }),
    ]);
  });
  s.deps.metrics.count('pull_steps_total', { state });
}

/** due → discovered: the peer's documents must say what the record says. */
export async function discoverStep(s: Step): Promise<void> {
  const withdrawn = new Set(await withdrawnMembers(s.deps.database.sql, s.pull.id));
  const members = await pullMembers(s.deps.database.sql, s.pull.id);
  if (members.every((m) => withdrawn.has(m.memberId)))
    return advance(s, 'withdrawn', { reason: 'consent-withdrawn', finishedAt: s.deps.clock() }, '');
  const found = await discover(s.deps, s.peer);
  if (s.peer.tokenEndpoint === null) {
    const origins = [...new Set([new URL(s.peer.fhirBase ?? '').origin, new URL(found.tokenEndpoint).origin])];
    if (origins.length > 1) throw new PeerFault('foreign-origin');
    return advance(s, 'discovered', {}, 'pinned', (tx) =>
      pinPeer(tx, s.peer.id, { tokenEndpoint: found.tokenEndpoint, issuer: found.issuer, origins }),
    );
  }
  if (found.tokenEndpoint !== s.peer.tokenEndpoint)
    return advance(s, 'review', { reason: 'discovery-changed' }, 'the token endpoint changed');
  return advance(s, 'discovered', {}, found.software ?? '');
}

/** discovered → authorized. */
export async function authorizeStep(s: Step): Promise<void> {
  await s.tokens.get(s.deps, s.peer);
  return advance(s, 'authorized', {}, '');
}

/** authorized → matching, or straight to matched when the Group of an earlier pull still serves. */
export async function matchStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  const members = await pullMembers(sql, s.pull.id);
  if (!s.pull.isFull) {
    const earlier = await watermark(
      sql,
      s.peer.id,
      members.map((m) => m.memberId),
    );
    if (earlier) {
      const since = new Date(earlier.transactionTime.getTime() - 60_000);
      return advance(
        s,
        'matched',
        { groupId: earlier.groupId, since },
        `Group of an earlier pull, changes since ${since.toISOString()}`,
        (tx) => copyOutcomes(tx, s.pull.id, earlier.pullId),
      );
    }
  }
  const asked = await submissions(sql, s.pull.id);
  if (asked.length === 0) return advance(s, 'failed', { reason: 'no-usable-member', finishedAt: s.deps.clock() }, '');
  const today = localDay(s.deps.clock(), s.deps.config.timeZone);
  const us = ourselves(s.deps.config);
  const body = matchRequest(
    asked,
    us,
    { npi: s.peer.npi, name: s.peer.name },
    addDays(today, 365),
    `${addresses(s.deps.config).fhir}/DocumentReference`,
  );
  const statusUrl = await kickOff(s.deps, s.tokens, s.peer, '/Group/$bulk-member-match', JSON.stringify(body));
  return advance(s, 'matching', { matchStatusUrl: statusUrl, since: null }, `${asked.length} members submitted`);
}

/** Reads every line of a file that was downloaded, parsed. */
async function linesOf(deps: Deps, key: string): Promise<Json[]> {
  const out: Json[] = [];
  for await (const line of lines(gunzipped(await deps.blobs.get(key)))) {
    if (!('text' in line)) throw new PeerFault('match-answer-malformed');
    out.push(JSON.parse(line.text) as Json);
  }
  return out;
}

/** matching → matched: poll, fetch the Groups, lead them back to our members. */
export async function matchingStep(s: Step): Promise<void> {
  const statusUrl = s.pull.matchStatusUrl ?? '';
  const answer = await poll(s.deps, s.tokens, s.peer, statusUrl, s.pull.attempts);
  if (!answer.isDone) return wait(s, answer.waitMs);
  const body = JSON.parse(answer.text) as Json;
  let resources: Json[];
  if (typeof body === 'object' && body !== null && !Array.isArray(body) && 'resourceType' in body) resources = [body];
  else {
    const manifest = readManifest(body, statusUrl);
    const output = manifest.files.filter((f) => f.kind === 'output');
    const chosen = output.some((f) => f.type === 'Group') ? output.filter((f) => f.type === 'Group') : output;
    resources = [];
    for (const [i, file] of chosen.entries()) {
      const key = `pulls/${s.pull.id}/match-${i}.ndjson.gz`;
      await download(s.deps, s.tokens, s.peer, { url: file.url, needsToken: manifest.requiresAccessToken }, key);
      resources.push(...(await linesOf(s.deps, key)));
    }
  }
  const asked = await submissions(s.deps.database.sql, s.pull.id);
  const result = correlate(
    groupsIn(resources),
    asked.map((a) => ({
      submittedId: a.submittedId,
      family: a.patient.name?.[0]?.family,
      birthDate: a.patient.birthDate,
    })),
  );
  await releaseJob(s.deps, s.tokens, s.peer, statusUrl);
  const matched = result.members.filter((m) => m.outcome === 'matched').length;
  const members = await pullMembers(s.deps.database.sql, s.pull.id);
  const coverageOf = new Map(members.map((m) => [m.submittedId, m.otherCoverageId]));
  const record = async (tx: Tx) => {
    await setOutcomes(tx, s.pull.id, result.members);
    // an answer without a match also ends the duty to ask
    for (const m of result.members)
      if (m.outcome === 'not-matched' || m.outcome === 'constrained')
        await closeClock(
          tx,
          'C2',
          coverageOf.get(m.submittedId) ?? '',
          s.deps.clock(),
          m.outcome === 'constrained' ? 'consent-constraint' : 'no-unique-match',
        );
  };
  const detail = `${matched} of ${result.members.length} matched${result.uncorrelated > 0 ? `, ${result.uncorrelated} answers fit nobody` : ''}`;
  if (matched === 0) return advance(s, 'done', { finishedAt: s.deps.clock(), reason: 'no-match' }, detail, record);
  if (result.groupId === undefined) return advance(s, 'review', { reason: 'group-without-id' }, detail, record);
  return advance(s, 'matched', { groupId: result.groupId }, detail, record);
}

/** matched → exporting. */
export async function exportStep(s: Step): Promise<void> {
  const parameter: Json[] = [{ name: 'exportType', valueCanonical: 'hl7.fhir.us.davinci-pdex#payertopayer' }];
  if (s.pull.since !== null) parameter.push({ name: '_since', valueInstant: s.pull.since.toISOString() });
  const statusUrl = await kickOff(
    s.deps,
    s.tokens,
    s.peer,
    `/Group/${s.pull.groupId ?? ''}/$davinci-data-export`,
    JSON.stringify({ resourceType: 'Parameters', parameter }),
  );
  const at = s.deps.clock();
  const members = await pullMembers(s.deps.database.sql, s.pull.id);
  return advance(
    s,
    'exporting',
    { exportStatusUrl: statusUrl, kickedOffAt: at },
    s.pull.since === null ? 'everything' : `changes since ${s.pull.since.toISOString()}`,
    async (tx) => {
      for (const m of members)
        if (m.outcome === 'matched' && m.otherCoverageId !== null) await closeClock(tx, 'C2', m.otherCoverageId, at);
    },
  );
}

/** exporting → downloading: the manifest is stored whole before the first file. */
export async function exportingStep(s: Step): Promise<void> {
  const statusUrl = s.pull.exportStatusUrl ?? '';
  const answer = await poll(s.deps, s.tokens, s.peer, statusUrl, s.pull.attempts);
  if (!answer.isDone) return wait(s, answer.waitMs);
  const manifest = readManifest(JSON.parse(answer.text), statusUrl);
  // a time ahead of now would hide what changes until then from the next pull: kept without a watermark
  const ahead = (manifest.transactionTime?.getTime() ?? 0) - s.deps.clock().getTime();
  const time = ahead > CLOCK_SKEW_MS ? null : (manifest.transactionTime ?? null);
  return advance(
    s,
    'downloading',
    { manifest: answer.text, transactionTime: time },
    `${manifest.files.length} files`,
    (tx) => addFiles(tx, s.pull.id, manifest.files),
  );
}

const FILE_TRIES = 6;
const CLOCK_SKEW_MS = 300_000;

/** downloading → reconciling: every file is kept as it came, with its hash. Finished files are not fetched again. */
export async function downloadStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  const manifest = readManifest(JSON.parse(s.pull.manifest ?? '{}'), s.pull.exportStatusUrl ?? '');
  for (const file of await pullFiles(sql, s.pull.id)) {
    if (file.state !== 'pending') continue;
    const blobKey = `pulls/${s.pull.id}/${file.position}-${file.attempts}${file.failure === REFETCHED ? 'r' : ''}.ndjson.gz`;
    try {
      const got = await download(
        s.deps,
        s.tokens,
        s.peer,
        { url: file.url, needsToken: manifest.requiresAccessToken },
        blobKey,
      );
      await fileDownloaded(sql, s.pull.id, file.position, { blobKey, ...got });
    } catch (error) {
      if (!(error instanceof PeerFault) || error.reason === 'auth') throw error;
      const isFinal = !error.isTransient || file.attempts + 1 >= FILE_TRIES;
      await fileFailed(sql, s.pull.id, file.position, error.reason, isFinal);
      if (!isFinal) throw error;
    }
  }
  const failed = (await pullFiles(sql, s.pull.id)).filter((f) => f.state === 'failed' && f.kind !== 'error');
  if (failed.length > 0 && s.pull.acceptedBy === null)
    return advance(s, 'partial', { reason: 'file-failed' }, `${failed.length} files could not be fetched`);
  return advance(s, 'reconciling', {}, '');
}

/** Not ready yet: come back when the peer said. */
export class Waiting extends Error {
  readonly ms: number;
  constructor(ms: number) {
    super('not ready');
    this.ms = ms;
  }
}

function wait(_s: Step, ms: number): never {
  throw new Waiting(ms);
}
