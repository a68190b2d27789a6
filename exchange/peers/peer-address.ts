// Addresses from which a payer was given tokens, as keyed hashes.
import type { Queryable } from '../../src/db/database.ts';

/** Days after which an address that was not used counts as new again. */
export const ADDRESS_DAYS = 90;

/**
 * Notes that a payer was given a token at an address; written once an hour at most. peer_address_pkey.
 * @returns is it another one than all of the last 90 days, of which there are some?
 */
export async function isNewAddress(tx: Queryable, peerId: string, mark: string, at: Date): Promise<boolean> {
  const [row] = await tx<{ isNew: boolean }[]>`
    with had as materialized (
      select count(*) as n, coalesce(bool_or(mark = ${mark}), false) as known from exchange.peer_address
      where peer_id = ${peerId} and last_at > ${at}::timestamptz - make_interval(days => ${ADDRESS_DAYS})
    ), noted as (
      insert into exchange.peer_address (peer_id, mark, first_at, last_at) values (${peerId}, ${mark}, ${at}, ${at})
      on conflict (peer_id, mark) do update set last_at = excluded.last_at
        where exchange.peer_address.last_at < excluded.last_at - interval '1 hour'
    ) select n > 0 and not known as "isNew" from had`;
  return row?.isNew === true;
}
