// The worker's side of $bulk-member-match: read the stored request, match all members in one statement, decide consent
// for each, and write Groups, decisions and files. A repeated run replaces what an earlier attempt wrote.
import { randomBytes } from 'node:crypto';
import { NdjsonFiles } from '../../src/blobs/ndjson-files.ts';
import type { Deps } from '../../src/deps.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import type { Json, Resource } from '../../src/fhir/resource.ts';
import { localDay } from '../clocks/business-day.ts';
import { evaluateConsent } from '../consent/evaluate.ts';
import { ourselves } from '../plan.ts';
import { auditRow, writeAudit } from '../store/audit.ts';
import { type BulkJob, completeJob } from '../store/bulk-job.ts';
import { closeClock } from '../store/clock.ts';
import { matchMembers } from '../store/match.ts';
import { type MatchMember, writeMatches } from '../store/match-group.ts';
import { findPeer } from '../store/peer.ts';
import { type Bucket, matchGroup, matchParameters, type Placed } from './groups.ts';
import { type MemberBundle, readMemberBundles, toQuery } from './member-bundle.ts';
import { NORMALIZATION } from './normalize.ts';

const BUCKETS = ['match', 'nomatch', 'consentconstraint'] as const;
/** Rules whose match rests on an individual's own id: only these may tell a peer that consent is the obstacle. */
const STRONG_RULES = new Set([26, 27, 28, 8]);

async function readBody(deps: Deps, key: string): Promise<Json> {
  const stream = await deps.blobs.get(key);
  if (!stream) throw new Error('the stored request is gone');
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as Json;
}

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
  const bundles = readMemberBundles(await readBody(deps, job.bodyKey));
  const queries = bundles.map((b) => toQuery(b, us, now));
  const answers = await sql.begin('isolation level repeatable read read only', (tx) => matchMembers(tx, queries));

  const groupIds = Object.fromEntries(BUCKETS.map((b) => [b, `g-${randomBytes(12).toString('hex')}`])) as Record<
    Bucket,
    string
  >;
  const placed: Record<Bucket, Placed[]> = { match: [], nomatch: [], consentconstraint: [] };
  const members: MatchMember[] = bundles.map((bundle, i) => {
    const answer = answers[i];
    const decided = decide(bundle, answer?.persons ?? 0, answer?.rule ?? null, us, them, today);
    const memberId = answer?.persons === 1 ? answer.memberId : null;
    placed[decided.bucket].push({ bundle, memberId: decided.bucket === 'match' ? (memberId ?? undefined) : undefined });
    return {
      position: bundle.position,
      submittedId: bundle.patientId,
      outcome: decided.bucket,
      reason: decided.reason,
      rule: answer?.rule ?? null,
      memberId,
      groupId: groupIds[decided.bucket],
      consent: bundle.consent ?? null,
      policy: decided.policy ?? null,
      from: decided.from ?? null,
      to: decided.to ?? null,
    };
  });

  const about = {
    batch: job.id,
    batchSystem: `${deps.config.baseUrl}/sid/match-batch`,
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
    await writeAudit(
      tx,
      members.map((m) =>
        auditRow({
          at,
          actorKind: 'peer',
          actor: peer.id,
          action: 'match',
          object: `match/${job.id}/${m.position}`,
          memberId: m.memberId ?? undefined,
          peerId: peer.id,
          outcome: m.outcome === 'match' ? 'ok' : 'refused',
          reason: m.reason,
          detail: { rule: m.rule, outcome: m.outcome, normalization: NORMALIZATION },
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

type Decided = { bucket: Bucket; reason: string; policy?: string; from?: string; to?: string };

/** One member: unique match first, then consent. A weak match never reveals that consent was the obstacle. */
function decide(
  bundle: MemberBundle,
  persons: number,
  rule: number | null,
  us: Parameters<typeof evaluateConsent>[1]['us'],
  peer: Parameters<typeof evaluateConsent>[1]['peer'],
  today: string,
): Decided {
  if (persons === 0) return { bucket: 'nomatch', reason: 'no-match' };
  if (persons > 1) return { bucket: 'nomatch', reason: 'ambiguous' };
  const consent = evaluateConsent(
    { patientId: bundle.patientId, consent: bundle.consent as Resource, coverageToLink: bundle.coverageToLink },
    { us, peer },
    today,
  );
  if (consent.ok)
    return { bucket: 'match', reason: 'matched', policy: consent.policy, from: consent.from, to: consent.to };
  return { bucket: rule !== null && STRONG_RULES.has(rule) ? 'consentconstraint' : 'nomatch', reason: consent.fault };
}
