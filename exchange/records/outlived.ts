// Copies that outlive their record: the payer whose record it is has taken it back, and another one, who was told of it before and has not asked since, passes
// it on. They are kept, and neither shown nor passed on. A copy of a record of ours is an echo, and of no record of its own, unless it came of another member, who
// was made one with this one since: then it is such a copy when ours is gone, or says something else meanwhile.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { areOfOtherThings } from '../reconcile/other-things.ts';
import { SOURCE_KEY } from '../reconcile/record-keys.ts';
import { substanceOf } from '../reconcile/substance.ts';
import { DENIED_SINCE } from './hidden-pa.ts';
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
/** @param ours placeholder of the address by which payers name records of ours */
const older = (ours: string) => `
  bases as materialized (${BASES}), gone as materialized (
    select r.member_id, r.type, r.id, r.origin, hashtextextended('${SOURCE_KEY}' || p.base || '/' || r.type || '/' || r.source_id, 0) as name, i.at
    from concerned m cross join lateral (
      select x.member_id, x.type, x.id, x.origin, x.source_id from exchange.resource x where x.member_id = m.member_id and x.deleted and x.origin <> 'own' offset 0) r
    cross join lateral (
      select d.transaction_time as at from exchange.identity y join exchange.pull d on d.id = y.last_pull
      where y.peer_id = r.origin and y.type = r.type and y.source_id = r.source_id and y.state = 'retracted' offset 0) i
    join bases p on p.id = r.origin
    union all
    select r.member_id, r.type, r.id, 'own', hashtextextended('${SOURCE_KEY}' || ${ours}::text || '/' || r.type || '/' || r.id, 0), 'infinity'
    from concerned m cross join lateral (
      select x.member_id, x.type, x.id from exchange.resource x where x.member_id = m.member_id and x.origin = 'own'
        and (x.deleted or (x.version > 1 and exists (select from exchange.member_merge g where g.member_id = m.member_id and g.undone_at is null))) offset 0) r
  ), named as (
    -- beside what they are called by, in one order: of neither is it known how many there are, and a join would be guessed small and go through all for each
    select *, max(gone_id) over called as of_id, max(gone_origin) over called as of_origin, max(gone_at) over called as of_at, count(id) over (partition by member_id, type, name, origin) as n
    from (
      select member_id, type, name, id as gone_id, origin as gone_origin, at as gone_at, null::text as id, null::text as origin, null::text as source_id from gone
      union all
      select r.member_id, r.type, k, null, null, null, r.id, r.origin, r.source_id
      from (select distinct member_id, type from gone) m cross join lateral (
        select x.member_id, x.type, x.id, x.origin, x.source_id, x.keys from exchange.resource x
        where x.member_id = m.member_id and x.type = m.type and not x.deleted and x.origin <> 'own' and x.keys is not null offset 0) r
      cross join unnest(r.keys) k where (k in (select name from gone)) is true
    ) a window called as (partition by member_id, type, name)
  ), outlived as materialized (
    select distinct c.member_id, c.type, c.id, c.of_id, c.of_origin from (select * from named where id is not null and origin <> of_origin and n = 1 offset 0) c
    cross join lateral (select ${changedAt('i')} as at from exchange.identity i where i.peer_id = c.origin and i.type = c.type and i.source_id = c.source_id offset 0) i
    where i.at < c.of_at
  )`;

type Copy = {
  memberId: string;
  type: string;
  id: string;
  body: string;
  of: string;
  ofOrigin: string;
  /** the record is no more */
  isGone: boolean;
  isSame: boolean;
  /** of a copy of ours that came of another member and says something else: what ours said before, and the copy, the newest first */
  oursBefore: string[] | null;
  before: string[] | null;
};

/** What nobody has more versions of within what a payer may have missed. */
const MOST_VERSIONS = 20;
const VERSIONS = (id: string) => `(select coalesce(jsonb_agg(v.body order by v.version desc), '[]') from (
  select x.body, x.version from exchange.resource_version x where x.member_id = o.member_id and x.type = o.type and x.id = o.${id} order by x.version desc limit ${MOST_VERSIONS}) v)`;
/** One of the two came of another member, who is one with this one. member_merge_part_pkey. */
const CAME_TOGETHER = `exists (
  select from exchange.member_merge m join exchange.member_merge_part p on p.merge_id = m.id and p.what = 'record' and p.key = o.type and p.part in (o.id, o.of_id)
  where m.member_id = o.member_id and m.undone_at is null)`;

/** It says what ours said once, and did not go back to it from what that said later: of a member who was always this one it would be an echo. */
function wasOurs({ body, of, oursBefore, before }: Copy): boolean {
  if (oursBefore === null) return false;
  const ours = [of, ...oursBefore].map((text) => substanceOf(text, true));
  const at = ours.indexOf(substanceOf(body, false));
  const later = new Set(ours.slice(0, at));
  return at > 0 && !(before ?? []).some((text) => later.has(substanceOf(text, false)));
}

/**
 * Copies of some members that are outlived. What is of another thing than the record whose address it is called by, is none of it, nor is what says something
 * else than ours ever did: such a copy is no echo either.
 * @param concerned a statement of `member_id`; $1 in it is `of`
 * @param base address by which payers name records of ours
 */
async function outlived(tx: Queryable, concerned: string, base: string, of?: string): Promise<Copy[]> {
  const found = await tx.unsafe<Copy[]>(
    `with concerned as materialized (${concerned}), ${older(of === undefined ? '$1' : '$2')}
     select o.member_id as "memberId", o.type, o.id, o.of_origin as "ofOrigin", r.body, g.body as of, g.deleted as "isGone", t.same as "isSame",
       case when t.compared then ${VERSIONS('of_id')} end as "oursBefore", case when t.compared then ${VERSIONS('id')} end as before
     from outlived o
     cross join lateral (select x.body, x.substance from exchange.resource x where x.member_id = o.member_id and x.type = o.type and x.id = o.id offset 0) r
     cross join lateral (select x.body, x.substance, x.deleted from exchange.resource x where x.member_id = o.member_id and x.type = o.type and x.id = o.of_id offset 0) g
     cross join lateral (select s.same, o.of_origin = 'own' and not s.same and ${CAME_TOGETHER} as compared from (select coalesce(r.substance = g.substance, false) as same) s) t
     where o.of_origin <> 'own' or (g.deleted and t.same) or t.compared`,
    of === undefined ? [base] : [of, base],
  );
  const isOlder = (c: Copy) => c.ofOrigin !== 'own' || (c.isGone && c.isSame) || wasOurs(c);
  return found.filter(
    (c) => !areOfOtherThings(JSON.parse(c.body) as Resource, JSON.parse(c.of) as Resource) && isOlder(c),
  );
}

/** A copy that is shown again. */
export type Shown = Pick<Copy, 'memberId' | 'type' | 'id'>;

async function mark(tx: Queryable, at: string, base: string, concerned: string, of?: string): Promise<Shown[]> {
  const copies = await outlived(tx, concerned, base, of);
  const column = (name: 'memberId' | 'type' | 'id') => arrayLiteral(copies.map((c) => c[name]));
  const shown = await tx.unsafe<Shown[]>(
    `with concerned as materialized (${concerned.replace('$1', '$5')}), outlived as materialized (
       select * from unnest($2::text::text[], $3::text::text[], $4::text::text[]) o(member_id, type, id)
     ), marked as (
       update exchange.resource r set withheld = '${OUTLIVED}', moved_at = $1::text::timestamptz from outlived o
       where r.member_id = o.member_id and r.type = o.type and r.id = o.id and coalesce(r.withheld, '${DENIED_SINCE}') = '${DENIED_SINCE}'
     )
     update exchange.resource r set withheld = null, moved_at = $1::text::timestamptz
     from concerned m cross join lateral (
       select x.member_id, x.type, x.id from exchange.resource x where x.member_id = m.member_id and x.withheld = '${OUTLIVED}' offset 0) x
     where r.member_id = x.member_id and r.type = x.type and r.id = x.id and (x.member_id, x.type, x.id) not in (select member_id, type, id from outlived)
     returning r.member_id as "memberId", r.type, r.id`,
    [at, column('memberId'), column('type'), column('id'), ...(of === undefined ? [] : [of])],
  );
  return [...shown];
}

/**
 * Marks them, and takes the mark back where it holds no more. What is marked, or no more, moves: peers who have it are told. After records and identities of
 * the slice are written. resource_pkey, identity_pkey, resource_outlived.
 * @param at instant of the transaction
 * @param base address by which payers name records of ours
 * @returns those that are shown again
 */
export async function markOutlived(tx: Queryable, at: string, base: string): Promise<Shown[]> {
  const [any] = await tx.unsafe(`${CONCERNED} limit 1`);
  return any === undefined ? [] : mark(tx, at, base, CONCERNED);
}

/** Members of whom a record of ours was taken back, or came of whom such copies are or may be. */
const CONCERNED_OF_OURS = `
  select distinct member_id from pg_temp.slice s where not is_shared and member_id is not null and (outcome = 'retracted'
    or (outcome in ('created', 'updated') and (exists (select from exchange.resource r where r.member_id = s.member_id and r.withheld = '${OUTLIVED}')
      or exists (select from exchange.member_merge g where g.member_id = s.member_id and g.undone_at is null))))`;
/** The same of an import of our own. */
export async function markOutlivedOfOurs(tx: Queryable, at: string, base: string): Promise<Shown[]> {
  const [any] = await tx.unsafe(`${CONCERNED_OF_OURS} limit 1`);
  return any === undefined ? [] : mark(tx, at, base, CONCERNED_OF_OURS);
}

/** The same of some members, of whom records came together or went apart. */
export async function outlivedOf(
  tx: Queryable,
  members: readonly string[],
  at: string,
  base: string,
): Promise<Shown[]> {
  return mark(tx, at, base, 'select distinct unnest($1::text::text[]) as member_id', arrayLiteral(members));
}
