// Payers that tell several values of one minute each, the same ones, contradict each other in none of them: of two records that differ, each of
// which the other one's payer tells as well, nothing is to decide. What holds follows from the links as they are now, whatever came first.
import type { Queryable } from '../../../src/store/database.ts';
import { CONFIRMED } from '../../reconcile/judge/judge.ts';
import { followLinks } from './link-items.ts';

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
  await followLinks(tx, {
    kind: KIND,
    pull: work.pull,
    at,
    doubts: `select d.* from (${ABOUT}) about cross join lateral (
    select * from exchange.link x where x.member_id = about.member_id and x.type = about.type and x.kind = 'conflict' and x.rule in ${RULES} offset 0) d`,
  });
}
