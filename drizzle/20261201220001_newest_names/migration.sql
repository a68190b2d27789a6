-- safe
-- The name by which a payer that numbered its records anew calls one now: that it takes the former one back hides nothing.
alter table exchange.identity add column is_newest boolean;
--> statement-breakpoint
create index identity_newest on exchange.identity (peer_id, type, local_id) where is_newest;
--> statement-breakpoint
-- those of before: of payers that are noted to have done so, what is there by another name than it came by first. What was hidden with the former name is there again when it is told again
update exchange.identity i set is_newest = true, state = case when n.deleted then 'retracted' else i.state end
from (
  select distinct on (i.peer_id, i.type, i.local_id) i.peer_id, i.type, i.source_id, r.deleted
  from (select distinct p.peer_id from exchange.finding f join exchange.pull p on p.id = f.pull_id where f.kind = 'peer-rekey') d
  join exchange.identity i on i.peer_id = d.peer_id
  join exchange.resource r on r.member_id = i.member_id and r.type = i.type and r.id = i.local_id
  join exchange.pull p on p.id = i.first_pull
  where i.state = 'visible' and r.origin = i.peer_id and r.source_id <> i.source_id
  order by i.peer_id, i.type, i.local_id, p.created_at desc
) n where i.peer_id = n.peer_id and i.type = n.type and i.source_id = n.source_id;
