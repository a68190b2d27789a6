// Records that were shown and may be no more: they are hidden, with the version that was there kept, and their identities wait in quarantine.
import type { Queryable } from '../../src/store/database.ts';
import type { Decided } from './decided.ts';
import { SUPPORTING } from './kept-back.ts';

/** `gone`: statement of `type`, `source_id`, `local_id` and `member_id`; $1 work, $2 peer, $3 instant. */
const hiding = (gone: string, more = '') => `with gone as materialized (${gone}), kept as (
    insert into exchange.resource_version (member_id, type, id, version, last_updated, deleted, hash, body)
    select r.member_id, r.type, r.id, r.version, r.last_updated, r.deleted, r.hash, r.body
    from gone g join exchange.resource r on r.member_id = g.member_id and r.type = g.type and r.id = g.local_id where not r.deleted
    on conflict do nothing
  ), hidden as (
    update exchange.resource r set deleted = true, version = r.version + 1, last_updated = $3::text::timestamptz, moved_at = null
    from gone g where r.member_id = g.member_id and r.type = g.type and r.id = g.local_id and not r.deleted
  ), unlinked as (
    delete from exchange.link l using gone g where l.member_id = g.member_id and l.type = g.type and (l.a_id = g.local_id or l.b_id = g.local_id)
  )${more}
  update exchange.identity i set state = 'quarantined' from gone g where i.peer_id = $2 and i.type = g.type and i.source_id = g.source_id`;

/** Those of a replay that may not be shown under today's rules. staging by work, identity_pkey. */
export async function withdrawUnits(tx: Queryable, work: Decided, at: string): Promise<void> {
  await tx.unsafe(
    hiding(`select distinct s.type, s.source_id, i.local_id, i.member_id from exchange.staging s
      join exchange.identity i on i.peer_id = $2 and i.type = s.type and i.source_id = s.source_id
      where s.pull_id = $1 and s.outcome in ('quarantined', 'rejected') and i.state = 'visible' and i.member_id is not null`),
    [work.id, work.peerId, at],
  );
}

/** Held as what its newer version says must not be had, or as that of whom is not in doubt. */
const TELLS = `(s.reason = 'consent-scope' or (s.keeps is not null and s.reason not in ('patient-change', 'contained-person')))`;

/**
 * Those of which the open slice brought a newer version that was held for what it is: an authorization that is denied now, a record that is
 * labelled now. What was taken in before would go on to the next payer as it is no more. Documents that the former version named stay with it.
 * What a person released, or was had under another consent as it is, stays. identity_pkey, resource_pkey.
 */
export async function withdrawReplaced(tx: Queryable, peerId: string, at: string): Promise<void> {
  const [any] = await tx.unsafe(`select from pg_temp.slice s where s.outcome = 'quarantined' and ${TELLS} limit 1`);
  if (any === undefined) return;
  await tx.unsafe(
    hiding(
      `select distinct s.type, s.source_id, i.local_id, i.member_id, r.refers from pg_temp.slice s
       join exchange.identity i on i.peer_id = $2 and i.type = s.type and i.source_id = s.source_id and i.member_id = s.member_id
       join exchange.resource r on r.member_id = i.member_id and r.type = i.type and r.id = i.local_id
       where $1::text is null and s.outcome = 'quarantined' and ${TELLS} and i.state = 'visible' and i.hash is distinct from s.hash and not r.deleted
         and (s.last_updated is null or i.last_updated is null or s.last_updated >= i.last_updated)
         and case s.reason when 'consent-scope' then r.label = 0 else coalesce(r.pa_state, '') not in ('denied', 'drug') end`,
      `, noted as (
        insert into exchange.kept_back (member_id, key, at)
        select distinct g.member_id, k, $3::text::timestamptz from gone g cross join unnest(g.refers) k
        where g.type = 'ExplanationOfBenefit' and split_part(k, '/', 1) in ${SUPPORTING} on conflict do nothing
      )`,
    ),
    [null, peerId, at],
  );
}
