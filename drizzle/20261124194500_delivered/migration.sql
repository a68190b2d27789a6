-- safe
-- `own_label` is what a record says of itself; `label` is that or what it inherits from the labelled records it refers to
-- (`refers`, as `Type/id`). `labeller` is the version that decided. `moved_at` is when a record last came into view or left it
-- without being written itself; `last_updated` counts where it is null.
alter table exchange.resource add column own_label smallint, add column labeller smallint, add column refers text[], add column moved_at timestamptz(3);
--> statement-breakpoint
alter table exchange.staging add column refers text[];
--> statement-breakpoint
alter table exchange.rewritten add column refers text[];
--> statement-breakpoint
update exchange.resource set own_label = label;
--> statement-breakpoint
-- What a finished export holds of a member: number of records by type, a hash of each `Type/id`, and the consent it rests on.
-- It tells which ids a peer may hear of when they are deleted, and whose consent an export needs. Rows of an export that was
-- not finished count for nothing.
create table exchange.delivered (
  peer_id text not null references exchange.peer,
  member_id text not null,
  job_id text not null references exchange.bulk_job,
  policy text not null check (policy in ('regular', 'sensitive')),
  consent_id text not null,
  types jsonb not null,
  keys bigint[] not null,
  primary key (peer_id, member_id, job_id)
);
--> statement-breakpoint
create index delivered_job on exchange.delivered (job_id, member_id);
