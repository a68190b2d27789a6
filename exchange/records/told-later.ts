// Answers that are taken in in another order than they were made: one waited for a person, or for its files. What a record is in the end does not depend on
// that order.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';

/**
 * Pulls of the payer whose answers were made after that of this work, and were not through when it was asked for: mostly none. What was asked for
 * after an answer was through is later than that one, whatever the clock there says.
 */
export async function laterAnswers(tx: Queryable, work: Decided): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    select d.id from exchange.pull n join exchange.pull d on d.peer_id = n.peer_id and d.id <> n.id
      and d.transaction_time > n.transaction_time and n.created_at <= coalesce(d.finished_at, 'infinity')
    where n.id = ${work.pull}`;
  return rows.map((r) => r.id);
}

/** Was a record there in one of these answers? The ledger knows, also of those that told it as it was. */
const isToldBy = (later: string): string => `(i.last_pull = any(${later}::text[])
  or exists (select from exchange.ledger_unit l where l.member_id = i.member_id and l.type = i.type and l.local_id = i.local_id and ${TOLD('l', later)})
  or (i.member_id is null and exists (select from exchange.ledger_unit l where l.member_id is null and l.type = i.type and l.local_id = i.local_id and ${TOLD('l', later)}))
  or exists (select from exchange.ledger_block b where b.member_id = i.member_id and ${STANDS('b', later)})
  or (i.member_id is null and exists (select from exchange.ledger_block b where b.member_id is null and ${STANDS('b', later)})))`;
const TOLD = (l: string, later: string) =>
  `${l}.pull_id = any(${later}::text[]) and ${l}.source_id = i.source_id and ${l}.hash is not null and ${l}.outcome not in ('retracted', 'rejected') and ${l}.reason is distinct from 'already-retracted'`;
const STANDS = (b: string, later: string) =>
  `${b}.pull_id = any(${later}::text[]) and ${b}.type = i.type and i.source_id = any(${b}.source_ids)`;

/**
 * Is unit `s` from before what identity `i` is now? Of content the times that it says decide; of a deletion, and of content that says none, the answers:
 * the later one counts. ledger_member, ledger_block_member; only where there are later ones.
 * @param later placeholder of {@link laterAnswers}
 */
export const isPast = (later: string): string => `(i.hash is distinct from s.hash
  and case when s.has_body and s.reason is distinct from 'entered-in-error' then i.state in ('visible', 'echo') else i.state in ('visible', 'echo', 'quarantined') end
  and case
    when s.has_body and s.last_updated <> i.last_updated then s.last_updated < i.last_updated
    else ${later}::text[] <> '{}' and ${isToldBy(later)} end)`;
