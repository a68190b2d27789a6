// Statements about records (Provenance) that we hold already: each payer that passes records on passes on what was said of them, and payers who ask each
// other would hand that round for ever, each time as one more.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { idHere } from './echoes.ts';
import { LED_TO } from './references.ts';
import { EVERYTHING, type Range } from './slice.ts';

/** Who may say something, and has an NPI. */
const SAYING = `array['Practitioner', 'Organization']`;
const sayers = (keys: string) => `array(select k from unnest(${keys}) k where split_part(k, '/', 1) = any(${SAYING}))`;

/**
 * A new statement is an echo where others with the same substance are held of the member, by whomever they came, and these are about all that it is
 * about: the same records, or those that are told to be copies of one with them (rule `source`). What is not here is left out of that; of what came with it only what is one of
 * these counts. A substance has no references: said by somebody with another NPI it is another statement. By the primary keys of resource, identity, link and
 * shared_resource; staging_bucket, staging_key. Who and what is brought together by sorting: of how much there is the planner knows nothing.
 */
export async function statementEchoes(
  tx: Queryable,
  work: Pick<Decided, 'id' | 'peerId'>,
  of: Pick<Range, 'first' | 'last'> = EVERYTHING,
): Promise<void> {
  await tx.unsafe(
    `with unit as materialized (
       select file, line, entry, member_id, local_id, substance, targets, refs from exchange.staging
       where pull_id = $1 and bucket between $2 and $3 and type = 'Provenance' and outcome = 'created' and reason is null and not booked and not is_shared and member_id is not null
     ), alike as materialized (
       select m.member_id, r.id, r.substance, r.targets, r.links from (select distinct member_id from unit) m
       cross join lateral (select x.id, x.substance, x.targets, x.links from exchange.resource x
         where x.member_id = m.member_id and x.type = 'Provenance' and not x.deleted and x.targets is not null offset 0) r
       where r.substance in (select substance from unit)
     ), both_of as materialized (
       -- of one substance there may be ten thousands
       select * from (
         select *, bool_or(id is null) over (partition by member_id, substance) and bool_or(id is not null) over (partition by member_id, substance) as is_both from (
           select member_id, substance, id, null::integer as file, null::integer as line, null::integer as entry, local_id, targets, ${sayers('links')} as by from (
             select member_id, id, substance, targets, links, null as local_id from alike) h
           union all
           select member_id, substance, null, file, line, entry, local_id, targets, ${sayers('refs')} from unit) b
       ) b where is_both
     ), sayer as materialized (
       select k.key, k.is_held, coalesce(e.npi, h.npi) as npi from (
         select distinct a.key, b.id is not null as is_held from both_of b cross join unnest(b.by) a(key)
       ) k
       cross join lateral (select split_part(k.key, '/', 1) as type, split_part(split_part(k.key, '${LED_TO}', 1), '/', 2) as id offset 0) t
       left join lateral (select x.* from (${idHere('t.type', 't.id', '$1', '$4')}) x where not k.is_held) h on true
       left join lateral (select x.npi from exchange.shared_resource x where x.type = t.type and x.id = case when k.is_held then t.id else h.id end offset 0) e on true
     ), said as materialized (
       select b.member_id, b.substance, b.id, b.file, b.line, b.entry, b.local_id, b.targets, w.who from both_of b
       cross join lateral (select coalesce(string_agg(distinct n.npi, ','), '') as who from sayer n where n.key = any(b.by) and n.is_held = (b.id is not null)) w
     ), told as materialized (
       select s.member_id, s.substance, s.who, t.key, min(s.id) as id from said s cross join unnest(s.targets) t(key) where s.id is not null group by 1, 2, 3, 4
     ), about as materialized (
       select u.file, u.line, u.entry, u.member_id, u.substance, u.who, u.local_id, k.type || '/' || coalesce(x.local_id, i.local_id) as key
       from said u cross join unnest(u.targets) t(key)
       cross join lateral (select split_part(t.key, '/', 1) as type, split_part(t.key, '/', 2) as source_id offset 0) k
       left join lateral (
         select s.local_id from exchange.staging s where s.pull_id = $1 and s.type = k.type and s.source_id = k.source_id and s.local_id is not null
           and s.outcome in ('created', 'updated', 'linked-duplicate', 'unchanged', 'echo', 'shared') and s.reason is distinct from 'duplicate-in-job' limit 1) x on true
       left join exchange.identity i on i.peer_id = $4 and i.type = k.type and i.source_id = k.source_id and i.state in ('visible', 'echo') and x.local_id is null
       where u.id is null and k.type not in ('Patient', 'Bundle') and coalesce(x.local_id, i.local_id) is not null
     ), linked as materialized (
       select l.member_id, l.type, l.a_id, l.b_id from (select distinct member_id from about) m cross join lateral (
         select * from exchange.link x where x.member_id = m.member_id and x.b_type is null and x.state = 'confirmed' and x.rule = 'source' offset 0) l
     ), known as (
       select member_id, substance, who, key, id from told
       union all
       select t.member_id, t.substance, t.who, o.key, t.id from (
         select *, array_agg(other) filter (where other is not null) over (partition by member_id, key) as others from (
           select member_id, key, substance, who, id, null as other from told
           union all
           select member_id, type || '/' || a_id, null, null, null, type || '/' || b_id from linked
           union all
           select member_id, type || '/' || b_id, null, null, null, type || '/' || a_id from linked) a
       ) t cross join unnest(t.others) o(key) where t.id is not null
     ), found as (
       select file, line, entry, local_id, coalesce(
         min(id) over (partition by member_id, substance, key, who),
         min(id) filter (where who = '') over (partition by member_id, substance, key),
         case when who = '' then min(id) over (partition by member_id, substance, key) end) as held
       from (
         select member_id, substance, who, key, id, null::integer as file, null::integer as line, null::integer as entry, null as local_id from known
         union all
         select member_id, substance, who, key, null, file, line, entry, local_id from about) a
     )
     update exchange.staging s set outcome = 'echo', made_id = coalesce(s.made_id, s.local_id), local_id = e.id
     from (
       select file, line, entry, min(held) as id from found where file is not null group by file, line, entry, local_id
       having bool_and(held is not null) and min(held) <> local_id
     ) e
     where s.pull_id = $1 and s.file = e.file and s.line = e.line and s.entry = e.entry`,
    [work.id, of.first, of.last, work.peerId],
  );
}
