-- safe
-- Which names of a record are former ones: a payer may go back to them, and a record that is gone by its newest one is gone by all.
create index identity_names on exchange.identity (peer_id, type, local_id) where is_newest is not null;
--> statement-breakpoint
drop index exchange.identity_newest;
--> statement-breakpoint
-- of records that are there or were: what is gone by its newest name is told again by any
update exchange.identity i set is_newest = false, state = case when n.state = 'retracted' and i.state = 'visible' then 'retracted' else i.state end
from exchange.identity n
where n.is_newest and i.peer_id = n.peer_id and i.type = n.type and i.local_id = n.local_id and i.source_id <> n.source_id and i.is_newest is null;
