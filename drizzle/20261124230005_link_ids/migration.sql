-- safe
-- Identifiers of features one a row: a GIN index costs thirty pages a probe. What a run has seen is read as a whole, so an
-- index on it only costs.
create table federation.feature_id (
  id bigint not null,
  type smallint not null,
  rk bigint not null,
  primary key (id, type, rk)
);
--> statement-breakpoint
create index feature_id_rk on federation.feature_id (rk);
--> statement-breakpoint
insert into federation.feature_id (id, type, rk) select distinct u, f.type, f.rk from federation.feature f, unnest(f.ids) u;
--> statement-breakpoint
drop index federation.feature_ids;
--> statement-breakpoint
drop index federation.seen_run;
