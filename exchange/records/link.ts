// Pairs of records that may tell of the same thing: found by keys, judged outside, noted for the commit.
import { arrayLiteral, type Queryable, type Sql } from '../../src/db/database.ts';
import { CONFIRMED } from '../reconcile/judge/judge.ts';
import { SOURCE_KEY } from '../reconcile/record-keys.ts';
import type { Range } from './slice.ts';

export type Pair = {
  file: number;
  line: number;
  entry: number;
  memberId: string;
  type: string;
  id: string;
  otherType: string;
  otherId: string;
  /** the unit says to be a copy of the other record, or the other record went to some peer */
  isCopy: boolean;
  /** the other one is ours */
  isOwn: boolean;
  wasDisclosed: boolean;
  /** both are of one payer, or one of them comes from it through another one and it tells that, too: by their keys alone they are two */
  areOfOne: boolean;
  /** and one of them is passed on: they may come from two */
  isWithin: boolean;
  /** where the other record stands in the same work; null when it is stored */
  other: { file: number; line: number; entry: number } | null;
  /** no pair: one of the unit's keys is that of so many that nothing is compared by it; no other record */
  isCrowded: boolean;
};

/** Pairs that one key of a member may make. Somebody may send any number of records that all have it: each of them with each would never end. */
const MOST_OF_A_KEY = 100_000;
/** The same of all keys of a member together; those that make fewest go first. */
const MOST_OF_A_MEMBER = 1_000_000;
/** Pairs that a key of a member may make of records that one payer tells, where it passes on those of others. */
const MOST_WITHIN = 10_000;
/** Copies of one record beside which each further one of the same payer is looked at. */
const COPIES_COMPARED = 5;
/** Ids under which a payer tells one thing: what it tells under more is compared with nothing of its own. */
const MOST_TWINS = 100;
export type Judged = Pick<Pair, 'file' | 'line' | 'entry' | 'memberId' | 'type' | 'id' | 'otherType' | 'otherId'> & {
  kind: string;
  score: number;
  rule: string;
  conflict: string | null;
  detail: string;
};

/** Does payer `peer` tell a record that is here of somebody else (an echo)? identity_echo. */
const tellsToo = (peer: string, type: string, id: string) =>
  `exists (select from exchange.identity i where i.peer_id = ${peer} and i.type = ${type} and i.local_id = ${id} and i.state = 'echo')`;

/**
 * Pairs of what a work writes with what there is, without their texts ({@link textsOf}), ordered by member, visits and results first, statements of origin last, in
 * pages from a cursor on a client of its own. By the primary key of resource (member, type): what a member has of a type is read, and its keys compared.
 */
export function candidatePairs(
  dedicated: Sql,
  work: { id: string; peerId: string },
  range: Pick<Range, 'first' | 'last'>,
  size: number,
): AsyncIterable<Pair[]> {
  return dedicated
    .unsafe<Pair[]>(
      `with unit as materialized (
         select file, line, entry, member_id, type, source_id, local_id, keys, echo_of, substance,
           -- what a record was called before stands before its other keys
           case when starts_with(keys[1], '${SOURCE_KEY}') then regexp_replace(substr(keys[1], ${SOURCE_KEY.length + 1}), '/[^/]*/[^/]*$', '') end as base
         from exchange.staging
         where pull_id = $1 and bucket between $3 and $4 and outcome in ('created', 'updated', 'linked-duplicate') and not is_shared and member_id is not null and not booked
       ), keyed as materialized (
         select r.member_id, r.type, r.id, r.origin <> $2 as is_others, k as hash
         from (
           select u.member_id, v.type, bool_or(v.type <> u.type) as is_about
           from unit u cross join lateral (values (u.type), (case u.type when 'ExplanationOfBenefit' then 'MedicationDispense' when 'MedicationDispense' then 'ExplanationOfBenefit' end)) v(type)
           where v.type is not null group by u.member_id, v.type
         ) m
         cross join lateral (
           select r.member_id, r.type, r.id, r.origin, r.keys from exchange.resource r
           where r.member_id = m.member_id and r.type = m.type and not r.deleted and r.keys is not null and (m.is_about or r.origin <> $2) offset 0) r
         cross join unnest(r.keys) k
       ), named as materialized (
         select member_id, type, file, line, entry, local_id, hashtextextended(k, 0) as hash from unit cross join unnest(keys) k where starts_with(k, '${SOURCE_KEY}')
       ), held as materialized (
         select * from keyed
         union all
         -- what a record is called where it comes from: others say to be copies of that
         select r.member_id, r.type, r.id, true, hashtextextended('${SOURCE_KEY}' || p.fhir_base || '/' || r.type || '/' || r.source_id, 0)
         from (select distinct member_id, type from named) m
         cross join lateral (
           select x.member_id, x.type, x.id, x.origin, x.source_id from exchange.resource x
           where x.member_id = m.member_id and x.type = m.type and x.origin <> $2 and not x.deleted and x.source_id is not null offset 0) r
         join exchange.peer p on p.id = r.origin
       ), met as materialized (
         -- what there may be anything to compare with; brought together by sorting: how much is held the planner does not know
         select * from (
           select *, bool_or(file is null) over (partition by member_id, type) as is_held from (
             select file, line, entry, member_id, type, source_id, local_id, keys from unit
             union all
             select null, null, null, member_id, type, null, null, null from (select distinct member_id, type from held) h) a
         ) a where file is not null and (is_held or type in ('ExplanationOfBenefit', 'MedicationDispense'))
       ), key as materialized (
         select u.file, u.line, u.entry, u.member_id, u.type, u.local_id, hashtextextended(k, 0) as hash from met u cross join unnest(u.keys) k
         union all
         select u.file, u.line, u.entry, u.member_id, u.type, u.local_id, hashtextextended('${SOURCE_KEY}' || p.fhir_base || '/' || u.type || '/' || u.source_id, 0)
         from exchange.peer p cross join met u where p.id = $2 and u.is_held
       ), mine as materialized (
         -- by whom it was told first, where that is noted as we note it; ? when it is noted otherwise. What goes with this work is compared with nothing
         select r.member_id, r.type, r.id, r.keys, case when $2 <> 'own' and strpos(r.body, '"use":"secondary"') > 0
           then coalesce(substring(r.body from '"use":"secondary","system":"(http[^"]*)/' || r.type || '"'), '?') end as base
         from (select distinct member_id, type from unit where $2 <> 'own' or base is not null) m cross join lateral (
           select x.member_id, x.type, x.id, x.keys, x.body from exchange.resource x
           where x.member_id = m.member_id and x.type = m.type and x.origin = $2 and not x.deleted and x.keys is not null offset 0) r
         where (r.member_id, r.type, r.id) not in (select member_id, type, local_id from exchange.staging
           where pull_id = $1 and bucket between $3 and $4 and outcome = 'retracted' and member_id is not null and local_id is not null)
       ), passing as materialized (
         select member_id, type from unit where base is not null and $2 <> 'own' union select member_id, type from mine where base is not null
       ), told as materialized (
         select member_id, type, file, line, entry, local_id as id, coalesce(base, '') as base, hashtextextended(k, 0) as hash
         from unit cross join unnest(keys) k where (member_id, type) in (select member_id, type from passing)
         union all
         select member_id, type, null, null, null, id, coalesce(base, ''), k from mine cross join unnest(keys) k where (member_id, type) in (select member_id, type from passing)
       ), within as materialized (
         -- what one payer passes on, beside all else that it tells or told
         select n.file, n.line, n.entry, n.member_id, n.type, n.id, o.id as other_id, o.file as other_file, o.line as other_line, o.entry as other_entry
         from (select member_id, type, hash from told group by 1, 2, 3
           having count(distinct base) > 1 and count(file) > 0 and count(*) filter (where base <> '') <= ${MOST_WITHIN} / count(*)) f
         join told n using (member_id, type, hash) join told o using (member_id, type, hash)
         where n.file is not null and o.id <> n.id and n.base <> o.base
           and (o.file is null or case when n.base <> '' and o.base <> '' then o.id < n.id else n.base <> '' end)
       ), numbered as materialized (
         -- a payer may tell one thing twice, under one number and word for word: by what they say, which is read once
         select member_id, type, substance, local_id as id, file, line, entry from unit
         where $2 <> 'own' and substance is not null and type <> 'Provenance' and exists (select from unnest(keys) k where starts_with(k, 's:') and not starts_with(k, '${SOURCE_KEY}'))
       ), twin as materialized (
         select *, row_number() over (partition by member_id, type, substance order by file is not null, id) as place, count(*) over (partition by member_id, type, substance) as copies from (
           select * from numbered
           union all
           select r.member_id, r.type, r.substance, r.id, null, null, null from (select distinct member_id, type from numbered) m cross join lateral (
             select x.member_id, x.type, x.id, x.substance from exchange.resource x
             where x.member_id = m.member_id and x.type = m.type and x.origin = $2 and not x.deleted and x.substance is not null offset 0) r
           where r.substance in (select substance from numbered) and (r.member_id, r.type, r.id) not in (select member_id, type, local_id from exchange.staging
             where pull_id = $1 and bucket between $3 and $4 and outcome in ('updated', 'retracted') and member_id is not null and local_id is not null)
         ) a
       ), crowded as materialized (
         select member_id, hash from (
           select member_id, hash, k.n * h.n as pairs, sum(k.n * h.n) over (partition by member_id order by k.n * h.n, hash) as so_far
           from (select member_id, hash, count(*) as n from key where exists (select from held) group by member_id, hash) k
           join (select member_id, hash, count(*) as n from held group by member_id, hash) h using (member_id, hash)
         ) k where pairs > ${MOST_OF_A_KEY} or so_far > ${MOST_OF_A_MEMBER}
       ), other as materialized (
         select * from held h where not exists (select from crowded c where c.member_id = h.member_id and c.hash = h.hash)
       ), shared as materialized (
         -- claims and fills of one key by grouping: a join of the keys with themselves would be guessed small and be none
         select member_id, array_agg(file) filter (where type = 'ExplanationOfBenefit') as c_file, array_agg(line) filter (where type = 'ExplanationOfBenefit') as c_line, array_agg(entry) filter (where type = 'ExplanationOfBenefit') as c_entry, array_agg(local_id) filter (where type = 'ExplanationOfBenefit') as c_id,
           array_agg(file) filter (where type = 'MedicationDispense') as f_file, array_agg(line) filter (where type = 'MedicationDispense') as f_line, array_agg(entry) filter (where type = 'MedicationDispense') as f_entry, array_agg(local_id) filter (where type = 'MedicationDispense') as f_id
         from key where type in ('ExplanationOfBenefit', 'MedicationDispense') group by member_id, hash
         having bool_or(type = 'ExplanationOfBenefit') and bool_or(type = 'MedicationDispense')
       ), weighed as materialized (
         select *, pairs > ${MOST_OF_A_KEY} or sum(pairs) over (partition by member_id order by pairs rows unbounded preceding) > ${MOST_OF_A_MEMBER} as is_crowded
         from (select *, cardinality(c_id) * cardinality(f_id)::bigint as pairs from shared) s
       ), both_of as (
         select * from weighed where not is_crowded
       ), pair as (
         select n.file, n.line, n.entry, n.member_id, n.type, n.local_id, r.type as other_type, r.id as other_id, false as copy, false as within,
           null::integer as other_file, null::integer as other_line, null::integer as other_entry
         from key n join other r on r.member_id = n.member_id and r.type = n.type and r.hash = n.hash
         where r.is_others and r.id <> n.local_id
         union all
         select n.file, n.line, n.entry, n.member_id, n.type, n.local_id, r.type, r.id, false, false, null, null, null
         from key n join other r on r.member_id = n.member_id and r.hash = n.hash
           and r.type = case n.type when 'ExplanationOfBenefit' then 'MedicationDispense' else 'ExplanationOfBenefit' end
         where n.type in ('ExplanationOfBenefit', 'MedicationDispense')
         union all
         select c.file, c.line, c.entry, b.member_id, 'ExplanationOfBenefit', c.id, 'MedicationDispense', f.id, false, false, f.file, f.line, f.entry
         from both_of b cross join unnest(b.c_file, b.c_line, b.c_entry, b.c_id) c(file, line, entry, id) cross join unnest(b.f_file, b.f_line, b.f_entry, b.f_id) f(file, line, entry, id)
         union all
         select u.file, u.line, u.entry, u.member_id, u.type, u.local_id, u.type, u.echo_of, true, false, null, null, null
         from unit u where u.echo_of is not null and u.echo_of <> u.local_id
         union all
         -- copies of one record, whoever sent them: each beside the first ones
         select n.file, n.line, n.entry, n.member_id, n.type, n.local_id, n.type, o.id, false, false, o.file, o.line, o.entry
         from named n join (
           select *, row_number() over (partition by member_id, type, hash, file is null order by id) as place from (
             select member_id, type, hash, local_id as id, file, line, entry from named
             union all
             select member_id, type, k, id, null, null, null
             from mine cross join unnest(keys) k where (member_id, type) in (select member_id, type from named) and k in (select hash from named)
           ) a
         ) o on o.member_id = n.member_id and o.type = n.type and o.hash = n.hash and o.place <= ${COPIES_COMPARED}
         where o.id <> n.local_id and (o.file is null or o.id < n.local_id)
         union all
         select n.file, n.line, n.entry, n.member_id, n.type, n.id, n.type, o.id, false, false, o.file, o.line, o.entry
         from twin n join twin o on o.member_id = n.member_id and o.type = n.type and o.substance = n.substance and o.place <= ${COPIES_COMPARED} and o.copies <= ${MOST_TWINS}
         where n.file is not null and o.id <> n.id and (o.file is null or o.id < n.id)
         union all
         select file, line, entry, member_id, type, id, type, other_id, false, true, other_file, other_line, other_entry from within
         union all
         -- a person beside ours; ours, when it is ours that is written, beside all others
         select u.file, u.line, u.entry, u.member_id, u.type, u.local_id, u.type, r.id, false, false, null, null, null
         from unit u join exchange.resource r on r.member_id = u.member_id and r.type = 'Patient' and (r.origin = 'own' or $2 = 'own') and r.id <> u.local_id
         where u.type = 'Patient'
       ), one as materialized (
         select file, line, entry, member_id, type, local_id, other_type, other_id, bool_or(copy) as copy, bool_or(within) as within,
           max(other_file) as other_file, max(other_line) as other_line, max(other_entry) as other_entry
         from pair group by 1, 2, 3, 4, 5, 6, 7, 8
       ), back as materialized (
         select distinct type, local_id from exchange.staging where pull_id = $1 and bucket between $3 and $4 and outcome = 'echo'
       ), asked as materialized (
         -- with what of a member went to anybody, as long as the member's record: by sorting, too
         select * from (
           select *, bool_or(file is null) over (partition by member_id, key) as was_given from (
             select *, hashtextextended(other_type || '/' || other_id, 0) as key from one
             union all
             select null, null, null, m.member_id, null, null, null, null, null, null, null, null, null, k from (select distinct member_id from one) m
             cross join lateral (select x.keys from exchange.delivered x where x.member_id = m.member_id offset 0) d cross join unnest(d.keys) k) a
         ) a where file is not null
       )
       select * from (
         select p.file, p.line, p.entry, p.member_id as "memberId", p.type, p.local_id as id, p.other_type as "otherType", p.other_id as "otherId",
           p.copy as "isCopy", coalesce(r.origin = 'own', false) as "isOwn", coalesce(r.origin = 'own' and p.was_given, false) as "wasDisclosed", (p.other_file is not null or r.origin = $2 or t.too) as "areOfOne", (p.within or t.too) as "isWithin",
           case when p.other_file is not null then jsonb_build_object('file', p.other_file, 'line', p.other_line, 'entry', p.other_entry) end as other, false as "isCrowded"
         from asked p
         left join exchange.resource r on p.other_file is null and r.member_id = p.member_id and r.type = p.other_type and r.id = p.other_id and not r.deleted
         cross join lateral (select p.type = p.other_type and p.other_file is null and coalesce(r.origin not in ('own', $2), false) and ((p.other_type, p.other_id) in (select type, local_id from back)
           or ${tellsToo('$2', 'p.other_type', 'p.other_id')} or ${tellsToo('r.origin', 'p.type', 'p.local_id')}) as too) t
         where (r.id is not null or p.other_file is not null) and (not p.copy or r.origin <> $2)
         union all
         -- one that is compared by a longer key with the same beginning, as by its day, misses nothing. The first of a key stands for it, also when it is replayed
         (select distinct on (n.member_id, n.type, n.hash) n.file, n.line, n.entry, n.member_id, n.type, n.local_id, n.type, '', false, false, false, false, false, null, true
         from (
           select n.*, c.hash is not null as is_crowded, bool_or(c.hash is null) over (partition by n.file, n.line, n.entry, n.beginning) as is_compared
           from (
             select u.file, u.line, u.entry, u.member_id, u.type, u.local_id, k, hashtextextended(k, 0) as hash, regexp_replace(k, '[^|]*$', '') as beginning
             from met u cross join unnest(u.keys) k where exists (select from crowded)
           ) n left join crowded c on c.member_id = n.member_id and c.hash = n.hash
         ) n where n.is_crowded and not (n.k = n.beginning and n.is_compared)
         order by n.member_id, n.type, n.hash, n.file, n.line, n.entry)
         union all
         select c.file, c.line, c.entry, w.member_id, 'ExplanationOfBenefit', c.id, 'MedicationDispense', '', false, false, false, false, false, null, true
         from weighed w cross join lateral (
           select * from unnest(w.c_file, w.c_line, w.c_entry, w.c_id) c(file, line, entry, id) order by file, line, entry limit 1) c
         where w.is_crowded
       ) p
       order by p."memberId", case p.type when 'Encounter' then 0 when 'Observation' then 1 when 'Provenance' then 3 else 2 end, p.type, p.id, p."otherId"`,
      [work.id, work.peerId, range.first, range.last],
    )
    .cursor(size);
}

/**
 * Links of members that the rules make, whatever others there are of (settle-links.ts). Primary key (member, type).
 * @param of of visits and results, which others refer to, or of all types: a Provenance is about any
 */
export async function heldLinks(
  sql: Queryable,
  memberIds: readonly string[],
  of: 'referred to' | 'all',
): Promise<{ memberId: string; type: string; a: string; b: string }[]> {
  if (memberIds.length === 0) return [];
  const types = of === 'all' ? sql`` : sql`and type in ('Encounter', 'Observation')`;
  return [
    ...(await sql<{ memberId: string; type: string; a: string; b: string }[]>`
      select member_id as "memberId", type, a_id as a, b_id as b from exchange.link
      where member_id = any(${[...memberIds]}::text[]) ${types} and kind in ('same-record', 'same-event')
        and (state = 'confirmed' or (state <> 'rejected' and score >= ${CONFIRMED}::real))`),
  ];
}

export async function noteJudged(sql: Queryable, work: string, rows: readonly Judged[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    insert into exchange.match_judgement (pull_id, file, line, entry, member_id, type, id, other_type, other_id, kind, score, rule, conflict, detail)
    select ${work}, file, line, entry, "memberId", type, id, "otherType", "otherId", kind, score, rule, conflict, detail
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
      as r(file integer, line integer, entry integer, "memberId" text, type text, id text, "otherType" text, "otherId" text, kind text, score real, rule text, conflict text, detail text)`;
}

/** New units of which a pair is linked, and not refused by a person, are linked duplicates. By the primary keys. */
export async function markLinked(sql: Queryable, work: string, pairs: readonly Judged[]): Promise<void> {
  if (pairs.length === 0) return;
  const column = (of: (j: Judged) => string | number) => arrayLiteral(pairs.map(of));
  await sql`
    update exchange.staging s set outcome = 'linked-duplicate'
    from (
      select distinct j.file, j.line, j.entry
      from unnest(${column((j) => j.file)}::text::int[], ${column((j) => j.line)}::text::int[], ${column((j) => j.entry)}::text::int[], ${column((j) => j.memberId)}::text::text[],
        ${column((j) => j.type)}::text::text[], ${column((j) => j.id)}::text::text[], ${column((j) => j.otherId)}::text::text[]) j(file, line, entry, member_id, type, id, other_id)
      where not exists (select from exchange.link l where l.member_id = j.member_id and l.type = j.type and l.state = 'rejected'
        and l.a_id = least(j.id, j.other_id) and l.b_id = greatest(j.id, j.other_id))
    ) j
    where s.pull_id = ${work} and s.file = j.file and s.line = j.line and s.entry = j.entry and s.outcome = 'created'`;
}

/** A new unit that we may have transmitted once, as a Provenance tells, and that is not linked may be an echo. staging_bucket, staging_key. */
export async function possibleEchoes(
  sql: Queryable,
  work: string,
  range: Pick<Range, 'first' | 'last'>,
): Promise<void> {
  await sql`
    with told as materialized (
      select unnest(targets) as key, file, line, entry from exchange.staging
      where pull_id = ${work} and bucket between ${range.first} and ${range.last} and type = 'Provenance' and 'possible-echo' = any(findings)
    ), quiet as (
      update exchange.staging s set findings = array_remove(s.findings, 'possible-echo') from told t
      where s.pull_id = ${work} and s.file = t.file and s.line = t.line and s.entry = t.entry
    )
    update exchange.staging s set findings = array_append(s.findings, 'possible-echo')
    from (select distinct split_part(key, '/', 1) as type, split_part(key, '/', 2) as id from told) t
    where s.pull_id = ${work} and s.type = t.type and s.source_id = t.id and s.outcome = 'created' and s.bucket between ${range.first} and ${range.last}`;
}
