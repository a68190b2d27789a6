// Lines known by their hash, staged as `unchanged` from the identity map: of a type and a member, what stands together is one row
// with lists, in staging and in the ledger.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';

/**
 * Marks the members of a pull of whom earlier pulls of the peer knew the same person under the same choice; returns how many. None
 * when no line of the peer is known. pull_member_pkey, pull_peer.
 * @param open members whose records may be taken in
 */
export async function markSteady(
  sql: Queryable,
  pullId: string,
  peerId: string,
  open: readonly string[],
): Promise<number> {
  await sql`
    with now as (select member_id, peer_patient_id, policy from exchange.pull_member where pull_id = ${pullId} and outcome = 'matched' and further_patients = '{}' and member_id = any(${[...open]}::text[])),
    past as materialized (
      select distinct m.member_id, u.peer_patient_id, m.policy from exchange.pull p join exchange.pull_member m on m.pull_id = p.id
      cross join unnest(m.peer_patient_id || m.further_patients) u(peer_patient_id)
      where p.peer_id = ${peerId} and p.state = 'done' and m.outcome = 'matched' and p.id <> ${pullId}
    ), same as materialized (
      select distinct n.member_id from now n join past p using (member_id, peer_patient_id, policy)
      where not exists (select from past o where o.member_id = n.member_id and (o.policy <> n.policy or o.peer_patient_id <> n.peer_patient_id))
        and not exists (select from past o where o.peer_patient_id = n.peer_patient_id and o.member_id <> n.member_id)
    )
    update exchange.pull_member m set steady = not m.steady
    where m.pull_id = ${pullId} and m.steady <> exists (select from same s where s.member_id = m.member_id)`;
  const [row] = await sql<{ n: number }[]>`
    select count(distinct member_id)::int as n from exchange.pull_member where pull_id = ${pullId} and steady`;
  return row?.n ?? 0;
}

/** Lists as texts with commas: types, ids and hashes have none. */
export type KnownLines = { numbers: readonly number[]; types: string; sourceIds: string; hashes: string };
export type KnownOf = { id: string; peerId: string; sharedTypes: readonly string[] };

/**
 * Lines ($3 to $6: numbers, types, ids, hashes) that are as they were. Each by the primary key of the identity map, whatever is known of
 * a table that was filled a moment ago; members by pull_member_member.
 */
const KNOWN = `
  select k.line, i.type, i.source_id, i.member_id, i.local_id, i.hash, i.last_updated, i.line_findings
  from unnest($3::text::int[], string_to_array($4, ','), string_to_array($5, ','), string_to_array($6, ',')) as k(line, type, source_id, hash)
  cross join lateral (
    select * from exchange.identity i where i.peer_id = $2 and i.type = k.type and i.source_id = k.source_id offset 0) i
  where i.state = 'visible' and i.line_hash = decode(k.hash, 'hex')
    and case when i.member_id is null then i.type = any($7::text[]) else exists (select from exchange.pull_member m where m.member_id = i.member_id and m.pull_id = $1 and m.steady) end`;

const parameters = (of: KnownOf, lines: KnownLines) => [
  of.id,
  of.peerId,
  `{${lines.numbers.join()}}`,
  lines.types,
  lines.sourceIds,
  lines.hashes,
  arrayLiteral(of.sharedTypes),
];

/**
 * Stages lines that are as they were, those of a type and a member in one row. Returns their numbers. Lines of one call are not
 * those of another.
 * @param stretch number of the first line of what was read together
 */
export async function stageKnownBlocks(
  sql: Queryable,
  of: KnownOf,
  file: number,
  stretch: number,
  lines: KnownLines,
): Promise<readonly number[]> {
  const [row] = await sql.unsafe<{ n: number; lines: number[] | null }[]>(
    `with known as materialized (${KNOWN} order by i.type, i.member_id, k.line), made as (
      insert into exchange.staging_block (pull_id, file, stretch, first_line, last_line, type, member_id, units, lines, source_ids, local_ids, hashes, updated, findings)
      select $1, $8::int, $9::int, min(line), max(line), type, member_id, count(*), array_agg(line), array_agg(source_id), array_agg(local_id), array_agg(hash), array_agg(last_updated),
        string_to_array(string_agg(array_to_string(line_findings, ','), ',') filter (where cardinality(line_findings) > 0), ',')
      from known group by type, member_id
    )
    select count(*)::int as n, case when count(*) < $10::int then array_agg(line) end as lines from known`,
    [...parameters(of, lines), file, stretch, lines.numbers.length],
    { prepare: true },
  );
  // mostly all of them, which we know already
  return row?.n === lines.numbers.length ? lines.numbers : (row?.lines ?? []);
}

/** The same, a row for each: what is committed of the pull already may stand in the ledger in another form. */
export async function stageKnown(
  sql: Queryable,
  of: KnownOf,
  file: number,
  _stretch: number,
  lines: KnownLines,
): Promise<number[]> {
  const rows = await sql.unsafe<{ line: number }[]>(
    `insert into exchange.staging (pull_id, file, line, entry, outcome, type, source_id, member_id, local_id, is_shared, hash, last_updated, findings)
    select $1, $8::int, line, 0, 'unchanged', type, source_id, member_id, local_id, member_id is null, hash, last_updated, line_findings from (${KNOWN}) known
    returning line`,
    [...parameters(of, lines), file],
    { prepare: true },
  );
  return rows.map((r) => r.line);
}

/**
 * Known lines whose record comes another time in the pull are staged as rows of their own, with all that stand in one row with them:
 * which of them counts is decided beside the others. staging_block_pkey, identity_pkey.
 */
export async function unpackRepeated(tx: Queryable, work: string, peerId: string): Promise<void> {
  const [any] = await tx`select from exchange.staging_block where pull_id = ${work} limit 1`;
  if (any === undefined) return;
  await tx`
    with one as (
      select type, source_id from exchange.staging where pull_id = ${work} and source_id is not null
      union all
      select b.type, s from exchange.staging_block b cross join unnest(b.source_ids) s where b.pull_id = ${work}
    ), twice as materialized (
      select type, source_id from one group by type, source_id having count(*) > 1
    ), packed as materialized (
      select distinct b.file, b.stretch, b.first_line from exchange.staging_block b cross join unnest(b.source_ids) s(source_id) join twice t on t.type = b.type and t.source_id = s.source_id
      where b.pull_id = ${work}
    ), taken as (
      delete from exchange.staging_block b using packed p where b.pull_id = ${work} and b.file = p.file and b.stretch = p.stretch and b.first_line = p.first_line returning b.*
    )
    insert into exchange.staging (pull_id, file, line, entry, outcome, type, source_id, member_id, local_id, is_shared, hash, last_updated, findings)
    select b.pull_id, b.file, u.line, 0, 'unchanged', b.type, u.source_id, b.member_id, u.local_id, b.member_id is null, u.hash, u.last_updated, i.line_findings
    from taken b cross join lateral unnest(b.lines, b.source_ids, b.local_ids, b.hashes, b.updated) as u(line, source_id, local_id, hash, last_updated)
    left join exchange.identity i on i.peer_id = ${peerId} and i.type = b.type and i.source_id = u.source_id`;
}

/** Blocks of a work that no slice has committed: of a member, all are in one. staging_block_bucket, pull_slice_pkey. */
export const openBlocks = (b: string) =>
  `not exists (select from exchange.pull_slice c where c.pull_id = ${b}.pull_id and c.state = 'committed' and ${b}.bucket between c.first_bucket and c.last_bucket)`;

type Buckets = { first: number; last: number };

/** Books the known lines of some buckets. Returns how many units they are. staging_block_bucket. */
export async function bookKnown(tx: Queryable, work: string, of: Buckets): Promise<number> {
  const [row] = await tx.unsafe<{ units: number }[]>(
    `with booked as (
      insert into exchange.ledger_block (pull_id, file, stretch, first_line, last_line, type, member_id, units, lines, source_ids, local_ids, hashes, updated)
      select pull_id, file, stretch, first_line, last_line, type, member_id, units, lines, source_ids, local_ids, hashes, updated
      from exchange.staging_block b where b.pull_id = $1 and b.bucket between $2 and $3 and ${openBlocks('b')} order by file, stretch, first_line
      returning units
    ) select coalesce(sum(units), 0)::int as units from booked`,
    [work, of.first, of.last],
  );
  return row?.units ?? 0;
}

/** How many units of the known lines of some buckets are whose, before they are committed. */
export async function knownByMember(
  tx: Queryable,
  work: string,
  of: Buckets,
): Promise<{ memberId: string; units: number }[]> {
  return [
    ...(await tx.unsafe<{ memberId: string; units: number }[]>(
      `select member_id as "memberId", sum(units)::int as units from exchange.staging_block b
       where b.pull_id = $1 and b.bucket between $2 and $3 and b.member_id is not null and ${openBlocks('b')} group by member_id`,
      [work, of.first, of.last],
    )),
  ];
}

/**
 * What came unchanged in the open slice and was read in full is known the next time, and is as new as it now says: an older version that
 * comes later does not take its place. Served by the primary keys.
 */
export async function keepLineHashes(tx: Queryable, peerId: string): Promise<void> {
  await tx`
    with s as materialized (
      select type, source_id, hash, line_hash, last_updated, findings from pg_temp.slice
      where outcome = 'unchanged' and reason is null and (line_hash is not null or last_updated is not null)
    )
    update exchange.identity i set line_hash = coalesce(s.line_hash, i.line_hash), last_updated = greatest(i.last_updated, s.last_updated),
      line_findings = case when s.line_hash is null then i.line_findings else array_remove(array_remove(s.findings, 'duplicate-id'), 'peer-rekey') end
    from s
    where i.peer_id = ${peerId} and i.type = s.type and i.source_id = s.source_id and i.state = 'visible' and i.hash = s.hash
      and (coalesce(s.line_hash, i.line_hash) is distinct from i.line_hash or greatest(i.last_updated, s.last_updated) is distinct from i.last_updated)`;
}
