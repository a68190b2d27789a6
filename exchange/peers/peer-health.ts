// Whether a peer answers, and what it was found to speak. A peer that fails again and again is not asked for a while: its
// pulls wait without using up their tries, and then one of them tries first.

import { and, eq, gt, isNotNull, isNull, lt, or } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import type { Abilities } from '../requester/client/abilities.ts';
import { peer } from './schema.ts';

/** Failures in a row after which a peer is paused. */
export const PAUSE_AFTER = 5;
const FIRST_PAUSE_S = 60;
const LONGEST_PAUSE_S = 3600;

/**
 * One more failure; from the fifth on the peer is paused, each time twice as long, up to an hour. Returns until when it is
 * paused now. peer_pkey.
 */
export async function peerFailed(sql: Queryable, id: string, reason: string, now: Date): Promise<Date | undefined> {
  const [row] = await sql<{ until: Date | null }[]>`
    update exchange.peer set failures = failures + 1, failing_since = coalesce(failing_since, ${now}), failure = ${reason},
      paused_until = case when failures + 1 >= ${PAUSE_AFTER}
        then ${now}::timestamptz + make_interval(secs => least(${LONGEST_PAUSE_S}, ${FIRST_PAUSE_S} * power(2, least(20, failures + 1 -
          ${PAUSE_AFTER})))) end
    where id = ${id} returning paused_until as until`;
  return row?.until ?? undefined;
}

/** It answered: nothing is held against it any more. Writes at most once a minute when nothing was. peer_pkey. */
export async function peerAnswered(sql: Queryable, id: string, now: Date): Promise<void> {
  const before = new Date(now.getTime() - 60_000);
  const isNews = or(
    gt(peer.failures, 0),
    isNotNull(peer.pausedUntil),
    isNull(peer.answeredAt),
    lt(peer.answeredAt, before),
  );
  await orm(sql)
    .update(peer)
    .set({ failures: 0, failingSince: null, failure: null, pausedUntil: null, answeredAt: now })
    .where(and(eq(peer.id, id), isNews));
}

/** Keeps what a peer was found to speak. peer_pkey. */
export async function recordAbilities(sql: Queryable, id: string, abilities: Abilities, now: Date): Promise<void> {
  await orm(sql).update(peer).set({ abilities, abilitiesAt: now }).where(eq(peer.id, id));
}

/** Forgets what its answers taught: which forms and types it lacks, and how many members it takes. peer_pkey. */
export async function forgetLearned(tx: Queryable, id: string): Promise<void> {
  await tx`
    update exchange.peer set abilities = abilities - 'guesses' || '{"lacks": [], "byGet": false}', takes = null, refuses_alone = 0,
      takes_at = null where id = ${id}`;
}

/** Sets or takes away a limit of its own. peer_pkey. */
export async function setPeerLimit(sql: Queryable, id: string, name: string, value: number | undefined): Promise<void> {
  await sql`
    update exchange.peer set limits = case when ${value ?? null}::float8 is null
      then limits - ${name} else limits || jsonb_build_object(${name}::text, ${value ?? null}::float8) end
    where id = ${id}`;
}
