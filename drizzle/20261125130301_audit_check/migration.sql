-- safe
-- Runs of `audit verify`, by hand or each day: what was walked, against which head, and what was wrong. Insert-only.
create table exchange.audit_check (
  id bigint generated always as identity primary key,
  at timestamptz(3) not null,
  took_ms integer not null,
  by_kind text not null check (by_kind in ('system', 'command')),
  by text not null,
  -- the newest seal that was found, and the one that was kept elsewhere, when it was compared
  head_seal integer,
  head_root text,
  known_seal integer,
  seals integer not null,
  rows bigint not null,
  waiting bigint not null,
  faults integer not null,
  -- the first of them, in words
  first_faults text[] not null default '{}'
);
--> statement-breakpoint
create trigger audit_check_insert_only before update or delete or truncate on exchange.audit_check for each statement execute function exchange.refuse_change();
