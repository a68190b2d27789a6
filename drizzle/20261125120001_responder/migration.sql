-- safe
-- Forgetting goes by time, once an hour and in the order of writing: a BRIN index serves it, and unlike a B-tree lets a repeated
-- attempt be renewed in place.
drop index exchange.match_attempt_at;
--> statement-breakpoint
create index match_attempt_at on exchange.match_attempt using brin (at);
--> statement-breakpoint
create index match_group_peer on exchange.match_group (peer_id, created_at, id);
--> statement-breakpoint
-- A block of a patient's records that goes on in another file (organizeOutputBy).
alter table exchange.bulk_file add column continues_in text;
--> statement-breakpoint
-- Which labeller decided what is sensitive in an export.
alter table exchange.bulk_job add column labeller smallint;
