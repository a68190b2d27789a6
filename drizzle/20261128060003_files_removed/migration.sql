-- safe
-- A file of an answer that was removed keeps its row, with its SHA-256: what left can be named as long as the books are kept.
alter table exchange.bulk_file add column removed_at timestamptz;
--> statement-breakpoint
create index bulk_file_there on exchange.bulk_file (job_id) where removed_at is null;
