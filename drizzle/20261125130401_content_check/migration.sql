-- safe
-- That the files of an export were walked for what must not leave, once each, before they are removed. Insert-only.
create table exchange.content_check (
  job_id text primary key references exchange.bulk_job,
  at timestamptz(3) not null,
  files integer not null,
  lines bigint not null,
  faults integer not null,
  -- the files were removed before the walk had seen all of them
  gone boolean not null,
  first_faults jsonb not null default '[]'
);
--> statement-breakpoint
create trigger content_check_insert_only before update or delete or truncate on exchange.content_check for each statement execute function exchange.refuse_change();
