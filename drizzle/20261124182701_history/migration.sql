-- safe
-- History by type and time, the difference between two publications by content hash, and the last instant that a
-- publication covers: later changes are dated after it (docs/publication.md).
alter table directory.history add column type smallint, add column content_hash bytea;
--> statement-breakpoint
update directory.history h set type = r.type from directory.resource r where r.rk = h.rk;
--> statement-breakpoint
alter table directory.history alter column type set not null;
--> statement-breakpoint
create index history_last_updated on directory.history (type, last_updated, rk, version);
--> statement-breakpoint
create index resource_deleted on directory.resource (type, last_updated, rk) where deleted;
--> statement-breakpoint
alter table directory.state add column published_through timestamptz(3);
