// What $compare reads: the records of one entity in all directories, and what is known of each.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';

export type Member = { key: string; peer: string; type: number };

const MEMBERS = `select f.key, f.peer, f.type from s join federation.feature f on f.rk = s.rk order by f.peer, f.key limit 200`;

/** Everything with this NPI, and what is linked to it. feature_npi, cluster_cluster */
export async function membersByNpi(sql: Queryable, npi: string): Promise<Member[]> {
  return sql.unsafe<Member[]>(
    `with n as (select rk from federation.feature where type in (5, 7) and npi = $1::bigint),
     s as (select rk from n union select d.rk from n join federation.cluster c on c.rk = n.rk join federation.cluster d on d.cluster = c.cluster) ${MEMBERS}`,
    [npi],
  );
}

/** One record and what is linked to it. cluster_pkey, cluster_cluster */
export async function membersByKey(sql: Queryable, key: string): Promise<Member[]> {
  return sql.unsafe<Member[]>(
    `with n as (select rk from federation.feature where rk = hashtextextended($1, 0) and key = $1),
     s as (select rk from n union select d.rk from n join federation.cluster c on c.rk = n.rk join federation.cluster d on d.cluster = c.cluster) ${MEMBERS}`,
    [key],
  );
}

/** Pairs among records that wait for a person. link_pkey */
export async function openPairs(sql: Queryable, keys: readonly string[]): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    with k as (select hashtextextended(u, 0) as rk from unnest(${arrayLiteral(keys)}::text[]) u)
    select count(*)::int as n from k join federation.link l on l.a = k.rk and l.outcome = 'review' where l.b in (select rk from k)`;
  return row?.n ?? 0;
}

/** Which cluster a record is in, for those that are in one. cluster_pkey */
export async function clustersOf(sql: Queryable, keys: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ key: string; cluster: string }[]>`
    select u as key, c.cluster::text as cluster from unnest(${arrayLiteral(keys)}::text[]) u join federation.cluster c on c.rk = hashtextextended(u, 0)`;
  return new Map(rows.map((r) => [r.key, r.cluster]));
}

export type RecordFacts = {
  key: string;
  peer: string;
  name: string;
  trust: string;
  source: string | null;
  changedAt: Date;
  verifiedAt: Date | null;
  attestedAt: Date | null;
};

/** Whose each record is, when its content changed, was verified and attested. source_pkey, merged.resource_pkey, merged.verification_pkey */
export async function recordFacts(sql: Queryable, keys: readonly string[]): Promise<Map<string, RecordFacts>> {
  const rows = await sql<RecordFacts[]>`
    select k.key, coalesce(s.peer, '') as peer, coalesce(p.name, '') as name, coalesce(p.trust, 'own') as trust,
      case when p.base is not null then p.base || '/' || split_part(k.key, '/', 1) || '/' || s.source_id end as source,
      coalesce(s.content_changed_at, o.last_updated, r.last_updated) as "changedAt", v.done as "verifiedAt", v.attested as "attestedAt"
    from unnest(${arrayLiteral(keys)}::text[]) k(key) join merged.resource r on r.rk = hashtextextended(k.key, 0) and not r.deleted
    left join federation.source s on s.rk = r.rk left join federation.peer p on p.slug = s.peer
    left join directory.resource o on o.rk = r.rk and o.key = r.key
    left join lateral (
      select max(t.lo) as done, max((b.body::json -> 'attestation' ->> 'date')::timestamptz) filter (where b.body::json -> 'attestation' ->> 'date' ~ '^\\d{4}-\\d\\d-\\d\\d') as attested
      from merged.verification t join merged.resource b on b.rk = t.rk left join federation.source vs on vs.rk = t.rk
      -- no one verifies the record of another
      where t.target = r.rk and vs.peer is not distinct from s.peer) v on true`;
  return new Map(rows.map((r) => [r.key, r]));
}

/** Bodies of records of the merged base. merged.resource_pkey */
export async function bodies(sql: Queryable, keys: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ key: string; body: string }[]>`
    select r.key, r.body from unnest(${arrayLiteral(keys)}::text[]) k(key) join merged.resource r on r.rk = hashtextextended(k.key, 0) and r.key = k.key and not r.deleted`;
  return new Map(rows.map((r) => [r.key, r.body]));
}
