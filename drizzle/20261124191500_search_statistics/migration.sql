-- safe
-- Frequencies: of a thousand tokens exactly; the others are rare, and a sample cannot tell how many there are.
alter table directory.lookup alter token set statistics 1000, alter token set (n_distinct = -0.15);
--> statement-breakpoint
-- _sort=_id
create index resource_key on directory.resource (key collate "C") where not deleted;
