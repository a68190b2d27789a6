-- safe
-- $member-match of one member: what was asked and decided. A grant is a row with outcome 'match' within its consent.
create table exchange.match_single (
  id text primary key,
  peer_id text not null references exchange.peer,
  at timestamptz(3) not null,
  outcome text not null check (outcome in ('match', 'nomatch', 'consentconstraint')),
  reason text not null,
  rule smallint,
  member_id text,
  consent jsonb,
  consent_policy text,
  consent_from date,
  consent_to date,
  coverage_to_link jsonb,
  request_id text not null default ''
);
--> statement-breakpoint
create index match_single_grant on exchange.match_single (peer_id, member_id) where outcome = 'match';
--> statement-breakpoint
create index match_member_member on exchange.match_member (member_id) where outcome = 'match';
--> statement-breakpoint
-- Which cards were tried for which person, as keyed hashes (HRex mm-7). A person is known by three keys, so that small changes
-- of a name or a birth date do not make a new one. Rows are forgotten after thirty days.
create table exchange.match_attempt (
  person bigint not null,
  card bigint not null,
  peer_id text not null,
  at timestamptz(3) not null,
  primary key (person, card, peer_id)
);
--> statement-breakpoint
create index match_attempt_card on exchange.match_attempt (card, peer_id);
--> statement-breakpoint
create index match_attempt_at on exchange.match_attempt (at);
--> statement-breakpoint
-- Calls of a peer that are left, refilled with time.
create table exchange.call_budget (
  peer_id text not null,
  kind text not null,
  calls double precision not null,
  at timestamptz(3) not null,
  primary key (peer_id, kind)
);
