// Records that waited as no one could tell which of two members they are of: that the two are one person answers it,
// and that they are two asks it again.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { heldItem } from '../../records/released-version.ts';
import type { Merge } from './member-merge.ts';

/**
 * Open items that ask which of two members a record is of, and of no one else: the record, the payer's Patient that it
 * came of, or the claim that it is held for is known as the other one's. To be asked before anything moves.
 * review_item_member, ledger_pkey, identity_pkey, pull_member_pkey.
 */
export async function askedOfTwo(tx: Queryable, a: string, b: string): Promise<string[]> {
  const rows = await tx.unsafe<{ id: string }[]>(
    `with item as materialized (
      select v.id, v.member_id, v.peer_id, v.pull_id, v.file, v.line, coalesce(v.entry, 0) as entry, l.type, l.source_id
      from exchange.review_item v
      join exchange.ledger l on l.pull_id = v.pull_id and l.file = v.file and l.line = v.line and l.entry = coalesce(v.entry, 0)
      where v.member_id in ($1, $2) and v.kind = 'patient-change' and v.state = 'open'
        and v.id = ${heldItem('v.peer_id', 'l.type', 'l.source_id')}
    ), known as (
      select t.id, i.member_id from item t
      join exchange.identity i on i.peer_id = t.peer_id and i.type = t.type and i.source_id = t.source_id
      union all
      select t.id, i.member_id from item t
      join exchange.pull_member m on m.pull_id = t.pull_id and m.member_id = t.member_id and m.outcome = 'matched'
      cross join unnest(m.peer_patient_id || m.further_patients) u(id)
      join exchange.identity i on i.peer_id = t.peer_id and i.type = 'Patient' and i.source_id = u.id
      union all
      select t.id, coalesce(w.member_id, i.member_id) from item t
      join exchange.cross_member_claim s on s.pull_id = t.pull_id and s.file = t.file and s.line = t.line and s.entry = t.entry
      join exchange.identity i on i.peer_id = t.peer_id and i.type = t.type and i.source_id = s.other_id
      left join exchange.review_item w on w.id = ${heldItem('t.peer_id', 't.type', 's.other_id')} and w.state = 'open'
    )
    select t.id from item t join known k on k.id = t.id and k.member_id is not null
    group by t.id having bool_or(k.member_id <> t.member_id) and bool_and(k.member_id in ($1, $2))`,
    [a, b],
  );
  return rows.map((r) => r.id);
}

/** Notes which items were answered so. */
export async function noteAnswered(tx: Queryable, id: string, items: readonly string[]): Promise<void> {
  await tx`
    insert into exchange.member_merge_part (merge_id, what, key) select ${id}, 'answered', i
      from unnest(${arrayLiteral(items)}::text::text[]) i`;
}

/**
 * Those of them that are still answered so: no one has said otherwise since. `isTaken`: the release took in a record
 * that was not there. Primary keys; review_decision_item, unit_revision by its line.
 */
export async function answeredBy(
  tx: Queryable,
  { id, at }: Pick<Merge, 'id' | 'at'>,
): Promise<{ id: string; decision: string; isTaken: boolean }[]> {
  return [
    ...(await tx<{ id: string; decision: string; isTaken: boolean }[]>`
      select v.id, d.id::text as decision, coalesce(r.outcome in ('created', 'linked-duplicate'), true) as "isTaken"
      from exchange.member_merge_part n
      join exchange.review_item v on v.id = n.key and v.state = 'decided' and v.decision = 'release'
      cross join lateral (select max(x.id) as id from exchange.review_decision x where x.item_id = v.id and x.undoes is null) l
      join exchange.review_decision d on d.id = l.id and d.at = ${at}
      left join lateral (
        select u.outcome from exchange.unit_revision u
        where u.pull_id = v.pull_id and u.file = v.file and u.line = v.line and u.entry = coalesce(v.entry, 0) and u.cause = 'release'
          and u.at >= ${at}
        order by u.id desc limit 1) r on true
      where n.merge_id = ${id} and n.what = 'answered' order by v.id`),
  ];
}
