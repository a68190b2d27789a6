// Payers that tell several values of one minute each, the same ones, contradict each other in none of them: of two records that differ, each of
// which the other one's payer tells as well, nothing is to decide. What holds follows from the links as they are now, whatever came first.
import type { Queryable } from '../../../src/store/database.ts';
import { CONFIRMED } from '../../reconcile/judge/judge.ts';
import { RULES_VERSION } from '../../reconcile/judge/verdict.ts';
import { ITEM_KINDS } from '../../review/kinds.ts';

const KIND = 'value-mismatch';
/** Rules by which two values contradict each other (reconcile/judge/clinical.ts). */
const RULES = `('accession', 'result')`;

/** Members of whose results the open slice wrote something. */
const ABOUT = `select distinct member_id, type from pg_temp.slice where type = 'Observation' and member_id is not null and not is_shared and (outcome not in ('unchanged', 'rejected') or reason = 'replayed')`;

/** Contradictions of values among these. */
const DOUBTS = `select l.* from about cross join lateral (
    select * from exchange.link x where x.member_id = about.member_id and x.type = about.type and x.kind = 'conflict' and x.rule in ${RULES} offset 0) l`;

/**
 * Of the contradictions of the members of the open slice: one in which both payers tell both values is `confirmed`, and no item; any other one is
 * `proposed`, and one that was agreed before is an item now. After all links and records of the slice are written. Primary keys of link, resource
 * and review_item; review_item_member, finding_pull, ledger_member.
 * @param work.pull null for records of our own
 */
export async function agreeValues(tx: Queryable, work: { pull: string | null }, at: string): Promise<void> {
  const [any] = await tx.unsafe(`with about as materialized (${ABOUT}) select from (${DOUBTS}) d limit 1`);
  if (any === undefined) return;
  await tx.unsafe(
    `with about as materialized (${ABOUT}), doubt as materialized (${DOUBTS}), sides as materialized (
       select d.member_id, d.type, d.a_id, d.b_id, d.state, a.origin as a_origin, b.origin as b_origin
       from doubt d
       join exchange.resource a on a.member_id = d.member_id and a.type = d.type and a.id = d.a_id
       join exchange.resource b on b.member_id = d.member_id and b.type = d.type and b.id = d.b_id
     ), linked as materialized (
       select l.member_id, l.type, l.a_id, l.b_id from (select distinct member_id, type from doubt) m cross join lateral (
         select * from exchange.link x where x.member_id = m.member_id and x.type = m.type and x.kind in ('same-record', 'same-event')
           and x.state = 'confirmed' and x.score >= ${CONFIRMED}::real offset 0) l
     ), told as materialized (
       select p.member_id, p.type, p.one, r.origin, min(p.other) as first, max(p.other) as last
       from (select member_id, type, a_id as one, b_id as other from linked union all select member_id, type, b_id, a_id from linked) p
       join exchange.resource r on r.member_id = p.member_id and r.type = p.type and r.id = p.other and not r.deleted
       group by p.member_id, p.type, p.one, r.origin
     ), now as (
       -- by a third record: a person may have said of the two themselves that they are one
       select s.*, case when (a.first <> s.b_id or a.last <> s.b_id) and (b.first <> s.a_id or b.last <> s.a_id) then 'confirmed' else 'proposed' end as said
       from sides s
       left join told a on a.member_id = s.member_id and a.type = s.type and a.one = s.a_id and a.origin = s.b_origin
       left join told b on b.member_id = s.member_id and b.type = s.type and b.one = s.b_id and b.origin = s.a_origin
     )
     update exchange.link l set state = n.said from now n
     where l.member_id = n.member_id and l.type = n.type and l.a_id = n.a_id and l.b_id = n.b_id and l.kind = 'conflict' and n.state <> n.said`,
  );
  await closeAgreed(tx, work, at);
  await openContradictions(tx, work, at);
}

/** An item of just now was never one; an older one is gone. */
async function closeAgreed(tx: Queryable, work: { pull: string | null }, at: string): Promise<void> {
  await tx.unsafe(
    `with about as materialized (${ABOUT}), agreed as materialized (
       select d.member_id, d.type, d.a_id, d.b_id from (${DOUBTS}) d where d.state = 'confirmed'
     ), item as materialized (
       select i.id, i.member_id, i.type, i.a_id, i.b_id, i.opened_at = $2::text::timestamptz and i.reopened = 0 as is_new
       from (select distinct member_id, type from agreed) m cross join lateral (
         select * from exchange.review_item x where x.member_id = m.member_id and x.type = m.type and x.kind = '${KIND}' and x.state = 'open' offset 0) i
       where (i.member_id, i.type, least(i.a_id, i.b_id), greatest(i.a_id, i.b_id)) in (select member_id, type, a_id, b_id from agreed)
     ), untold as (
       delete from exchange.finding f using item i
       where f.pull_id = $1 and f.kind = '${KIND}' and f.member_id = i.member_id and f.type = i.type
         and ((f.local_id = i.a_id and f.detail = i.b_id) or (f.local_id = i.b_id and f.detail = i.a_id))
     ), ended as (
       update exchange.review_item v set state = 'gone' from item i where v.id = i.id and not i.is_new
     )
     delete from exchange.review_item v using item i where v.id = i.id and i.is_new`,
    [work.pull, at],
  );
}

/** Those that are contradictions again, or now, without an item: what one of the two payers told as well has gone or changed. */
async function openContradictions(tx: Queryable, work: { pull: string | null }, at: string): Promise<void> {
  await tx.unsafe(
    `with about as materialized (${ABOUT}), open as (
       select md5(concat_ws('|', d.member_id, '${KIND}', d.type, d.a_id, d.b_id)) as item, d.member_id, d.type, d.rule,
         -- ours is the first one of an item
         case when b.origin = 'own' then b.id else a.id end as a_id, case when b.origin = 'own' then b.hash else a.hash end as a_hash,
         case when b.origin = 'own' then a.id else b.id end as b_id, case when b.origin = 'own' then a.hash else b.hash end as b_hash,
         case when b.origin = 'own' then a.origin else b.origin end as peer_id, case when b.origin = 'own' then a.source_id else b.source_id end as source_id
       from (${DOUBTS}) d
       join exchange.resource a on a.member_id = d.member_id and a.type = d.type and a.id = d.a_id and not a.deleted
       join exchange.resource b on b.member_id = d.member_id and b.type = d.type and b.id = d.b_id and not b.deleted
       where d.state = 'proposed'
     ), written as (
       insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, peer_id, pull_id, file, line, entry, rule, opened_at)
       select o.item, o.member_id, '${KIND}', ${ITEM_KINDS[KIND]?.weight ?? 1}, o.type, o.type, o.a_id, o.a_hash, o.type, o.b_id, o.b_hash, o.peer_id,
         p.pull_id, p.file, p.line, p.entry, o.rule || ' v${RULES_VERSION}', $2::text::timestamptz
       from open o left join lateral (
         select l.pull_id, l.file, l.line, l.entry from exchange.ledger_unit l join exchange.pull p on p.id = l.pull_id
         where l.member_id = o.member_id and l.type = o.type and l.local_id = o.b_id and l.outcome in ('created', 'updated', 'linked-duplicate')
         order by p.created_at desc, l.file desc, l.line desc limit 1) p on true
       where not exists (select from exchange.review_item v where v.id = o.item and v.state <> 'gone')
       on conflict (id) do update set a_type = excluded.a_type, a_id = excluded.a_id, a_hash = excluded.a_hash, b_type = excluded.b_type, b_id = excluded.b_id, b_hash = excluded.b_hash,
         peer_id = excluded.peer_id, pull_id = excluded.pull_id, file = excluded.file, line = excluded.line, entry = excluded.entry, rule = excluded.rule,
         state = 'open', decision = null, opened_at = excluded.opened_at, reopened = exchange.review_item.reopened + 1
       returning id
     )
     insert into exchange.finding (pull_id, kind, type, source_id, member_id, local_id, detail)
     select $1, '${KIND}', o.type, o.source_id, o.member_id, o.b_id, o.a_id from open o join written w on w.id = o.item where $1::text is not null`,
    [work.pull, at],
  );
}
