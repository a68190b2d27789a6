-- safe
-- Signals that an entry of our own directory may be wrong: dated findings with evidence, for the plan's staff only; and the
-- state of the directory day by day.
create table federation.signal (
  rk bigint not null,
  name text not null,
  key text not null,
  weight smallint not null,
  evidence text not null,
  found_at timestamptz(3) not null,
  -- a person has looked: the signal is silent until its evidence changes
  settled_by text,
  settled_at timestamptz(3),
  primary key (rk, name)
);
--> statement-breakpoint
create index signal_name on federation.signal (name, weight desc, key) where settled_by is null;
--> statement-breakpoint
create table federation.accuracy (
  day date not null,
  -- all records of the types that are verified, and what is known of them
  measure text not null,
  n integer not null,
  of integer not null,
  primary key (day, measure)
);
--> statement-breakpoint
-- NPIs that a loaded extract of the registry says are deactivated, with the day of the extract
create table federation.npi_deactivated (
  npi bigint primary key,
  since date,
  as_of date not null
);
--> statement-breakpoint
grant select on federation.accuracy to payer_node_directory;
--> statement-breakpoint
-- signals are about people and are nobody's but the staff's
revoke select on federation.signal, federation.npi_deactivated from payer_node_directory;
