// Units of records that a person took in although a check held them back.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';

/**
 * What a person released stays as it is when it comes again or is read again, and so does what is here already and comes again after the choice was withdrawn,
 * or of a payer that was named by mistake: of that nothing waits. Few units are held: they come first, then the primary
 * key of the identity map and review_decision_item.
 */
export async function releasedUnits(tx: Queryable, work: Decided, reason: string | null): Promise<void> {
  await tx`
    with held as materialized (
      select file, line, entry, type, source_id, hash, reason from exchange.staging where pull_id = ${work.id} and outcome = 'quarantined' and source_id is not null and not booked
    ), released as materialized (
      select h.file, h.line, h.entry, i.local_id
      from held h
      join lateral (
        select i.local_id from exchange.identity i
        where i.peer_id = ${work.peerId} and i.type = h.type and i.source_id = h.source_id and i.state = 'visible' and i.hash = h.hash limit 1) i on true
      where h.reason in ('consent-withdrawn', 'named-in-error') or exists (
        -- its item may be about a later version by now
        select from exchange.review_decision d
        where d.item_id = md5(concat_ws('|', 'held', ${work.peerId}::text, h.type, h.source_id)) and d.decision = 'release' and d.undoes is null and d.b_hash = h.hash
          and not exists (select from exchange.review_decision u where u.item_id = d.item_id and u.undoes = d.id))
    )
    update exchange.staging s set outcome = 'unchanged', reason = ${reason}, made_id = coalesce(s.made_id, s.local_id), local_id = r.local_id
    from released r where s.pull_id = ${work.id} and s.file = r.file and s.line = r.line and s.entry = r.entry`;
}
