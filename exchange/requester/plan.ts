// Which pulls are due: members who have opted in and named a payer we know, in one batch per peer.
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { calendarOf, localDay, requestDue } from '../members/deadlines/business-day.ts';
import { RUN_OFF_DAYS } from '../members/deadlines/rules.ts';
import { listPeers, type Peer } from '../peers/peer.ts';
import { membersAtOnce } from '../peers/peer-takes.ts';
import { openRequestsDue } from '../schedule.ts';
import { type Candidate, claimAsks, claimEnd, dueToAsk, type Refresh, settleAsks } from './coverage-due.ts';
import { addPull } from './pull.ts';

/**
 * Concurrent coverage is asked for again within three months (42 CFR 422.121(b)(6)(i)), coverage that has ended each month while
 * late claims come in: some days before they are due, so that a peer that does not answer at once is no lateness. After
 * what changed, all of what goes on is asked for once a quarter (`QUARTERLY_FULL_PULL`), to see what does not come any
 * more.
 */
const refreshOf = (config: Deps['config']): Refresh => ({
  months: 3,
  runOffDays: RUN_OFF_DAYS,
  earlyDays: 5,
  compares: config.quarterlyFullPull,
});

export type PlanRequest = {
  /** only this peer */
  peerId?: string;
  memberIds?: readonly string[];
  /** ask for everything again, not only what changed */
  full?: boolean;
  /** ask even those who were asked already */
  again?: boolean;
  cause: 'opt-in' | 'command';
  /** who asked for it, on the command line; absent: the schedule */
  by?: string;
};

type Asks = { peer: Peer; cause: string; isFull: boolean; due: Candidate[] };

/**
 * What one payer is asked: what is owed, and to compare. Of whom it has sent before what changed is asked for, apart
 * from whom it is asked for the first time: an answer with everything, which all of one request would have, does not
 * tell what was deleted (reconciliation.md, 16), and of a payer that someone new is asked of each day no one would ever
 * learn that. Who has several cards there, of which one is owed and another to be compared, is asked for once, with all
 * of them, for everything: it is what is owed, and compares as well. Pure.
 */
export function asksOf(peer: Peer, all: readonly Candidate[], { cause, full = false }: PlanRequest): Asks[] {
  const of = all.filter((c) => c.peerId === peer.id);
  const isOwed = new Set(of.flatMap((c) => (c.isComparison ? [] : c.memberId)));
  const isCompared = new Set(of.flatMap((c) => (c.isComparison ? c.memberId : [])));
  // one member is asked for once, with all cards
  const isFirst = new Set(of.flatMap((c) => (c.isComparison || c.isKnown ? [] : c.memberId)));
  const isBoth = (c: Candidate) => isOwed.has(c.memberId) && isCompared.has(c.memberId);
  const owed = of.filter((c) => !c.isComparison && !isBoth(c));
  const parts = full
    ? [owed]
    : [owed.filter((c) => !isFirst.has(c.memberId)), owed.filter((c) => isFirst.has(c.memberId))];
  return [
    ...parts.map((due) => ({ peer, cause, isFull: full, due })),
    { peer, cause, isFull: true, due: of.filter(isBoth) },
    { peer, cause: 'comparison', isFull: true, due: of.filter((c) => c.isComparison && !isBoth(c)) },
  ];
}

/** Makes the pulls that are due. Returns their ids. */
export async function planPulls(deps: Deps, request: PlanRequest): Promise<string[]> {
  const { sql } = deps.database;
  const now = deps.clock();
  const today = localDay(now, deps.config.timeZone);
  const { timeZone } = deps.config;
  await openRequestsDue(sql, calendarOf(deps.config), now);
  const { peerId, memberIds, again } = request;
  const refresh = refreshOf(deps.config);
  // who asks by a command looks at all that it names
  const claimed =
    peerId === undefined && memberIds === undefined && again !== true
      ? claimEnd(now, deps.config.leaseSeconds)
      : undefined;
  if (claimed && !(await claimAsks(sql, now, claimed))) return [];
  // read after that: of a payer that can be asked from now on, it is reported again
  const peers = (await listPeers(sql)).filter(
    (p) => p.state === 'active' && p.fhirBase !== null && p.clientIdThere !== null,
  );
  const all = await dueToAsk(
    sql,
    { peerId, memberIds, ...(claimed ? { claimed } : {}), again: again === true },
    { now, today },
    refresh,
  );
  const made: string[] = [];
  for (const { peer, cause, isFull, due } of peers.flatMap((p) => asksOf(p, all, request))) {
    const size = membersAtOnce(peer, deps.config.pullBatch, now);
    for (let from = 0; from < due.length; from += size) {
      const batch = due.slice(from, from + size);
      const id = await sql.begin(async (tx) => {
        const pull = await addPull(
          tx,
          {
            peerId: peer.id,
            cause,
            isFull,
            createdAt: now,
            dueAt: requestDue(today, timeZone),
          },
          batch.map((c) => ({
            submittedId: `m-${randomUUID()}`,
            memberId: c.memberId,
            otherCoverageId: c.otherCoverageId,
            consentId: c.consentId,
            policy: c.policy,
          })),
        );
        await writeAudit(tx, [
          auditRow({
            at: now,
            actorKind: request.by === undefined ? 'system' : 'command',
            actor: request.by ?? 'schedule',
            action: 'pull-planned',
            object: `pull/${pull}`,
            peerId: peer.id,
            detail: { members: batch.length, cause },
          }),
        ]);
        return pull;
      });
      made.push(id);
    }
  }
  if (claimed) await settleAsks(sql, claimed, { now, today }, timeZone, refresh);
  return made;
}
