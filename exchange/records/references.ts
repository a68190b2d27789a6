// What references of staged units lead to. A unit is staged with its references led to where they will most likely lead; here
// are the units of which that is not so, and what to lead them to.
import type { Queryable, Sql } from '../../src/db/database.ts';
import { SHARED_TYPES } from './facts/record-types.ts';
import type { Range } from './slice.ts';

/** Between the key of a reference and the id that it was led to, in `staging.refs`, when that id is not the one made for the key. */
export const LED_TO = '>';

/** Before the key of a reference that names a record of ours by its address here. */
export const OURS = '~';

/** Directory records whose ids here are remembered while a pull is staged. */
const REMEMBERED = 50_000;

/**
 * Ids here of a peer's directory records (`Type/id` there): of those that came before, and of the staged ones that are here already, by
 * their NPI or, as they are decided (records/reconcile.ts), by another number or name and place. A guess for staging; what it misses is
 * led right afterwards. identity_pkey, staging_shared, shared_resource_npi, shared_key_pkey.
 */
export async function sharedIds(sql: Queryable, work: { id: string; peerId: string }): Promise<Map<string, string>> {
  const rows = await sql<{ key: string; id: string }[]>`
    select i.type || '/' || i.source_id as key, i.local_id as id from exchange.identity i
    where i.peer_id = ${work.peerId} and i.type = any(${[...SHARED_TYPES]}::text[]) and i.state in ('visible', 'echo') and i.local_id <> ''
    union all
    select s.type || '/' || s.source_id, coalesce(n.id, k.id) from exchange.staging s
    left join lateral (select min(e.id) as id from exchange.shared_resource e where e.npi = s.npi and e.type = s.type and not e.deleted) n on true
    left join lateral (
      select e.id from unnest(s.keys) k
      join exchange.shared_key r on r.type = s.type and r.kind = case left(k, 1) when 's' then 1 else 2 end and r.hash = hashtextextended(k, 0)
      join exchange.shared_resource e on e.type = r.type and e.id = r.id and not e.deleted
      where n.id is null and e.id <> s.local_id and (s.npi is null or e.npi is null)
      order by r.kind, e.origin <> 'own', e.id limit 1) k on true
    where s.pull_id = ${work.id} and s.is_shared and s.outcome = 'created' and coalesce(n.id, k.id) is not null
      and not exists (select from exchange.identity i where i.peer_id = ${work.peerId} and i.type = s.type and i.source_id = s.source_id)
    limit ${REMEMBERED}`;
  return new Map(rows.map((r) => [r.key, r.id]));
}

export type ToRewrite = {
  file: number;
  line: number;
  entry: number;
  body: string;
  /** id here, when it is not the one in the text */
  localId: string | null;
  /** keys `Type/id` of the peer's records that the text refers to, see {@link LED_TO} */
  refs: string[] | null;
  targets: string[] | null;
  /** whose it is; of nobody's (a directory record) and of what is about records (Provenance) null */
  memberId: string | null;
};

/**
 * Staged units of some buckets that will be written and are not yet as they will be: a reference leads elsewhere, or nowhere; the
 * record has another id; or what it is about (Provenance) could not be told when it was read. In pages, by a cursor on a client of its
 * own. staging_bucket; records of a member mostly refer to others of it, which are at hand, and what else a reference may mean is
 * looked up by staging_key, each once.
 */
export function unitsToRewrite(
  dedicated: Sql,
  work: { id: string; peerId: string },
  range: Pick<Range, 'first' | 'last'>,
  size: number,
): AsyncIterable<ToRewrite[]> {
  return dedicated
    .unsafe<ToRewrite[]>(
      `with mine as materialized (
         select file, line, entry, type, source_id, outcome, reason, has_body, booked, refs, targets, about, local_id, made_id, member_id from exchange.staging
         where pull_id = $1 and bucket between $3 and $4
       ), written as (
         select * from mine where outcome in ('created', 'updated', 'linked-duplicate') and not booked
       ), ref as materialized (
         select s.file, s.line, s.entry, split_part(r, '${LED_TO}', 1) as key, nullif(split_part(r, '${LED_TO}', 2), '') as led, s.member_id
         from written s cross join unnest(s.refs) r
         where s.targets is null or s.about is not null
       ), near as (
         select type || '/' || source_id as key, local_id, case when has_body then coalesce(made_id, local_id) end as made_id, member_id from mine
         where ${leadsTo('mine')}
       ), far as materialized (
         select r.* from ref r left join near n on n.key = r.key and n.local_id = coalesce(r.led, n.made_id) and ${isNotAnothers('n', 'r')}
         where n.key is null
       ), unit as materialized (
         select k.key, u.local_id, u.made_id, u.member_id
         from (select distinct key from far) k cross join lateral (
           select s.local_id, case when s.has_body then coalesce(s.made_id, s.local_id) end as made_id, s.member_id
           from exchange.staging s
           where s.pull_id = $1 and s.type = split_part(k.key, '/', 1) and s.source_id = split_part(k.key, '/', 2) and ${leadsTo('s')}
           offset 0) u
       ), open as materialized (
         select r.* from far r left join unit u on u.key = r.key and u.local_id = coalesce(r.led, u.made_id) and ${isNotAnothers('u', 'r')}
         where u.local_id is null
       ), other as (
         select distinct o.file, o.line, o.entry
         from open o left join exchange.identity i on i.peer_id = $2 and i.type = split_part(o.key, '/', 1) and i.source_id = split_part(o.key, '/', 2) and i.state in ('visible', 'echo') and i.local_id = o.led and ${isNotAnothers('i', 'o')}
         -- what a staged unit is now counts: a Medication may have left the entry that it was (turned-drugs.ts)
         where i.local_id is null or o.key in (select key from unit)
         union
         select file, line, entry from written where (targets is not null and about is null) or local_id <> made_id
       )
       select file, line, entry, t.body, s.targets, s.refs, s.member_id as "memberId", case when s.local_id <> s.made_id then s.local_id end as "localId"
       from other join written s using (file, line, entry) cross join lateral (
         select body from exchange.staged_text x where x.pull_id = $1 and x.file = s.file and x.line = s.line and x.entry = s.entry offset 0) t`,
      [work.id, work.peerId, range.first, range.last],
    )
    .cursor(size);
}

/** A staged unit to which references lead. */
const leadsTo = (s: string) =>
  `${s}.outcome in ('created', 'updated', 'linked-duplicate', 'unchanged', 'echo', 'shared') and ${s}.local_id is not null and ${s}.reason is distinct from 'duplicate-in-job'`;

/** A record refers to those of its own member and to nobody's; only what is about records (Provenance) says itself whose it is. */
const isNotAnothers = (target: string, from: string) =>
  `(${from}.member_id is null or ${target}.member_id is null or ${target}.member_id = ${from}.member_id)`;

/** What peer keys (`Type/id`) are here: from this pull's staging, else from the identity map; records of ours ({@link OURS}) as they are. resource_id. */
export async function resolveTargets(
  sql: Queryable,
  pull: string,
  peerId: string,
  keys: readonly string[],
): Promise<Map<string, { localId: string; isShared: boolean; memberId: string | null }>> {
  const rows = await sql<{ key: string; localId: string; isShared: boolean; memberId: string | null }[]>`
    with k as (select t as key, split_part(t, '/', 1) as type, split_part(t, '/', 2) as id from unnest(${[...keys]}::text[]) t)
    select k.key, s.local_id as "localId", s.is_shared as "isShared", s.member_id as "memberId", true as staged from k join exchange.staging s on s.pull_id = ${pull} and s.type = k.type and s.source_id = k.id
    where s.outcome in ('created', 'updated', 'linked-duplicate', 'unchanged', 'echo', 'shared') and s.local_id is not null and s.reason is distinct from 'duplicate-in-job'
    union
    select k.key, i.local_id, i.member_id is null, i.member_id, false from k join exchange.identity i on i.peer_id = ${peerId} and i.type = k.type and i.source_id = k.id
    where i.state in ('visible', 'echo')
    union
    select k.key, r.id, r.member_id is null, r.member_id, false from k cross join lateral (
      select x.id, x.member_id from exchange.resource x where x.id = k.id and x.type = substr(k.type, ${OURS.length + 1}) and x.origin = 'own' and not x.deleted
      union all
      select x.id, null from exchange.shared_resource x where x.id = k.id and x.type = substr(k.type, ${OURS.length + 1}) and x.origin = 'own' and not x.deleted
    ) r where starts_with(k.key, ${OURS})
    order by staged`;
  return new Map(rows.map(({ key, localId, isShared, memberId }) => [key, { localId, isShared, memberId }]));
}
