-- safe
-- Directory-type records that a peer's finished exports held: when first and last, and when it was told since that one is gone. One row an entry,
-- however many exports held it; `delivered_entries` keeps what exports hold that are being made. What stands there of finished ones goes over with
-- the peer's next export for changes.
create table exchange.entry_held (
  peer_id text not null references exchange.peer,
  key bigint not null,
  first_at timestamptz(3) not null,
  last_at timestamptz(3) not null,
  told_at timestamptz(3),
  primary key (peer_id, key)
);
--> statement-breakpoint
-- When what an export held of members was folded into what earlier ones did: its files are gone.
alter table exchange.bulk_job add column folded_at timestamptz(3);
--> statement-breakpoint
create index bulk_job_unfolded on exchange.bulk_job (received_at) where kind = 'export' and folded_at is null;
