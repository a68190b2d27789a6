// Writing records: from an open slice (slice.ts) into the entity tables. The same statements serve our own imports and what
// peers sent. Units with outcome created, updated or linked-duplicate are written; retracted ones are hidden.
import type { Queryable } from '../../src/db/database.ts';
import { writeEntryLabels } from './entry-labels.ts';
import { LABELLER } from './facts/label.ts';
import { noteNamedDrugs, relabelledOfSlice, tellNamersOfSlice } from './shared-labels.ts';
import { TIME_MARK, VERSION_MARK } from './staging.ts';
import { itsOwn, keepShared, keepToldByOthers } from './told-by-others.ts';
import { leaveOwnDrugs } from './turned-drugs.ts';

/**
 * Merges look records up by key. The planner takes a table that was empty a moment ago for small and would read it whole
 * for every row, while the same statement fills it: keys only, for the rest of this transaction. No unit is looked up twice, so
 * nothing is remembered of them either.
 */
export async function byKey(tx: Queryable): Promise<void> {
  await tx.unsafe('set local enable_seqscan = off; set local enable_memoize = off');
}

const STAMPED = (column: string) =>
  `replace(${column}, '"versionId":"${VERSION_MARK}","lastUpdated":"${TIME_MARK}"', '"versionId":"' || version || '","lastUpdated":"' || $2::text || '"')`;

/**
 * The start of this transaction, in milliseconds: `meta.lastUpdated` of everything it writes. An export that waits for
 * the writers that began before its own time then misses nothing.
 */
export async function transactionInstant(tx: Queryable): Promise<string> {
  const [row] = await tx<{ at: Date }[]>`select date_trunc('milliseconds', now()) as at`;
  if (!row) throw new Error('the database has no clock');
  return row.at.toISOString();
}

/**
 * The text `t` of a unit and, when its references led elsewhere, the other one `w`: by the primary keys, unit after unit. Nothing is
 * known of tables that were filled a moment ago, and the planner would rather read all texts of a pull for each of its slices.
 */
const textOf = (unit: string) => {
  const same = (t: string) =>
    `${t}.pull_id = ${unit}.pull_id and ${t}.file = ${unit}.file and ${t}.line = ${unit}.line and ${t}.entry = ${unit}.entry`;
  return `cross join lateral (select body, shared from exchange.staged_text t where ${same('t')} offset 0) t
    left join lateral (select final, targets, links, refers from exchange.staged_reference w where ${same('w')} offset 0) w on true`;
};

const FACTS = 'service_end, pa_state, pa_changed, pa_end, label, withheld, substance, claim, day';

const CHANGED = `not s.is_shared and s.outcome in ('created', 'updated', 'linked-duplicate')`;
const WRITTEN = `member_id, type, id, version, origin, source_id, last_updated, hash, ${FACTS}, own_label, labeller, keys, refers, targets, links, body, shared`;
/** One of {@link WRITTEN} out of the units of the slice, their texts and, as `version`, an expression. $1 origin, $2 instant. */
const written = (version: string, more: string) => `
  with next as (
    select s.*, t.body, t.shared, w.final, coalesce(w.targets, s.about, s.targets) as of_what, coalesce(w.links, s.links) as linked, coalesce(w.refers, s.refers) as inherits, ${version} as version
    from pg_temp.slice s ${textOf('s')} ${more}
    where ${CHANGED}
  )
  insert into exchange.resource (${WRITTEN})
  select member_id, type, local_id, version, $1, source_id, $2::text::timestamptz, hash, ${FACTS}, label, ${LABELLER},
    (select array_agg(hashtextextended(k, 0)) from unnest(keys) k), inherits, of_what, linked, ${STAMPED('coalesce(final, body)')}, ${STAMPED('shared')}
  from next`;

/**
 * Is nothing of an origin held yet of the members of the open slice, and nothing in it about what is? Then no record of it can be there,
 * and none has to be looked for. Reads the members' records by primary key up to the first of that origin.
 */
async function areNew(tx: Queryable, origin: string): Promise<boolean> {
  const [row] = await tx<{ held: boolean }[]>`
    select exists (select from pg_temp.slice where not is_shared and outcome in ('updated', 'retracted'))
      or exists (
        select from (select distinct member_id from pg_temp.slice where not is_shared and member_id is not null) m
        cross join lateral (select from exchange.resource r where r.member_id = m.member_id and r.origin = ${origin} limit 1) r) as held`;
  return row?.held === false;
}

/**
 * Writes the member records of the open slice: replaced versions go to history, keys and directory references are renewed. Labels that they inherit
 * are decided after it (inherit-labels.ts).
 * @param origin 'own' or the peer's id
 * @param at instant of the transaction, milliseconds, as in FHIR
 */
export async function writeMemberRecords(tx: Queryable, origin: string, at: string): Promise<void> {
  if (await areNew(tx, origin)) await tx.unsafe(written('1', ''), [origin, at]);
  else await replaceMemberRecords(tx, origin, at);
  await noteNamedDrugs(tx);
}

async function replaceMemberRecords(tx: Queryable, origin: string, at: string): Promise<void> {
  await tx.unsafe(
    `insert into exchange.resource_version (member_id, type, id, version, last_updated, deleted, hash, body)
     select r.member_id, r.type, r.id, r.version, r.last_updated, r.deleted, r.hash, r.body
     from pg_temp.slice s join exchange.resource r on r.member_id = s.member_id and r.type = s.type and r.id = s.local_id
     where not s.is_shared and s.outcome in ('created', 'updated', 'linked-duplicate', 'retracted')
       and not (s.outcome = 'retracted' and r.deleted)
     on conflict do nothing`,
  );
  await tx.unsafe(
    `${written(
      'coalesce(r.version, 0) + 1',
      'left join lateral (select version from exchange.resource r where r.member_id = s.member_id and r.type = s.type and r.id = s.local_id offset 0) r on true',
    )}
     on conflict (member_id, type, id) do update set version = excluded.version, last_updated = excluded.last_updated,
       deleted = false, hash = excluded.hash, service_end = excluded.service_end, pa_state = excluded.pa_state,
       pa_changed = excluded.pa_changed, pa_end = excluded.pa_end, label = excluded.label, withheld = excluded.withheld, substance = excluded.substance, claim = excluded.claim, day = excluded.day, targets = excluded.targets, links = excluded.links,
       own_label = excluded.own_label, labeller = excluded.labeller, keys = excluded.keys, refers = excluded.refers, moved_at = null,
       body = excluded.body, shared = excluded.shared`,
    [origin, at],
  );
  await tx.unsafe(
    `update exchange.resource r set deleted = true, version = r.version + 1, last_updated = $1::text::timestamptz, moved_at = null
     from pg_temp.slice s
     where s.outcome = 'retracted' and not s.is_shared
       and r.member_id = s.member_id and r.type = s.type and r.id = s.local_id and not r.deleted`,
    [at],
  );
}

/**
 * A statement about records (Provenance) is whose they are: one that speaks of other people's now is no longer where it was. Before the
 * identity map learns of it. identity_pkey and primary keys.
 * @param any records of any type may have moved: a person took one in as another member's
 */
export async function leaveFormer(tx: Queryable, origin: string, at: string, any: boolean): Promise<void> {
  const moved = await tx<{ memberId: string | null; type: string; id: string }[]>`
    select i.member_id as "memberId", s.type, s.local_id as id
    from pg_temp.slice s join exchange.identity i on i.peer_id = ${origin} and i.type = s.type and i.source_id = s.source_id
    where (s.type = 'Provenance' or ${any}) and s.outcome = 'updated' and not (s.is_shared and s.type <> 'Provenance') and i.local_id = s.local_id and i.member_id is distinct from s.member_id`;
  for (const { memberId, type, id } of moved) {
    const gone = tx`deleted = true, version = version + 1, last_updated = ${at}::text::timestamptz`;
    if (memberId === null)
      await tx`update exchange.shared_resource set ${gone} where type = 'Provenance' and id = ${id} and origin = ${origin} and not deleted`;
    else {
      await tx`
        insert into exchange.resource_version (member_id, type, id, version, last_updated, deleted, hash, body)
        select member_id, type, id, version, last_updated, deleted, hash, body from exchange.resource
        where member_id = ${memberId} and type = ${type} and id = ${id} and origin = ${origin} and not deleted on conflict do nothing`;
      await tx`delete from exchange.link where member_id = ${memberId} and type = ${type} and (a_id = ${id} or b_id = ${id})`;
      await tx`update exchange.resource set ${gone}, moved_at = null where member_id = ${memberId} and type = ${type} and id = ${id} and origin = ${origin} and not deleted`;
    }
  }
}

/** Writes the directory-type records of the open slice. */
export async function writeSharedRecords(tx: Queryable, origin: string, at: string): Promise<void> {
  // they are in the first slice of a work
  const [any] = await tx`select from pg_temp.slice where is_shared limit 1`;
  if (any === undefined) return;
  await keepToldByOthers(tx, origin);
  if (origin === 'own') await leaveOwnDrugs(tx, at);
  const relabelled = await relabelledOfSlice(tx, origin);
  const copies = origin === 'own' ? [] : await writeEntryLabels(tx, origin);
  await tx.unsafe(
    `insert into exchange.shared_resource_version (type, id, version, last_updated, deleted, hash, body)
     select r.type, r.id, r.version, r.last_updated, r.deleted, r.hash, r.body
     from pg_temp.slice s join exchange.shared_resource r on r.type = s.type and r.id = s.local_id
     where s.is_shared and (s.outcome in ('created', 'updated') or (s.outcome = 'retracted' and not r.deleted))
       and ${itsOwn('r', '$1')}
     on conflict do nothing`,
    [origin],
  );
  await tx.unsafe(
    `with next as (
       select s.*, t.body, w.final, coalesce(w.links, s.links) as linked, coalesce(r.version, 0) + 1 as version
       from pg_temp.slice s ${textOf('s')}
       left join exchange.shared_resource r on r.type = s.type and r.id = s.local_id
       where s.is_shared and s.outcome in ('created', 'updated') and (r.origin is null or ${itsOwn('r', '$1')})
     )
     insert into exchange.shared_resource (type, id, version, origin, source_id, last_updated, hash, npi, links, label, labeller, body)
     select type, local_id, version, $1, source_id, $2::text::timestamptz, hash, npi, linked, coalesce(label, 0), ${LABELLER}, ${STAMPED('coalesce(final, body)')}
     from next
     on conflict (type, id) do update set version = excluded.version, origin = excluded.origin, source_id = excluded.source_id, last_updated = excluded.last_updated, deleted = false,
       hash = excluded.hash, npi = excluded.npi, links = excluded.links, label = excluded.label, labeller = excluded.labeller, body = excluded.body`,
    [origin, at],
  );
  await tx.unsafe(
    `update exchange.shared_resource r set deleted = true, version = r.version + 1, last_updated = $2::text::timestamptz
     from pg_temp.slice s
     where s.outcome = 'retracted' and s.is_shared and r.type = s.type and r.id = s.local_id
       and not r.deleted and r.origin = $1`,
    [origin, at],
  );
  await tx.unsafe(
    `delete from exchange.shared_key k using pg_temp.slice s
     where s.outcome in ('updated', 'retracted') and s.is_shared and s.local_id is not null
       and k.type = s.type and k.id = s.local_id and k.origin = $1`,
    [origin],
  );
  await tx.unsafe(
    `insert into exchange.shared_key (type, kind, hash, id, origin)
     select s.type, case left(k, 1) when 's' then 1 else 2 end, hashtextextended(k, 0), s.local_id, $1
     from pg_temp.slice s cross join unnest(s.keys) k
     where s.is_shared and s.type <> 'Provenance' and s.outcome in ('created', 'updated')
     on conflict do nothing`,
    [origin],
  );
  if (origin !== 'own') await keepShared(tx, origin, at);
  await tellNamersOfSlice(tx, at, relabelled, copies);
}
