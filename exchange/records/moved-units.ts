// A record that was one member's and is another's now: held until a person says so, taken in then, and given back when that is taken
// back. On the staging of the replay of one unit.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';

/** A person took it in: it is the person's whom the peer names now. identity_pkey. */
export async function takeMoved(tx: Queryable, work: Decided): Promise<void> {
  await tx`
    update exchange.staging s set outcome = case when i.state = 'visible' then 'updated' else 'created' end, reason = null,
      local_id = case when i.state = 'visible' then i.local_id else coalesce(s.made_id, s.local_id) end
    from exchange.identity i
    where s.pull_id = ${work.id} and s.has_body and not s.is_shared and s.member_id is not null and i.peer_id = ${work.peerId} and i.type = s.type
      and i.source_id = s.source_id and i.state in ('visible', 'echo') and i.member_id <> s.member_id`;
}

/** That was taken back: it waits for a person again. */
export async function holdMoved(tx: Queryable, work: Decided): Promise<void> {
  await tx`
    update exchange.staging set outcome = 'quarantined', reason = 'patient-change'
    where pull_id = ${work.id} and has_body and (outcome is null or outcome in ('created', 'updated', 'unchanged'))`;
}

/**
 * A record that waits again is its former member's again, as it was. identity_pkey; resource_id, in each partition, for one record.
 * @param at instant of the transaction, as in FHIR
 */
export async function returnMoved(tx: Queryable, work: Decided, at: string): Promise<void> {
  await tx`
    with former as materialized (
      select distinct on (s.type, s.source_id) s.type, s.source_id, r.member_id, r.id, r.hash
      from exchange.staging s
      join exchange.identity i on i.peer_id = ${work.peerId} and i.type = s.type and i.source_id = s.source_id
      join exchange.resource r on r.type = s.type and r.id = i.local_id and r.member_id <> s.member_id and r.origin = ${work.peerId} and r.deleted
      where s.pull_id = ${work.id} and s.outcome = 'quarantined' and s.reason = 'patient-change'
      order by s.type, s.source_id, r.last_updated desc
    ), shown as (
      update exchange.resource r set deleted = false, version = r.version + 1, last_updated = ${at}::text::timestamptz, moved_at = null,
        body = replace(r.body, x.was, x.will), shared = replace(r.shared, x.was, x.will)
      from former f cross join lateral (
        select '"versionId":"' || (m->>'versionId') || '","lastUpdated":"' || (m->>'lastUpdated') || '"' as was, '"versionId":"' || (o.version + 1) || '","lastUpdated":"' || ${at}::text || '"' as will
        from (select version, body::jsonb->'meta' as m from exchange.resource where member_id = f.member_id and type = f.type and id = f.id) o
      ) x
      where r.member_id = f.member_id and r.type = f.type and r.id = f.id
    )
    update exchange.identity i set state = 'visible', member_id = f.member_id, local_id = f.id, hash = f.hash, line_hash = null
    from former f where i.peer_id = ${work.peerId} and i.type = f.type and i.source_id = f.source_id`;
}

/** Members whose claim a replay hides, or takes from one and gives to another. staging_key; resource_id, in each partition. `moved`: a record changes its member. */
export async function membersLosing(tx: Queryable, work: Decided, moved: boolean): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    select member_id as id from exchange.staging
    where pull_id = ${work.id} and type = 'ExplanationOfBenefit' and outcome in ('quarantined', 'rejected') and member_id is not null
    union
    select r.member_id from exchange.staging s join exchange.resource r on r.type = s.type and r.id = s.made_id and r.member_id <> s.member_id and r.origin = ${work.peerId}
    where s.pull_id = ${work.id} and s.type = 'ExplanationOfBenefit' and s.has_body and ${moved}`;
  return rows.map((r) => r.id);
}
