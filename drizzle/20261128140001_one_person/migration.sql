-- safe
-- Two members who are one person, by the word of a reviewer: all of the former one goes on as the other's. A row for each time; a person may take it
-- back. `opposed`: what spoke against it and was seen. `compare_at`: the records of the two are to be compared then, by whoever is awake; null when done.
create table exchange.member_merge (
  id text primary key,
  member_id text not null references exchange.member,
  former_id text not null references exchange.member,
  at timestamptz(3) not null,
  by_kind text not null,
  by_subject text not null,
  reason text not null,
  opposed jsonb not null default '[]',
  compare_at timestamptz,
  undone_at timestamptz(3),
  undone_by text,
  undo_reason text,
  check (member_id <> former_id)
);
--> statement-breakpoint
create unique index member_merge_former on exchange.member_merge (former_id) where undone_at is null;
--> statement-breakpoint
create index member_merge_member on exchange.member_merge (member_id) where undone_at is null;
--> statement-breakpoint
create index member_merge_compare on exchange.member_merge (compare_at) where compare_at is not null;
--> statement-breakpoint
-- What was the former one's, so that it can be given back: enrolments, other coverage, clocks, requests, records.
create table exchange.member_merge_part (
  merge_id text not null references exchange.member_merge,
  what text not null,
  key text not null,
  part text not null default '',
  was text,
  primary key (merge_id, what, key, part)
);
