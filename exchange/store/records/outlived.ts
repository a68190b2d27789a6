// Copies that outlive their record: the payer whose record it is has taken it back, and another one, who was told of it before and has not asked since, passes
// it on. They are kept, and neither shown nor passed on.
import type { Resource } from '../../../src/fhir/resource.ts';
import { arrayLiteral, type Queryable } from '../../../src/store/database.ts';
import { areOfOtherThings } from '../../reconcile/other-things.ts';
import { SOURCE_KEY } from '../../reconcile/record-keys.ts';
import { changedAt } from './outdated-copies.ts';

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
/** Addresses of payers, those of before too: copies are called by what their record was called when they were made. peer_change is small. */
const BASES = `select id, fhir_base as base from exchange.peer where fhir_base is not null
  union select peer_id, before ->> 'fhirBase' from exchange.peer_change where state = 'applied' and before ->> 'fhirBase' is not null`;
const OLDER = `
  gone as materialized (
    select r.member_id, r.type, r.id, r.origin, hashtextextended('${SOURCE_KEY}' || p.base || '/' || r.type || '/' || r.source_id, 0) as name, d.transaction_time as at
    from concerned m cross join lateral (
      select x.member_id, x.type, x.id, x.origin, x.source_id from exchange.resource x where x.member_id = m.member_id and x.deleted and x.origin <> 'own' offset 0) r
    join exchange.identity i on i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id and i.state = 'retracted'
    join exchange.pull d on d.id = i.last_pull join (${BASES}) p on p.id = r.origin
  ), copies as materialized (
    select r.member_id, r.type, r.id, g.id as of_id, coalesce(${changedAt('i')} < g.at, false) as is_older, count(*) over (partition by r.member_id, r.type, r.origin, g.name) as n
    from (select distinct member_id, type from gone) m cross join lateral (
      select x.member_id, x.type, x.id, x.origin, x.source_id, x.keys from exchange.resource x
      where x.member_id = m.member_id and x.type = m.type and not x.deleted and x.origin <> 'own' and x.keys is not null offset 0) r
    join gone g on g.member_id = r.member_id and g.type = r.type and g.origin <> r.origin and g.name = any(r.keys)
    join exchange.identity i on i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id
  ), outlived as materialized (
    select distinct member_id, type, id, of_id from copies where is_older and n = 1
  )`;

type Copy = { memberId: string; type: string; id: string; body: string; of: string };

/**
 * Copies of some members that are outlived. What is of another thing than the record whose address it is called by, is none of it.
 * @param concerned a statement of `member_id`; $1 in it is `of`
 */
async function outlived(tx: Queryable, concerned: string, of?: string): Promise<Copy[]> {
  const found = await tx.unsafe<Copy[]>(
    `with concerned as materialized (${concerned}), ${OLDER}
     select o.member_id as "memberId", o.type, o.id, r.body, g.body as of
     from outlived o join exchange.resource r on r.member_id = o.member_id and r.type = o.type and r.id = o.id
     join exchange.resource g on g.member_id = o.member_id and g.type = o.type and g.id = o.of_id`,
    of === undefined ? [] : [of],
  );
  const same = (c: Copy) => !areOfOtherThings(JSON.parse(c.body) as Resource, JSON.parse(c.of) as Resource);
  return found.filter(same);
}

async function mark(tx: Queryable, at: string, concerned: string, of?: string): Promise<void> {
  const copies = await outlived(tx, concerned, of);
  const column = (name: 'memberId' | 'type' | 'id') => arrayLiteral(copies.map((c) => c[name]));
  await tx.unsafe(
    `with concerned as materialized (${concerned.replace('$1', '$5')}), outlived as materialized (
       select * from unnest($2::text::text[], $3::text::text[], $4::text::text[]) o(member_id, type, id)
     ), marked as (
       update exchange.resource r set withheld = '${OUTLIVED}', moved_at = $1::text::timestamptz from outlived o
       where r.member_id = o.member_id and r.type = o.type and r.id = o.id and r.withheld is null
     )
     update exchange.resource r set withheld = null, moved_at = $1::text::timestamptz
     from concerned m cross join lateral (
       select x.member_id, x.type, x.id from exchange.resource x where x.member_id = m.member_id and x.withheld = '${OUTLIVED}' offset 0) x
     where r.member_id = x.member_id and r.type = x.type and r.id = x.id and (x.member_id, x.type, x.id) not in (select member_id, type, id from outlived)`,
    [at, column('memberId'), column('type'), column('id'), ...(of === undefined ? [] : [of])],
  );
}

/**
 * Marks them, and takes the mark back where it holds no more. What is marked, or no more, moves: peers who have it are told. After records and identities of
 * the slice are written. resource_pkey, identity_pkey, resource_outlived.
 * @param at instant of the transaction
 */
export async function markOutlived(tx: Queryable, at: string): Promise<void> {
  const [any] = await tx.unsafe(`${CONCERNED} limit 1`);
  if (any !== undefined) await mark(tx, at, CONCERNED);
}

/** The same of some members, of whom records came together or went apart. */
export async function outlivedOf(tx: Queryable, members: readonly string[], at: string): Promise<void> {
  await mark(tx, at, 'select distinct unnest($1::text::text[]) as member_id', arrayLiteral(members));
}
