// The worker's side of $bulk-member-match: read the stored request, match all members in one statement, decide consent
// for each, and write Groups, decisions and files. A repeated run replaces what an earlier attempt wrote.
import { randomBytes } from 'node:crypto';
import { NdjsonFiles } from '../../src/blobs/ndjson-files.ts';
import type { Deps } from '../../src/deps.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { localDay } from '../clocks/business-day.ts';
import { ourselves } from '../plan.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { type BulkJob, completeJob } from '../store/bulk-job.ts';
import { closeClock } from '../store/clock.ts';
import { matchMembers } from '../store/match.ts';
import { recordAttempts } from '../store/match-attempt.ts';
import { type MatchMember, writeMatches } from '../store/match-group.ts';
import { findPeer } from '../store/peer.ts';
import { openAmbiguous } from '../store/review-match.ts';
import { attemptOf, judgeAttempt, type Verdict } from './attempt.ts';
import { attemptSecret } from './attempt-secret.ts';
import { batchStatementOf } from './attestation.ts';
import { attestations } from './attested-by.ts';
import { decide } from './decide.ts';
import { type Bucket, matchBatchSystem, matchGroup, matchParameters, type Placed } from './groups.ts';
import { matchAudit } from './match-audit.ts';
import { type MatchQuery, readMemberBundles, toQuery } from './member-bundle.ts';

const BUCKETS = ['match', 'nomatch', 'consentconstraint'] as const;

async function readBody(deps: Deps, key: string): Promise<Json> {
  const stream = await deps.blobs.get(key);
  if (!stream) throw new Error('the stored request is gone');
  const decoder = new TextDecoder();
  const parts: string[] = [];
  for await (const part of stream) parts.push(decoder.decode(part, { stream: true }));
  parts.push(decoder.decode());
  return JSON.parse(parts.join('')) as Json;
}

const AUDIT_ROWS = 1000;
const FILE_LIMITS = { lines: 25_000, bytes: 64 * 1024 * 1024 };

/** Runs one match job that this worker holds. False when the job was taken away meanwhile. */
export async function runMatch(deps: Deps, job: BulkJob, owner: string): Promise<boolean> {
  const { sql } = deps.database;
  const peer = await findPeer(sql, job.peerId);
  if (!peer || job.bodyKey === null) throw new Error('the job has no peer or no body');
  const us = ourselves(deps.config);
  const them = { npi: peer.npi, name: peer.name };
  const now = deps.clock();
  const today = localDay(now, deps.config.timeZone);
  const body = await readBody(deps, job.bodyKey);
  const bundles = readMemberBundles(body, { isText: true }); // the kick-off has looked
  const queries = bundles.map((b) => toQuery(b, us, now));
  const verdicts = await judgeAttempts(deps, peer.id, queries, now);
  const asked = queries.filter((q) => verdicts.get(q.position) !== 'throttle');
  const answers = new Map(
    (await sql.begin('isolation level repeatable read read only', (tx) => matchMembers(tx, asked))).map((a) => [
      a.position,
      a,
    ]),
  );

  const attestedBy = attestations(deps, peer, today, now, batchStatementOf(body));
  const groupIds = Object.fromEntries(BUCKETS.map((b) => [b, `g-${randomBytes(12).toString('hex')}`])) as Record<
    Bucket,
    string
  >;
  const placed: Record<Bucket, Placed[]> = { match: [], nomatch: [], consentconstraint: [] };
  const members: MatchMember[] = [];
  for (const bundle of bundles) {
    const answer = answers.get(bundle.position);
    const verdict = verdicts.get(bundle.position) ?? 'evaluate';
    const by = answer?.persons === 1 ? await attestedBy(bundle) : undefined;
    const decided = decide(bundle, answer, verdict, { us, peer: them, attested: by !== undefined }, today);
    const memberId = answer?.persons === 1 ? answer.memberId : null;
    placed[decided.bucket].push({ bundle, memberId: decided.bucket === 'match' ? (memberId ?? undefined) : undefined });
    members.push({
      position: bundle.position,
      submittedId: bundle.patientId,
      outcome: decided.bucket,
      reason: decided.reason,
      rule: answer?.rule ?? null,
      fuzzy: answer?.fuzzy ?? null,
      persons: answer?.persons ?? null,
      attestation: by ?? null,
      coverageToLink: bundle.coverageToLink ?? null,
      memberId,
      groupId: groupIds[decided.bucket],
      consent: bundle.consent ?? null,
      policy: decided.policy ?? null,
      from: decided.from ?? null,
      to: decided.to ?? null,
    });
  }

  const about = {
    batch: job.id,
    batchSystem: matchBatchSystem(deps.config.baseUrl),
    us,
    peer: them,
    at: formatInstant(now),
    on: today,
  };
  const groups = BUCKETS.filter((b) => b === 'match' || placed[b].length > 0).map((bucket) => ({
    bucket,
    group: matchGroup(bucket, placed[bucket], { ...about, id: groupIds[bucket] }),
  }));
  const files = new NdjsonFiles(deps.blobs, `bulk/${job.id}`, FILE_LIMITS);
  const spec = job.parameters['spec'];
  if (spec !== '2.1') for (const { group } of groups) await files.write('output', 'Group', JSON.stringify(group));
  await files.write('output', 'Parameters', JSON.stringify(matchParameters(groups)));
  const written = await files.finish(['Group', 'Parameters']);

  const counts = Object.fromEntries(BUCKETS.map((b) => [b, placed[b].length]));
  const done = await sql.begin(async (tx) => {
    const at = deps.clock();
    const mine = await completeJob(tx, job.id, owner, {
      at,
      expiresAt: new Date(at.getTime() + deps.config.exportKeepHours * 3_600_000),
      transactionTime: now,
      counts,
      files: written,
    });
    if (!mine) return false;
    await writeMatches(
      tx,
      job.id,
      peer.id,
      now,
      groups.map(({ bucket, group }) => ({ id: groupIds[bucket], code: bucket, resource: JSON.stringify(group) })),
      members,
    );
    await closeClock(tx, 'C3-match', job.id, at);
    const doubtful = members.filter((m) => m.reason === 'ambiguous').map((m) => answers.get(m.position)?.candidates);
    await openAmbiguous(
      tx,
      doubtful.flatMap((c) => (c ? [{ peerId: peer.id, candidates: c }] : [])),
      at,
    );
    for (let from = 0; from < members.length; from += AUDIT_ROWS)
      await writeAudit(
        tx,
        members.slice(from, from + AUDIT_ROWS).map((m) =>
          auditRow({
            at,
            object: `match/${job.id}/${m.position}`,
            ...matchAudit(m, peer.id),
          }),
        ),
      );
    return true;
  });
  if (!done) {
    for (const f of written) await deps.blobs.delete(f.blobKey);
    return false;
  }
  for (const b of BUCKETS)
    if (placed[b].length > 0) deps.metrics.count('match_members_total', { result: b }, placed[b].length);
  return true;
}

/** What was tried before decides which members are looked for at all. Committed whatever becomes of the job. */
async function judgeAttempts(
  deps: Deps,
  peerId: string,
  queries: readonly MatchQuery[],
  now: Date,
): Promise<Map<number, Verdict>> {
  const secret = await attemptSecret(deps);
  const attempts = queries.flatMap((q) => {
    const attempt = attemptOf(q, secret);
    return attempt === undefined ? [] : [{ ...attempt, peerId }];
  });
  const tried = await recordAttempts(deps.database.sql, attempts, now);
  const verdicts = new Map(queries.map((q) => [q.position, judgeAttempt(tried.get(q.position))]));
  const throttled = [...verdicts.values()].filter((v) => v !== 'evaluate').length;
  if (throttled > 0) deps.log('warn', 'match throttled', { peer: peerId, count: throttled });
  return verdicts;
}
