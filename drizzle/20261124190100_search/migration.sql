-- safe
-- What search needs beyond tokens, words and dates: places, boundaries, verifications, opening hours, sort keys.
create table directory.place (
  rk bigint primary key,
  at point not null
);
--> statement-breakpoint
-- rk is in the index: a search by distance reads nothing else.
create index place_at on directory.place using gist (at) include (rk);
--> statement-breakpoint
-- One row a polygon of a Location's boundary.
create table directory.boundary (
  rk bigint not null,
  part smallint not null,
  bounds box not null,
  ring polygon not null,
  holes polygon[] not null,
  primary key (rk, part)
);
--> statement-breakpoint
create index boundary_bounds on directory.boundary using gist (bounds);
--> statement-breakpoint
-- Successful verifications: when the VerificationResult rk verified its target. The newest counts.
create table directory.verification (
  target bigint not null,
  rk bigint not null,
  lo timestamptz(3) not null,
  hi timestamptz(3) not null,
  primary key (target, rk)
);
--> statement-breakpoint
create index verification_done on directory.verification (lo, target);
--> statement-breakpoint
-- Opening hours are few patterns: minutes of the week from Monday 00:00. pattern: hashtextextended(open as sent, 0).
create table directory.opening (
  pattern bigint primary key,
  open int4multirange not null
);
--> statement-breakpoint
-- hours: a pattern of directory.opening. sort: first values of the keys of _sort, folded, parted by U+0001.
alter table directory.resource add column hours bigint, add column sort text collate "C";
--> statement-breakpoint
alter table directory.resource alter hours set statistics 0, alter sort set statistics 0;
--> statement-breakpoint
-- Does this resource run on that day? One probe a resource, whatever else is asked.
create index dates_rk on directory.dates (rk, param, lo, hi);
--> statement-breakpoint
-- base: the public FHIR base with which references were read; another one asks for a reindex.
alter table directory.state add column base text;
