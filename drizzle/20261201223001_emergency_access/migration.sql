-- safe
-- Emergency access: an administrator opens the records of members for an hour, with a reason. What was told stays.
create table exchange.emergency_access (
  id text primary key,
  -- the session for which it holds
  session bytea not null,
  subject text not null,
  reason text not null,
  began_at timestamptz not null,
  until_at timestamptz not null,
  ended_at timestamptz
);
--> statement-breakpoint
create index emergency_access_session on exchange.emergency_access (session, until_at);
--> statement-breakpoint
create index emergency_access_began on exchange.emergency_access (began_at);
