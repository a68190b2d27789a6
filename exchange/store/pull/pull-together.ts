// Pulls of one payer that were asked for at the same time and wait for the same reason are one.
import type { Queryable } from '../../../src/store/database.ts';
import { OPEN_STATES, type Pull } from './pull.ts';

/** The pull that waits for a reason already, of those of the same payer and time. pull_peer. */
export async function waitingTogether(
  sql: Queryable,
  pull: Pick<Pull, 'id' | 'peerId' | 'createdAt'>,
  reason: string,
): Promise<string | undefined> {
  const [row] = await sql<{ id: string }[]>`
    select id from exchange.pull where peer_id = ${pull.peerId} and created_at = ${pull.createdAt} and id <> ${pull.id} and state = 'review' and reason = ${reason}
    order by finished_at, id limit 1`;
  return row?.id;
}

/** Tells in its timeline that others wait with it. pull_pkey. */
export async function noteJoined(tx: Queryable, id: string, at: Date, detail: string): Promise<void> {
  await tx`insert into exchange.pull_event (pull_id, at, state, detail) values (${id}, ${at}, 'review', ${detail})`;
}

/**
 * Does a smaller one of them go on, beside which this one has stood for less than `seconds`? Of two that are as large the one with the lesser id is
 * the smaller. pull_peer, pull_member_pkey, pull_event_pull.
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
 * Has a payer answered a batch since, and how many of the pulls that were asked for with this one have ended for `reason`? pull_peer.
 */
export async function answeredBatches(
  sql: Queryable,
  pull: Pick<Pull, 'peerId' | 'createdAt'>,
  since: Date,
  reason: string,
): Promise<{ answered: boolean; refused: number }> {
  const [row] = await sql<{ answered: boolean; refused: number }[]>`
    select exists (select from exchange.pull where peer_id = ${pull.peerId} and created_at > ${since} and match_form = 'bulk' and group_id is not null) as answered,
      (select count(*)::int from exchange.pull where peer_id = ${pull.peerId} and created_at = ${pull.createdAt} and state = 'failed' and reason = ${reason}) as refused`;
  return row ?? { answered: false, refused: 0 };
}
