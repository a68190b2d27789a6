-- safe
-- Documents of authorizations that a peer sent and that were not taken in: denied ones, those for drugs, and lines of others that are. Nothing that
-- is held names them, and they stay here all the same. Authorizations that were held stand beside them, for documents that come later and name them.
create table exchange.kept_back (
  member_id text not null,
  key text not null,
  at timestamptz not null,
  primary key (member_id, key)
);
--> statement-breakpoint
-- Keys of what a staged unit was not taken in with.
alter table exchange.staging add column keeps text[];
