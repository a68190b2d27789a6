// Clocks: every duty with a due time is a row. Opened with the event that starts it, in the same transaction.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../src/store/database.ts';

/** C2 request to a peer, C3 our answer to a peer (match and export), C4 quarterly refresh. */
export type ClockKind = 'C2' | 'C3-match' | 'C3-export' | 'C4';

/**
 * Opens the clock of every opted-in member's request to another payer: it runs from now, when both the opt-in and the payer
 * are known. Members whose payer cannot be asked stay visible as blocked, and run again when it can. One statement, so it
 * also serves the schedule on Workers.
 */
export async function openRequestClocks(tx: Queryable, now: Date, dueAt: Date): Promise<void> {
  await tx`
    insert into exchange.clock (id, kind, subject, member_id, peer_id, starts_at, due_at, state, reason)
    select gen_random_uuid()::text, 'C2', o.id, o.member_id, o.peer_id, ${now}, ${dueAt},
      case when p.state = 'active' and p.fhir_base is not null then 'open' else 'blocked' end,
      case when p.state = 'active' and p.fhir_base is not null then null else 'no-endpoint' end
    from exchange.other_coverage o
    join lateral (
      select choice from exchange.consent where member_id = o.member_id order by recorded_on desc, created_at desc limit 1
    ) c on c.choice = 'opt-in'
    left join exchange.peer p on p.id = o.peer_id
    on conflict (kind, subject) do update set state = excluded.state, reason = excluded.reason, peer_id = excluded.peer_id
      where exchange.clock.state = 'blocked' and exchange.clock.reason = 'no-endpoint' and excluded.state = 'open'`;
}

export async function openClock(
  tx: Queryable,
  clock: { kind: ClockKind; subject: string; memberId?: string; peerId?: string; startsAt: Date; dueAt: Date },
): Promise<void> {
  await tx`
    insert into exchange.clock (id, kind, subject, member_id, peer_id, starts_at, due_at, state)
    values (${randomUUID()}, ${clock.kind}, ${clock.subject}, ${clock.memberId ?? null}, ${clock.peerId ?? null}, ${clock.startsAt}, ${clock.dueAt}, 'open')
    on conflict (kind, subject) do nothing`;
}

/** Closes an open clock: met, or met late when its time had passed. */
export async function closeClock(
  tx: Queryable,
  kind: ClockKind,
  subject: string,
  at: Date,
  reason?: string,
): Promise<void> {
  await tx`
    update exchange.clock set state = case when due_at >= ${at} then 'met' else 'met-late' end, closed_at = ${at}, reason = ${reason ?? null}
    where kind = ${kind} and subject = ${subject} and state = 'open'`;
}

export async function blockClock(
  tx: Queryable,
  kind: ClockKind,
  subject: string,
  state: 'attempted' | 'blocked' | 'withdrawn',
  reason: string,
): Promise<void> {
  await tx`update exchange.clock set state = ${state}, reason = ${reason} where kind = ${kind} and subject = ${subject} and state in ('open', 'attempted', 'blocked')`;
}

/** Open clocks past their due time, by kind. */
export async function overdueClocks(sql: Queryable, now: Date): Promise<{ kind: string; n: number }[]> {
  return [
    ...(await sql<
      { kind: string; n: number }[]
    >`select kind, count(*)::int as n from exchange.clock where state = 'open' and due_at < ${now} group by kind`),
  ];
}
