// Units that say to be copies of records of which we hold older versions, or are told to have come through us.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { idHere, isNamedOtherwise, THROUGH_US } from './echoes.ts';
import { LED_TO } from './references.ts';
import type { Range } from './slice.ts';

export type Copy = {
  file: number;
  line: number;
  entry: number;
  /** SHA-256, lower-case hex */
  substance: string;
  /** of what we hold, and may be an older version of this */
  id: string;
  isOwn: boolean;
  /** its replaced versions, the newest first; `isLeft`: what the payer had before this came to be there after that version was no more, and was ours too */
  versions: { body: string; isLeft: boolean }[];
  /** ids here of the Medications that it names */
  drugs: string[];
};

/** A unit, and what we hold of which it may be an older version. */
export type Alike = { file: number; line: number; entry: number; id: string };

/** Records that share a key, as many of them as are looked at: nobody has more versions of one minute or day, and somebody may send any number. */
const MOST_ALIKE = 50;

/**
 * New units of some buckets in order, each with what it says to be a copy of. One that names nothing, of which a statement says that we transmitted it, comes with each record that shares
 * a key with it, has replaced versions and was given to somebody. What is held of a member is read once, and brought beside the units by grouping: nobody can say beforehand how many there are.
 * staging_bucket, primary key of resource, delivered_member.
 */
export async function alikeUnits(
  tx: Queryable,
  work: Pick<Decided, 'id'>,
  of: Pick<Range, 'first' | 'last'>,
): Promise<Alike[]> {
  return [
    ...(await tx.unsafe<Alike[]>(
      `with through_us as materialized (${THROUGH_US}), unit as materialized (
         select file, line, entry, member_id, type, echo_of, keys from exchange.staging s
         where pull_id = $1 and bucket between $2 and $3 and outcome = 'created' and reason is null and not booked and not is_shared and substance is not null
           and (echo_of is not null or (type <> 'Provenance' and (member_id, type, source_id) in (select member_id, type, source_id from through_us)))
       ), old as materialized (
         select r.* from (select distinct member_id, type from unit where echo_of is null) m cross join lateral (
           select x.member_id, x.type, x.id, x.keys from exchange.resource x
           where x.member_id = m.member_id and x.type = m.type and x.version > 1 and x.keys is not null offset 0) r
         where (r.member_id, hashtextextended(r.type || '/' || r.id, 0)) in (
           select d.member_id, k from (select distinct member_id from unit where echo_of is null) m cross join lateral (
             select x.member_id, x.keys from exchange.delivered x where x.member_id = m.member_id offset 0) d cross join unnest(d.keys) k)
       ), met as materialized (
         select (array_agg(id order by id) filter (where id is not null))[1:${MOST_ALIKE}] as ids, array_agg(file) filter (where id is null) as files,
           array_agg(line) filter (where id is null) as lines, array_agg(entry) filter (where id is null) as entries
         from (
           select member_id, type, file, line, entry, null as id, hashtextextended(k, 0) as k from unit cross join unnest(keys) k where echo_of is null
           union all
           select member_id, type, null, null, null, id, k from old cross join unnest(keys) k) a
         group by member_id, type, k having bool_or(id is null) and bool_or(id is not null)
       )
       select file, line, entry, echo_of as id from unit where echo_of is not null
       union
       select p.file, p.line, p.entry, i.id from met cross join unnest(met.files, met.lines, met.entries) p(file, line, entry) cross join unnest(met.ids) i(id) order by 1, 2, 3, 4`,
      [work.id, of.first, of.last],
    )),
  ];
}

/** What is looked at together, and versions of each. */
export const PAGE = 200;
const MOST_VERSIONS = 20;

/** Units with what they may be older versions of. staging_pkey, staging_key, primary keys of identity, resource and resource_version. */
export async function copiesOf(
  tx: Queryable,
  work: Pick<Decided, 'id' | 'peerId'>,
  alike: readonly Alike[],
): Promise<Copy[]> {
  return [
    ...(await tx.unsafe<Copy[]>(
      `select u.file, u.line, u.entry, encode(u.substance, 'hex') as substance, c.id, coalesce(r.origin = 'own', false) as "isOwn",
         to_jsonb(array(select jsonb_build_object('body', v.body, 'isLeft', coalesce(i.last_updated < u.last_updated and i.last_updated >= coalesce(n.last_updated, r.last_updated), false))
           from exchange.resource_version v left join exchange.resource_version n on n.member_id = v.member_id and n.type = v.type and n.id = v.id and n.version = v.version + 1
           where v.member_id = u.member_id and v.type = u.type and v.id = c.id
           order by v.version desc limit ${MOST_VERSIONS})) as versions,
         to_jsonb(array(select m.id from (select distinct split_part(split_part(ref, '${LED_TO}', 1), '/', 2) as source_id from unnest(u.refs) ref where starts_with(ref, 'Medication/')) k
           cross join lateral (${idHere("'Medication'", 'k.source_id', '$1', '$2')}) m where m.id is not null)) as drugs
       from unnest($3::text::int[], $4::text::int[], $5::text::int[], $6::text::text[]) c(file, line, entry, id)
       cross join lateral (select x.* from exchange.staging x where x.pull_id = $1 and x.file = c.file and x.line = c.line and x.entry = c.entry offset 0) u
       left join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.id = c.id
       left join exchange.identity i on i.peer_id = $2 and i.type = u.type and i.source_id = u.source_id and i.state = 'echo'
       where u.echo_of is not distinct from c.id or r.origin = 'own' or not ${isNamedOtherwise('u', 'r', '$2')} order by 1, 2, 3, 5`,
      [
        work.id,
        work.peerId,
        arrayLiteral(alike.map((a) => a.file)),
        arrayLiteral(alike.map((a) => a.line)),
        arrayLiteral(alike.map((a) => a.entry)),
        arrayLiteral(alike.map((a) => a.id)),
      ],
    )),
  ];
}

/** Units are what we hold. staging_pkey. */
export async function markEchoes(tx: Queryable, work: string, units: readonly Copy[]): Promise<void> {
  if (units.length === 0) return;
  await tx.unsafe(
    `update exchange.staging s set outcome = 'echo', made_id = coalesce(s.made_id, s.local_id), local_id = u.id
     from unnest($2::text::int[], $3::text::int[], $4::text::int[], $5::text::text[]) as u(file, line, entry, id)
     where s.pull_id = $1 and s.file = u.file and s.line = u.line and s.entry = u.entry`,
    [
      work,
      arrayLiteral(units.map((u) => u.file)),
      arrayLiteral(units.map((u) => u.line)),
      arrayLiteral(units.map((u) => u.entry)),
      arrayLiteral(units.map((u) => u.id)),
    ],
  );
}
