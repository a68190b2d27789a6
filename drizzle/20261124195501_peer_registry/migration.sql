-- safe
-- When an assertion was first used: a replay is told with the time between the two.
alter table exchange.used_assertion add column used_at timestamptz(3) not null default now();
--> statement-breakpoint
-- `keys_seen`: RFC 7638 thumbprints of the key set as it was last fetched. `blocked_kids`: keys that staff have blocked.
alter table exchange.peer add column keys_seen text[], add column keys_seen_at timestamptz(3), add column blocked_kids text[] not null default '{}';
--> statement-breakpoint
-- Every change of a peer's record. A change that needs a second person waits as `proposed` and is not in force until then.
create table exchange.peer_change (
  id bigint generated always as identity primary key,
  peer_id text not null references exchange.peer,
  what text not null,
  before jsonb not null default '{}',
  after jsonb not null default '{}',
  by_kind text not null check (by_kind in ('staff', 'command', 'system')),
  by text not null,
  at timestamptz(3) not null,
  state text not null check (state in ('applied', 'proposed', 'rejected')),
  decided_by text,
  decided_at timestamptz(3)
);
--> statement-breakpoint
create index peer_change_peer on exchange.peer_change (peer_id, id);
--> statement-breakpoint
-- What the trust in a peer rests on: contracts, attestations, entries of registers. The paper itself is kept elsewhere.
create table exchange.peer_document (
  id bigint generated always as identity primary key,
  peer_id text not null references exchange.peer,
  kind text not null check (kind in ('contract', 'register', 'attestation', 'certificate', 'other')),
  title text not null,
  place text not null default '',
  valid_from date,
  valid_to date,
  added_by text not null,
  added_at timestamptz(3) not null,
  ended_by text,
  ended_at timestamptz(3)
);
--> statement-breakpoint
create index peer_document_peer on exchange.peer_document (peer_id);
--> statement-breakpoint
-- Security events: what was refused, newest first. A budget of calls that is full again may be forgotten.
create index audit_refused on exchange.audit (at, seq) where outcome <> 'ok';
--> statement-breakpoint
create index call_budget_at on exchange.call_budget (at);
