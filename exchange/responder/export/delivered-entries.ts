// Directory-type records that exports hold, and those that a peer has and may not have any more. They are no member's:
// what is kept is what each export held, no matter who named it.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { allRevealing } from '../../records/revealing.ts';
import { sensitiveMembers } from '../grant.ts';
import { namedByShared } from './export-rows.ts';

/** Keys of one row while an export runs. */
const PART = 10_000;

/**
 * Notes entries of an export that runs. Of who has lost the job meanwhile, nothing: it would stand in the way of who has it now.
 * @param keys `Type/id` of each that was written
 */
export async function writeEntries(
  sql: Queryable,
  job: { id: string; peerId: string },
  owner: string,
  keys: readonly string[],
): Promise<void> {
  for (let i = 0; i < keys.length; i += PART)
    await sql`
      insert into exchange.delivered_entries (job_id, gone, part, peer_id, keys)
      select ${job.id}, false, ${i / PART}, ${job.peerId},
        array(select hashtextextended(k, 0) from unnest(string_to_array(${keys.slice(i, i + PART).join(' ')}, ' ')) k)
      from (select from exchange.bulk_job where id = ${job.id} and state = 'running' and lease_owner = ${owner} for share) ours`;
}

/**
 * What finished exports noted, as what the peer has: per entry when it was held first and last, and the first time
 * since then that it was reported as gone. Each note is moved once, no matter who does it. delivered_entries_pkey,
 * delivered_entry_pkey.
 * @param jobs ids of exports; those that are not finished leave nothing
 */
export async function keepEntries(sql: Queryable, jobs: readonly string[]): Promise<void> {
  await sql`
    with moved as (
      delete from exchange.delivered_entries e using exchange.bulk_job j
      where e.job_id = any(${arrayLiteral([...jobs])}::text::text[]) and j.id = e.job_id and j.state not in ('queued', 'running')
      returning e.peer_id, e.gone, e.keys, j.transaction_time as at
    ), noted as (
      select peer_id, k as key, min(at) filter (where not gone) as first, max(at) filter (where not gone) as last, min(at) filter (where
        gone) as reported
      from moved cross join unnest(keys) k where at is not null group by 1, 2
    )
    insert into exchange.delivered_entry as h (peer_id, key, first_at, last_at, reported_at)
    select peer_id, key, coalesce(first, 'infinity'), coalesce(last, '-infinity'), reported from noted order by peer_id, key
    on conflict (peer_id, key) do update set first_at = least(h.first_at, excluded.first_at), last_at = greatest(h.last_at,
      excluded.last_at),
      reported_at = least(case when h.reported_at >= greatest(h.last_at, excluded.last_at) then h.reported_at end,
        case when excluded.reported_at >= greatest(h.last_at, excluded.last_at) then excluded.reported_at end)`;
}

/** The same of all exports to a peer that an older program has finished. delivered_entries_peer. */
export async function keepFinishedEntries(sql: Queryable, peerId: string): Promise<void> {
  const rows = await sql<{ id: string }[]>`
    select distinct e.job_id as id from exchange.delivered_entries e join exchange.bulk_job j on j.id = e.job_id
    where e.peer_id = ${peerId} and j.transaction_time is not null and j.state not in ('queued', 'running')`;
  if (rows.length > 0)
    await keepEntries(
      sql,
      rows.map((r) => r.id),
    );
}

/** What an export for changes reported of directory entries. */
export type Reported = {
  /** from when it looked */
  since: string;
  /** directory types that it was asked for */
  types: readonly string[];
  /** `Type/id` of those that it reported as deleted */
  gone: readonly string[];
};

/** Exports to one peer end one after the other, or neither of two sees what the other reported. With the key of the peer. */
const TOLD_LOCK = 7_206_031;

/**
 * Notes what an export for changes reported, when it ends, in its transaction and before `keepEntries`. Who asks from a
 * time has not taken in what answers after that time reported; so an entry that such a one reported as deleted, and
 * that this one, which was asked for its type, does not, is in view again, and the peer may still have it: that telling
 * counts for nothing. It counts as little where an export that began later has ended before, whatever that one found.
 * What counts is the first telling since the entry was held last and since it was in view: who asks from then on was
 * reported, by that answer or by each one after it. Who asks in the right order is reported once; each lost answer
 * costs one more telling at most. delivered_entry_told, bulk_job_peer.
 */
export async function noteReported(tx: Queryable, peerId: string, at: Date, reported: Reported): Promise<void> {
  await tx`select pg_advisory_xact_lock(${TOLD_LOCK}, hashtext(${peerId}))`;
  const gone = arrayLiteral([...reported.gone]);
  await tx`
    update exchange.delivered_entry h set reported_at = null
    where h.peer_id = ${peerId} and h.reported_at > ${reported.since}::text::timestamptz and h.reported_at < ${at}
      and (h.reported_type is null or h.reported_type = any(${arrayLiteral([...reported.types])}::text::text[]))
      and h.key not in (select hashtextextended(k, 0) from unnest(${gone}::text::text[]) k)`;
  await tx`
    with said as (
      select hashtextextended(k, 0) as key, split_part(k, '/', 1) as type from unnest(${gone}::text::text[]) k
    ), counted as (
      select s.key, s.type from said s where not exists (
        select from exchange.bulk_job j where j.peer_id = ${peerId} and j.kind = 'export'
          and j.transaction_time > ${at} and j.parameters ? 'since'
          and (not j.parameters ? 'types' or j.parameters -> 'types' ? s.type))
    )
    update exchange.delivered_entry h set reported_at = least(case when h.reported_at >= h.last_at
      then h.reported_at end, ${at}::timestamptz), reported_type = c.type
    from counted c where h.peer_id = ${peerId} and h.key = c.key and h.last_at <= ${at}`;
}

export type EntryConditions = {
  /** asked for */
  types: readonly string[];
  since: string;
  /** time of the export */
  until: string;
  /** only what changed before this */
  before: string | undefined;
  /** the plan's day, which grants are judged by */
  today: string;
  /** does anything that leaves with this export name it? */
  isNamed: (key: string) => boolean;
};

/**
 * Directory-type records that an export to this peer held and that may not leave any more: deleted since then and after `since`; or that
 * reveal a label now, where nothing that the peer may have names them, until an export up to `since` has reported so.
 * Last in the transaction of an export: joins by hash are allowed again.
 * @returns `Type/id` of each, in order
 */
export async function entriesGone(tx: Queryable, peerId: string, c: EntryConditions): Promise<string[]> {
  const [any] = await tx<{ held: boolean }[]>`
    select exists (select from exchange.delivered_entry where peer_id = ${peerId}) as held, set_config('enable_hashjoin', 'on', true)`;
  if (any?.held !== true) return [];
  const deleted = await deletedEntries(tx, c);
  const labelled = (await labelledEntries(tx, c.types)).filter((e) => !c.isNamed(e.key));
  const held = await heldAt(
    tx,
    peerId,
    c.since,
    [...deleted, ...labelled].map((e) => e.key),
  );
  const isToldNow = (key: string) => {
    const at = held.get(key);
    return at !== undefined && (at.reported === null || at.reported < at.last);
  };
  const gone = deleted.filter((e) => (held.get(e.key)?.first ?? e.at) < e.at).map((e) => e.key);
  const hidden = labelled.filter((e) => isToldNow(e.key));
  // no consent covers a higher label
  const isCoverable = (e: { label: number }) => e.label === 1;
  const named = hidden.some(isCoverable) ? await namedBySensitive(tx, peerId, c.today) : new Set();
  const reported = hidden.filter((e) => !(isCoverable(e) && named.has(e.key))).map((e) => e.key);
  return [...gone, ...reported].sort();
}

/** shared_resource_deleted. */
async function deletedEntries(tx: Queryable, c: EntryConditions): Promise<{ key: string; at: Date }[]> {
  return tx<{ key: string; at: Date }[]>`
    select type || '/' || id as key, last_updated as at from exchange.shared_resource
    where deleted and last_updated > ${c.since}::text::timestamptz and last_updated <= ${c.until}::text::timestamptz
      and (${c.before ?? null}::text is null or last_updated < ${c.before ?? null}::text::timestamptz)
        and type = any(${arrayLiteral([...c.types])}::text::text[])`;
}

/** Those that are there and reveal a label: their own, or that of one that they name in turn. shared_resource_pkey. */
async function labelledEntries(tx: Queryable, types: readonly string[]): Promise<{ key: string; label: number }[]> {
  const labels = new Map((await allRevealing(tx)).map((r) => [r.key, r.label]));
  const asked = [...labels.keys()].filter((key) => types.includes(key.slice(0, key.indexOf('/'))));
  if (asked.length === 0) return [];
  const there = await tx<{ key: string }[]>`
    select k as key from unnest(${arrayLiteral(asked)}::text::text[]) k
    join exchange.shared_resource s on s.type = split_part(k, '/', 1) and s.id = split_part(k, '/', 2) where not s.deleted`;
  return there.map(({ key }) => ({ key, label: labels.get(key) ?? 0 }));
}

type Held = { first: Date; last: Date; reported: Date | null };

/**
 * Times of the finished exports to the peer that held each of some entries, and of the first since then, up to `since`,
 * that reported it as deleted. delivered_entry_pkey.
 */
async function heldAt(
  tx: Queryable,
  peerId: string,
  since: string,
  keys: readonly string[],
): Promise<Map<string, Held>> {
  if (keys.length === 0) return new Map();
  const rows = await tx<(Held & { key: string })[]>`
    select c.key, h.first_at as first, h.last_at as last, case when h.reported_at <= ${since}::text::timestamptz then h.reported_at end as reported
    from unnest(${arrayLiteral([...new Set(keys)])}::text::text[]) c(key)
    join exchange.delivered_entry h on h.peer_id = ${peerId} and h.key = hashtextextended(c.key, 0) and h.first_at < 'infinity'`;
  return new Map(rows.map(({ key, ...held }) => [key, held]));
}

/**
 * What records name, by themselves or in turn, of members by any of whose consents what is labelled may leave, in
 * whatever export. Rather too much: whether each of these records may leave is not asked. resource_pkey.
 */
async function namedBySensitive(tx: Queryable, peerId: string, today: string): Promise<Set<string>> {
  const found = new Set<string>();
  const members = await sensitiveMembers(tx, peerId, today);
  const rows = await tx<{ key: string }[]>`
    select distinct k as key from unnest(${arrayLiteral(members)}::text::text[]) m
    cross join lateral (select r.links from exchange.resource r where r.member_id = m and not r.deleted and r.links is not null offset 0) r
    cross join unnest(r.links) k`;
  for (let level = rows.map((r) => r.key); level.length > 0; ) {
    for (const key of level) found.add(key);
    level = [...new Set((await namedByShared(tx, level)).map((r) => r.key))].filter((key) => !found.has(key));
  }
  return found;
}
