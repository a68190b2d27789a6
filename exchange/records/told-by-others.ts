// Directory entries that several payers tell, or a payer and we: each stays as long as one of them tells it (reconciliation.md, 2: an entry may be
// shared by several lineages). Whose it is changes when the one who told it first takes it back.
import type { Queryable } from '../../src/db/database.ts';

/** May `who` write this entry? Ours are ours alone; one that was taken back by all who told it is whoever's tells it again. */
export const itsOwn = (r: string, who: string): string =>
  `(${r}.origin = ${who} or ${who} = 'own' or (${r}.deleted and ${r}.origin <> 'own'))`;

/**
 * Whose an entry is from now on: any that is known as it, the one that was changed last where it comes from first. By payer and type, each
 * once: identity_pkey. Others of the same pull are not in the identity map yet.
 * $1 origin that takes it back
 */
const HEIRS = `
  with gone as materialized (
    select e.type, e.id, s.source_id from pg_temp.slice s join exchange.shared_resource e on e.type = s.type and e.id = s.local_id and not e.deleted
    where s.is_shared and s.outcome = 'retracted' and s.type <> 'Provenance'
  ), told as (
    select i.type, i.local_id as id, p.id as peer_id, i.source_id, i.last_updated
    from (select id from exchange.peer where exists (select from gone)) p cross join lateral (
      select x.type, x.local_id, x.source_id, x.last_updated from exchange.identity x
      where x.peer_id = p.id and x.type in (select type from gone) and x.state in ('visible', 'echo') and x.local_id in (select id from gone) offset 0) i
    where not (p.id = $1 and exists (select from pg_temp.slice s where s.type = i.type and s.source_id = i.source_id and s.outcome = 'retracted'))
    union all
    select s.type, s.local_id, $1, s.source_id, s.last_updated from pg_temp.slice s
    where s.is_shared and s.outcome in ('shared', 'updated') and $1 <> 'own' and s.local_id in (select id from gone)
  ), heir as (
    select distinct on (g.type, g.id) g.type, g.id, t.peer_id, t.source_id
    from gone g join told t on t.type = g.type and t.id = g.id
    order by g.type, g.id, t.last_updated desc nulls last, t.peer_id, t.source_id
  )`;

/**
 * Entries that the open slice takes back, and that somebody else tells as well, stay, as that one's. What only hangs on a code of a drug
 * (Medication) stays under the payer that told it first: see turned-drugs.ts; what is ours goes on as a copy there. Before the slice is written.
 * @param origin 'own' or the peer's id
 */
export async function keepToldByOthers(tx: Queryable, origin: string): Promise<void> {
  // whoever is about to tell one of them is waited for, in the order in which they are asked for below
  const locked = await tx`
    select from exchange.shared_resource e where (e.type, e.id) in (
      select s.type, s.local_id from pg_temp.slice s where s.is_shared and s.outcome = 'retracted' and s.type <> 'Provenance' and s.local_id is not null)
    order by e.type, e.id for no key update`;
  if (locked.length === 0) return;
  await tx.unsafe(
    `${HEIRS}, handed as (
       update exchange.shared_resource e set origin = h.peer_id, source_id = h.source_id from heir h
       where e.type = h.type and e.id = h.id and e.origin = $1 and e.type <> 'Medication'
     ), keyed as (
       update exchange.shared_key k set origin = h.peer_id from heir h where k.type = h.type and k.id = h.id and k.origin = $1 and k.type <> 'Medication'
     )
     update pg_temp.slice s set local_id = null from heir h
     where s.is_shared and s.outcome = 'retracted' and s.type = h.type and s.local_id = h.id and (s.type <> 'Medication' or $1 <> 'own')`,
    [origin],
  );
}

/**
 * Before the units of a work are decided further: one that was taken back and comes again is no entry that is back where another payer has kept
 * it there (`shared`), and a change of one that went over to this payer is told by it (`updated`). Of a Medication what it is decides
 * (turned-drugs.ts). After knownUnits; primary keys.
 */
export async function knownToOthers(tx: Queryable, work: { id: string; peerId: string }): Promise<void> {
  await tx`
    update exchange.staging s set outcome = case when e.origin = ${work.peerId} and e.source_id = s.source_id then 'updated' else 'shared' end, reason = null
    from exchange.shared_resource e
    where s.pull_id = ${work.id} and s.is_shared and s.has_body and not s.booked and e.type = s.type and e.id = s.local_id and not e.deleted and s.type <> 'Provenance'
      and case when s.outcome = 'updated' and s.reason = 'reinstated' then s.type <> 'Medication' else s.outcome = 'shared' and e.origin = ${work.peerId} and e.source_id = s.source_id end`;
}

/**
 * Entries that a payer is found to tell as well (`shared`) while another one takes them back: they are there again, as its own. After the slice is
 * written. shared_resource_pkey.
 * @param at instant of the transaction
 */
export async function keepShared(tx: Queryable, origin: string, at: string): Promise<void> {
  const named = await tx<{ deleted: boolean }[]>`
    select e.deleted from exchange.shared_resource e where (e.type, e.id) in (
      select s.type, s.local_id from pg_temp.slice s where s.is_shared and s.outcome = 'shared' and s.local_id is not null)
    order by e.type, e.id for share`;
  if (!named.some((e) => e.deleted)) return;
  await tx`
    with back as materialized (
      select distinct on (e.type, e.id) s.file, s.line, s.entry, s.source_id, s.keys, e.type, e.id, e.version, e.last_updated, e.hash, e.body
      from pg_temp.slice s join exchange.shared_resource e on e.type = s.type and e.id = s.local_id and e.deleted
      where s.is_shared and s.outcome = 'shared' order by e.type, e.id, s.file desc, s.line desc
    ), kept as (
      insert into exchange.shared_resource_version (type, id, version, last_updated, deleted, hash, body)
      select type, id, version, last_updated, true, hash, body from back on conflict do nothing
    ), shown as (
      update exchange.shared_resource e set deleted = false, origin = ${origin}, source_id = b.source_id, version = b.version + 1, last_updated = ${at}::text::timestamptz,
        body = regexp_replace(b.body, '"versionId":"[0-9]+","lastUpdated":"[^"]*"', '"versionId":"' || b.version + 1 || '","lastUpdated":"' || ${at}::text || '"')
      from back b where e.type = b.type and e.id = b.id
    ), keyed as (
      insert into exchange.shared_key (type, kind, hash, id, origin)
      select b.type, case left(k, 1) when 's' then 1 else 2 end, hashtextextended(k, 0), b.id, ${origin} from back b cross join unnest(b.keys) k on conflict do nothing
    )
    update pg_temp.slice s set outcome = 'updated', reason = 'reinstated' from back b where s.file = b.file and s.line = b.line and s.entry = b.entry`;
}
