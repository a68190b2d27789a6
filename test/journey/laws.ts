// The laws of reconciliation as statements over a database. Each returns the rows that break it: empty is the proof.
import type { Sql } from '../../src/db/database.ts';

const LAWS = {
  'L1, L3: every file has as many ledger rows as units, each place once': `
    select f.pull_id, f.position, f.units, count(l.line)::int as booked
    from exchange.pull f0 join exchange.pull_file f on f.pull_id = f0.id
    left join exchange.ledger l on l.pull_id = f.pull_id and l.file = f.position
    where f0.state = 'done' and f.kind <> 'error' group by 1, 2, 3 having f.units is distinct from count(l.line)`,
  'what reports count is what the ledger holds': `
    with told as (
      select pull_id, member_id, type, outcome, sum(units) as n from exchange.ledger_by_member group by 1, 2, 3, 4
    ), held as (
      select pull_id, member_id, type, outcome, count(*) as n from exchange.ledger group by 1, 2, 3, 4
    )
    (select 'told' as by, * from (table told except table held) t) union all (select 'held', * from (table held except table told) h)`,
  'L2: lines equal what the manifest declared': `
    select f.pull_id, f.position, f.declared, count(distinct l.line)::int as lines
    from exchange.pull p join exchange.pull_file f on f.pull_id = p.id
    left join exchange.ledger l on l.pull_id = f.pull_id and l.file = f.position
    where p.state = 'done' and p.accepted_by is null and f.kind <> 'error' and f.declared is not null
    group by 1, 2, 3 having f.declared <> count(distinct l.line)`,
  'L4: visible records are those created or released, less those retracted or hidden': `
    with booked as (
      select count(*) filter (where outcome in ('created', 'linked-duplicate'))::int as made, count(*) filter (where reason = 'reinstated')::int as back,
        count(*) filter (where outcome = 'retracted' and local_id <> '')::int as gone
      from exchange.ledger
    ), revised as (
      select count(*) filter (where outcome_before in ('quarantined', 'rejected') and outcome in ('created', 'linked-duplicate'))::int
        - count(*) filter (where outcome_before not in ('quarantined', 'rejected') and outcome in ('quarantined', 'rejected')
          -- given back to the member before, or the version before: one is hidden, one shown
          and not (cause = 'release' and outcome_before = 'updated'))::int as more
      from exchange.unit_revision
    ), there as (
      select (select count(*) from exchange.resource where origin <> 'own' and not deleted)::int
        + (select count(*) from exchange.shared_resource where origin <> 'own' and not deleted)::int as n
    ) select booked.*, more, there.n from booked, revised, there where made + back - gone + more <> n`,
  // by sets: an `or` of look-ups would go through the ledger for each record
  'L8: a visible received record has a source, a ledger row and a Provenance': `
    with shown as materialized (
      select member_id, type, id, source_id, (body::jsonb #>> '{meta,source}') is null as is_unsourced from exchange.resource where origin <> 'own' and not deleted
    ), same as materialized (
      select member_id as a, former_id as b from exchange.member_merge union select former_id, member_id from exchange.member_merge
      union select member_id, member_id from exchange.member_merge union select former_id, former_id from exchange.member_merge
    ), booked as materialized (
      select member_id, type, local_id as id from exchange.ledger where local_id is not null and member_id is not null
      union select m.a, l.type, l.local_id from exchange.ledger l join same m on m.b = l.member_id where l.local_id is not null
    ), revised as materialized (
      select distinct l.type, l.source_id from exchange.ledger l join (select distinct pull_id, file, line, entry from exchange.unit_revision) v using (pull_id, file, line, entry) where l.source_id is not null
    ), told as materialized (
      select distinct p.member_id, t as key from exchange.resource p cross join unnest(p.targets) t where p.type = 'Provenance'
    )
    select s.member_id, s.type, s.id from shown s
    left join booked b on b.member_id = s.member_id and b.type = s.type and b.id = s.id
    left join revised v on v.type = s.type and v.source_id = s.source_id
    left join told t on t.member_id = s.member_id and t.key = s.type || '/' || s.id
    where s.is_unsourced or (b.id is null and v.source_id is null) or (s.type <> 'Provenance' and t.key is null)`,
  'a Provenance of ours that names a received Patient names no record of another type': `
    select p.member_id, p.id from exchange.resource p
    join exchange.resource r on r.member_id = p.member_id and r.type = 'Patient' and r.origin <> 'own' and 'Patient/' || r.id = any(p.targets)
    where p.type = 'Provenance' and p.origin = 'own' and exists (select from unnest(p.targets) t where t not like 'Patient/%')`,
  'L9: a received record belongs to a member whom the peer matched': `
    select r.member_id, r.type, r.id from exchange.resource r
    where r.origin <> 'own' and not exists (
      select from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
      where m.member_id = r.member_id and m.outcome = 'matched' and p.peer_id = r.origin)
      -- a statement about a record of ours goes with it when two members who were one are two again
      and not (r.type = 'Provenance' and exists (
        select from exchange.resource t where t.member_id = r.member_id and t.origin = 'own' and t.type || '/' || t.id = any(r.targets))
        and exists (select from exchange.member_merge g where g.former_id = r.member_id and g.undone_at is not null))`,
  'no reference of a received record leads to another member': `
    select r.member_id, r.type, r.id, m[1] as patient from exchange.resource r
    cross join regexp_matches(r.body, '"reference":"Patient/([^"]+)"', 'g') m
    where r.origin <> 'own' and m[1] <> r.member_id`,
  'id, version and body of a record agree': `
    select member_id, type, id from exchange.resource
    where body::jsonb ->> 'id' <> id or body::jsonb ->> 'resourceType' <> type or (not deleted and (body::jsonb #>> '{meta,versionId}') <> version::text)`,
  'what is shown of a payer is its own record': `
    select i.peer_id, i.type, i.source_id, r.origin from exchange.identity i
    join exchange.resource r on r.member_id = i.member_id and r.type = i.type and r.id = i.local_id
    where i.state = 'visible' and r.origin <> i.peer_id`,
  'identity points to records that exist': `
    select i.type, i.source_id from exchange.identity i
    where i.state = 'visible'
      and not exists (select from exchange.resource r where r.type = i.type and r.id = i.local_id and not r.deleted)
      and not exists (select from exchange.shared_resource r where r.type = i.type and r.id = i.local_id and not r.deleted)`,
} as const;

/** Rows that break a law, by law; empty when all hold. */
export async function brokenLaws(sql: Sql): Promise<Record<string, unknown[]>> {
  const broken: Record<string, unknown[]> = {};
  for (const [law, statement] of Object.entries(LAWS)) {
    const rows = await sql.unsafe(statement);
    if (rows.length > 0) broken[law] = [...rows].slice(0, 5);
  }
  return broken;
}

/** Everything that a replay must leave alone, as counts. */
export async function extent(sql: Sql): Promise<Record<string, number>> {
  const [row] = await sql.unsafe<Record<string, number>[]>(`
    select (select count(*)::int from exchange.resource) as records, (select sum(version)::int from exchange.resource) as versions,
      (select count(*)::int from exchange.resource_version) as history, (select count(*)::int from exchange.link) as links,
      (select sum(cardinality(keys))::int from exchange.resource where not deleted) as keys, (select count(*)::int from exchange.shared_key) as shared_keys, (select count(*)::int from exchange.shared_resource) as shared,
      (select sum(version)::int from exchange.shared_resource) as shared_versions, (select count(*)::int from exchange.identity) as identities`);
  return { ...row };
}

/** Ledger rows of a pull by outcome. */
export async function outcomes(sql: Sql, pull: string): Promise<Record<string, number>> {
  const rows = await sql<{ outcome: string; n: number }[]>`
    select outcome, count(*)::int as n from exchange.ledger where pull_id = ${pull} group by 1 order by 1`;
  return Object.fromEntries(rows.map((r) => [r.outcome, r.n]));
}
