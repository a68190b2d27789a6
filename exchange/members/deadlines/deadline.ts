// Clocks: every duty with a due time is a row, opened with the event that starts it, in the same transaction. Those of
// members are opened by sets in member-clock.ts.

import { randomUUID } from 'node:crypto';
import { and, count, inArray, lt } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { deadline } from '../schema.ts';
import { type ClockKind, type LateReason, RULE_VERSION, ruleRef } from './rules.ts';

export type { ClockKind };

/** Opens the clock of an answer to a peer. */
export async function openClock(
  tx: Queryable,
  clock: {
    kind: 'C3-match' | 'C3-export';
    subject: string;
    peerId: string;
    startsAt: Date;
    dueAt: Date;
    zone: string;
    calendar: string;
  },
): Promise<void> {
  await tx`
    insert into exchange.deadline (id, kind, subject, peer_id, starts_at, due_at, state, rule_ref, rule_version, calendar_version, zone,
      start_event)
    values (${randomUUID()}, ${clock.kind}, ${clock.subject}, ${clock.peerId}, ${clock.startsAt}, ${clock.dueAt}, 'open',
      ${ruleRef(clock.kind, null)}, ${RULE_VERSION}, ${clock.calendar}, ${clock.zone}, 'request-received')
    on conflict (kind, subject) do nothing`;
}

/** Closes a running clock: met, or met late when its time had passed. `event` names what stopped it. */
export async function closeClock(
  tx: Queryable,
  kind: ClockKind,
  subject: string,
  at: Date,
  reason?: string,
  event = 'answered',
): Promise<void> {
  await tx`
    update exchange.deadline set state = case when due_at >= ${at} then 'met'
      else 'met-late' end, closed_at = ${at}, reason = ${reason ?? null}, stop_event = ${event}
    where kind = ${kind} and subject = ${subject} and state in ('open', 'attempted')`;
}

/**
 * The same of exports that failed for good, when the payer has asked for the same once more and has it now: no one waits for them any
 * longer. bulk_job_peer.
 */
export async function closeRepeated(tx: Queryable, jobId: string, at: Date): Promise<void> {
  await tx`
    update exchange.deadline set state = case when due_at >= ${at} then 'met'
      else 'met-late' end, closed_at = ${at}, reason = null, stop_event = 'answered'
    where kind = 'C3-export' and state in ('open', 'attempted', 'blocked') and subject in (
      select f.id from exchange.bulk_job j join exchange.bulk_job f on f.peer_id = j.peer_id and f.received_at < j.received_at
      where j.id = ${jobId} and f.kind = j.kind and f.state = 'failed' and f.group_id is not distinct from j.group_id
        and f.request_url = j.request_url and f.parameters = j.parameters)`;
}

/** The same of one request that failed for good. By clock's unique index. */
export async function closeFailed(sql: Queryable, kind: ClockKind, subject: string, at: Date): Promise<void> {
  await sql`
    update exchange.deadline set state = case when due_at >= ${at} then 'met'
      else 'met-late' end, closed_at = ${at}, reason = null, stop_event = 'answered'
    where kind = ${kind} and subject = ${subject} and state in ('open', 'attempted', 'blocked')`;
}

export async function blockClock(
  tx: Queryable,
  kind: ClockKind,
  subject: string,
  state: 'attempted' | 'blocked' | 'withdrawn' | 'not-applicable',
  reason: string,
): Promise<void> {
  await tx`
    update exchange.deadline set state = ${state}, reason = ${reason}, closed_at = case when ${state} in ('withdrawn', 'not-applicable')
      then now() end
    where kind = ${kind} and subject = ${subject} and state in ('open', 'attempted', 'blocked')`;
}

/**
 * A payer took the question about members of a pull and did not finish: their duties stand as attempted, with why, until they are met after
 * all. One that did not take it leaves them running, with why. What is asked beside the duties, to compare, says
 * nothing of them. deadline_member.
 */
export async function attemptClocks(tx: Queryable, pullId: string, reason: LateReason, isTaken = true): Promise<void> {
  await tx`
    update exchange.deadline k set state = ${isTaken ? 'attempted' : 'open'}, reason = ${reason}
    from exchange.pull_member m
    where m.pull_id = ${pullId} and exists (select from exchange.pull p where p.id = m.pull_id and p.cause <> 'comparison')
      and k.member_id = m.member_id and k.kind in ('C2', 'C4', 'C5-runoff') and k.state = 'open'
      and split_part(k.subject, '/', 1) = m.other_coverage_id`;
}

/** Running clocks past their due time, and those of what was asked in vain, by kind. Served by deadline_open and deadline_attempted. */
export async function overdueClocks(sql: Queryable, now: Date): Promise<{ kind: string; n: number }[]> {
  const isOverdue = and(inArray(deadline.state, ['open', 'attempted']), lt(deadline.dueAt, now));
  return orm(sql).select({ kind: deadline.kind, n: count() }).from(deadline).where(isOverdue).groupBy(deadline.kind);
}

export type DueDay = { kind: string; day: string; n: number };

/** Days on which open clocks fall due, in the plan's zone, with how many. Served by deadline_open and deadline_attempted. */
export async function dueDays(sql: Queryable, zone: string): Promise<DueDay[]> {
  return [
    ...(await sql<DueDay[]>`
      select kind, to_char(due_at at time zone ${zone}, 'YYYY-MM-DD') as day, count(*)::int as n
      from exchange.deadline where state = 'open' or state = 'attempted' group by 1, 2 order by 2, 1`),
  ];
}
