// Copies that a payer passed on before the one whose record it is changed it there.
import type { Queryable } from '../../src/db/database.ts';
import { SOURCE_KEY } from '../reconcile/record-keys.ts';
import type { Pair } from './link.ts';

/** `copy`: which of the two says to be a copy of the other one, by `name`. */
export type CopyPair = { pair: Pair; copy: 'unit' | 'other'; name: string };

/**
 * When what identity `i` says was changed where it comes from, by the answer that told it first: a payer that writes its store anew gives all that is in it
 * another time, whatever is known of it by then. ledger_member.
 */
export const changedAt = (i: string): string => `coalesce((
  select l.last_updated from exchange.ledger_unit l where l.member_id = ${i}.member_id and l.type = ${i}.type and l.local_id = ${i}.local_id
    and l.source_id = ${i}.source_id and l.hash = ${i}.hash and l.outcome in ('created', 'updated', 'linked-duplicate') order by l.last_updated desc nulls last limit 1), ${i}.last_updated)`;

/**
 * Those of some pairs in which the copy was changed last, where it comes from, before the record was, where that comes from: what it says differently was
 * so once. Of a payer that has several of the name nobody knows which of them is the copy. Primary keys; staging_bucket.
 */
export async function outdatedCopies(
  sql: Queryable,
  work: { id: string; peerId: string },
  pairs: readonly CopyPair[],
): Promise<Set<Pair>> {
  if (pairs.length === 0) return new Set();
  const asked = pairs.map(({ pair, copy, name }, n) => ({
    n,
    file: pair.file,
    line: pair.line,
    entry: pair.entry,
    member: pair.memberId,
    type: pair.type,
    id: pair.otherId,
    of: pair.other,
    copy,
    name: `${SOURCE_KEY}${name}`,
  }));
  const rows = await sql<{ n: number }[]>`
    with asked as materialized (
      select a.*, (a.of ->> 'file')::integer as of_file, (a.of ->> 'line')::integer as of_line, (a.of ->> 'entry')::integer as of_entry
      from jsonb_to_recordset(${JSON.stringify(asked)}::text::jsonb)
        as a(n integer, file integer, line integer, entry integer, member text, type text, id text, of jsonb, copy text, name text)
    ), told as materialized (
      select a.n, a.member, a.type, a.copy, a.name, u.bucket, u.local_id as unit_id, case when k.at is null then u.last_updated else k.at end as unit_at, a.id as other_id,
        coalesce(t.origin, ${work.peerId}) as other_origin, case when t.origin is null then o.last_updated else t.last_updated end as other_at
      from asked a
      cross join lateral (select s.bucket, s.source_id, s.hash, s.local_id, s.last_updated from exchange.staging s
        where s.pull_id = ${work.id} and s.file = a.file and s.line = a.line and s.entry = a.entry offset 0) u
      left join lateral (select ${sql.unsafe(changedAt('i'))} as at from exchange.identity i
        where i.peer_id = ${work.peerId} and i.type = a.type and i.source_id = u.source_id and i.hash = u.hash offset 0) k on true
      left join lateral (select s.last_updated from exchange.staging s
        where s.pull_id = ${work.id} and s.file = a.of_file and s.line = a.of_line and s.entry = a.of_entry offset 0) o on true
      left join lateral (
        select r.origin, ${sql.unsafe(changedAt('i'))} as last_updated from exchange.resource r
        left join exchange.identity i on i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id
        where a.of_file is null and r.member_id = a.member and r.type = a.type and r.id = a.id offset 0) t on true
    ), older as materialized (
      select n, member, type, bucket, hashtextextended(name, 0) as hash, name,
        case copy when 'unit' then unit_id else other_id end as id, case copy when 'unit' then ${work.peerId} else other_origin end as origin
      from told
      where ${work.peerId} <> 'own' and other_origin <> 'own' and case copy when 'unit' then unit_at < other_at else other_at < unit_at end
    ), staged as materialized (
      select s.member_id, s.type, s.local_id, s.keys from (select distinct bucket from older where origin = ${work.peerId}) b
      cross join lateral (select x.member_id, x.type, x.local_id, x.keys from exchange.staging x
        where x.pull_id = ${work.id} and x.bucket = b.bucket and x.keys is not null and not x.is_shared offset 0) s
    )
    select o.n from older o
    where not exists (select from exchange.resource x
        where x.member_id = o.member and x.type = o.type and x.origin = o.origin and x.id <> o.id and not x.deleted and o.hash = any(x.keys))
      and not exists (select from staged s
        where o.origin = ${work.peerId} and s.member_id = o.member and s.type = o.type and s.local_id <> o.id and o.name = any(s.keys))`;
  return new Set(rows.flatMap(({ n }) => pairs[n]?.pair ?? []));
}
