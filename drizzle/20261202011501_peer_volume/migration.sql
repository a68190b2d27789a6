-- safe
-- How much each payer asked for and took, by day of the plan, counted as its audit rows are sealed: many times more than is usual for it is told.
create table exchange.peer_volume (
  peer_id text not null references exchange.peer,
  day date not null,
  -- members it asked for
  members bigint not null default 0,
  -- records in files it fetched and in answers to its reads
  records bigint not null default 0,
  -- what was usual when the day was told as unusual
  usual_members double precision,
  usual_records double precision,
  primary key (peer_id, day)
);
--> statement-breakpoint
create index peer_volume_day on exchange.peer_volume (day);
