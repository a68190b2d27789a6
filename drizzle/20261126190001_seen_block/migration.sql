-- safe
-- Lines that are stored as they came, one row for all of a batch: of a peer that did not change nothing else is written. `at`: place
-- of each from the sequence of the first. Numbers do not compress, and trying costs.
create unlogged table federation.seen_block (
  run bigint not null,
  type smallint not null,
  seq bigint not null,
  at int[] not null,
  rks bigint[] not null
);
--> statement-breakpoint
alter table federation.seen_block alter column at set storage external, alter column rks set storage external;
