// Units that are records which we hold, coming back.
import type { Queryable } from '../../src/db/database.ts';
import { SOURCE_KEY } from '../reconcile/record-keys.ts';
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

/** What came with a statement that we transmitted it once, of pull $1 in buckets $2 to $3. staging_bucket. */
export const THROUGH_US = `
  select distinct p.member_id, split_part(k, '/', 1) as type, split_part(k, '/', 2) as source_id from exchange.staging p cross join unnest(p.targets) k
  where p.pull_id = $1 and p.bucket between $2 and $3 and p.type = 'Provenance' and 'possible-echo' = any(p.findings)`;

/** The codes of a Medication. A payer may tell one drug by any number of them, which are entries of their own where they came in one pull. */
const drugCode = (body: string) =>
  `(jsonb_path_query_array(${body}::jsonb, '$.code.coding[*].system')::text || jsonb_path_query_array(${body}::jsonb, '$.code.coding[*].code')::text)`;

/** Was record `id` of a member's given to anybody? delivered_member. */
export const wasGivenAway = (member: string, type: string, id: string, to = 'true'): string =>
  `exists (select from exchange.delivered d where ${to} and d.member_id = ${member} and hashtextextended(${type} || '/' || ${id}, 0) = any(d.keys))`;

/** Names that a record `r` of a payer is noted by in its text, as we note them (reconcile/noted-names.ts), each with its base first. */
const notedIn = (r: string) =>
  `regexp_matches(${r}.body, '"use":"secondary","system":"(http[^"]*)/' || ${r}.type || '","value":"([^"]*)"', 'g')`;

/**
 * Is record `r` of a payer noted to be a copy of unit `s` itself, or are both called by numbers of one payer, and by none in common? Then the unit is what its payer has by
 * itself, or another one of that payer, numbered anew perhaps, and not `r` coming back, whatever a statement says of whom it went through. Primary key of peer.
 * @param peer placeholder of the payer that tells the unit
 */
export const isNamedOtherwise = (s: string, r: string, peer: string): string => `(
  exists (select from exchange.peer p where p.id = ${peer} and hashtextextended('${SOURCE_KEY}' || p.fhir_base || '/' || ${s}.type || '/' || ${s}.source_id, 0) = any(${r}.keys))
  or exists (
    select from (select hashtextextended(k, 0) as hash, regexp_replace(substr(k, ${SOURCE_KEY.length + 1}), '/[^/]*/[^/]*$', '') as base from unnest(${s}.keys) k where starts_with(k, '${SOURCE_KEY}')) n
    cross join lateral (select p.fhir_base as base, hashtextextended('${SOURCE_KEY}' || p.fhir_base || '/' || ${r}.type || '/' || ${r}.source_id, 0) as hash from (select 1) one left join exchange.peer p on p.id = ${r}.origin) o
    having bool_or(n.base = o.base or n.base in (select m[1] from ${notedIn(r)} m)) and not bool_or(coalesce(n.hash = any(${r}.keys), false) or n.hash is not distinct from o.hash)))`;

/** Was it given to payer `peer`? delivered_pkey. */
const wasGiven = (member: string, type: string, id: string, peer: string): string =>
  wasGivenAway(member, type, id, `d.peer_id = ${peer}`);

/**
 * Was identity `i`, of a payer's record that came as unit `s`, taken for one of ours only because the two say the same, and is ours gone? What the payer never had from
 * us it says of its own. So is it with a copy that is gone, for which an older version took what is called otherwise ({@link isNamedOtherwise}). Primary keys.
 */
export const standsAlone = (peer: string): string => `(i.state = 'echo' and s.echo_of is distinct from i.local_id
  and exists (select from exchange.resource r where r.member_id = i.member_id and r.type = i.type and r.id = i.local_id and r.deleted
    and case when r.origin = 'own' then not ${wasGiven('i.member_id', 'i.type', 'i.local_id', peer)} else ${isNamedOtherwise('s', 'r', peer)} end))`;

/**
 * Records that we hold coming back. Ours: the same content, or the same but for references and noted ids when the record says to be a
 * copy of ours or ours was disclosed to somebody. One of a payer, which went on through us: the same but for these, and it says to be a copy of
 * what we hold, or a statement that came with it says that we transmitted it once; payers who ask each other would else hand it to and fro, each time as one more. So it is where the payer's own
 * record came back to it, but not what that is a copy of ({@link isNamedOtherwise}): that stays when the copy goes. What names ours and says something else is no echo.
 *
 * It is one also of a record that is gone: a copy falls with what it is a copy of (docs/decisions/025), except where it is none but for saying the same as ours, and its payer never had that.
 *
 * Nothing is an echo of a record of another drug, or of somebody or something with another NPI. What does not name ours has to name the same
 * Medication where ours names one, and of several that look alike each is one of ours at most: others are events of their own. So are those that come
 * in a later pull, unless the record that was ours is gone: it is told as deleted, or lacks where everything was asked for.
 * Primary keys, staging_key, staging_bucket, identity_echo, delivered_member.
 */
export async function echoes(
  tx: Queryable,
  work: Pick<Decided, 'id' | 'peerId' | 'isFull'>,
  of: Pick<Range, 'first' | 'last'> = EVERYTHING,
): Promise<void> {
  await tx.unsafe(
    `with unit as materialized (
       select file, line, entry, member_id, type, source_id, hash, substance, echo_of, refs from exchange.staging s
       where pull_id = $1 and bucket between $2 and $3 and outcome = 'created' and not booked and not is_shared
     ), through_us as materialized (${THROUGH_US}), passed as materialized (
       select u.member_id, u.type, u.substance, u.file, u.line, u.entry from through_us t
       join unit u on u.member_id = t.member_id and u.type = t.type and u.source_id = t.source_id where u.type <> 'Provenance'
     ), known as materialized (
       select r.* from (select distinct member_id, type from unit) m cross join lateral (
         select x.member_id, x.type, x.id, x.hash, x.substance, x.links, x.deleted and not ${wasGiven('x.member_id', 'x.type', 'x.id', '$4')} as is_gone from exchange.resource x
         where x.member_id = m.member_id and x.type = m.type and x.origin = 'own' offset 0) r
       where r.hash in (select hash from unit) or r.substance in (select substance from unit)
     ), own as materialized (
       -- what a member has of a type is read once, and not for each unit; what of it went to anybody is as long as the member's record, and brought beside it by sorting
       select * from (
         select *, bool_or(type is null) over (partition by member_id, key) as was_given from (
           select *, hashtextextended(type || '/' || id, 0) as key from known
           union all
           select m.member_id, null, null, null, null, null, null, k from (select distinct member_id from known) m
           cross join lateral (select x.keys from exchange.delivered x where x.member_id = m.member_id offset 0) d cross join unnest(d.keys) k) a
       ) a where type is not null
     ), others as materialized (
       -- beside what others tell, which is read once as well: grouped, since nobody can say beforehand how many there are
       select member_id, type, array_agg(id) filter (where id is not null) as ids, array_agg(file) filter (where id is null) as files,
         array_agg(line) filter (where id is null) as lines, array_agg(entry) filter (where id is null) as entries
       from (
         select member_id, type, substance, file, line, entry, null as id from passed where substance is not null
         union all
         select r.* from (select distinct member_id, type from passed) m cross join lateral (
           select x.member_id, x.type, x.substance, null::integer, null::integer, null::integer, x.id from exchange.resource x
           where x.member_id = m.member_id and x.type = m.type and x.origin <> 'own' and x.substance is not null offset 0) r
       ) a group by member_id, type, substance having bool_or(id is null) and bool_or(id is not null)
     ), alike as materialized (
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 1 as place, true as is_named
       from unit u join own r on r.member_id = u.member_id and r.type = u.type and r.hash = u.hash
       where not r.is_gone or r.id = u.echo_of
       union all
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 2, r.id is not distinct from u.echo_of
       from unit u join own r on r.member_id = u.member_id and r.type = u.type and r.substance = u.substance
       where r.id = u.echo_of or (not r.is_gone and r.was_given)
       union all
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 3, true
       from unit u join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.id = u.echo_of
       where u.echo_of is not null and r.origin <> 'own' and r.substance = u.substance
       union all
       select u.file, u.line, u.entry, u.refs, r.member_id, r.type, r.id, r.links, 4, false
       from others o cross join unnest(o.files, o.lines, o.entries) p(file, line, entry) cross join unnest(o.ids) k(id)
       cross join lateral (select x.file, x.line, x.entry, x.refs, x.type, x.source_id, x.keys from exchange.staging x where x.pull_id = $1 and x.file = p.file and x.line = p.line and x.entry = p.entry offset 0) u
       cross join lateral (select x.member_id, x.type, x.id, x.links, x.origin, x.source_id, x.keys, x.body from exchange.resource x where x.member_id = o.member_id and x.type = o.type and x.id = k.id offset 0) r
       where (r.origin <> $4 or ${wasGivenAway('r.member_id', 'r.type', 'r.id')}) and not ${isNamedOtherwise('u', 'r', '$4')}
     ), packed as materialized (
       select b.type, x as source_id from exchange.staging_block b cross join unnest(b.source_ids) x
       where $5 and b.pull_id = $1 and b.bucket between $2 and $3 and exists (select from alike where not is_named)
     ), fit as materialized (
       -- pair by pair: nobody can say beforehand how many there are
       select a.*, bool_or(a.is_named) over (partition by a.member_id, a.type, a.id) as is_claimed, bool_or(a.is_named) over (partition by a.file, a.line, a.entry) as names_one
       from alike a
       where not exists (
         select from (
           select k.type, array_agg(k.id) as ids, array_agg(e.npi) filter (where e.npi is not null) as npis, bool_and(k.type = 'Medication' and coalesce(e.body like '%"coding":[%', false)) as is_coded,
             array_agg(${drugCode('e.body')}) filter (where k.type = 'Medication') as codes
           from unnest(a.links) l cross join lateral (select split_part(l, '/', 1) as type, split_part(l, '/', 2) as id offset 0) k
           left join exchange.shared_resource e on e.type = k.type and e.id = k.id
           where k.type = any(${TELLING}) group by k.type
         ) o cross join lateral (
           select array_agg(h.id) as ids, array_agg(coalesce(e.npi, h.npi)) filter (where coalesce(e.npi, h.npi) is not null) as npis,
             array_agg(${drugCode('e.body')}) filter (where k.type = 'Medication') as codes
           from unnest(a.refs) r
           cross join lateral (select split_part(r, '/', 1) as type, split_part(split_part(r, '${LED_TO}', 1), '/', 2) as source_id offset 0) k
           cross join lateral (${idHere('k.type', 'k.source_id', '$1', '$4')}) h
           left join exchange.shared_resource e on e.type = k.type and e.id = h.id
           where k.type = o.type and h.id is not null
         ) t
         where case
           when o.type <> 'Medication' then not t.npis <@ o.npis
           when t.ids is null then not a.is_named
           else (o.is_coded or not a.is_named) and not (o.ids <@ t.ids or (o.is_coded and o.codes <@ t.codes)) end)
       and (a.is_named or not exists (
         select from exchange.identity i
         left join lateral (select bool_or(x.outcome is distinct from 'retracted') as is_there from exchange.staging x where x.pull_id = $1 and x.type = i.type and x.source_id = i.source_id having count(*) > 0) x on true
         where i.peer_id = $4 and i.type = a.type and i.local_id = a.id and i.state = 'echo'
           and not exists (select from exchange.staging u where u.pull_id = $1 and u.file = a.file and u.line = a.line and u.entry = a.entry and u.source_id = i.source_id)
           and coalesce(x.is_there, not $5 or (i.type, i.source_id) in (select type, source_id from packed))))
     ), first as (
       select distinct on (file, line, entry) file, line, entry, id from (
         select file, line, entry, id, place from fit where is_named
         union all
         select file, line, entry, id, place from (
           select file, line, entry, id, place,
             row_number() over (partition by member_id, type, id order by file, line, entry) as of_record,
             row_number() over (partition by file, line, entry order by place, id) as of_unit
           from fit where not is_claimed and not names_one) n
         where of_record = of_unit
       ) e order by file, line, entry, place, id
     )
     update exchange.staging s set outcome = 'echo', made_id = coalesce(s.made_id, s.local_id), local_id = e.id
     from first e
     where s.pull_id = $1 and s.file = e.file and s.line = e.line and s.entry = e.entry`,
    [work.id, of.first, of.last, work.peerId, work.isFull],
  );
}
