-- safe
-- Payers that were named by mistake, and named again: each time with who said so and why. What holds stands with the coverage. Few are; the
-- column is added without a rewrite.
create table exchange.naming (
  id text primary key,
  other_coverage_id text not null references exchange.other_coverage,
  at timestamptz not null,
  act text not null check (act in ('in-error', 'again')),
  reason text not null,
  by text not null
);
--> statement-breakpoint
create index naming_coverage on exchange.naming (other_coverage_id, at);
--> statement-breakpoint
create trigger naming_insert_only before update or delete or truncate on exchange.naming for each statement execute function exchange.refuse_change();
--> statement-breakpoint
alter table exchange.other_coverage add column in_error_at timestamptz;
--> statement-breakpoint
create or replace trigger other_coverage_look before update of member_id, peer_id, starts, ends, ends_known_at, in_error_at on exchange.other_coverage for each row
  execute function exchange.look_at_this();
