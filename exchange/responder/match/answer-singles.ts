// Single matches answered: what was tried before, the match, the decision, and the rows that tell of it, written together.
// Questions that come at the same time are answered together; each has its own decision and its own rows.

import type { Sql } from '../../../src/db/database.ts';
import { isDuplicate } from '../../../src/db/failure.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow } from '../../compliance/audit/audit.ts';
import { lastBegun, localDay } from '../../members/deadlines/business-day.ts';
import type { Peer } from '../../peers/peer.ts';
import { addresses, ourselves } from '../../plan.ts';
import { attemptOf, judgeAttempt, keyed } from './attempt.ts';
import { attemptSecret } from './attempt-secret.ts';
import { attestations } from './attested-by.ts';
import { decide } from './decide.ts';
import { openAmbiguous } from './duplicate-member-items.ts';
import { matchAndTry } from './find-matches.ts';
import { matchAudit } from './match-audit.ts';
import { type MemberBundle, toQuery } from './read-member-bundle.ts';
import { type SingleMatch, singleMatchesOf, writeSingleMatches } from './single-match-rows.ts';

export type AskedSingle = {
  /** of the question, and of its row: asked once more when its answer was lost, it is written once */
  id: string;
  peerId: string;
  /** as it is now; fails when the peer may not ask any more, and nothing of the question is kept but the attempt */
  peer: () => Promise<Peer>;
  bundle: MemberBundle;
  requestId: string;
};
export type AnsweredSingle =
  | { umb: string; memberId: string; peer: Peer }
  | { refused: 'no-unique-match' | 'consent-not-met' };

/** Questions whose rows were on their way: when they come again no one knows whether these are there. */
const written = new WeakSet<AskedSingle>();

/** @returns answers in the order of the questions */
export async function answerSingles(deps: Deps, asked: readonly AskedSingle[]): Promise<AnsweredSingle[]> {
  const us = ourselves(deps.config);
  const base = addresses(deps.config).fhir;
  const now = deps.clock();
  const today = localDay(now, deps.config.timeZone);
  const begun = lastBegun(now, today);
  const hash = keyed(await attemptSecret(deps));
  const queries = asked.map(({ bundle }, position) => ({ ...toQuery(bundle, us, now), position }));
  const attempts = queries.flatMap((query) => {
    const attempt = attemptOf(query, hash);
    const peerId = asked[query.position]?.peerId;
    return attempt === undefined || peerId === undefined ? [] : [{ ...attempt, peerId }];
  });
  const trying = new Set(attempts.filter((a) => a.isTrying).map((a) => a.position));
  const { sql } = deps.database;
  // who was tried too often is decided without looking at what was found; the time of both is the same
  const current = Promise.all(asked.map((one) => one.peer()));
  current.catch(() => {}); // heard below
  const found = await matchAndTry(sql, queries, attempts, now);
  const peers = await current;
  const attested = new Map<string, ReturnType<typeof attestations>>();
  const matches: (SingleMatch & { umb: string | null })[] = [];
  for (const [i, one] of asked.entries()) {
    const verdict = judgeAttempt(found[i]?.tried, trying.has(i));
    const answer = verdict === 'throttle' ? undefined : found[i]?.answer;
    const peer = peers[i] as Peer;
    const attestedBy = attested.get(peer.id) ?? attestations(deps, peer, today, now);
    attested.set(peer.id, attestedBy);
    const by = answer?.persons === 1 ? await attestedBy(one.bundle) : undefined;
    const d = decide(one.bundle, answer, verdict, { us, peer, base, attested: by !== undefined }, today, begun);
    matches.push({
      id: one.id,
      peerId: one.peerId,
      at: now,
      outcome: d.bucket,
      reason: d.reason,
      rule: answer?.rule ?? null,
      fuzzy: answer?.fuzzy ?? null,
      persons: answer?.persons ?? null,
      attestation: by ?? null,
      memberId: answer?.persons === 1 ? answer.memberId : null,
      asOne: answer?.asOne ?? [],
      policy: d.policy ?? null,
      from: d.from ?? null,
      to: d.to ?? null,
      sent: JSON.stringify({ consent: one.bundle.consent, coverageToLink: one.bundle.coverageToLink }),
      requestId: one.requestId,
      umb: answer?.umb ?? null,
    });
  }
  // before: what fails after its rows are written would be written once more
  await openAmbiguous(
    sql,
    asked.flatMap(({ peerId }, i) => {
      const candidates = matches[i]?.reason === 'ambiguous' ? found[i]?.answer.candidates : undefined;
      return candidates ? [{ peerId, candidates }] : [];
    }),
    now,
  );
  const again = asked.filter((one) => written.has(one)).map((one) => one.id);
  for (const one of asked) written.add(one);
  await writeMissing(sql, matches, again);
  return matches.map((m, i) => {
    deps.metrics.count('match_members_total', { result: m.outcome });
    if (m.reason === 'throttled') deps.log('warn', 'match throttled', { peer: m.peerId, match: m.id });
    if (m.outcome === 'match' && m.umb !== null && m.memberId !== null)
      return { umb: m.umb, memberId: m.memberId, peer: peers[i] as Peer };
    return { refused: m.outcome === 'consentconstraint' ? 'consent-not-met' : 'no-unique-match' };
  });
}

/**
 * @param again those that may be there: their statement was sent before and its answer lost. It may run still, and be
 * through before this one is:
 *   then all of it is there, and only the others are written
 */
async function writeMissing(sql: Sql, matches: readonly SingleMatch[], again: readonly string[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    const there = again.length === 0 ? undefined : await singleMatchesOf(sql, again);
    const missing = there === undefined ? matches : matches.filter((m) => !there.has(m.id));
    if (missing.length === 0) return;
    try {
      await writeSingleMatches(sql, missing, missing.map(auditOf));
      return;
    } catch (error) {
      if (!isDuplicate(error) || tries > again.length) throw error;
    }
  }
}

const auditOf = (m: SingleMatch) =>
  auditRow({
    at: m.at,
    object: `member-match/${m.id}`,
    requestId: m.requestId,
    ...matchAudit(m, m.peerId),
  });
