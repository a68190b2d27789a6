// Records on their way into the merged base: our own as they change, peers' by the outbox; and the facts they are linked by.
import { openCopy } from '../../src/db/copy.ts';
import { copyField, type Queryable, type Sql } from '../../src/db/database.ts';
import type { Features } from './features.ts';

/** One process merges. @returns false when another does */
export async function takeMergeLease(sql: Queryable, owner: string, now: Date, seconds: number): Promise<boolean> {
  const rows =
    await sql`update federation.own_state set lease_owner = ${owner}, lease_until = ${new Date(now.getTime() + seconds * 1000)}
    where lease_owner is null or lease_owner = ${owner} or lease_until < ${now} returning 1`;
  return rows.length > 0;
}

export async function leaveMergeLease(sql: Queryable, owner: string): Promise<void> {
  await sql`update federation.own_state set lease_owner = null, lease_until = null where lease_owner = ${owner}`;
}

/** How far our own directory is merged, and when it changed last. */
export async function ownState(sql: Queryable): Promise<{ through: Date | null; changedAt: Date | null }> {
  const [row] = await sql<{ through: Date | null; changedAt: Date | null }[]>`
    select o.through, s.changed_at as "changedAt" from federation.own_state o, directory.state s`;
  return row ?? { through: null, changedAt: null };
}

export async function setOwnThrough(sql: Queryable, through: Date): Promise<void> {
  await sql`update federation.own_state set through = ${through}`;
}

export type OwnRow = { key: string; deleted: boolean; body: string };

/**
 * Our own records that changed since; all of them without a time. Of those that name others by an identifier alone also the ones that lead
 * elsewhere now than they do in the merged base, which is the other record's change. On a dedicated client. resource_last_updated,
 * logical_pkey
 */
export async function* ownChanges(sql: Sql, since: Date | null): AsyncGenerator<OwnRow[]> {
  const rows =
    since === null
      ? sql<OwnRow[]>`select key, deleted, body from directory.resource where not deleted`
      : sql<OwnRow[]>`
          select r.key, r.deleted, r.body from generate_series(1, 9) t(id) join directory.resource r on r.type = t.id and r.last_updated >= ${since}
          union all
          select r.key, r.deleted, r.body from (select distinct rk from directory.logical) g
            join directory.resource r on r.rk = g.rk and r.last_updated < ${since}
            join merged.resource m on m.rk = r.rk and not m.deleted
          where not (r.refs @> m.refs and m.refs @> r.refs)`;
  for await (const batch of rows.cursor(1000)) yield batch;
}

/** Does anything of our own wear this prefix? */
export async function hasOwnPrefix(sql: Queryable, slug: string): Promise<boolean> {
  const rows =
    await sql`select from directory.resource where key like ${`%/${slug}.%`} and split_part(key, '/', 2) like ${`${slug}.%`} limit 1`;
  return rows.length > 0;
}

export type OutboxRow = {
  rk: string;
  key: string;
  sourceId: string;
  peer: string;
  state: string;
  flags: number;
  /** empty when it is not live */
  raw: string;
};

/** Records of entries of the outbox, each once, in the order of their keys. On a dedicated client. source_pkey, content_pkey */
export async function* outboxRows(sql: Sql, entries: readonly string[]): AsyncGenerator<OutboxRow[]> {
  const rows = sql<OutboxRow[]>`
    select s.rk::text as rk, s.key, s.source_id as "sourceId", s.peer, s.state::text as state, s.flags,
      case when s.state = 'l' then (select t.raw from federation.content t where t.id = s.content) else '' end as raw
    from (select distinct u.rk from federation.outbox b, unnest(b.rks) u(rk) where b.n = any(${[...entries]}::text[]::bigint[]) order by 1) o join federation.source s on s.rk = o.rk`;
  for await (const batch of rows.cursor(1000)) yield batch;
}

/** What was lifted out of records before, by their rk. lifted_pkey */
export async function liftedOf(sql: Queryable, parents: readonly string[]): Promise<Map<string, Set<string>>> {
  const rows = await sql<{ parent: string; key: string }[]>`
    select parent::text as parent, key from federation.lifted where parent = any(${[...parents]}::bigint[])`;
  const found = new Map<string, Set<string>>();
  for (const { parent, key } of rows) found.set(parent, (found.get(parent) ?? new Set()).add(key));
  return found;
}

export type Lifted = { parent: string; key: string };

/** Before they are merged: what stands in the merged base is always known here. */
export async function addLifted(sql: Queryable, rows: readonly Lifted[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`insert into federation.lifted (parent, key)
    select r.parent, r.key from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) r(parent bigint, key text) on conflict do nothing`;
}

/** After they have left the merged base. */
export async function forgetLifted(sql: Queryable, rows: readonly Lifted[]): Promise<void> {
  if (rows.length === 0) return;
  await sql`delete from federation.lifted l using jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) r(parent bigint, key text)
    where l.parent = r.parent and l.key = r.key`;
}

/** A record that the merged base could not take, as a finding. */
export async function insertFindings(
  sql: Queryable,
  rows: readonly { key: string; peer: string; code: string; detail: string }[],
  at: Date,
): Promise<void> {
  if (rows.length === 0) return;
  await sql`insert into federation.finding (rk, peer, code, detail, at)
    select distinct on (f.key, f.code) hashtextextended(f.key, 0), f.peer, f.code, f.detail, ${at}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) f(key text, peer text, code text, detail text)
    on conflict (rk, code) do update set detail = excluded.detail, at = excluded.at`;
}

export type FeatureRow = Features & { key: string; peer: string };

const COLUMNS =
  'rk, peer, type, key, npi, family, given, name, address, street, has_unit, zip, state, phone, ids, cell, lat, lon, is_network';

/**
 * Rewrites features, and forgets those of `gone`; a record of a peer whose number is another one than before is a finding. On a
 * dedicated client. feature_pkey
 */
export async function writeFeatures(
  sql: Sql,
  rows: readonly FeatureRow[],
  gone: readonly string[],
  now: Date,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`create temp table if not exists fresh (like federation.feature including defaults) on commit delete rows`;
    await tx.unsafe('alter table fresh alter rk drop not null');
    const into = await openCopy(sql, `copy fresh (${COLUMNS}) from stdin`, 60_000, tx);
    const text = (v: string | number | bigint | boolean | undefined) => copyField(v);
    for (const f of rows) {
      const cell =
        f.lat === undefined || f.lon === undefined
          ? undefined
          : Math.round(f.lat * 1000) * 1_000_000 + Math.round(f.lon * 1000);
      const full = into.write(
        [
          '\\N',
          text(f.peer),
          f.type,
          text(f.key),
          text(f.npi),
          text(f.family),
          text(f.given),
          text(f.name),
          text(f.address),
          text(f.street),
          f.hasUnit,
          text(f.zip),
          text(f.state),
          text(f.phone),
          `{${f.ids.join(',')}}`,
          text(cell),
          text(f.lat),
          text(f.lon),
          f.isNetwork,
        ].join('\t'),
      );
      if (full) await full;
    }
    await into.end();
    await tx`update fresh set rk = hashtextextended(key, 0)`;
    await tx`delete from federation.feature f using (select hashtextextended(k, 0) as rk from unnest(${[...gone]}::text[]) k) g where f.rk = g.rk`;
    // links of rules are searched again; the word of a person stays
    await tx`delete from federation.link l using (select rk from fresh union select hashtextextended(k, 0) from unnest(${[...gone]}::text[]) k) c
      where l.by = 'rule' and l.a = c.rk`;
    await tx`delete from federation.link l using (select rk from fresh union select hashtextextended(k, 0) from unnest(${[...gone]}::text[]) k) c
      where l.by = 'rule' and l.b = c.rk`;
    await tx`delete from federation.feature_id i using (select rk from fresh union select hashtextextended(k, 0) from unnest(${[...gone]}::text[]) k) c where i.rk = c.rk`;
    await tx`insert into federation.feature_id (id, type, rk) select distinct u, f.type, f.rk from fresh f, unnest(f.ids) u on conflict do nothing`;
    await tx`insert into federation.finding (rk, peer, code, detail, at)
      select distinct on (f.rk) f.rk, f.peer, 'npi-changed', o.npi, ${now}::timestamptz from fresh f join federation.feature o on o.rk = f.rk join federation.source s on s.rk = f.rk
      where o.npi <> f.npi order by f.rk on conflict (rk, code) do update set detail = excluded.detail, at = excluded.at`;
    await tx.unsafe(`insert into federation.feature (${COLUMNS}) select distinct on (rk) ${COLUMNS} from fresh order by rk
      on conflict (rk) do update set (${COLUMNS.replace('rk, ', '')}, dirty) = row(${COLUMNS.replace('rk, ', '')
        .split(', ')
        .map((c) => `excluded.${c}`)
        .join(', ')}, true)`);
  });
}
