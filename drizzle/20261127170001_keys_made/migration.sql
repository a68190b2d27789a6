-- safe
-- Which rules made the keys under which records are found again, and how far those of older rules are made anew: the place after which
-- it goes on, [type, id] of a directory record, then [member, type, id]. What is stored was keyed by rules that nobody counted.
create table exchange.keys_made (
  one boolean primary key default true check (one),
  rules integer not null,
  begun_at timestamptz not null,
  after text[] not null,
  done_at timestamptz
);
--> statement-breakpoint
insert into exchange.keys_made (rules, begun_at, after, done_at)
select 1, now(), '{"","",""}', now() where not exists (select from exchange.resource) and not exists (select from exchange.shared_resource);
