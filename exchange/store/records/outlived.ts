// Copies that outlive their record: the payer whose record it is has taken it back, and another one, who was told of it before and has not asked since, passes
// it on. They are kept, and neither shown nor passed on.
import type { Queryable } from '../../../src/store/database.ts';
import { SOURCE_KEY } from '../../reconcile/record-keys.ts';

/** `resource.withheld` of such a copy. */
export const OUTLIVED = 'outlived';

/**
 * Members of the open slice in whom something may have changed: a record was taken back or is there again, or a copy came. What a copy says was so before
 * the answer that told that its record is no more, as the times there tell; of several copies that a payer calls by one name nobody knows which it is.
 */
const CONCERNED = `
  select distinct member_id from pg_temp.slice s
  where not is_shared and member_id is not null
    and (outcome = 'retracted' or reason = 'reinstated' or exists (select from unnest(s.keys) k where starts_with(k, '${SOURCE_KEY}')))`;
const OLDER = `
  gone as materialized (
    select r.member_id, r.type, r.origin, hashtextextended('${SOURCE_KEY}' || p.fhir_base || '/' || r.type || '/' || r.source_id, 0) as name, d.transaction_time as at
    from concerned m cross join lateral (
      select x.member_id, x.type, x.origin, x.source_id from exchange.resource x where x.member_id = m.member_id and x.deleted and x.origin <> 'own' offset 0) r
    join exchange.identity i on i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id and i.state = 'retracted'
    join exchange.pull d on d.id = i.last_pull join exchange.peer p on p.id = r.origin
  ), copies as materialized (
    select r.member_id, r.type, r.id, coalesce(i.last_updated < g.at, false) as is_older, count(*) over (partition by r.member_id, r.type, r.origin, g.name) as n
    from (select distinct member_id, type from gone) m cross join lateral (
      select x.member_id, x.type, x.id, x.origin, x.source_id, x.keys from exchange.resource x
      where x.member_id = m.member_id and x.type = m.type and not x.deleted and x.origin <> 'own' and x.keys is not null offset 0) r
    join gone g on g.member_id = r.member_id and g.type = r.type and g.origin <> r.origin and g.name = any(r.keys)
    join exchange.identity i on i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id
  ), outlived as materialized (
    select distinct member_id, type, id from copies where is_older and n = 1
  )`;

/**
 * Marks them, and takes the mark back where it holds no more. What is marked, or no more, moves: peers who have it are told. After records and identities of
 * the slice are written. resource_pkey, identity_pkey, resource_outlived.
 * @param at instant of the transaction
 */
export async function markOutlived(tx: Queryable, at: string): Promise<void> {
  const [any] = await tx.unsafe(`${CONCERNED} limit 1`);
  if (any === undefined) return;
  await tx.unsafe(
    `with concerned as materialized (${CONCERNED}), ${OLDER}, marked as (
       update exchange.resource r set withheld = '${OUTLIVED}', moved_at = $1::text::timestamptz from outlived o
       where r.member_id = o.member_id and r.type = o.type and r.id = o.id and r.withheld is null
     )
     update exchange.resource r set withheld = null, moved_at = $1::text::timestamptz
     from concerned m cross join lateral (
       select x.member_id, x.type, x.id from exchange.resource x where x.member_id = m.member_id and x.withheld = '${OUTLIVED}' offset 0) x
     where r.member_id = x.member_id and r.type = x.type and r.id = x.id and (x.member_id, x.type, x.id) not in (select member_id, type, id from outlived)`,
    [at],
  );
}
