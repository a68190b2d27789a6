// A peer that gave new ids to its records (reconciliation.md, 4: "peer re-keys its store"): which of those that we have each of them is.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { SHARED_TYPES } from './facts/record-types.ts';
import { LED_TO } from './references.ts';
import type { Range } from './slice.ts';

/** With fewer records of a member nothing can be said of a pattern. */
const FEWEST_RENUMBERED = 3;

/** What a record names, by what those say: its Medication (`drug`) apart from all else. */
const NAMED = `string_agg(says, ',' order by says) filter (where type = 'Medication') as drug, string_agg(says, ',' order by says) filter (where type <> 'Medication') as others`;

/** Of record `r` that we have. Primary keys. */
const NAMED_BY_OLD = `
  select ${NAMED} from (
    select e.type, encode(e.hash, 'hex') as says from unnest(r.links) l
    join exchange.shared_resource e on e.type = split_part(l, '/', 1) and e.id = split_part(l, '/', 2)
    union all
    select t.type, encode(t.substance, 'hex') from unnest(r.refers) l
    join exchange.resource t on t.member_id = r.member_id and t.type = split_part(l, '/', 1) and t.id = split_part(l, '/', 2)
  ) o`;

/**
 * Of staged unit `s`. A directory entry says what its payer said of it where one that was named before said the same, else what the entry here
 * says that it is. staging_key, primary keys.
 */
const NAMED_BY_NEW = `
  select ${NAMED} from (
    select k.type, encode(case when k.type = any($5::text[]) then coalesce((select h.hash from held h where h.hash = coalesce(u.hash, i.hash) limit 1), e.hash, u.hash) else coalesce(u.substance, t.substance) end, 'hex') as says
    from unnest(s.refs) ref cross join lateral (select split_part(ref, '/', 1) as type, split_part(split_part(ref, '${LED_TO}', 1), '/', 2) as id offset 0) k
    left join lateral (
      select x.hash, x.substance, x.local_id from exchange.staging x
      where x.pull_id = $1 and x.type = k.type and x.source_id = k.id and x.local_id is not null
        and x.outcome in ('created', 'updated', 'linked-duplicate', 'unchanged', 'echo', 'shared') and x.reason is distinct from 'duplicate-in-job' limit 1) u on true
    left join exchange.identity i on i.peer_id = $2 and i.type = k.type and i.source_id = k.id and i.state in ('visible', 'echo')
    left join exchange.shared_resource e on e.type = k.type and e.id = coalesce(u.local_id, i.local_id)
    left join exchange.resource t on t.member_id = s.member_id and t.type = k.type and t.id = coalesce(u.local_id, i.local_id)
    where k.type = any($5::text[]) or k.type in (select split_part(x, '/', 1) from unnest(s.refers) x)
  ) n`;

/**
 * When of a member most known ids are gone from a full pull, new ids with known content are taken as aliases of what we have. Of several with
 * one content those are one that name the same. Another Medication is another drug: what names it is never taken for what named the first, and
 * of several whose drugs are not known none is. Reads the member's records by primary key, and only in full pulls.
 * @param open condition of a unit that is decided no other way
 */
export async function renumbered(
  tx: Queryable,
  work: Decided,
  of: Pick<Range, 'first' | 'last'>,
  open: (s: string) => string,
): Promise<void> {
  await tx.unsafe(
    `with fresh as materialized (
       select distinct member_id from exchange.staging s
       where pull_id = $1 and bucket between $3 and $4 and ${open('s')} and not is_shared and member_id is not null and type <> 'Patient'
     ), packed as materialized (
       select b.member_id, b.type, x as source_id from exchange.staging_block b cross join unnest(b.source_ids) x
       where b.pull_id = $1 and b.bucket between $3 and $4 and exists (select from fresh f where f.member_id = b.member_id)
     ), known as materialized (
       select r.member_id, r.type, r.id, s.pull_id is null and coalesce((r.member_id, r.type, r.source_id) not in (select member_id, type, source_id from packed), true) as gone
       from fresh f join exchange.resource r on r.member_id = f.member_id and r.origin = $2 and not r.deleted and r.type <> 'Patient'
       left join lateral (select s.pull_id from exchange.staging s where s.pull_id = $1 and s.type = r.type and s.source_id = r.source_id limit 1) s on true
     ), suspect as materialized (
       select member_id, count(*) as n from known group by member_id having count(*) filter (where gone) * 2 > count(*) and count(*) >= ${FEWEST_RENUMBERED}
     ), left_ids as materialized (
       select r.member_id, r.type, r.id, r.substance, r.links, r.refers from known k join suspect using (member_id)
       join exchange.resource r on r.member_id = k.member_id and r.type = k.type and r.id = k.id where k.gone and r.substance is not null
     ), held as materialized (
       select distinct e.hash from left_ids r cross join unnest(r.links) l join exchange.shared_resource e on e.type = split_part(l, '/', 1) and e.id = split_part(l, '/', 2)
     ), old as (
       select r.member_id, r.type, r.substance, r.id, coalesce(n.drug, '') as drug, row_number() over w as place, count(*) over (partition by r.member_id, r.type, r.substance, n.drug) as alike
       from left_ids r cross join lateral (${NAMED_BY_OLD}) n
       window w as (partition by r.member_id, r.type, r.substance, n.drug order by n.others, r.id)
     ), new as (
       select s.file, s.line, s.entry, s.member_id, s.type, s.substance, coalesce(n.drug, '') as drug, row_number() over w as place,
         count(*) over (partition by s.member_id, s.type, s.substance, n.drug) as alike,
         n.drug is null and exists (select from unnest(s.refs) x where starts_with(x, 'Medication/')) as is_unknown
       from exchange.staging s join suspect using (member_id) cross join lateral (${NAMED_BY_NEW}) n
       where s.pull_id = $1 and ${open('s')} and not s.is_shared and s.type <> 'Patient'
       window w as (partition by s.member_id, s.type, s.substance, n.drug order by n.others, s.file, s.line, s.entry)
     ), alias as (
       select n.file, n.line, n.entry, o.id, o.member_id from new n join old o using (member_id, type, substance, drug, place)
       where not n.is_unknown or (n.alike = 1 and o.alike = 1)
     ), renumbered as (
       select a.member_id from alias a join suspect s using (member_id) group by a.member_id, s.n having count(*) * 2 > s.n
     )
     update exchange.staging s set outcome = 'unchanged', made_id = coalesce(s.made_id, s.local_id), local_id = a.id, findings = array_append(s.findings, 'peer-rekey')
     from alias a join renumbered using (member_id)
     where s.pull_id = $1 and s.file = a.file and s.line = a.line and s.entry = a.entry`,
    [work.id, work.peerId, of.first, of.last, [...SHARED_TYPES]],
  );
}
