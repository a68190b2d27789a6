-- breaking
-- References by identifier alone, and where they lead (src/store/resource-logical.ts). token: the one under which the target would stand in
-- lookup, a row for each; null: a form that is told by an address. before: what stands before the key of the target in a form of the index.
-- An older program would not keep the references right that it does not know of. Filled by the next reindex.
create table directory.logical (
  rk bigint not null,
  token bigint,
  target bigint,
  ord integer not null,
  param smallint not null,
  before text
);
--> statement-breakpoint
create index logical_rk on directory.logical (rk);
--> statement-breakpoint
create index logical_token on directory.logical (token);
--> statement-breakpoint
create table merged.logical (like directory.logical including all);
