// What people decided of pairs of records goes with them, where two members are merged and unmerged.
import type { Queryable } from '../../../src/db/database.ts';
import type { Move } from './merge-parts.ts';

/**
 * What people decided of pairs of records that moved holds where they are now, in items of their own: what they said of
 * former versions too, in its order, and what they took back meanwhile is taken back there. A decision is known again
 * by who made it when. The items of these records where they were are gone; what still is there to decide is found
 * again. review_item_member, review_decision_item.
 * @param words before the reasons of what is written
 */
export async function keepDecisions(tx: Queryable, { id, from, to }: Move, words: string): Promise<void> {
  const moved = tx`(select key as type, part as id from exchange.member_merge_part where merge_id = ${id} and what = 'record')`;
  const of = tx`i.member_id = ${from} and i.a_id is not null and i.b_id is not null and not (i.type = 'Patient' and i.peer_id = '')`;
  const pair = tx`
    select i.*, md5(concat_ws('|', ${to}::text, i.kind, i.type, least(i.a_id, i.b_id), greatest(i.a_id, i.b_id))) as now,
      -- our own say whose they are in other words now
      coalesce(a.hash, i.a_hash) as a_now, coalesce(b.hash, i.b_hash) as b_now
    from exchange.review_item i
    left join lateral (select r.hash from exchange.resource r where r.member_id = ${to} and r.type = coalesce(i.a_type, i.type)
      and r.id = i.a_id offset 0) a on true
    left join lateral (select r.hash from exchange.resource r where r.member_id = ${to} and r.type = coalesce(i.b_type, i.type)
      and r.id = i.b_id offset 0) b on true
    where ${of} and exists (select from exchange.review_decision d where d.item_id = i.id)
      and (coalesce(i.a_type, i.type), i.a_id) in ${moved} and (coalesce(i.b_type, i.type), i.b_id) in ${moved}`;
  /** Decision `t` of there is decision `d` of here, and stands. */
  const isThatOne = tx`t.undoes is null and t.decision = d.decision and t.by_subject = d.by_subject and t.at = d.at
    and not exists (select from exchange.review_decision x where x.item_id = t.item_id and x.undoes = t.id)`;
  await tx`
    with pair as (${pair})
    insert into exchange.review_decision (item_id, decision, undoes, by_subject, by_name, role, at, reason, a_hash, b_hash, rules)
    select t.item_id, t.decision, t.id, u.by_subject, u.by_name, u.role, u.at, ${words}::text || u.reason, t.a_hash, t.b_hash, u.rules
    from pair p join exchange.review_decision d on d.item_id = p.id join exchange.review_decision u on u.item_id = d.item_id
      and u.undoes = d.id
    join exchange.review_decision t on t.item_id = p.now and ${isThatOne} order by u.id`;
  await tx`
    with pair as (${pair}), written as (
      insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, peer_id, pull_id,
        file, line, entry, rule, detail, state, decision, opened_at, reopened)
      select now, ${to}, kind, weight, type, a_type, a_id, a_now, b_type, b_id, b_now, peer_id, pull_id, file, line, entry, rule, detail,
        case when state = 'decided' then 'decided' else 'gone' end, case when state = 'decided' then decision end, opened_at, reopened
      from pair on conflict (id) do update set state = excluded.state, decision = excluded.decision, a_hash = excluded.a_hash,
        b_hash = excluded.b_hash returning id
    )
    insert into exchange.review_decision (item_id, decision, by_subject, by_name, role, at, reason, a_hash, b_hash, rules)
    select p.now, d.decision, d.by_subject, d.by_name, d.role, d.at, ${words}::text || d.reason,
      case when d.a_hash = p.a_hash then p.a_now else d.a_hash end, case when d.b_hash = p.b_hash then p.b_now else d.b_hash end, d.rules
    from written w join pair p on p.now = w.id join exchange.review_decision d on d.item_id = p.id
    where d.undoes is null and not exists (select from exchange.review_decision u where u.item_id = d.item_id and u.undoes = d.id)
      and not exists (select from exchange.review_decision t where t.item_id = p.now and ${isThatOne}) order by d.id`;
  await tx`
    update exchange.review_item i set state = 'gone'
    where ${of} and i.state <> 'gone' and ((coalesce(i.a_type, i.type), i.a_id) in ${moved} or (coalesce(i.b_type, i.type), i.b_id) in
      ${moved})`;
}
