-- safe
-- Links by which providers attest what our directory says of them. The code itself is kept nowhere.
create table federation.attest_link (
  code_hash bytea primary key,
  -- Practitioner/… or Organization/… of our own directory
  key text not null,
  made_by text not null,
  made_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  used_at timestamptz(3)
);
--> statement-breakpoint
create index attest_link_key on federation.attest_link (key, made_at desc);
--> statement-breakpoint
-- What a provider says is wrong, with the days by which it must be put right: two business days, and thirty days at the latest.
create table federation.correction (
  id bigint primary key generated always as identity,
  key text not null,
  said text not null,
  who text not null,
  received_at timestamptz(3) not null,
  due_on date not null,
  final_on date not null,
  settled_by text,
  settled_at timestamptz(3),
  resolution text
);
--> statement-breakpoint
create index correction_open on federation.correction (due_on, id) where settled_at is null;
--> statement-breakpoint
revoke select on federation.attest_link, federation.correction from payer_node_directory;
