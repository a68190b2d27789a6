// Units that say to be copies of records of which we hold older versions.
import { arrayLiteral, type Queryable } from '../../../src/store/database.ts';
import type { Range } from './slice.ts';

export type Copy = {
  file: number;
  line: number;
  entry: number;
  /** SHA-256, lower-case hex */
  substance: string;
  /** of ours */
  id: string;
  isOwn: boolean;
  /** texts of its replaced versions, the newest first */
  bodies: string[];
};

/** Units looked at together, and versions of each. */
const PAGE = 200;
const MOST_VERSIONS = 20;

/** New units of some buckets after a place, in order. staging_bucket, primary keys of resource and resource_version. */
export async function copiesAfter(
  tx: Queryable,
  work: string,
  of: Pick<Range, 'first' | 'last'>,
  after: readonly [file: number, line: number, entry: number],
): Promise<Copy[]> {
  return [
    ...(await tx.unsafe<Copy[]>(
      `with unit as materialized (
         select file, line, entry, member_id, type, substance, echo_of from exchange.staging s
         where pull_id = $1 and bucket between $2 and $3 and outcome = 'created' and reason is null and not booked and not is_shared and echo_of is not null and substance is not null
           and (file, line, entry) > ($4, $5, $6) order by file, line, entry limit ${PAGE}
       )
       select u.file, u.line, u.entry, encode(u.substance, 'hex') as substance, u.echo_of as id, coalesce(r.origin = 'own', false) as "isOwn",
         to_jsonb(array(select v.body from exchange.resource_version v where v.member_id = u.member_id and v.type = u.type and v.id = u.echo_of
           order by v.version desc limit ${MOST_VERSIONS})) as bodies
       from unit u left join exchange.resource r on r.member_id = u.member_id and r.type = u.type and r.id = u.echo_of order by 1, 2, 3`,
      [work, of.first, of.last, ...after],
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
