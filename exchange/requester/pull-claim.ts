// Who works on which pull: anyone who holds its lease takes one step.
import type { Queryable, Sql } from '../../src/db/database.ts';
import { PAUSE_AFTER } from '../peers/peer-health.ts';
import { COLUMNS, OPEN_STATES, type Pull, type PullState } from './pull.ts';

export type Claim = {
  owner: string;
  now: Date;
  leaseSeconds: number;
  /** this one */
  only?: string | undefined;
  /** in none of these states */
  except?: readonly PullState[];
  /** of peers that are worked with this often at once */
  perPeer?: number;
  /** owners whose work has ended though its end could not be written: their leases hold nothing */
  left?: readonly string[];
};

/** Held while a pull is chosen that may be one to reconcile: of two that were chosen at once neither would see the other. */
const RECONCILERS_LOCK = 7_206_012;

/**
 * Takes one pull that is due and that no one works on. Not of a peer that is paused; of one that failed lately, one at a time. What is
 * found of a member while a pull is reconciled must not change beneath it: never two at once of one peer, or about one member.
 */
export async function claimPull(sql: Sql, claim: Claim): Promise<Pull | undefined> {
  if (claim.except?.includes('reconciling') === true) return claimOne(sql, claim);
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${RECONCILERS_LOCK})`;
    return claimOne(tx, claim);
  });
}

/**
 * Asked by each slot each second, so it is prepared: planning it takes fifty times what it does. Served by pull_due;
 * pull_member_pkey, pull_member_member.
 */
async function claimOne(sql: Queryable, claim: Claim): Promise<Pull | undefined> {
  const states = OPEN_STATES.filter((s) => !(claim.except ?? []).includes(s));
  const [row] = await sql.unsafe<Pull[]>(
    `update exchange.pull set lease_owner = $1, lease_until = $2::timestamptz + make_interval(secs => $3)
     where id = (
       select q.id from exchange.pull q join exchange.peer p on p.id = q.peer_id
       where q.state = any($4::text[]) and q.next_at <= $2::timestamptz and (q.lease_until is null
         or q.lease_until < $2::timestamptz or q.lease_owner = any($9::text[]))
         and ($5::text is null or q.id = $5)
         and not (q.state = 'reconciling' and exists (
           select from exchange.pull o
           where o.state = 'reconciling' and o.id <> q.id and o.lease_until >= $2::timestamptz and o.lease_owner <> all($9::text[])
             and (o.peer_id = q.peer_id or exists (
             select from exchange.pull_member a join exchange.pull_member b on b.member_id = a.member_id and b.pull_id = q.id
               and b.outcome = 'matched'
             where a.pull_id = o.id and a.outcome = 'matched'))))
         and (q.state = 'reconciling' or (
           (p.paused_until is null or p.paused_until <= $2::timestamptz)
           and (select count(*) from exchange.pull o where o.peer_id = q.peer_id
             and o.lease_until >= $2::timestamptz and o.lease_owner <> all($9::text[]) and o.state = any($8::text[]))
             < case when p.failures >= $6 then 1 else $7 end))
       order by q.next_at for update of q skip locked limit 1
     ) returning ${COLUMNS}`,
    [
      claim.owner,
      claim.now,
      claim.leaseSeconds,
      states as never,
      claim.only ?? null,
      PAUSE_AFTER,
      claim.perPeer ?? 2,
      OPEN_STATES.filter((s) => s !== 'reconciling') as never,
      (claim.left ?? []) as never,
    ],
    { prepare: true },
  );
  return row;
}
