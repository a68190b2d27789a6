// How many members a payer takes in one request. It is learned from what it took after it had said that there were too
// many (413), with the day on which it first said so, and tried again after a while. Each statement stands for itself:
// several pulls of one payer learn at once.
import type { Queryable } from '../../src/db/database.ts';
import { RELEARN_MS } from '../requester/client/learned-abilities.ts';
import type { Peer } from './peer.ts';

type Takes = Pick<Peer, 'takes' | 'refusesAlone' | 'takesAt' | 'limits'>;

const isKnown = (peer: Takes, now: Date): boolean =>
  peer.takes !== null && peer.takesAt !== null && now.getTime() - peer.takesAt.getTime() < RELEARN_MS;

/**
 * Members in one request: at most `most`, less where the payer's record says so (`peer limit ID members=`), or else
 * where it was found to take fewer. Pure.
 */
export function membersAtOnce(peer: Takes, most: number, now: Date): number {
  const own = peer.limits['members'] ?? 0;
  if (own >= 1) return Math.min(most, Math.floor(own));
  return isKnown(peer, now) && peer.takes !== null && peer.takes > 0 ? Math.min(most, peer.takes) : most;
}

/** Single members to which it may say 413 before it is taken to say it to everybody. */
const ALONE = 3;

/** Has it said 413 to several single members, and taken no one since it first said it? Then fewer are no better. Pure. */
export const takesNobody = (peer: Takes, now: Date): boolean =>
  isKnown(peer, now) && peer.takes === 0 && peer.refusesAlone >= ALONE;

/** It said 413; `isAlone`: to a request for one member. peer_pkey. */
export async function noteTooMany(sql: Queryable, id: string, isAlone: boolean, now: Date): Promise<void> {
  const alone = isAlone ? 1 : 0;
  const over = new Date(now.getTime() - RELEARN_MS);
  await sql`
    update exchange.peer set takes = case when takes_at > ${over} then takes else 0 end,
      refuses_alone = case when takes_at > ${over} then refuses_alone else 0 end + ${alone},
      takes_at = case when takes_at > ${over} then takes_at else ${now} end
    where id = ${id}`;
}

/** It gave the records of so many members. Of one that never said 413 nothing is kept. peer_pkey. */
export async function noteTaken(sql: Queryable, id: string, members: number): Promise<void> {
  await sql`
    update exchange.peer set takes = greatest(takes, ${members}::int), refuses_alone = 0
    where id = ${id} and takes is not null and (takes < ${members}::int or refuses_alone > 0)`;
}
