-- safe
-- Directories of other payers: who they are, what was measured of them, what they sent (docs/federation.md).
create schema federation;
--> statement-breakpoint
create table federation.peer (
  -- begins the ids of its records; never given to another one, so rows are never deleted
  slug text primary key check (slug ~ '^[a-z0-9]{2,12}$'),
  name text not null,
  -- legal entities behind it: [{name, identifiers: [{system, value}]}]
  owners jsonb not null default '[]',
  seed text not null check (seed in ('manual', 'payer-index', 'medicaid-list', 'endpoint')),
  -- FHIR base, normalised: one peer a base
  base text unique,
  -- everything that is known of it: [{kind, url, found, note}]
  urls jsonb not null default '[]',
  trust text not null check (trust in ('authority', 'payer', 'aggregator', 'unknown')),
  publish text not null check (publish in ('link', 'search', 'republish')),
  terms text not null default '',
  per_second real not null default 1 check (per_second > 0),
  window_from time,
  window_to time,
  time_zone text not null default 'America/New_York',
  contact text not null default '',
  -- ports beside 443 and 80 that staff has allowed
  ports integer[] not null default '{}',
  -- NPI without a marker but with a valid check digit counts (style 4)
  unmarked_npi boolean not null default false,
  state text not null check (state in ('on', 'paused', 'blocked')),
  state_reason text not null default '',
  state_by text not null default '',
  state_at timestamptz(3) not null,
  added_at timestamptz(3) not null,
  probed_at timestamptz(3),
  next_due timestamptz(3),
  failures smallint not null default 0,
  -- where increments go on: pages of chains, anchors by type, entity tags
  cursor jsonb not null default '{}',
  lease_owner uuid,
  lease_until timestamptz(3)
);
--> statement-breakpoint
create table federation.peer_event (
  id bigint primary key generated always as identity,
  peer text not null references federation.peer,
  what text not null,
  detail text not null default '',
  by text not null,
  at timestamptz(3) not null
);
--> statement-breakpoint
create index peer_event_peer on federation.peer_event (peer, id);
--> statement-breakpoint
-- What a peer really does, each fact with its day and its evidence. The newest of a name and type holds.
create table federation.fact (
  id bigint primary key generated always as identity,
  peer text not null references federation.peer,
  at timestamptz(3) not null,
  type text not null default '',
  name text not null,
  value text not null,
  evidence text not null
);
--> statement-breakpoint
create index fact_peer on federation.fact (peer, type, name, id desc);
--> statement-breakpoint
-- One harvest of one peer. Its position is written with every page, so another process goes on where this one died.
create table federation.run (
  id bigint primary key generated always as identity,
  peer text not null references federation.peer,
  state text not null check (state in ('running', 'quarantined', 'done', 'partial', 'failed', 'unchanged')),
  started_at timestamptz(3) not null,
  ended_at timestamptz(3),
  reason text not null default '',
  position jsonb not null default '{}'
);
--> statement-breakpoint
create index run_peer on federation.run (peer, id desc);
--> statement-breakpoint
create table federation.run_type (
  run bigint not null references federation.run,
  type smallint not null,
  rung smallint not null,
  state text not null check (state in ('reading', 'read', 'quarantined', 'applied', 'discarded')),
  -- proof of completeness: only then what is absent counts as missing
  complete boolean not null default false,
  reason text not null default '',
  counters jsonb not null default '{}',
  trips jsonb not null default '[]',
  decided_by text,
  decided_at timestamptz(3),
  primary key (run, type)
);
--> statement-breakpoint
-- Records as they came. rk is the row in the merged base; line_hash knows an unchanged line without reading it.
create table federation.source (
  rk bigint primary key,
  base_rk bigint not null,
  line_hash bigint not null,
  peer text not null,
  type smallint not null,
  -- l: live, e: ended in the source, h: held back (a placeholder), t: tombstone
  state "char" not null,
  flags smallint not null,
  first_seen timestamptz(3) not null,
  content_changed_at timestamptz(3) not null,
  peer_updated timestamptz(3),
  changed_run bigint not null,
  key text not null,
  source_id text not null,
  hash bytea not null,
  evidence text not null default '',
  raw text not null
) with (toast_tuple_target = 8160);
--> statement-breakpoint
create index source_line on federation.source (peer, type, line_hash) include (rk, base_rk, flags) where state <> 't';
--> statement-breakpoint
create index source_base on federation.source (base_rk);
--> statement-breakpoint
-- Absent from complete runs, not yet believed to be gone.
create table federation.missing (
  rk bigint primary key,
  peer text not null,
  type smallint not null,
  since timestamptz(3) not null,
  runs smallint not null,
  last_run bigint not null
);
--> statement-breakpoint
-- Findings about records: what was odd in them, what could not be taken.
create table federation.finding (
  rk bigint not null,
  peer text not null,
  code text not null,
  detail text not null default '',
  at timestamptz(3) not null,
  primary key (rk, code)
);
--> statement-breakpoint
create index finding_peer on federation.finding (peer, code);
--> statement-breakpoint
-- What a run has read, until it is applied. Unlogged: after a crash of the server the run is read again (its counts tell).
create unlogged table federation.incoming (
  run bigint not null,
  type smallint not null,
  seq bigint not null,
  base_key text not null,
  variant_key text not null,
  source_id text not null,
  hash bytea not null,
  line_hash bigint not null,
  state "char" not null,
  flags smallint not null,
  updated timestamptz(3),
  findings text[] not null,
  raw text not null,
  base_rk bigint not null generated always as (hashtextextended(base_key, 0)) stored
) with (toast_tuple_target = 8160);
--> statement-breakpoint
create index incoming_base on federation.incoming (run, type, base_rk);
--> statement-breakpoint
create unlogged table federation.seen (
  run bigint not null,
  type smallint not null,
  seq bigint not null,
  rk bigint not null,
  base_rk bigint not null,
  updated timestamptz(3)
);
--> statement-breakpoint
create index seen_run on federation.seen (run, type);
--> statement-breakpoint
create unlogged table federation.gone (
  run bigint not null,
  type smallint not null,
  seq bigint not null,
  base_rk bigint not null,
  evidence text not null
);
--> statement-breakpoint
create index gone_run on federation.gone (run, type);
--> statement-breakpoint
create unlogged table federation.change (
  run bigint not null,
  type smallint not null,
  rk bigint not null,
  action "char" not null,
  seq bigint,
  key text,
  evidence text not null default '',
  primary key (run, type, rk)
);
--> statement-breakpoint
-- Pages of a sweep: one that comes again is a loop.
create unlogged table federation.page (
  run bigint not null,
  type smallint not null,
  pass smallint not null,
  hash bigint not null,
  primary key (run, type, pass, hash)
);
--> statement-breakpoint
-- Records that the merged base and the links have yet to take. rk of a peer's record or of one of our own.
create table federation.outbox (
  rk bigint not null,
  n bigint not null generated always as identity,
  primary key (rk, n)
);
--> statement-breakpoint
-- One row: how far our own directory is in the merged base.
create table federation.own_state (
  one boolean primary key default true check (one),
  through timestamptz(3),
  lease_owner uuid,
  lease_until timestamptz(3)
);
--> statement-breakpoint
insert into federation.own_state default values;
--> statement-breakpoint
grant usage on schema federation to payer_node_directory;
--> statement-breakpoint
grant select on all tables in schema federation to payer_node_directory;
--> statement-breakpoint
alter default privileges in schema federation grant select on tables to payer_node_directory;
