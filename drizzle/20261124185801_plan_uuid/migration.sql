-- safe
-- Ids of plans in the payer index: random once, then the same for ever, also across plan years.
create table directory.plan_uuid (
  plan text primary key,
  id uuid not null default gen_random_uuid()
);
--> statement-breakpoint
grant select on directory.plan_uuid to payer_node_directory;
