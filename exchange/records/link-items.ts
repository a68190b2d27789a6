// Items for people that follow from the state of links, rather than from one pair that was judged: open while a link is `proposed`, gone once it is
// settled. What was decided of the same two versions stays decided.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { RULES_VERSION } from '../reconcile/judge/verdict.ts';
import { ITEM_KINDS } from '../review/kinds.ts';
import { OUTLIVED } from './outlived.ts';

export type Followed = {
  kind: 'value-mismatch' | 'possible-duplicate';
  /** a statement of the links concerned, all columns; $3 in it is `of` as an array of texts */
  doubts: string;
  of?: readonly string[];
  /** null for records of our own */
  pull: string | null;
  at: string;
};

/** Items `item` (`is_new`: of just now, at $2) are gone; a new one was never one, nor a finding of pull $1. After a statement that names them. */
export const ENDED_ITEMS = `untold as (
       delete from exchange.finding f
       where f.pull_id = $1 and exists (select from item)
         and ((f.kind, f.member_id, f.type, f.local_id, f.detail) in (select kind, member_id, type, a_id, b_id from item union all select kind, member_id, type, b_id, a_id from item)) is true
     ), ended as (
       update exchange.review_item v set state = 'gone' from item i where v.id = i.id and not i.is_new
     )
     delete from exchange.review_item v using item i where v.id = i.id and i.is_new`;

/** Closes and opens the items of some links as they are now. Primary key of resource; review_item_member, finding_pull, ledger_member. */
export async function followLinks(tx: Queryable, f: Followed): Promise<void> {
  await closeSettled(tx, f);
  await openDoubtful(tx, f);
}

/**
 * An item of just now was never one; an older one is gone. What is among them is looked up in a table of them (`in … is true` is no join): there may be
 * as many as pairs, of which the planner knows nothing, and each would be looked for among all.
 */
async function closeSettled(tx: Queryable, f: Followed): Promise<void> {
  await tx.unsafe(
    `with settled as materialized (
       select d.member_id, d.type, d.a_id, d.b_id from (${f.doubts}) d where d.state in ('confirmed', 'apart')
     ), item as materialized (
       select i.id, i.kind, i.member_id, i.type, i.a_id, i.b_id, i.opened_at = $2::text::timestamptz and i.reopened = 0 as is_new
       from (select distinct member_id, type from settled) m cross join lateral (
         select * from exchange.review_item x where x.member_id = m.member_id and x.type = m.type and x.kind = '${f.kind}' and x.state = 'open' offset 0) i
       where ((i.member_id, i.type, least(i.a_id, i.b_id), greatest(i.a_id, i.b_id)) in (select member_id, type, a_id, b_id from settled)) is true
     ), ${ENDED_ITEMS}`,
    [f.pull, f.at, ...(f.of === undefined ? [] : [arrayLiteral(f.of)])],
  );
}

/** Those that are to be decided again, or now, and have no item. */
async function openDoubtful(tx: Queryable, f: Followed): Promise<void> {
  await tx.unsafe(
    `with open as (
       select md5(concat_ws('|', d.member_id, '${f.kind}', d.type, d.a_id, d.b_id)) as item, d.member_id, d.type, d.rule,
         -- ours is the first one of an item
         case when b.origin = 'own' then b.id else a.id end as a_id, case when b.origin = 'own' then b.hash else a.hash end as a_hash,
         case when b.origin = 'own' then a.id else b.id end as b_id, case when b.origin = 'own' then a.hash else b.hash end as b_hash,
         case when b.origin = 'own' then a.origin else b.origin end as peer_id, case when b.origin = 'own' then a.source_id else b.source_id end as source_id
       from (${f.doubts}) d
       cross join lateral (select r.* from exchange.resource r where r.member_id = d.member_id and r.type = d.type and r.id = d.a_id and not r.deleted and r.withheld is distinct from '${OUTLIVED}' offset 0) a
       cross join lateral (select r.* from exchange.resource r where r.member_id = d.member_id and r.type = d.type and r.id = d.b_id and not r.deleted and r.withheld is distinct from '${OUTLIVED}' offset 0) b
       where d.state = 'proposed'
     ), written as (
       insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, peer_id, pull_id, file, line, entry, rule, opened_at)
       select o.item, o.member_id, '${f.kind}', ${ITEM_KINDS[f.kind]?.weight ?? 1}, o.type, o.type, o.a_id, o.a_hash, o.type, o.b_id, o.b_hash, o.peer_id,
         p.pull_id, p.file, p.line, p.entry, o.rule || ' v${RULES_VERSION}', $2::text::timestamptz
       from open o left join lateral (
         select l.pull_id, l.file, l.line, l.entry from exchange.ledger_unit l join exchange.pull p on p.id = l.pull_id
         where l.member_id = o.member_id and l.type = o.type and l.local_id = o.b_id and l.outcome in ('created', 'updated', 'linked-duplicate')
         order by p.created_at desc, l.file desc, l.line desc limit 1) p on true
       where not exists (select from exchange.review_item v where v.id = o.item and v.state <> 'gone'
         and ((v.a_hash = o.a_hash and v.b_hash = o.b_hash) or (v.a_hash = o.b_hash and v.b_hash = o.a_hash)))
       on conflict (id) do update set a_type = excluded.a_type, a_id = excluded.a_id, a_hash = excluded.a_hash, b_type = excluded.b_type, b_id = excluded.b_id, b_hash = excluded.b_hash,
         peer_id = excluded.peer_id, pull_id = excluded.pull_id, file = excluded.file, line = excluded.line, entry = excluded.entry, rule = excluded.rule,
         state = 'open', decision = null, opened_at = excluded.opened_at, reopened = exchange.review_item.reopened + 1
       returning id
     )
     insert into exchange.finding (pull_id, kind, type, source_id, member_id, local_id, detail)
     select $1, '${f.kind}', o.type, o.source_id, o.member_id, o.b_id, o.a_id from open o join written w on w.id = o.item where $1::text is not null`,
    [f.pull, f.at, ...(f.of === undefined ? [] : [arrayLiteral(f.of)])],
  );
}
