-- safe
-- A download that broke off goes on from the parts that are kept: how many, how many bytes of the body they hold, and of
-- which representation they are.
alter table exchange.pull_file
  add column parts integer not null default 0,
  add column part_bytes bigint not null default 0,
  add column etag text,
  add column encoding text;
--> statement-breakpoint
-- How the peer was asked in this pull, and when its jobs were released (DELETE).
alter table exchange.pull
  add column match_form text,
  add column fetch_form text,
  add column released_at timestamptz(3);
--> statement-breakpoint
create index pull_unreleased on exchange.pull (finished_at)
  where released_at is null and state in ('done', 'review', 'refused', 'failed', 'withdrawn');
--> statement-breakpoint
-- Of a peer: hosts that may be asked for files without our token; the Group that was agreed on, where it matches nobody
-- itself; whether it may send everybody our client may see; what our assertions name as audience; where it publishes its
-- endpoints; what it was found to speak, and when; limits that differ from the usual ones; and whether it answers at all.
alter table exchange.peer
  add column file_origins text[] not null default '{}',
  add column group_there text,
  add column sends_all boolean not null default false,
  add column audience text not null default 'token-url' check (audience in ('token-url', 'issuer')),
  add column discovery_url text,
  add column abilities jsonb,
  add column abilities_at timestamptz(3),
  add column limits jsonb not null default '{}',
  add column failures integer not null default 0,
  add column failing_since timestamptz(3),
  add column failure text,
  add column paused_until timestamptz(3),
  add column answered_at timestamptz(3);
