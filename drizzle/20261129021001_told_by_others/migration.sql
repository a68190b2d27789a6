-- safe
-- Directory entries that the payer which told them first took back are there again where another payer tells them still, as that one's; a Medication
-- stays under the payer that told it first.
with kept as materialized (
  select distinct on (e.type, e.id) e.type, e.id, e.origin, e.version, e.last_updated, e.hash, e.body, i.peer_id, i.source_id
  from exchange.shared_resource e join exchange.identity i on i.type = e.type and i.local_id = e.id and i.state = 'visible'
  where e.deleted and e.type <> 'Provenance'
  order by e.type, e.id, i.last_updated desc nulls last, i.peer_id, i.source_id
), noted as (
  insert into exchange.shared_resource_version (type, id, version, last_updated, deleted, hash, body)
  select type, id, version, last_updated, true, hash, body from kept on conflict do nothing
)
update exchange.shared_resource e set deleted = false, version = k.version + 1, last_updated = date_trunc('milliseconds', now()),
  origin = case when k.type = 'Medication' and k.origin <> 'own' then k.origin else k.peer_id end,
  source_id = case when k.type = 'Medication' and k.origin <> 'own' then e.source_id else k.source_id end,
  body = regexp_replace(k.body, '"versionId":"[0-9]+","lastUpdated":"[^"]*"',
    '"versionId":"' || k.version + 1 || '","lastUpdated":"' || to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"')
from kept k where e.type = k.type and e.id = k.id;
