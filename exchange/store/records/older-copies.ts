// Units that say to be copies of records of which we hold older versions, or are told to have come through us.
import { arrayLiteral, type Queryable } from '../../../src/store/database.ts';
import type { Decided } from './decided.ts';
import { idHere, THROUGH_US, wasGivenAway } from './echoes.ts';
import { LED_TO } from './references.ts';
import type { Range } from './slice.ts';

export type Copy = {
  file: number;
  line: number;
  entry: number;
  /** SHA-256, lower-case hex */
  substance: string;
  /** of what we hold, and may be an older version of this */
  id: string | null;
  isOwn: boolean;
  /** its replaced versions, the newest first; `isLeft`: what the payer had before this came to be there after that version was no more, and was ours too */
  versions: { body: string; isLeft: boolean }[];
  /** ids here of the Medications that it names */
  drugs: string[];
};

/** Units looked at together, and versions of each. */
const PAGE = 200;
const MOST_VERSIONS = 20;

/**
 * New units of some buckets after a place, in order, each with what it says to be a copy of. One that names nothing, of which a statement says that we transmitted it, comes with each record that shares
 * a key with it, has replaced versions and was given to somebody. staging_bucket, staging_key, primary keys of identity, resource and resource_version.
 */
export async function copiesAfter(
  tx: Queryable,
  work: Pick<Decided, 'id' | 'peerId'>,
  of: Pick<Range, 'first' | 'last'>,
  after: readonly [file: number, line: number, entry: number],
): Promise<Copy[]> {
  return [
    ...(await tx.unsafe<Copy[]>(
      `with through_us as materialized (${THROUGH_US}), unit as materialized (
         select file, line, entry, member_id, type, source_id, substance, echo_of, last_updated, refs, array(select hashtextextended(k, 0) from unnest(keys) k) as keys from exchange.staging s
         where pull_id = $1 and bucket between $2 and $3 and outcome = 'created' and reason is null and not booked and not is_shared and substance is not null
           and (echo_of is not null or (type <> 'Provenance' and (member_id, type, source_id) in (select member_id, type, source_id from through_us)))
           and (file, line, entry) > ($4, $5, $6) order by file, line, entry limit ${PAGE}
       )
       select u.file, u.line, u.entry, encode(u.substance, 'hex') as substance, c.id, coalesce(r.origin = 'own', false) as "isOwn",
         to_jsonb(array(select jsonb_build_object('body', v.body, 'isLeft', coalesce(i.last_updated < u.last_updated and i.last_updated >= coalesce(n.last_updated, r.last_updated), false))
           from exchange.resource_version v left join exchange.resource_version n on n.member_id = v.member_id and n.type = v.type and n.id = v.id and n.version = v.version + 1
           where v.member_id = u.member_id and v.type = u.type and v.id = c.id
           order by v.version desc limit ${MOST_VERSIONS})) as versions,
         to_jsonb(array(select m.id from (select distinct split_part(split_part(ref, '${LED_TO}', 1), '/', 2) as source_id from unnest(u.refs) ref where starts_with(ref, 'Medication/')) k
           cross join lateral (${idHere("'Medication'", 'k.source_id', '$1', '$7')}) m where m.id is not null)) as drugs
       from unit u left join lateral (
         select u.echo_of as id where u.echo_of is not null
         union all
         select x.id from exchange.resource x where u.echo_of is null and x.member_id = u.member_id and x.type = u.type and x.version > 1 and x.keys && u.keys
           and ${wasGivenAway('x.member_id', 'x.type', 'x.id')}) c on true
       left join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.id = c.id
       left join exchange.identity i on i.peer_id = $7 and i.type = u.type and i.source_id = u.source_id and i.state = 'echo' order by 1, 2, 3, 5`,
      [work.id, of.first, of.last, ...after, work.peerId],
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
