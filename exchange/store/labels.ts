// Labels that a record inherits: what refers to a labelled record would reveal it, and is labelled like it.
import type { Queryable } from '../../src/store/database.ts';

/** Types whose label is no other record's. */
const OF_THEMSELVES = `'{Patient,Coverage,RelatedPerson,Provenance}'::text[]`;

/**
 * Decides again what the records of the members of a work id inherit, as far as references lead. A label that a record
 * loses or gains here moves it: the next export with `_since` tells of it. Members without labelled records cost one look
 * at the primary key.
 */
export async function inheritLabels(tx: Queryable, work: string, at: string): Promise<void> {
  await tx.unsafe(
    `with recursive concerned as materialized (
       select distinct t.member_id
       from (select distinct member_id from exchange.staging
         where pull_id = $1 and not is_shared and outcome in ('created', 'updated', 'linked-duplicate', 'retracted')) t
       join exchange.resource r on r.member_id = t.member_id
       where r.own_label > 0 or r.label <> r.own_label
     ), edge as materialized (
       select r.member_id, r.type || '/' || r.id as key, u as refers
       from concerned c join exchange.resource r on r.member_id = c.member_id cross join unnest(r.refers) u
       where r.type <> all(${OF_THEMSELVES})
     ), reached(member_id, key, label) as (
       select r.member_id, r.type || '/' || r.id, r.own_label
       from concerned c join exchange.resource r on r.member_id = c.member_id
       where r.own_label > 0 and r.type <> all(${OF_THEMSELVES})
       union
       select e.member_id, e.key, n.label from reached n join edge e on e.member_id = n.member_id and e.refers = n.key
     ), decided as (
       select r.member_id, r.type, r.id, greatest(r.own_label, max(n.label)) as label
       from concerned c join exchange.resource r on r.member_id = c.member_id
       left join reached n on n.member_id = r.member_id and n.key = r.type || '/' || r.id
       where r.own_label is not null
       group by r.member_id, r.type, r.id
     )
     update exchange.resource r set label = d.label, moved_at = $2::text::timestamptz
     from decided d
     where r.member_id = d.member_id and r.type = d.type and r.id = d.id and r.label is distinct from d.label`,
    [work, at],
  );
}
