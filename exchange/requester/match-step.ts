// authorized → matching → matched: who of our members the peer knows, in the form that it speaks.
import { lines } from '../../src/fhir/ndjson.ts';
import { isId } from '../../src/fhir/reference.ts';
import { isResource, type Json, type JsonObject } from '../../src/fhir/resource.ts';
import { addDays, localDay } from '../members/deadlines/business-day.ts';
import { closeClock } from '../members/deadlines/deadline.ts';
import { addresses, ourselves } from '../plan.ts';
import { keptText } from '../reconcile/stage.ts';
import { statements } from './client/attest.ts';
import { type Correlated, type Correlation, correlate, groupsIn } from './client/correlate.ts';
import { download } from './client/download.ts';
import { kickOff, type Manifest, type ManifestFile, poll, readManifest } from './client/kick-off.ts';
import { PeerFault } from './client/peer-fetch.ts';
import { findOne, isHolder, matchOne } from './client/single-match.ts';
import { matchRequest, type Submission, singleMatchRequest } from './client/write-member-bundle.ts';
import { earlierMatch } from './known-since.ts';
import { submissions } from './match-submission.ts';
import { copyOutcomes, holdPull, leftOutMembers, type movePull, pullMembers, setOutcomes } from './pull.ts';
import { keepStatements, noteIdentities, noteLeftOut } from './pull-member.ts';
import { restartsOf } from './pull-restart.ts';
import { judgeRefusal } from './refused-match.ts';
import { membersSubmitted, oneByOne, onePersonEach } from './single-members.ts';
import { moveToOther } from './split-pull.ts';
import { abilitiesOf, advance, endLeftOut, fallBack, RetryLater, type Step, some } from './states.ts';

type Tx = Parameters<typeof movePull>[0];
/** An answer without a match that ends the duty to ask. */
const ENDS_DUTY: ReadonlySet<string> = new Set(['not-matched', 'constrained']);
/** It names a person, and is not trusted to name ours. */
const UNTRUSTED: ReadonlySet<string> = new Set(['conflict', 'contradictory']);

/** authorized → matching, or straight to matched when what an earlier pull learned still serves. */
export async function matchStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  const left = await leftOutMembers(sql, s.pull.id);
  // the Group of an earlier pull has those in it who are left out
  if (left.size === 0 && !s.pull.isFull && (await useEarlier(s))) return;
  await noteIdentities(sql, s.pull.id);
  const asked = await submissions(sql, s.pull.id, today(s));
  if (left.size > 0) {
    const members = await pullMembers(sql, s.pull.id);
    if (left.size === members.length) return endLeftOut(s, [...left.values()]);
    const of = new Set(members.flatMap((m) => (left.has(m.submittedId) ? [] : m.memberId)));
    await noteLeftOut(
      sql,
      s.pull.id,
      members.flatMap((m) => (of.has(m.memberId) ? [] : m.memberId)),
    );
  }
  if (asked.length === 0) return advance(s, 'failed', { reason: 'no-usable-member', finishedAt: s.deps.clock() }, '');
  const form = s.pull.matchForm ?? abilitiesOf(s).match;
  try {
    if (form === 'bulk') return await matchBatch(s, asked);
    if (form === 'single')
      return finish(
        s,
        await oneByOne(s, asked, async (a) =>
          matchOne(s, singleMatchRequest(a, ...parties(s), await stated(s, [a])), a),
        ),
      );
    if (abilitiesOf(s).findsByIdentifier)
      return finish(s, await oneByOne(s, asked, async (a) => ({ isThere: true, ...(await findOne(s, a)) })));
    return await listPatients(s, asked.length);
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    const judged = await judgeRefusal(s, form, error, asked, (some) => askBatch(s, some));
    if (judged !== 'divided') return fallBack(s, form, error, 'authorized', judged);
  }
}

async function useEarlier(s: Step): Promise<boolean> {
  const { sql } = s.deps.database;
  // its Group may be what is gone
  if ((await restartsOf(sql, s.pull.id)) > 0) return false;
  const earlier = await earlierMatch(sql, s.pull, s.deps.clock());
  if (!earlier) return false;
  await advance(
    s,
    'matched',
    { groupId: earlier.groupId, ...(earlier.fetchForm === null ? {} : { fetchForm: earlier.fetchForm }) },
    'as an earlier pull',
    (tx) => copyOutcomes(tx, s.pull.id, earlier.pullId),
  );
  return true;
}

const today = (s: Step): string => localDay(s.deps.clock(), s.deps.config.timeZone);

/** Us, the peer, the last day of the consents, and where their originals are. */
function parties(s: Step) {
  const us = ourselves(s.deps.config);
  const peer = { npi: s.peer.npi, name: s.peer.name };
  return [us, peer, addDays(today(s), 365), `${addresses(s.deps.config).fhir}/DocumentReference`] as const;
}

/** Our word for each member, kept before it is sent: what was attested can be shown. */
async function stated(s: Step, asked: readonly Submission[]): Promise<Map<string, string>> {
  const made = await statements(s, s.pull.id, asked);
  await keepStatements(s.deps.database.sql, s.pull.id, made);
  return made;
}

/** @returns the status URL */
async function askBatch(s: Step, asked: readonly Submission[]): Promise<string> {
  const body = matchRequest(asked, ...parties(s), await stated(s, asked));
  return kickOff(s, '/Group/$bulk-member-match', JSON.stringify(body));
}

async function matchBatch(s: Step, asked: readonly Submission[]): Promise<void> {
  const statusUrl = await askBatch(s, asked);
  return advance(
    s,
    'matching',
    { matchStatusUrl: statusUrl, since: null },
    `${some(asked.length, 'member')} submitted`,
  );
}

/** A peer that can neither match nor search: its Patients are listed, and ours are looked for among them. */
async function listPatients(s: Step, asked: number): Promise<void> {
  const { groupThere } = s.peer;
  const path = groupThere === null ? '/Patient/$export' : `/Group/${encodeURIComponent(groupThere)}/$export`;
  const statusUrl = await kickOff(s, `${path}?_type=Patient`);
  return advance(
    s,
    'matching',
    { matchStatusUrl: statusUrl, since: null },
    `its Patients are listed for ${some(asked, 'member')}`,
  );
}

/** matching → matched: poll, fetch the answer, lead it back to our members. */
export async function matchingStep(s: Step): Promise<void> {
  const statusUrl = s.pull.matchStatusUrl ?? '';
  const answer = await poll(s, statusUrl, s.pull.attempts);
  if (!answer.isDone) throw new RetryLater(answer.waitMs);
  const asked = await submissions(s.deps.database.sql, s.pull.id, today(s));
  const body = JSON.parse(answer.text) as Json;
  if (s.pull.matchForm === 'patients') return finish(s, await amongPatients(s, body, statusUrl, asked));
  const memberOf = await membersSubmitted(s);
  const submitted = asked.map((a) => ({
    submittedId: a.submittedId,
    memberId: memberOf.get(a.submittedId) ?? a.submittedId,
    family: a.patient.name?.[0]?.family,
    birthDate: a.patient.birthDate,
  }));
  const read = (resources: readonly Json[]) => correlate(groupsIn(resources), submitted, s.peer.fhirBase ?? '');
  if (isResource(body)) return judged(s, read([body]));
  const manifest = readManifest(body, statusUrl, s.note);
  const output = manifest.files.filter((f) => f.kind === 'output');
  const [groups, parameters] = (['Group', 'Parameters'] as const).map((t) => output.filter((f) => f.type === t));
  const hasGroups = groups !== undefined && groups.length > 0;
  const result = read(await resourcesOf(s, manifest, hasGroups ? groups : output, 'match'));
  if (hasGroups && parameters !== undefined && parameters.length > 0)
    await compareForms(s, result, async () => read(await resourcesOf(s, manifest, parameters, 'match-parameters')));
  return judged(s, result);
}

function judged(s: Step, result: Correlation): Promise<void> {
  if (result.uncorrelated > 0) s.note('peer-match-stray');
  return finish(s, result);
}

/** Everything in some files of an answer, by line. @param name what they are kept as */
async function resourcesOf(
  s: Step,
  { requiresAccessToken }: Manifest,
  files: readonly ManifestFile[],
  name: string,
): Promise<Json[]> {
  const found: Json[] = [];
  for (const [i, file] of files.entries())
    for await (const line of linesOf(s, file.url, requiresAccessToken, `pulls/${s.pull.id}/${name}-${i}`))
      found.push(JSON.parse(line) as Json);
  return found;
}

/**
 * The older form of the same answer (PDex 2.1), where a peer gives both: the Groups hold, and that the two differ is
 * reported. It keeps no one waiting.
 */
async function compareForms(s: Step, groups: Correlation, readOther: () => Promise<Correlation>): Promise<void> {
  const said = (c: Correlation) => c.members.map((m) => `${m.outcome} ${m.peerPatientId ?? ''}`).join();
  try {
    if (said(await readOther()) === said(groups)) return;
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
  }
  s.note('peer-match-differs');
}

/** Fetches a small file and reads it line by line. */
async function* linesOf(s: Step, url: string, needsToken: boolean | undefined, key: string): AsyncGenerator<string> {
  const got = await download(s, {
    url,
    needsToken,
    key,
    hold: () => holdPull(s.deps.database.sql, s.pull.id, s.owner),
  });
  for await (const line of lines(keptText(await s.deps.blobs.get(got.blobKey)))) {
    if (!('text' in line)) throw new PeerFault('match-answer-malformed');
    try {
      JSON.parse(line.text);
    } catch {
      throw new PeerFault('match-answer-malformed');
    }
    yield line.text;
  }
}

/** Our members among the Patients of a list. Of the others nothing is kept. */
async function amongPatients(
  s: Step,
  body: Json,
  statusUrl: string,
  asked: readonly Submission[],
): Promise<Correlation> {
  const manifest = readManifest(body, statusUrl, s.note);
  const found = new Map<string, Set<string>>();
  const byNumber = Map.groupBy(asked, (a) => a.theirNumber);
  const key = `pulls/${s.pull.id}/patients`;
  for (const file of manifest.files.filter((f) => f.kind === 'output' && (f.type === 'Patient' || f.type === '')))
    try {
      for await (const line of linesOf(s, file.url, manifest.requiresAccessToken, key)) {
        const patient = JSON.parse(line) as Json;
        if (!isResource(patient) || patient.resourceType !== 'Patient') continue;
        const id = isId(patient['id']) ? patient['id'] : undefined;
        for (const a of candidates(patient, byNumber))
          if (id !== undefined && isHolder(patient, a))
            found.set(a.submittedId, (found.get(a.submittedId) ?? new Set()).add(id));
      }
    } finally {
      // the list holds people who are none of our members
      for (const stored of await s.deps.blobs.list(`pulls/${s.pull.id}/`))
        if (stored.startsWith(key)) await s.deps.blobs.delete(stored);
    }
  const members = asked.map((a): Correlated => {
    const [id, second] = found.get(a.submittedId) ?? [];
    return id !== undefined && second === undefined
      ? { submittedId: a.submittedId, outcome: 'matched', peerPatientId: id }
      : { submittedId: a.submittedId, outcome: 'not-matched', peerPatientId: null };
  });
  return {
    members: onePersonEach(members, await membersSubmitted(s)),
    groupId: s.peer.groupThere ?? undefined,
    uncorrelated: 0,
  };
}

function candidates(patient: JsonObject, byNumber: ReadonlyMap<string, Submission[]>): Submission[] {
  const identifiers = Array.isArray(patient['identifier']) ? patient['identifier'] : [];
  return identifiers.flatMap((i) => {
    const value = typeof i === 'object' && i !== null && !Array.isArray(i) ? i['value'] : undefined;
    return typeof value === 'string' ? (byNumber.get(value) ?? []) : [];
  });
}

async function finish(s: Step, result: Correlation): Promise<void> {
  const matched = result.members.filter((m) => m.outcome === 'matched').length;
  const members = await pullMembers(s.deps.database.sql, s.pull.id);
  const coverageOf = new Map(members.map((m) => [m.submittedId, m.otherCoverageId]));
  const record = async (tx: Tx) => {
    await setOutcomes(tx, s.pull.id, result.members);
    for (const m of result.members)
      if (ENDS_DUTY.has(m.outcome))
        await closeClock(
          tx,
          'C2',
          coverageOf.get(m.submittedId) ?? '',
          s.deps.clock(),
          m.outcome === 'constrained' ? 'consent-constraint' : 'no-unique-match',
        );
  };
  const detail = `${matched} of ${result.members.length} matched${result.uncorrelated > 0 ? `, ${result.uncorrelated} answers match no member` : ''}`;
  const needsGroup = ['davinci', 'group'].includes(s.pull.fetchForm ?? abilitiesOf(s).fetch);
  const move = async (tx: Tx, ids: readonly string[], isFromOpen = false) => {
    await setOutcomes(
      tx,
      s.pull.id,
      ids.map((submittedId) => ({ submittedId, outcome: null, peerPatientId: null })),
    );
    await moveToOther(tx, s, ids, isFromOpen);
  };
  // of a Group that the peer has made of them all are asked for: who is in it and is not trusted to be ours would come
  // with the others, as a stranger. Once: a payer that says so each time of another person would have as many pulls of
  // us as there are members
  const isApart =
    needsGroup &&
    !s.pull.isApart &&
    s.pull.matchForm === 'bulk' &&
    result.groupId !== s.peer.groupThere &&
    result.members.some((m) => UNTRUSTED.has(m.outcome));
  if (matched === 0 || isApart) {
    const isAnswered = result.members.some((m) => ENDS_DUTY.has(m.outcome));
    const ends = { finishedAt: s.deps.clock(), reason: isAnswered ? 'no-match' : 'no-answer' };
    const words = matched === 0 ? detail : `${detail}: asked for apart from whom the answer leaves open`;
    const ids = result.members.flatMap((m) => (m.outcome === 'matched' ? m.submittedId : []));
    return advance(s, isAnswered ? 'done' : 'failed', ends, words, async (tx) => {
      await record(tx);
      if (ids.length > 0) await move(tx, ids, true);
    });
  }
  if (result.groupId === undefined && needsGroup)
    return advance(s, 'review', { reason: 'group-without-id' }, detail, record);
  // a pull asks for one Group: members in another one would be taken for asked and never be
  const elsewhere = needsGroup
    ? result.members.filter((m) => m.outcome === 'matched' && 'groupId' in m && m.groupId !== result.groupId)
    : [];
  if (elsewhere.length === 0) return advance(s, 'matched', { groupId: result.groupId ?? null }, detail, record);
  s.note('peer-match-groups');
  const ids = elsewhere.map((m) => m.submittedId);
  const others = `${detail}, ${ids.length} of them in another Group: asked for apart`;
  return advance(s, 'matched', { groupId: result.groupId ?? null }, others, async (tx) => {
    await record(tx);
    await move(tx, ids);
  });
}
