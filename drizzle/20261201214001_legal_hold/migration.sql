-- safe
-- Received files have a time now, and go after it with their SHA-256 kept; a legal hold keeps what it is about whatever its time: a member, a payer, or
-- all. One that was lifted stays told.
create table exchange.legal_hold (
  id text primary key,
  member_id text references exchange.member,
  peer_id text references exchange.peer,
  reason text not null,
  placed_by text not null,
  placed_at timestamptz not null,
  lift_reason text,
  lifted_by text,
  lifted_at timestamptz,
  check (member_id is null or peer_id is null),
  check ((lifted_at is null) = (lifted_by is null) and (lifted_at is null) = (lift_reason is null))
);
--> statement-breakpoint
create index legal_hold_standing on exchange.legal_hold (placed_at) where lifted_at is null;
--> statement-breakpoint
alter table exchange.pull add column files_removed_at timestamptz;
--> statement-breakpoint
create index pull_files_kept on exchange.pull (finished_at, id) where files_removed_at is null and finished_at is not null;
