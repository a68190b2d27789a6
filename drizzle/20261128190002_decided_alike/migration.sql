-- safe
-- All open items of one kind, payer and pull that a person decides alike: each is decided by itself, in the background, as it was when the person
-- said so. An item waits in one of them at most.
create table exchange.decide_all (
  id text primary key,
  kind text not null,
  peer_id text not null,
  pull_id text not null,
  decision text not null,
  reason text not null,
  by_subject text not null,
  by_name text not null,
  by_role text not null,
  development boolean not null,
  request_id text not null,
  at timestamptz not null,
  -- who carries it out has it until then
  due_at timestamptz not null,
  finished_at timestamptz,
  asked integer not null,
  decided integer not null default 0,
  refused integer not null default 0
);
--> statement-breakpoint
create index decide_all_open on exchange.decide_all (due_at) where finished_at is null;
--> statement-breakpoint
create table exchange.decide_all_item (
  item_id text primary key references exchange.review_item,
  batch_id text not null references exchange.decide_all,
  mark text not null
);
--> statement-breakpoint
create index decide_all_item_batch on exchange.decide_all_item (batch_id);
