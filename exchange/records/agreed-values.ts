// Payers that tell several values of one minute each, the same ones, contradict each other in none of them: of two records that differ, each of
// which the other one's payer tells as well, nothing is to decide. What holds follows from the links as they are now, whatever came first.
import type { Queryable } from '../../src/db/database.ts';
import { CONFIRMED } from '../reconcile/judge/judge.ts';
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
       cross join lateral (select origin from exchange.resource r where r.member_id = d.member_id and r.type = d.type and r.id = d.a_id offset 0) a
       cross join lateral (select origin from exchange.resource r where r.member_id = d.member_id and r.type = d.type and r.id = d.b_id offset 0) b
     ), linked as materialized (
       select l.member_id, l.type, l.a_id, l.b_id from (select distinct member_id, type from doubt) m cross join lateral (
         select * from exchange.link x where x.member_id = m.member_id and x.type = m.type and x.kind in ('same-record', 'same-event')
           and x.state = 'confirmed' and x.score >= ${CONFIRMED}::real offset 0) l
     ), told as materialized (
       select p.member_id, p.type, p.one, r.origin, min(p.other) as first, max(p.other) as last
       from (select member_id, type, a_id as one, b_id as other from linked union all select member_id, type, b_id, a_id from linked) p
       cross join lateral (select origin from exchange.resource r where r.member_id = p.member_id and r.type = p.type and r.id = p.other and not r.deleted offset 0) r
       group by p.member_id, p.type, p.one, r.origin
     ), side as (
       -- beside what it is told by, in one order: of neither is it known how many there are, and a join would be guessed small and go through all for each
       select *, max(first) over telling as first_of, max(last) over telling as last_of from (
         select member_id, type, one, origin, first, last, null::text as other, null::text as a_id, null::text as b_id, null::text as state from told
         union all
         select member_id, type, a_id, b_origin, null, null, b_id, a_id, b_id, state from sides
         union all
         select member_id, type, b_id, a_origin, null, null, a_id, a_id, b_id, state from sides
       ) t window telling as (partition by member_id, type, one, origin)
     ), now as (
       -- by a third record: a person may have said of the two themselves that they are one
       select member_id, type, a_id, b_id, state, case when bool_and(coalesce(first_of <> other or last_of <> other, false)) then 'confirmed' else 'proposed' end as said
       from side where a_id is not null group by member_id, type, a_id, b_id, state
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
