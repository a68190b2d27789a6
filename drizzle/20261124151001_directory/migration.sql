-- safe
-- The public directory: resources as text beside the entries that search reads. docs/directory.md says why it looks so.
create schema directory;
--> statement-breakpoint
-- rk: hashtextextended('Type/id', 0). It orders pages, it does not depend on the order of loading, and a reference is
-- known without a look at its target. Bodies stay inline and uncompressed up to a page: a search reads forty of them.
create table directory.resource (
  rk bigint primary key,
  last_updated timestamptz(3) not null,
  version integer not null,
  type smallint not null,
  deleted boolean not null default false,
  key text not null,
  content_hash bytea not null,
  params smallint[] not null,
  refs bigint[] not null,
  ref_params smallint[] not null,
  findings text[],
  body text not null
) with (toast_tuple_target = 8160);
--> statement-breakpoint
alter table directory.resource alter key set statistics 0, alter content_hash set statistics 0, alter params set statistics 0,
  alter refs set statistics 0, alter ref_params set statistics 0, alter findings set statistics 0, alter body set statistics 0;
--> statement-breakpoint
create index resource_type on directory.resource (type, rk) where not deleted;
--> statement-breakpoint
create index resource_last_updated on directory.resource (type, last_updated, rk) where not deleted;
--> statement-breakpoint
create table directory.history (
  rk bigint not null,
  version integer not null,
  last_updated timestamptz(3) not null,
  deleted boolean not null,
  body text not null,
  primary key (rk, version)
);
--> statement-breakpoint
-- Tokens and references. token: hashtextextended(form, parameter id) or hashint8extended(rk of the target, parameter id):
-- the parameter is inside the hash, so one column carries the statistics and an equality reads rk in order.
create table directory.lookup (
  token bigint not null,
  rk bigint not null,
  primary key (token, rk)
);
--> statement-breakpoint
create table directory.words (
  rk bigint not null,
  param smallint not null,
  folded text collate "C" not null,
  raw text collate "C"
);
--> statement-breakpoint
create index words_folded on directory.words (param, folded, rk);
--> statement-breakpoint
create table directory.dates (
  param smallint not null,
  lo timestamptz(3) not null,
  hi timestamptz(3) not null,
  rk bigint not null,
  primary key (param, lo, hi, rk)
);
--> statement-breakpoint
-- One row. change moves with every committed change and keys caches; counts holds live resources by type id.
create table directory.state (
  one boolean primary key default true check (one),
  change bigint not null default 0,
  changed_at timestamptz(3),
  extraction_version integer not null default 1,
  counts bigint[] not null default array_fill(0::bigint, array[16])
);
--> statement-breakpoint
insert into directory.state default values;
--> statement-breakpoint
alter table directory.lookup set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
alter table directory.words set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
grant usage on schema directory to payer_node_directory;
--> statement-breakpoint
grant select on all tables in schema directory to payer_node_directory;
--> statement-breakpoint
alter default privileges in schema directory grant select on tables to payer_node_directory;
