// The worker's side of $bulk-member-match: read the stored request for what it asks, match its members a thousand in a statement, read it
// again to decide consent for each, and write Groups, decisions and files. What is read is never in memory as a whole. A repeated
// run replaces what an earlier attempt wrote.
import { randomBytes } from 'node:crypto';
import { NdjsonFiles, type WrittenFile } from '../../../src/blobs/ndjson-files.ts';
import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { describe } from '../../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import type { Payer } from '../../members/consent/evaluate.ts';
import { lastBegun, localDay } from '../../members/deadlines/business-day.ts';
import { closeClock } from '../../members/deadlines/deadline.ts';
import { waitWhileMerging } from '../../members/merge/member-merge.ts';
import { findPeer, type Peer } from '../../peers/peer.ts';
import { addresses, ourselves } from '../../plan.ts';
import { type BulkJob, completeJob } from '../bulk-job.ts';
import { type Attempt, attemptOf, judgeAttempt, keyed, type Verdict } from './attempt.ts';
import { recordAttempts } from './attempt-rows.ts';
import { attemptSecret } from './attempt-secret.ts';
import { attestations } from './attested-by.ts';
import { BundleReader, bundlesIn } from './bundle-reader.ts';
import { decide } from './decide.ts';
import { openAmbiguous } from './duplicate-member-items.ts';
import { type MatchAnswer, matchMembers } from './find-matches.ts';
import { type Bucket, GroupText, matchBatchSystem, matchParameters } from './groups.ts';
import { matchAudit } from './match-audit.ts';
import { clearMatches, type MatchMember, writeMatchGroup, writeMatchMembers } from './match-group.ts';
import { tokens } from './normalize.ts';
import { longestRow } from './number-sequence.ts';
import { type MatchQuery, toQuery } from './read-member-bundle.ts';
import { settleRepeated } from './settle-repeated.ts';

const BUCKETS = ['match', 'nomatch', 'consentconstraint'] as const;

/** Members of one statement; of one that holds their consents too. */
const AT_ONCE = 1000;
const WRITTEN_AT_ONCE = 200;
const FILE_LIMITS = { lines: 25_000, bytes: 64 * 1024 * 1024 };

/** The job was taken away meanwhile: what was written of it goes. */
class TakenAway extends Error {}

type Run = {
  deps: Deps;
  job: BulkJob & { bodyKey: string };
  owner: string;
  peer: Peer;
  us: Payer;
  now: Date;
  today: string;
};

/** Runs one match job that this worker holds. False when the job was taken away meanwhile. */
export async function runMatch(deps: Deps, job: BulkJob, owner: string): Promise<boolean> {
  const { sql } = deps.database;
  const peer = await findPeer(sql, job.peerId);
  const { bodyKey } = job;
  if (!peer || bodyKey === null) throw new Error('the job has no peer or no body');
  const now = deps.clock();
  const today = localDay(now, deps.config.timeZone);
  const run: Run = { deps, job: { ...job, bodyKey }, owner, peer, us: ourselves(deps.config), now, today };
  const answered = await answer(run);
  const groups = groupsOf(run, answered.submitted);
  const files = new NdjsonFiles(deps.blobs, `bulk/${job.id}`, FILE_LIMITS);
  try {
    await sql.begin(async (tx) => {
      // two members who are two again end the Groups in which they were found as one: no Group is written beside that
      await waitWhileMerging(tx);
      await clearMatches(tx, job.id);
      const members = await decideAll(run, tx, answered, groups);
      const [last] = members
        .flatMap((m) => (m.outcome === 'match' ? (m.to ?? []) : []))
        .toSorted()
        .slice(-1);
      const of = { id: job.id, peerId: peer.id, at: now };
      const sent = BUCKETS.map((b) => groups[b]).filter((g) => g.bucket === 'match' || g.size > 0);
      for (const g of sent) {
        const resource = [...g.parts()].join('');
        const lastConsent = g.bucket === 'match' ? last : undefined;
        await writeMatchGroup(tx, of, { id: g.id, code: g.bucket, resource, lastConsent });
        if (job.parameters['spec'] !== '2.1') await files.writeParts('output', 'Group', g.parts());
      }
      await files.writeParts('output', 'Parameters', matchParameters(sent));
      await complete(run, tx, members, answered.row, groups, await files.finish(['Group', 'Parameters']));
      await openAmbiguous(tx, doubtful(run, members, answered.answers), deps.clock());
    });
  } catch (error) {
    await files.abandon();
    if (error instanceof TakenAway) return false;
    throw error;
  }
  for (const b of BUCKETS)
    if (groups[b].size > 0) deps.metrics.count('match_members_total', { result: b }, groups[b].size);
  // this one is answered whatever comes of it
  await settleRepeated(deps, job).catch((error: unknown) =>
    deps.log('error', 'matches that failed before not settled', { job: job.id, peer: peer.id, error: describe(error) }),
  );
  return true;
}

type Answered = {
  answers: ReadonlyMap<number, MatchAnswer>;
  verdicts: ReadonlyMap<number, Verdict>;
  /** ids of all Patients of the request */
  submitted: ReadonlySet<string>;
  statement: string | undefined;
  /** cards in a row that were gone through */
  row: number;
};

/** Who is meant by each. What was asked is not held any longer than this takes. */
async function answer({ deps, job, peer, us, now }: Run): Promise<Answered> {
  const { sql } = deps.database;
  const { queries, attempts, submitted, statement } = await readQueries(deps, job.bodyKey, us, now);
  const verdicts = await judgeAttempts(deps, peer.id, queries, attempts.splice(0), now);
  const asked = queries.filter((q) => verdicts.get(q.position) !== 'throttle');
  const answers = new Map<number, MatchAnswer>();
  // one state of the plan for all of them
  await sql.begin('isolation level repeatable read read only', async (tx) => {
    for (let from = 0; from < asked.length; from += AT_ONCE)
      for (const a of await matchMembers(tx, asked.slice(from, from + AT_ONCE).map(whole))) answers.set(a.position, a);
  });
  const cards = queries.flatMap(({ position, mb, sub }) => {
    const number = mb[0] ?? sub[0];
    return number === undefined ? [] : [{ card: number, isFound: answers.get(position)?.persons === 1 }];
  });
  return { answers, verdicts, submitted, statement, row: longestRow(cards) };
}

function groupsOf({ deps, job, peer, us, now, today }: Run, submitted: ReadonlySet<string>): Record<Bucket, GroupText> {
  const about = {
    batch: job.id,
    batchSystem: matchBatchSystem(deps.config.baseUrl),
    us,
    peer: { npi: peer.npi, name: peer.name },
    at: formatInstant(now),
    on: today,
  };
  const groupOf = (bucket: Bucket) =>
    new GroupText(bucket, { ...about, id: `g-${randomBytes(12).toString('hex')}` }, submitted);
  return { match: groupOf('match'), nomatch: groupOf('nomatch'), consentconstraint: groupOf('consentconstraint') };
}

/** What is kept of a member in memory: neither consent nor coverage. */
type Decision = Omit<MatchMember, 'consent' | 'coverageToLink'>;

/** Consent of each, written down as it is decided. */
async function decideAll(
  { deps, job, peer, us, now, today }: Run,
  tx: Queryable,
  { answers, verdicts, statement }: Answered,
  groups: Record<Bucket, GroupText>,
): Promise<Decision[]> {
  const attestedBy = attestations(deps, peer, today, now, statement);
  const parties = { us, peer: { npi: peer.npi, name: peer.name }, base: addresses(deps.config).fhir };
  const decisions: Decision[] = [];
  let open: MatchMember[] = [];
  for await (const bundle of bundlesIn(await stored(deps, job.bodyKey))) {
    const found = answers.get(bundle.position);
    const verdict = verdicts.get(bundle.position) ?? 'evaluate';
    const by = found?.persons === 1 ? await attestedBy(bundle) : undefined;
    const decided = decide(
      bundle,
      found,
      verdict,
      { ...parties, attested: by !== undefined },
      today,
      lastBegun(now, today),
    );
    const memberId = found?.persons === 1 ? found.memberId : null;
    const group = groups[decided.bucket];
    group.add(bundle, decided.bucket === 'match' ? (memberId ?? undefined) : undefined);
    const decision: Decision = {
      position: bundle.position,
      submittedId: bundle.patientId,
      outcome: decided.bucket,
      reason: decided.reason,
      rule: found?.rule ?? null,
      fuzzy: found?.fuzzy ?? null,
      persons: found?.persons ?? null,
      attestation: by ?? null,
      memberId,
      asOne: found?.asOne ?? [],
      groupId: group.id,
      policy: decided.policy ?? null,
      from: decided.from ?? null,
      to: decided.to ?? null,
    };
    decisions.push(decision);
    open.push({ ...decision, consent: json(bundle.consent), coverageToLink: json(bundle.coverageToLink) });
    if (open.length < WRITTEN_AT_ONCE) continue;
    await writeMatchMembers(tx, job.id, open);
    open = [];
  }
  await writeMatchMembers(tx, job.id, open);
  return decisions;
}

const json = (resource: Resource | undefined): string | null =>
  resource === undefined ? null : JSON.stringify(resource);

/** State, clock and audit. @throws TakenAway */
async function complete(
  { deps, job, owner, peer, now }: Run,
  tx: Queryable,
  members: readonly Decision[],
  row: number,
  groups: Record<Bucket, GroupText>,
  files: WrittenFile[],
): Promise<void> {
  const at = deps.clock();
  const expiresAt = new Date(at.getTime() + deps.config.exportTtlHours * 3_600_000);
  const counts = Object.fromEntries(BUCKETS.map((b) => [b, groups[b].size]));
  if (!(await completeJob(tx, job.id, owner, { at, expiresAt, transactionTime: now, counts, files })))
    throw new TakenAway();
  await closeClock(tx, 'C3-match', job.id, at);
  if (row > 0) {
    const noted = { actorKind: 'peer', actor: peer.id, outcome: 'noted', reason: 'sequential-ids' } as const;
    const detail = { row };
    await writeAudit(tx, [
      auditRow({ ...noted, at, action: 'match-sequence', object: `match/${job.id}`, peerId: peer.id, detail }),
    ]);
  }
  const audit = (m: Decision) => auditRow({ at, object: `match/${job.id}/${m.position}`, ...matchAudit(m, peer.id) });
  for (let from = 0; from < members.length; from += AT_ONCE)
    await writeAudit(tx, members.slice(from, from + AT_ONCE).map(audit));
}

/** Who fits several members: for people to look at. */
const doubtful = (
  { peer }: Run,
  members: readonly Decision[],
  answers: ReadonlyMap<number, MatchAnswer>,
): { peerId: string; candidates: string[] }[] =>
  members.flatMap((m) => {
    const candidates = m.reason === 'ambiguous' ? answers.get(m.position)?.candidates : undefined;
    return candidates ? [{ peerId: peer.id, candidates }] : [];
  });

async function stored(deps: Deps, key: string): Promise<AsyncIterable<Uint8Array>> {
  const stream = await deps.blobs.get(key);
  if (!stream) throw new Error('the stored request is gone');
  return stream as AsyncIterable<Uint8Array>;
}

/** What is held of each question until its turn: what follows from the rest is made again. */
type Held = Omit<MatchQuery, 'tokens' | 'tries'>;
const whole = (q: Held): Omit<MatchQuery, 'tries'> => ({ ...q, tokens: tokens(q) });

/** What is asked, and the statement about all of it. The rest of the request is read again when there are answers. */
async function readQueries(deps: Deps, key: string, us: Payer, now: Date) {
  const reader = new BundleReader();
  const hash = keyed(await attemptSecret(deps));
  const queries: Held[] = [];
  const attempts: Attempt[] = [];
  const submitted = new Set<string>();
  for await (const bundle of bundlesIn(await stored(deps, key), reader)) {
    const query = toQuery(bundle, us, now);
    const attempt = attemptOf(query, hash);
    if (attempt !== undefined) attempts.push(attempt);
    const { tokens: _, tries: __, ...held } = query;
    queries.push(held);
    submitted.add(bundle.patientId);
  }
  return { queries, attempts, submitted, statement: reader.statement };
}

/** What was tried before decides which members are looked for at all. Committed whatever becomes of the job. */
async function judgeAttempts(
  deps: Deps,
  peerId: string,
  queries: readonly Held[],
  attempts: readonly Attempt[],
  now: Date,
): Promise<Map<number, Verdict>> {
  const tried = await recordAttempts(
    deps.database.sql,
    attempts.map((a) => ({ ...a, peerId })),
    now,
  );
  const trying = new Set(attempts.filter((a) => a.isTrying).map((a) => a.position));
  const verdicts = new Map(
    queries.map((q) => [q.position, judgeAttempt(tried.get(q.position), trying.has(q.position))]),
  );
  const throttled = [...verdicts.values()].filter((v) => v !== 'evaluate').length;
  if (throttled > 0) deps.log('warn', 'match throttled', { peer: peerId, count: throttled });
  return verdicts;
}
