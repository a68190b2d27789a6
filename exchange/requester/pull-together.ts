// Pulls of one payer that were asked for at the same time and wait for the same reason are one.

import { and, asc, eq, ne } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { OPEN_STATES, type Pull } from './pull.ts';
import { pullEvent, pull as pulls } from './schema.ts';

/** The pull that waits for a reason already, of those of the same payer and time. pull_peer. */
export async function waitingTogether(
  sql: Queryable,
  pull: Pick<Pull, 'id' | 'peerId' | 'createdAt'>,
  reason: string,
): Promise<string | undefined> {
  const isBeside = and(eq(pulls.peerId, pull.peerId), eq(pulls.createdAt, pull.createdAt), ne(pulls.id, pull.id));
  const [row] = await orm(sql)
    .select({ id: pulls.id })
    .from(pulls)
    .where(and(isBeside, eq(pulls.state, 'review'), eq(pulls.reason, reason)))
    .orderBy(asc(pulls.finishedAt), asc(pulls.id))
    .limit(1);
  return row?.id;
}

/** Tells in its timeline that others wait with it. pull_pkey. */
export async function noteJoined(tx: Queryable, id: string, at: Date, detail: string): Promise<void> {
  await orm(tx).insert(pullEvent).values({ pullId: id, at, state: 'review', detail });
}

/**
 * Does a smaller one of them go on, beside which this one has stood for less than `seconds`? Of two that are as large
 * the one with the lesser id is the smaller. pull_peer, pull_member_pkey, pull_event_pull.
 */
export async function smallerGoesOn(
  sql: Queryable,
  pull: Pick<Pull, 'id' | 'peerId' | 'createdAt'>,
  now: Date,
  seconds: number,
): Promise<boolean> {
  const size = (of: string) => sql.unsafe(`(select count(*) from exchange.pull_member m where m.pull_id = ${of}.id)`);
  const found = await sql`
    select from exchange.pull p join exchange.pull o on o.peer_id = p.peer_id and o.created_at = p.created_at and o.id <> p.id
    where p.id = ${pull.id} and o.state = any(${[...OPEN_STATES]}::text[]) and (${size('o')}, o.id) < (${size('p')}, p.id)
      and (select max(e.at) from exchange.pull_event e where e.pull_id = p.id) > ${now}::timestamptz - make_interval(secs => ${seconds})
    limit 1`;
  return found.length > 0;
}

/**
 * What became of a payer's batches after an instant: when the newest pull was begun of which it has `taken` one;
 * members of whom it refused to be asked in one, in pulls that ended for one of
 * `reasons`, `before` that and `since`; and how many such pulls were asked for `together` with this one. pull_peer, pull_member_pkey.
 */
export async function answeredBatches(
  sql: Queryable,
  pull: Pick<Pull, 'id' | 'peerId' | 'createdAt'>,
  after: Date,
  reasons: readonly string[],
): Promise<{ taken: Date | null; before: string[]; since: string[]; together: number }> {
  const rows = await sql<{ createdAt: Date; isTaken: boolean; members: string[] }[]>`
    select p.created_at as "createdAt", p.match_form = 'bulk' and p.match_status_url is not null as "isTaken",
      case when p.state = 'failed' and p.reason = any(${[...reasons]}::text[])
        then array(select m.member_id from exchange.pull_member m where m.pull_id = p.id) else '{}' end as members
    from exchange.pull p where p.peer_id = ${pull.peerId} and p.created_at > ${after} and p.id <> ${pull.id}`;
  const at = Math.max(...rows.flatMap((r) => (r.isTaken ? [r.createdAt.getTime()] : [])));
  const of = (which: (time: number) => boolean) => [
    ...new Set(rows.flatMap((r) => (which(r.createdAt.getTime()) ? r.members : []))),
  ];
  return {
    taken: Number.isFinite(at) ? new Date(at) : null,
    before: of((t) => t <= at),
    since: of((t) => t > at),
    together: rows.filter((r) => r.members.length > 0 && r.createdAt.getTime() === pull.createdAt.getTime()).length,
  };
}

/**
 * Has a payer, after an instant, answered for anyone who was asked for alone? What an earlier pull learned was not
 * asked. pull_peer, pull_member_pkey.
 */
export async function hasAnsweredSingles(sql: Queryable, peerId: string, after: Date): Promise<boolean> {
  const found = await sql`
    select from exchange.pull p join exchange.pull_member m on m.pull_id = p.id
    where p.peer_id = ${peerId} and p.created_at > ${after} and p.match_form = 'single'
      and m.identity is not null and m.outcome in ('matched', 'not-matched', 'constrained', 'conflict') limit 1`;
  return found.length > 0;
}
