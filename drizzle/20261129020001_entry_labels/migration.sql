-- safe
-- A directory entry of a payer that is here as an entry of somebody else, and is more sensitive in the payer's own copy: what that payer sends
-- that names it is as sensitive as that copy.
create table exchange.entry_label (
  peer_id text not null,
  type text not null,
  source_id text not null,
  local_id text not null,
  label smallint not null,
  primary key (peer_id, type, source_id)
);
--> statement-breakpoint
create index entry_label_local on exchange.entry_label (type, local_id);
--> statement-breakpoint
-- How sensitive those are that came before was not kept: they are read anew when they come again.
update exchange.identity i set hash = null, line_hash = null
from exchange.shared_resource s
where s.type = i.type and s.id = i.local_id and s.origin <> i.peer_id and i.member_id is null and i.state = 'visible';
