-- safe
-- Publications, the sets of files made from them, and the lease of the process that makes them (docs/publication.md).
create table directory.publication (
  number integer primary key,
  change bigint not null,
  -- everything that changed up to this instant is in it, nothing later
  covers timestamptz(3) not null,
  started_at timestamptz(3) not null,
  -- null: being made, shown to nobody
  published_at timestamptz(3),
  counts bigint[] not null,
  full_set bigint,
  -- of the bulk channel: first publication of the chain, the difference to the one before, and the full set when this is a root
  chain integer,
  changes_set bigint,
  root_set bigint
);
--> statement-breakpoint
create table directory.file_set (
  id bigint primary key generated always as identity,
  publication integer not null,
  channel text not null check (channel in ('full', 'changes', 'export', 'mpf', 'qhp', 'index')),
  -- contract and year, or the hash of an export's parameters
  key text not null default '',
  state text not null check (state in ('wanted', 'making', 'ready', 'blocked', 'failed')),
  covers timestamptz(3),
  parameters jsonb,
  summary jsonb,
  attempts smallint not null default 0,
  asked_at timestamptz(3),
  made_at timestamptz(3),
  -- since then nothing names it; its files go after a while
  unlisted_at timestamptz(3)
);
--> statement-breakpoint
create index file_set_channel on directory.file_set (channel, key, id desc);
--> statement-breakpoint
create table directory.set_file (
  set_id bigint not null references directory.file_set on delete cascade,
  position integer not null,
  kind text not null check (kind in ('output', 'deleted', 'error', 'index', 'report')),
  type text not null,
  -- the path under which it is served, for ever the same bytes
  name text not null unique,
  blob_key text not null,
  media text not null,
  gzip boolean not null,
  lines integer not null,
  bytes bigint not null,
  stored_bytes bigint not null,
  sha256 text not null,
  primary key (set_id, position)
);
--> statement-breakpoint
-- which set of a channel is shown: switched when a set is whole
create table directory.current_set (
  channel text not null,
  key text not null,
  set_id bigint not null references directory.file_set,
  primary key (channel, key)
);
--> statement-breakpoint
create table directory.publish_lease (
  one boolean primary key default true check (one),
  owner uuid,
  lease_until timestamptz(3),
  next_due timestamptz(3)
);
--> statement-breakpoint
insert into directory.publish_lease default values;
