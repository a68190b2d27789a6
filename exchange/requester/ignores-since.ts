// Does a payer pass over the time from which on it is asked for changes (`_since`)?
import type { Queryable } from '../../src/db/database.ts';
import type { Pull } from './pull.ts';

/** Fewer lines say nothing: the minute that a question reaches back may bring them. */
const LEAST_LINES = 20;
const KNOWN_PART = 0.95;

/**
 * Was nearly all of this answer known here, and of the one before it, both asked for what changed and of the same
 * Group? Once is none of the payer's faults: of members whom it has matched since the time that is named, a payer tells
 * everything. Nor is it when it is asked for the same again, as of a payer of which no time is kept: a question counts
 * only when it names a later time than each before it. Served by pull_peer and ledger_tally_key.
 * @param pull with all of its units in the ledger
 */
export async function passesOverSince(
  sql: Queryable,
  pull: Pick<Pull, 'id' | 'peerId' | 'since' | 'groupId' | 'createdAt'>,
): Promise<boolean> {
  if (pull.since === null) return false;
  const rows = await sql<{ isKnown: boolean }[]>`
    select p."isLater" and coalesce(sum(l.units) filter (where l.outcome = 'unchanged') > ${KNOWN_PART}::numeric * sum(l.units)
      and sum(l.units) >= ${LEAST_LINES}::numeric, false) as "isKnown"
    from (
      select id, created_at, since > coalesce(max(since) over (order by created_at, id rows between unbounded preceding
        and 1 preceding), '-infinity') as "isLater" from exchange.pull
      where peer_id = ${pull.peerId} and since is not null and group_id is not distinct from ${pull.groupId}
        and (id = ${pull.id} or (state = 'done' and created_at < ${pull.createdAt}))
      order by created_at desc, id desc limit 2
    ) p left join exchange.ledger_by_member l on l.pull_id = p.id group by p.id, p."isLater"`;
  return rows.length === 2 && rows.every((r) => r.isKnown);
}
