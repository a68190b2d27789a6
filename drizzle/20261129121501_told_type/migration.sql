-- safe
-- The type of a directory entry that a peer was told of as gone: an answer that was asked for some types says nothing of the others. Null: told by an
-- older program.
alter table exchange.entry_held add column told_type text;
--> statement-breakpoint
create index entry_held_told on exchange.entry_held (peer_id, told_at) where told_at is not null;
