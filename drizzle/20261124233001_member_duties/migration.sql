-- safe
-- What the duties of the rule need to know of a member's enrolment. `clocked`: the clocks of its start stand.
alter table exchange.enrolment
  add column lob text not null default 'ma' check (lob in ('ma', 'medicaid-ffs', 'medicaid-mc', 'chip-ffs', 'chip-mc', 'qhp')),
  add column accepted_on date,
  add column clocked boolean not null default false;
--> statement-breakpoint
create index enrolment_number on exchange.enrolment (member_number);
--> statement-breakpoint
create index enrolment_unclocked on exchange.enrolment (member_id) where not clocked;
--> statement-breakpoint
-- When we learnt of the other payer: one of the two events that start the week for the request.
alter table exchange.other_coverage
  add column known_at timestamptz not null default now(),
  add column said_by text not null default 'import';
--> statement-breakpoint
-- How a choice was made. `given_at` is the instant of the act; imported files know only its day. A member may choose several
-- times a day, so that only imported choices are unique by day.
alter table exchange.consent drop constraint consent_member_id_choice_policy_recorded_on_key;
--> statement-breakpoint
alter table exchange.consent
  add column given_at timestamptz,
  add column payers text not null default 'both' check (payers in ('previous', 'concurrent', 'both')),
  add column given_by text not null default 'member' check (given_by in ('member', 'representative')),
  add column representative text,
  add column authority text,
  add column channel text,
  add column text_sha256 text,
  add column document text,
  add column verification text,
  add column recorded_by text;
--> statement-breakpoint
create unique index consent_imported on exchange.consent (member_id, choice, policy, recorded_on) where given_at is null;
--> statement-breakpoint
create index consent_member on exchange.consent (member_id, recorded_on, created_at);
--> statement-breakpoint
create trigger consent_insert_only before update or delete or truncate on exchange.consent for each statement execute function exchange.refuse_change();
--> statement-breakpoint
-- The texts that members were shown, each version as it was.
create table exchange.shown_text (
  sha256 text primary key,
  id text not null,
  version text not null,
  language text not null,
  body text not null,
  first_at timestamptz not null
);
--> statement-breakpoint
create trigger shown_text_insert_only before update or delete or truncate on exchange.shown_text for each statement execute function exchange.refuse_change();
--> statement-breakpoint
-- What we did towards the member: the offer to opt in, the question about other payers, yearly education, reminders.
create table exchange.contact (
  id text primary key,
  member_id text not null references exchange.member,
  kind text not null check (kind in ('offer', 'identify', 'education', 'reminder')),
  at timestamptz not null,
  channel text not null,
  text_sha256 text references exchange.shown_text,
  result text not null default 'delivered' check (result in ('delivered', 'no-answer', 'returned')),
  recorded_by text not null,
  recorded_at timestamptz not null,
  unique (member_id, kind, at, channel)
);
--> statement-breakpoint
create trigger contact_insert_only before update or delete or truncate on exchange.contact for each statement execute function exchange.refuse_change();
--> statement-breakpoint
-- A member's own wish that a payer be asked now: it has a week of its own.
create table exchange.member_request (
  id text primary key,
  member_id text not null references exchange.member,
  other_coverage_id text not null references exchange.other_coverage,
  at timestamptz not null,
  said_by text not null
);
--> statement-breakpoint
create index member_request_coverage on exchange.member_request (other_coverage_id, at);
--> statement-breakpoint
-- Links by which a member reaches the page about the exchange; the database holds the SHA-256 of the code in it.
create table exchange.invitation (
  id_hash bytea primary key,
  member_id text not null references exchange.member,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  created_by text not null,
  failures integer not null default 0,
  opened_at timestamptz
);
--> statement-breakpoint
-- Which rule and calendar made a due time, and which event stopped a clock.
alter table exchange.clock
  add column lob text,
  add column rule_ref text,
  add column rule_version text,
  add column calendar_version text,
  add column zone text,
  add column start_event text,
  add column stop_event text;
--> statement-breakpoint
create index clock_member on exchange.clock (member_id, kind);
--> statement-breakpoint
-- Why a clock was late and what is done about it, by people. Insert-only: the newest holds.
create table exchange.clock_note (
  id bigint generated always as identity primary key,
  clock_id text not null references exchange.clock,
  at timestamptz not null,
  by text not null,
  reason text not null,
  corrective_action text not null default '',
  words text not null default ''
);
--> statement-breakpoint
create index clock_note_clock on exchange.clock_note (clock_id, id);
--> statement-breakpoint
create trigger clock_note_insert_only before update or delete or truncate on exchange.clock_note for each statement execute function exchange.refuse_change();
--> statement-breakpoint
-- Pulls whose members' quarterly or run-off clocks have been set.
alter table exchange.pull add column clocked boolean not null default false;
--> statement-breakpoint
create index pull_unclocked on exchange.pull (kicked_off_at) where kicked_off_at is not null and not clocked;
--> statement-breakpoint
-- Conditions that people have to know of: one row while it lasts, told again when it comes back.
create table exchange.alert (
  id text primary key,
  kind text not null,
  subject text not null,
  amount integer not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  cleared_at timestamptz,
  sent_at timestamptz,
  send_attempts integer not null default 0,
  next_send_at timestamptz
);
--> statement-breakpoint
create index alert_unsent on exchange.alert (next_send_at) where next_send_at is not null;
--> statement-breakpoint
create unique index alert_standing on exchange.alert (kind, subject) where cleared_at is null;
