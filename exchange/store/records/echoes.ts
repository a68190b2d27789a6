// Units that are records which we hold, coming back.
import type { Queryable } from '../../../src/store/database.ts';
import type { Decided } from './decided.ts';
import { LED_TO } from './references.ts';
import { EVERYTHING, type Range } from './slice.ts';

/** A substance has no references. Of what they lead to these make another record of it: the drug of an order, and who did it or where. */
const TELLING = `array['Medication', 'Practitioner', 'Organization', 'Location']`;

/** `id` here of a directory record of a payer, and the `npi` that it says where it comes with this work; null where it is not known. staging_key, identity_pkey. */
export const idHere = (type: string, sourceId: string, work: string, peerId: string): string => `
  select coalesce(x.local_id, i.local_id) as id, x.npi
  from (select 1) one
  left join lateral (
    select x.local_id, x.npi from exchange.staging x
    where x.pull_id = ${work} and x.type = ${type} and x.source_id = ${sourceId} and x.is_shared and x.local_id is not null
      and x.outcome in ('created', 'updated', 'unchanged', 'shared') and x.reason is distinct from 'duplicate-in-job' limit 1) x on true
  left join exchange.identity i on i.peer_id = ${peerId} and i.type = ${type} and i.source_id = ${sourceId} and i.state in ('visible', 'echo')`;

/**
 * Records that we hold coming back. Ours: the same content, or the same but for references and noted ids when the record says to be a
 * copy of ours or ours was disclosed to somebody. One of another payer, which went on through us: the same but for these, and it says to be a copy of
 * what we hold, or a statement that came with it says that we transmitted it once; payers who ask each other would else hand it to and fro, each time as one more. What names ours and says something else is no echo.
 *
 * Nothing is an echo of a record of another drug, or of somebody or something with another NPI. What does not name ours has to name the same
 * Medication where ours names one, and of several that look alike each is one of ours at most: others are events of their own.
 * Primary keys, staging_key, staging_bucket.
 */
export async function echoes(
  tx: Queryable,
  work: Pick<Decided, 'id' | 'peerId'>,
  of: Pick<Range, 'first' | 'last'> = EVERYTHING,
): Promise<void> {
  await tx.unsafe(
    `with unit as materialized (
       select file, line, entry, member_id, type, source_id, hash, substance, echo_of, refs from exchange.staging s
       where pull_id = $1 and bucket between $2 and $3 and outcome = 'created' and not booked and not is_shared
     ), through_us as materialized (
       select distinct p.member_id, split_part(k, '/', 1) as type, split_part(k, '/', 2) as source_id from exchange.staging p cross join unnest(p.targets) k
       where p.pull_id = $1 and p.bucket between $2 and $3 and p.type = 'Provenance' and 'possible-echo' = any(p.findings)
     ), alike as materialized (
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 1 as place, true as is_named
       from unit u join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.hash = u.hash and r.origin = 'own'
       union all
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 2, r.id is not distinct from u.echo_of
       from unit u join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.substance = u.substance and r.origin = 'own'
       where r.id = u.echo_of or exists (
         select from exchange.delivered d where d.member_id = r.member_id and hashtextextended(r.type || '/' || r.id, 0) = any(d.keys))
       union all
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 3, true
       from unit u join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.id = u.echo_of
       where u.echo_of is not null and r.origin <> 'own' and r.substance = u.substance
       union all
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 4, false
       from through_us t join unit u on u.member_id = t.member_id and u.type = t.type and u.source_id = t.source_id and u.type <> 'Provenance'
       join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.substance = u.substance
       where r.origin <> 'own' and r.origin <> $4
     ), ref as materialized (
       select a.file, a.line, a.entry, k.type, k.source_id
       from (select distinct file, line, entry, refs from alike where refs is not null) a cross join unnest(a.refs) r
       cross join lateral (select split_part(r, '/', 1) as type, split_part(split_part(r, '${LED_TO}', 1), '/', 2) as source_id offset 0) k
       where k.type = any(${TELLING})
     ), here as materialized (
       select k.type, k.source_id, h.id, coalesce(e.npi, h.npi) as npi
       from (select distinct type, source_id from ref) k cross join lateral (${idHere('k.type', 'k.source_id', '$1', '$4')}) h
       left join exchange.shared_resource e on e.type = k.type and e.id = h.id
       where h.id is not null
     ), theirs as materialized (
       select file, line, entry, type, array_agg(id) as ids, array_agg(npi) filter (where npi is not null) as npis
       from ref join here using (type, source_id) group by file, line, entry, type
     ), entry as materialized (
       select k.key, k.type, k.id, e.npi, coalesce(k.type = 'Medication' and e.body like '%"coding":[%', false) as is_coded
       from (select l as key, split_part(l, '/', 1) as type, split_part(l, '/', 2) as id from (select distinct l from alike cross join unnest(links) l) d) k
       left join exchange.shared_resource e on e.type = k.type and e.id = k.id
       where k.type = any(${TELLING})
     ), ours as materialized (
       select a.file, a.line, a.entry, a.id, a.is_named, e.type, array_agg(e.id) as ids, array_agg(e.npi) filter (where e.npi is not null) as npis, bool_and(e.is_coded) as is_coded
       from (select distinct file, line, entry, id, is_named, links from alike where links is not null) a cross join unnest(a.links) l join entry e on e.key = l
       group by a.file, a.line, a.entry, a.id, a.is_named, e.type
     ), other as materialized (
       select o.file, o.line, o.entry, o.id, o.is_named from ours o left join theirs t on t.file = o.file and t.line = o.line and t.entry = o.entry and t.type = o.type
       where case
         when o.type <> 'Medication' then not t.npis <@ o.npis
         when t.ids is null then not o.is_named
         else (o.is_coded or not o.is_named) and not o.ids <@ t.ids end
     ), fit as materialized (
       select a.* from alike a left join other o on o.file = a.file and o.line = a.line and o.entry = a.entry and o.id = a.id and o.is_named = a.is_named
       where o.id is null
     ), left_over as (
       select a.file, a.line, a.entry, a.id, a.place,
         row_number() over (partition by a.member_id, a.type, a.id order by a.file, a.line, a.entry) as of_record,
         row_number() over (partition by a.file, a.line, a.entry order by a.place, a.id) as of_unit
       from fit a where not a.is_named and not exists (select from fit n where n.is_named and n.member_id = a.member_id and n.type = a.type and n.id = a.id)
         and not exists (select from fit n where n.is_named and n.file = a.file and n.line = a.line and n.entry = a.entry)
     ), first as (
       select distinct on (file, line, entry) file, line, entry, id from (
         select file, line, entry, id, place from fit where is_named
         union all
         select file, line, entry, id, place from left_over where of_record = of_unit
       ) e order by file, line, entry, place, id
     )
     update exchange.staging s set outcome = 'echo', made_id = coalesce(s.made_id, s.local_id), local_id = e.id
     from first e
     where s.pull_id = $1 and s.file = e.file and s.line = e.line and s.entry = e.entry`,
    [work.id, of.first, of.last, work.peerId],
  );
}
