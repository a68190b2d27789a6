-- safe
-- Directory-type records that an export holds, a hash of each `Type/id` in parts, and those that it told as gone (`gone`): so that a peer hears of
-- what it has and may not have any more, once. Rows of an export that was not finished count for nothing. What exports before this held is not known.
create table exchange.delivered_entries (
  job_id text not null references exchange.bulk_job,
  gone boolean not null,
  part integer not null,
  peer_id text not null references exchange.peer,
  keys bigint[] not null,
  primary key (job_id, gone, part)
);
--> statement-breakpoint
create index delivered_entries_peer on exchange.delivered_entries (peer_id);
--> statement-breakpoint
create index shared_resource_deleted on exchange.shared_resource (last_updated) where deleted;
