-- safe
-- Of an amount beyond what is usual for a payer, how much it is owed: members (and their records) that it had before and not for a quarter. `judged_…`: the amount of the
-- day for which that was counted.
alter table exchange.peer_volume
  add column owed_members bigint,
  add column judged_members bigint,
  add column owed_records bigint,
  add column judged_records bigint;
